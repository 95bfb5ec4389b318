import { FIELD_NAME, HOP_BY_HOP } from '../http/fields.ts'
import type { FieldChanges } from '../providers/settings.ts'
import { quote } from './scalar.ts'

/** Fields that the gateway or its HTTP client computes for each message. */
const OWN = [
  ...HOP_BY_HOP,
  'host',
  'content-length',
  'content-encoding',
  'expect',
  'via',
  'sec-websocket-key',
  'sec-websocket-version',
  'sec-websocket-extensions',
  'sec-websocket-accept',
]

/** The characters of a field's value. @see https://datatracker.ietf.org/doc/html/rfc9110#section-5.5 */
const FIELD_VALUE = /^[\t\u0020-\u007e\u0080-\u00ff]*$/

/** Checks `headers.set` and `headers.remove` of a provider. Values are secrets, so no message shows one. */
export function checkFieldChanges(
  raw: { readonly set: Readonly<Record<string, string>>; readonly remove: readonly string[] },
  path: string,
  wrong: (setting: string, message: string) => void,
): FieldChanges {
  const checkName = (given: string, at: string): string => {
    const name = given.trim().toLowerCase()
    if (!FIELD_NAME.test(name)) wrong(at, `${at}: ${quote(given)} is not a header name`)
    else if (OWN.includes(name))
      wrong(at, `${at}: ${name} is worked out by the gateway and cannot be changed`)
    return name
  }
  const set = new Map<string, string>()
  for (const [given, value] of Object.entries(raw.set)) {
    const name = checkName(given, `${path}.set`)
    if (set.has(name)) wrong(`${path}.set`, `${path}.set: ${name} is set twice`)
    if (!FIELD_VALUE.test(value)) {
      wrong(`${path}.set.${given}`, `${path}.set.${given} holds a character that no header field can hold`)
    }
    set.set(name, value.trim())
  }
  return { set: [...set], remove: raw.remove.map((name) => checkName(name, `${path}.remove`)) }
}
