/**
 * A JSON value as Go's encoder writes it: members sorted by their bytes, HTML's characters escaped. Hashes of whole values in the
 * original's format are made of it.
 *
 * @see https://pkg.go.dev/encoding/json#Marshal
 */
export function goJson(value: unknown): string {
  const pieces: string[] = []
  write(value, pieces)
  return pieces.join('')
}

function write(value: unknown, pieces: string[]): void {
  if (typeof value === 'string') pieces.push(goString(value))
  // Both write the shortest number that reads the same, with an exponent from the same sizes on.
  else if (typeof value === 'number') pieces.push(Object.is(value, -0) ? '-0' : String(value))
  else if (Array.isArray(value)) {
    pieces.push('[')
    for (const [i, item] of value.entries()) {
      if (i > 0) pieces.push(',')
      write(item, pieces)
    }
    pieces.push(']')
  } else if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value).sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    pieces.push('{')
    for (const [i, [name, member]] of members.entries()) {
      pieces.push(i > 0 ? ',' : '', goString(name), ':')
      write(member, pieces)
    }
    pieces.push('}')
  } else pieces.push(JSON.stringify(value))
}

function goString(text: string): string {
  return JSON.stringify(text.toWellFormed()).replaceAll(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
