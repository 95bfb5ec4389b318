import type { Detector, Span } from './detectors/detector.ts'
import { findInWindows } from './find-in-windows.ts'
import type { TimeBudget } from './time-budget.ts'

/** Something that was found in a text. */
export interface Find extends Span {
  /** Under which it is counted, and what a placeholder calls it. */
  readonly name: string
  readonly type: string
}

/**
 * What several detectors find in a text, in order. Where finds overlap, what they cover together is one, of the detector that comes
 * first.
 *
 * @throws OutOfTimeError when that takes longer than it may
 */
export function findAll(text: string, detectors: readonly Detector[], budget?: TimeBudget): Find[] {
  const finds: (Find & { readonly rank: number })[] = []
  for (const [rank, detector] of detectors.entries()) {
    const { name, type } = detector
    for (const { start, end } of findInWindows(text, detector, budget))
      finds.push({ start, end, name, type, rank })
  }
  if (finds.length < 2) return finds
  finds.sort((a, b) => a.start - b.start || a.rank - b.rank)
  const joined = [finds[0]!]
  for (const find of finds.slice(1)) {
    const last = joined.at(-1)!
    if (find.start >= last.end) joined.push(find)
    else {
      const first = find.rank < last.rank ? find : last
      joined[joined.length - 1] = { ...first, start: last.start, end: Math.max(last.end, find.end) }
    }
  }
  return joined
}

/** From where on a text is still open to one of the detectors; the text's length when to none. */
export function openFrom(text: string, detectors: readonly Detector[]): number {
  let from = text.length
  for (const detector of detectors) from = Math.min(from, detector.open(text))
  return from
}
