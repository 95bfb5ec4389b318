import type { Span } from './detectors/detector.ts'

/** A part of a text and what stands there instead. */
export interface Edit extends Span {
  readonly replacement: string
  /** Under which it is counted; empty for the rest of one that was counted elsewhere. */
  readonly name: string
}

/** The text with its edits made. @param edits in order, none overlapping another */
export function applyEdits(text: string, edits: readonly Edit[]): string {
  if (edits.length === 0) return text
  const pieces: string[] = []
  let from = 0
  for (const { start, end, replacement } of edits) {
    pieces.push(text.slice(from, start), replacement)
    from = end
  }
  pieces.push(text.slice(from))
  return pieces.join('')
}

/** Both in order, without those of the second that overlap one of the first. @param first in order, as the second is */
export function withOthers(first: readonly Edit[], second: readonly Edit[]): Edit[] {
  let next = 0
  const others = second.filter(({ start, end }) => {
    while (next < first.length && first[next]!.end <= start) next += 1
    return next === first.length || first[next]!.start >= end
  })
  return others.length === 0 ? [...first] : [...first, ...others].sort((a, b) => a.start - b.start)
}

/** How much of each name was found. */
export type Counts = Record<string, number>

/** Adds what edits replace. */
export function countEdits(edits: readonly Edit[], counts: Counts): void {
  for (const { name } of edits) if (name !== '') counts[name] = (counts[name] ?? 0) + 1
}
