const REDACTED = '[REDACTED]'

/**
 * Header fields as they are stored: canonical names, sorted, a list of values each; the values of masked fields
 * replaced by one `[REDACTED]`, user names and passwords in URLs too.
 *
 * @param fields lower-case names
 * @param masked lower-case names
 * @returns the fields and how many values were masked
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
    if (masked.includes(name)) {
      maskedValues += values.length
      stored[canonicalName(name)] = [REDACTED]
    } else {
      stored[canonicalName(name)] = values.map(withoutUserInfo)
    }
  }
  return { fields: stored, maskedValues }
}

/** A URL in a value (a repository's, as Codex tells it) may carry a credential of its own. */
function withoutUserInfo(value: string): string {
  return value.includes('://') ? value.replace(USER_INFO, `$1${REDACTED}@`) : value
}

const USER_INFO = /([a-z][a-z0-9+.-]*:\/\/)[^/\s"'@]{1,512}@/gi

/** Names come again and again; strangers among them must not fill the memory. */
const CANONICAL = new Map<string, string>()
const CANONICAL_LIMIT = 1000

/** `x-api-key` → `X-Api-Key`. */
function canonicalName(name: string): string {
  const known = CANONICAL.get(name)
  if (known !== undefined) return known
  const canonical = name.replace(/(^|-)[a-z]/g, (start) => start.toUpperCase())
  if (CANONICAL.size < CANONICAL_LIMIT) CANONICAL.set(name, canonical)
  return canonical
}
