/**
 * A JSON value as Go's encoder writes it: members sorted by their bytes, HTML's characters escaped. Hashes of whole values in the
 * original's format are made of it.
 *
 * @see https://pkg.go.dev/encoding/json#Marshal
 */
export function goJson(value: unknown): string {
  if (typeof value === 'string') return goString(value)
  // Both write the shortest number that reads the same, with an exponent from the same sizes on.
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : String(value)
  if (Array.isArray(value)) return `[${value.map((item) => goJson(item)).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const members = Object.entries(value).sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  return `{${members.map(([name, member]) => `${goString(name)}:${goJson(member)}`).join(',')}}`
}

function goString(text: string): string {
  return JSON.stringify(text.toWellFormed()).replaceAll(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
