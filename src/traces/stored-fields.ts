import { REDACTED, withoutCredentials, withoutQueries } from '../redaction/without-credentials.ts'
import { type FieldKind, FieldOrder } from './field-order.ts'
import { withoutSubprotocolKeys } from './provider-credential.ts'

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
  for (const { name, canonical, kind, masked: hidden } of orderOf(masked).sorted(fields)) {
    const value = fields[name]!
    if (hidden) {
      maskedValues += typeof value === 'string' ? 1 : value.length
      stored[canonical] = [REDACTED]
    } else if (typeof value === 'string') {
      const clean = storedValue(value, kind)
      if (clean !== value) maskedValues += 1
      stored[canonical] = [clean]
    } else {
      const clean = value.map((one) => storedValue(one, kind))
      maskedValues += clean.filter((one, i) => one !== value[i]).length
      stored[canonical] = clean
    }
  }
  return { fields: stored, maskedValues }
}

const NO_MASKS = new FieldOrder([])

/** By the list of masked fields, which is the same as long as the settings are. */
const ORDERS = new WeakMap<readonly string[], FieldOrder>()

function orderOf(masked: readonly string[]): FieldOrder {
  if (masked.length === 0) return NO_MASKS
  let order = ORDERS.get(masked)
  if (!order) ORDERS.set(masked, (order = new FieldOrder(masked)))
  return order
}

const QUERY = /([?#]).+$/s

/** @see https://www.rfc-editor.org/rfc/rfc8288#section-3 */
const LINK_QUERY = /(<[^<>?#]*[?#])[^<>]+/g

/** Texts that are stored as they came. Bounded, so that values that never repeat cannot fill the memory. */
const UNCHANGED = new Set<string>()
const MAX_UNCHANGED = 4000
const MAX_UNCHANGED_LENGTH = 256

function storedValue(value: string, kind: FieldKind): string {
  // References may be relative, so a scheme cannot identify them.
  if (kind === 'url')
    return withoutCredentials(value.replace(value.includes('<') ? LINK_QUERY : QUERY, `$1${REDACTED}`))
  if (kind === 'subprotocols') return withoutCredentials(withoutSubprotocolKeys(value))
  if (UNCHANGED.has(value)) return value
  const clean = withoutCredentials(withoutQueries(value))
  if (clean === value && value.length <= MAX_UNCHANGED_LENGTH) {
    if (UNCHANGED.size >= MAX_UNCHANGED) UNCHANGED.clear()
    UNCHANGED.add(value)
  }
  return clean
}
