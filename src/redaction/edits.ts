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

/** How much of each name was found. */
export type Counts = Record<string, number>

/** Adds what edits replace. */
export function countEdits(edits: readonly Edit[], counts: Counts): void {
  for (const { name } of edits) if (name !== '') counts[name] = (counts[name] ?? 0) + 1
}
