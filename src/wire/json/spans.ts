import type { Span } from '../span.ts'
import { isBlank } from './blank.ts'
import { ByteScanner } from './byte-scanner.ts'
import { textOfString } from './strings.ts'

const QUOTE = 34
const COMMA = 44
const COLON = 58
const OPEN_BRACKET = 91
const CLOSE_BRACKET = 93
const OPEN_BRACE = 123
const CLOSE_BRACE = 125

/**
 * Where members of a JSON object's top level stand in its bytes, so that they can be read or spliced without touching the rest.
 * Nothing is validated that is not needed. Of a repeated name the last counts, as it does for most readers.
 *
 * @returns spans by name; empty for what is not an object
 */
export function topLevelSpans(json: Uint8Array, names: readonly string[]): Map<string, Span> {
  const spans = new Map<string, Span>()
  walkTopLevel(json, (name, start, end) => {
    if (names.includes(name)) spans.set(name, { start, end })
  })
  return spans
}

/**
 * Shows every member of a JSON object's top level, repeated names included, in order.
 *
 * @param show called with a name, where its value begins and ends, and where the member begins
 * @returns whether the object could be followed to its end
 */
export function walkTopLevel(
  json: Uint8Array,
  show: (name: string, start: number, end: number, memberAt: number) => void,
): boolean {
  let at = skipBlanks(json, 0)
  if (json[at] !== OPEN_BRACE) return false
  const bytes = Buffer.from(json.buffer, json.byteOffset, json.length)
  const scanner = new ByteScanner(1)
  at = skipBlanks(json, scanner.next(json, at) + 1)
  while (json[at] === QUOTE) {
    const nameEnd = scanner.next(json, scanner.next(json, at) + 1)
    const colon = skipBlanks(json, nameEnd + 1)
    if (json[colon] !== COLON) return false
    const end = valueEnd(json, colon + 1, scanner)
    if (end >= json.length) return false
    const start = Math.min(skipBlanks(json, colon + 1), end)
    show(nameOf(bytes, at + 1, nameEnd), start, trimmedEnd(json, start, end), at)
    at = json[end] === COMMA ? skipBlanks(json, end + 1) : end
  }
  return json[at] === CLOSE_BRACE && !scanner.foreign
}

/**
 * Shows every element of a JSON array, in order.
 *
 * @param show called with where an element begins and ends
 * @returns whether the array could be followed to its end
 */
export function walkElements(json: Uint8Array, show: (start: number, end: number) => void): boolean {
  let at = skipBlanks(json, 0)
  if (json[at] !== OPEN_BRACKET) return false
  const scanner = new ByteScanner(1)
  at = skipBlanks(json, scanner.next(json, at) + 1)
  while (json[at] !== CLOSE_BRACKET) {
    const end = valueEnd(json, at, scanner)
    if (end <= at || end >= json.length) return false
    show(at, trimmedEnd(json, at, end))
    at = json[end] === COMMA ? skipBlanks(json, end + 1) : end
  }
  return !scanner.foreign
}

/** The value of a member; `undefined` when it is absent or not JSON. */
export function valueAt(json: Uint8Array, span: Span | undefined): unknown {
  if (!span) return undefined
  try {
    return JSON.parse(Buffer.from(json.subarray(span.start, span.end)).toString('utf8'))
  } catch {
    return undefined
  }
}

/** Place of the comma or brace behind a member's value; the length or more when neither comes, or another member before. */
function valueEnd(json: Uint8Array, from: number, scanner: ByteScanner): number {
  let at = scanner.next(json, from)
  while (at < json.length && scanner.depth > 0 && (json[at] !== COMMA || scanner.depth > 1)) {
    if (json[at] === COLON) return json.length
    at = scanner.next(json, at + 1)
  }
  return at
}

function nameOf(json: Buffer, start: number, end: number): string {
  return textOfString(json.toString('utf8', start, end)) ?? ''
}

function skipBlanks(json: Uint8Array, from: number): number {
  let at = from
  while (isBlank(json[at])) at += 1
  return at
}

function trimmedEnd(json: Uint8Array, from: number, end: number): number {
  let at = end
  while (at > from && isBlank(json[at - 1])) at -= 1
  return at
}
