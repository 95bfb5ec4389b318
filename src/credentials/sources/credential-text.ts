import type { CredentialReading } from '../credential-reading.ts'
import { HeldValue } from '../held-value.ts'

/** Longest credential: more does not fit into the head of a request. */
const MAX_LENGTH = 16_384

/** What a field can carry. Spaces within would make it several words. @see https://datatracker.ietf.org/doc/html/rfc9110#section-5.5 */
const VISIBLE = /^[\u0021-\u007e]+$/

/**
 * A reading of what a source returned. White space around it is no part of it.
 *
 * @param source what to call the source in a problem: `the file`
 */
export function credentialText(text: string, source: string, expiresAtMs?: number): CredentialReading {
  const value = text.trim()
  if (value === '') return { kind: 'gone', problem: `${source} is empty` }
  if (value.length > MAX_LENGTH)
    return { kind: 'gone', problem: `${source} holds more than ${MAX_LENGTH} characters` }
  if (!VISIBLE.test(value))
    return {
      kind: 'gone',
      problem: `${source} holds a space, a line break or a character that no header field can carry`,
    }
  return {
    kind: 'value',
    value: new HeldValue(value),
    ...(expiresAtMs === undefined ? {} : { expiresAtMs }),
  }
}
