const LF = 10
const CR = 13

/** A line of the boundary, with the line break before it: places of its first byte and of the one behind it. */
export interface Delimiter {
  readonly start: number
  readonly end: number
  readonly closes: boolean
}

/**
 * The next line of the boundary; the end of the body when there is none. Lines may end in LF too, as some readers allow.
 *
 * @param boundary without the leading `--`
 * @see https://www.rfc-editor.org/rfc/rfc2046#section-5.1.1
 */
export function nextDelimiter(body: Buffer, boundary: string, from: number): Delimiter {
  const line = `--${boundary}`
  for (let at = body.indexOf(line, from); at >= 0; at = body.indexOf(line, at + 1)) {
    if (at > 0 && body[at - 1] !== LF) continue
    let end = at + line.length
    const closes = body[end] === 45 && body[end + 1] === 45
    if (closes) end += 2
    while (body[end] === 32 || body[end] === 9) end += 1
    if (end < body.length && body[end] !== LF && !(body[end] === CR && body[end + 1] === LF)) continue
    if (!closes) end = Math.min(body.length, end + (body[end] === CR ? 2 : 1))
    const broken = at > 0 ? (body[at - 2] === CR ? 2 : 1) : 0
    return { start: Math.max(from, at - broken), end, closes }
  }
  return { start: body.length, end: body.length, closes: false }
}

/** Longest header of a part; a longer one is content. */
const MAX_HEADER_BYTES = 16 * 1024

/** Where the header of a part ends, and its content begins. A part without the empty line between them is all content. */
export function contentOf(body: Buffer, from: number, to: number): { headerEnd: number; start: number } {
  if (body[from] === LF) return { headerEnd: from, start: Math.min(to, from + 1) }
  if (body[from] === CR && body[from + 1] === LF) return { headerEnd: from, start: Math.min(to, from + 2) }
  for (let at = body.indexOf(LF, from); at >= 0 && at < to; at = body.indexOf(LF, at + 1)) {
    const empty = body[at + 1] === LF ? 1 : body[at + 1] === CR && body[at + 2] === LF ? 2 : 0
    if (at - from > MAX_HEADER_BYTES) break
    if (empty > 0) return { headerEnd: at + 1, start: Math.min(to, at + 1 + empty) }
  }
  return { headerEnd: from, start: from }
}
