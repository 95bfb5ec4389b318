import type { Span } from '../wire/span.ts'

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

/** Edits of a decoded text as one of the place where it stands encoded; the others of them only count. */
export function wholeEdits(start: number, end: number, replacement: string, edits: readonly Edit[]): Edit[] {
  return edits.map(({ name }, i) =>
    i === 0 ? { start, end, name, replacement } : { start: end, end, name, replacement: '' },
  )
}

/**
 * Edits of two readings of one text. Where they overlap they become one, with the replacement of the first reading.
 *
 * @param first in order, none overlapping another; likewise `second`
 */
export function mergeEdits(first: readonly Edit[], second: readonly Edit[]): Edit[] {
  if (first.length === 0) return [...second]
  const merged: Edit[] = []
  let next = 0
  const add = (edit: Edit, replaces: boolean): void => {
    const last = merged.at(-1)
    if (!last || edit.start >= last.end) merged.push(edit)
    else {
      const { name, replacement } = replaces ? edit : last
      const [start, end] = [Math.min(last.start, edit.start), Math.max(last.end, edit.end)]
      merged[merged.length - 1] = { start, end, name, replacement }
    }
  }
  for (const edit of first) {
    while (next < second.length && second[next]!.start < edit.start) add(second[next++]!, false)
    add(edit, true)
  }
  while (next < second.length) add(second[next++]!, false)
  return merged
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

/** Matches by name. */
export type Counts = Record<string, number>

/** Adds what edits replace. */
export function countEdits(edits: readonly Edit[], counts: Counts): void {
  for (const { name } of edits) if (name !== '') counts[name] = (counts[name] ?? 0) + 1
}
