const QUOTE = 34
const BACKSLASH = 92
const COMMA = 44

/** Bytes of a string that are looked at one by one: most end within them. */
const NEAR_BYTES = 64

/** Where a member's value stands in a document: from its first byte to the one behind its last. */
export interface Span {
  readonly start: number
  readonly end: number
}

/**
 * Matches members of a JSON object's top level in its bytes, so that they can be read or spliced without touching the rest.
 * Nothing is validated that is not needed; of a repeated name the last counts, as it does for readers.
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
 * Shows every member of a JSON object's top level, also of repeated names, in order.
 *
 * @param show told a name, and where its value begins and ends
 * @returns whether the object could be followed to its end
 */
export function walkTopLevel(
  json: Uint8Array,
  show: (name: string, start: number, end: number) => void,
): boolean {
  let at = skipSpace(json, 0)
  if (json[at] !== 123) return false
  at = skipSpace(json, at + 1)
  while (json[at] === QUOTE) {
    const nameEnd = stringEnd(json, at)
    if (nameEnd < 0) return false
    const name = parseName(json, at, nameEnd)
    const start = skipSpace(json, skipSpace(json, nameEnd) + 1)
    const end = valueEnd(json, start)
    if (end < 0) return false
    show(name, start, end)
    at = skipSpace(json, end)
    if (json[at] === COMMA) at = skipSpace(json, at + 1)
  }
  return json[at] === 125
}

/**
 * Shows every element of a JSON array, in order.
 *
 * @param show told where an element begins and ends
 * @returns whether the array could be followed to its end
 */
export function walkElements(json: Uint8Array, show: (start: number, end: number) => void): boolean {
  let at = skipSpace(json, 0)
  if (json[at] !== 91) return false
  at = skipSpace(json, at + 1)
  while (json[at] !== 93) {
    const end = valueEnd(json, at)
    if (end <= at) return false
    show(at, end)
    at = skipSpace(json, end)
    if (json[at] === COMMA) at = skipSpace(json, at + 1)
    else if (json[at] !== 93) return false
  }
  return true
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

function skipSpace(json: Uint8Array, from: number): number {
  let at = from
  while (json[at] === 32 || json[at] === 10 || json[at] === 13 || json[at] === 9) at += 1
  return at
}

/** Index behind the closing quote of the string that begins at `from`; -1 when it never closes. */
function stringEnd(json: Uint8Array, from: number): number {
  let at = from + 1
  for (;;) {
    for (const near = Math.min(json.length, at + NEAR_BYTES); at < near; at++) {
      if (json[at] === BACKSLASH) at += 1
      else if (json[at] === QUOTE) return at + 1
    }
    if (at >= json.length) return -1
    // A long string: to its next quote in one go, which is its end unless it is escaped.
    const quote = json.indexOf(QUOTE, at)
    if (quote < 0) return -1
    if (!isEscaped(json, quote, at)) return quote + 1
    at = quote + 1
  }
}

/** Whether an odd number of backslashes stands before a character. @param from where a character begins that is not escaped */
function isEscaped(json: Uint8Array, at: number, from: number): boolean {
  let before = at
  while (before > from && json[before - 1] === BACKSLASH) before -= 1
  return (at - before) % 2 === 1
}

/** Index behind the value that begins at `from`; -1 when it does not end. */
function valueEnd(json: Uint8Array, from: number): number {
  let depth = 0
  for (let at = from; at < json.length; at++) {
    const byte = json[at]!
    if (byte === QUOTE) {
      const end = stringEnd(json, at)
      if (end < 0 || depth === 0) return end
      at = end - 1
    } else if (byte === 123 || byte === 91) depth += 1
    else if (byte === 125 || byte === 93) {
      if (depth === 0) return trimmedEnd(json, from, at)
      depth -= 1
      if (depth === 0) return at + 1
    } else if (byte === COMMA && depth === 0) return trimmedEnd(json, from, at)
  }
  return -1
}

function trimmedEnd(json: Uint8Array, from: number, end: number): number {
  let at = end
  while (at > from && json[at - 1]! <= 32) at -= 1
  return at
}

function parseName(json: Uint8Array, start: number, end: number): string {
  const value = valueAt(json, { start, end })
  return typeof value === 'string' ? value : ''
}
