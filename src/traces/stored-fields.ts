import { isCredentialName } from '../redaction/credential-name.ts'
import { REDACTED, withoutCredentials, withoutQueries } from '../redaction/without-credentials.ts'
import { SUBPROTOCOL_FIELD, withoutSubprotocolKeys } from './provider-credential.ts'

/**
 * Header fields as stored: canonical names, sorted, each with a list of values. The values of masked fields, and of
 * fields named like a credential, become one `[REDACTED]`. In others, credentials and the queries of URLs are
 * removed.
 *
 * @param fields lower-case names
 * @param masked lower-case names
 * @returns the fields and how many values were masked or changed
 */
export function storedFields(
  fields: Readonly<Record<string, string | readonly string[]>>,
  masked: readonly string[],
): { fields: Record<string, readonly string[]>; maskedValues: number } {
  const stored: Record<string, readonly string[]> = {}
  let maskedValues = 0
  for (const name of Object.keys(fields).sort()) {
    const value = fields[name]!
    const values = typeof value === 'string' ? [value] : value
    const { canonical, kind } = fieldNamed(name)
    if (kind === 'credential' || masked.includes(name)) {
      maskedValues += values.length
      stored[canonical] = [REDACTED]
    } else {
      const clean = values.map((one) => storedValue(one, kind))
      maskedValues += clean.filter((one, i) => one !== values[i]).length
      stored[canonical] = clean
    }
  }
  return { fields: stored, maskedValues }
}

/** How a field's name classifies its values. */
type Kind = 'credential' | 'url' | 'subprotocols' | 'text'

interface FieldName {
  /** `x-api-key` → `X-Api-Key`. */
  readonly canonical: string
  readonly kind: Kind
}

/** Caches names, because they repeat. Bounded, so that unknown names cannot fill the memory. */
const NAMES = new Map<string, FieldName>()
const MAX_NAMES = 1000

function fieldNamed(name: string): FieldName {
  const known = NAMES.get(name)
  if (known !== undefined) return known
  const canonical = name.replace(/(^|-)[a-z]/g, (start) => start.toUpperCase())
  const field = { canonical, kind: kindOf(name) }
  if (NAMES.size < MAX_NAMES) NAMES.set(name, field)
  return field
}

function kindOf(name: string): Kind {
  if (isCredentialName(name)) return 'credential'
  if (name === SUBPROTOCOL_FIELD) return 'subprotocols'
  return /(?:^|[-_])(?:link|location|path|referr?er|refresh|ur[il])$/.test(name) ? 'url' : 'text'
}

const QUERY = /([?#]).+$/s

/** @see https://www.rfc-editor.org/rfc/rfc8288#section-3 */
const LINK_QUERY = /(<[^<>?#]*[?#])[^<>]+/g

function storedValue(value: string, kind: Kind): string {
  // References may be relative, so a scheme cannot identify them.
  if (kind === 'url')
    return withoutCredentials(value.replace(value.includes('<') ? LINK_QUERY : QUERY, `$1${REDACTED}`))
  if (kind === 'subprotocols') return withoutCredentials(withoutSubprotocolKeys(value))
  return withoutCredentials(withoutQueries(value))
}
