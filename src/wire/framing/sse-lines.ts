/** What a line of an event is. `other` is every other field, and a line that is none. */
export type SseLineKind = 'data' | 'event' | 'comment' | 'other'

const SPACE = 32
const COLON = 58
const BOM = 0xfeff

/**
 * Goes over the lines of an event that are not empty. They end in LF, CR or CRLF; a byte order mark before one is passed over.
 *
 * @param take called with places in the text: where the line begins, where its value begins (the line's end for none), where it ends
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
 */
export function eachSseLine(
  text: string,
  take: (kind: SseLineKind, start: number, value: number, end: number) => void,
): void {
  let [lf, cr, end] = [-1, -1, 0]
  for (let from = 0; from < text.length; from = end + 1) {
    if (lf < from) lf = placeOf(text, '\n', from)
    if (cr < from) cr = placeOf(text, '\r', from)
    end = Math.min(lf, cr)
    const start = text.charCodeAt(from) === BOM ? from + 1 : from
    if (end === from) continue
    const kind = kindOf(text, start, end)
    const colon = kind === 'data' ? start + 4 : kind === 'event' ? start + 5 : end
    const value = text.charCodeAt(colon + 1) === SPACE && colon + 1 < end ? colon + 2 : colon + 1
    take(kind, start, Math.min(value, end), end)
  }
}

function placeOf(text: string, lineBreak: string, from: number): number {
  const at = text.indexOf(lineBreak, from)
  return at < 0 ? text.length : at
}

function kindOf(text: string, start: number, end: number): SseLineKind {
  if (text.charCodeAt(start) === COLON) return 'comment'
  if (isField(text, 'data', start, end)) return 'data'
  return isField(text, 'event', start, end) ? 'event' : 'other'
}

/** Whether a line is a field of that name, with a value or without. */
function isField(text: string, name: string, start: number, end: number): boolean {
  const behind = start + name.length
  return text.startsWith(name, start) && (behind === end || text.charCodeAt(behind) === COLON)
}
