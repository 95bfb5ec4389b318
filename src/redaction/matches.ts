import type { Detector } from './detectors/detector.ts'
import type { Span } from '../wire/span.ts'
import { escapeBegins, unescape } from '../wire/text-escapes.ts'
import { matchInWindows } from './match-in-windows.ts'
import type { TimeBudget } from './time-budget.ts'

/** A value that a detector matched in a text. */
export interface Match extends Span {
  /** The name it is counted under, and its type in a placeholder. */
  readonly name: string
  readonly type: string
  /** Its text; escapes are decoded where that made it match. */
  readonly said: string
}

interface RankedSpan extends Span {
  readonly rank: number
  readonly escaped: boolean
}

/**
 * The matches of several detectors in a text, as it stands and with its escapes decoded, in order. Matches that overlap become one, of
 * the detector that comes first.
 *
 * @throws OutOfTimeError when that takes longer than it may
 */
export function matchesIn(text: string, detectors: readonly Detector[], budget?: TimeBudget): Match[] {
  const spans: RankedSpan[] = []
  const unescaped = unescape(text)
  for (const [rank, detector] of detectors.entries()) {
    for (const { start, end } of matchInWindows(text, detector, budget))
      spans.push({ start, end, rank, escaped: false })
    if (!unescaped) continue
    for (const { start, end } of matchInWindows(unescaped.text, detector, budget)) {
      if (unescaped.escapesBefore(end) > unescaped.escapesBefore(start))
        spans.push({ start: unescaped.place(start), end: unescaped.place(end), rank, escaped: true })
    }
  }
  return joined(spans).map(({ start, end, rank, escaped }) => {
    const { name, type } = detectors[rank]!
    const raw = text.slice(start, end)
    return { start, end, name, type, said: escaped ? (unescape(raw)?.text ?? raw) : raw }
  })
}

function joined(spans: RankedSpan[]): RankedSpan[] {
  if (spans.length < 2) return spans
  spans.sort((a, b) => a.start - b.start || a.rank - b.rank)
  const all = [spans[0]!]
  for (const span of spans.slice(1)) {
    const last = all.at(-1)!
    if (span.start >= last.end) all.push(span)
    else {
      all[all.length - 1] = {
        start: last.start,
        end: Math.max(last.end, span.end),
        rank: Math.min(last.rank, span.rank),
        escaped: last.escaped || span.escaped,
      }
    }
  }
  return all
}

/** From where on a text is still open to one of the detectors; the text's length when to none. */
export function openFrom(text: string, detectors: readonly Detector[]): number {
  const whole = escapeBegins(text)
  const unescaped = unescape(whole < text.length ? text.slice(0, whole) : text)
  let from = whole
  for (const detector of detectors) {
    from = Math.min(from, detector.open(text))
    if (unescaped) from = Math.min(from, unescaped.place(detector.open(unescaped.text)))
    else if (whole < text.length) from = Math.min(from, detector.open(text.slice(0, whole)))
  }
  return from
}
