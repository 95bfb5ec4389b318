import type { Detector } from './detectors/detector.ts'
import type { Span } from '../wire/span.ts'
import type { TimeBudget } from './time-budget.ts'

/** Characters that a detector is shown at once, so that a budget is asked every few milliseconds however long a text is. */
const WINDOW = 64 * 1024

/** What a detector is shown again of what stands before. */
const CONTEXT = 128

/** What a text costs however short it is, as characters. */
const PER_TEXT = 32

/**
 * The matches of a detector in a text, of which it sees one window after the other. A match that reaches the end of a window is looked
 * for again in the next one. One that is longer than half a window and goes on behind it ends at the next white space or quote.
 *
 * @param window in characters
 */
export function matchInWindows(
  text: string,
  detector: Detector,
  budget?: TimeBudget,
  window = WINDOW,
): readonly Span[] {
  if (text.length <= window) {
    budget?.spend(text.length + PER_TEXT)
    return detector.match(text, budget)
  }
  const spans: Span[] = []
  for (let decided = 0; decided < text.length;) {
    const begin = Math.max(0, decided - CONTEXT)
    const end = Math.min(text.length, decided + window)
    const shown = text.slice(begin, end)
    budget?.spend(shown.length)
    const found = detector.match(shown, budget)
    const open =
      end === text.length ? end : Math.max(begin + detector.open(shown, window / 2), end - window / 2)
    let next = open
    for (const span of found) {
      const start = Math.max(decided, begin + span.start)
      let stop = begin + span.end
      if (stop <= decided) continue
      if (stop > open) {
        if (start > decided) {
          next = Math.min(next, start)
          break
        }
        if (stop === end) stop = wordEnd(text, end)
      }
      spans.push({ start, end: stop })
      next = Math.max(next, stop)
    }
    decided = next
  }
  return spans
}

/** Where the next white space or quote stands. */
function wordEnd(text: string, from: number): number {
  const form = /[\s"'`]/g
  form.lastIndex = from
  return form.exec(text)?.index ?? text.length
}
