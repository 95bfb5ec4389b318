import { lengthOf, wrapWords } from './wrap-words.ts'

/** Columns of a terminal that does not tell how many it has, and of what is no terminal. */
const USUAL_COLUMNS = 80

/** Columns that text output may take: those of the terminal. */
export function outputColumns(): number {
  return process.stdout.columns || USUAL_COLUMNS
}

/**
 * A block of rows in aligned columns: a column is as wide as its longest cell and two spaces; the last cell of a
 * row is not padded. Every cell is made visible first.
 *
 * Where that is wider than the terminal, long cells no longer make their column wide, and what does not fit in a row goes on below,
 * indented. Nothing is cut off.
 *
 * @param width columns of the terminal
 */
export function textTable(rows: readonly (readonly string[])[], width = outputColumns()): string {
  const cells = rows.map((row) => row.map(visible))
  const widths: number[] = []
  for (const row of cells) row.forEach((cell, i) => (widths[i] = Math.max(widths[i] ?? 0, lengthOf(cell))))
  const placed = placesOf(widths, width)
  return cells.map((row) => `${placed.map((line) => lineOf(row, line, width)).join('')}`).join('')
}

const INDENT = '  '
const GAP = 2

/** Narrower than this, columns are dealt out to several lines. */
const LEAST = 8

/** A column and where it begins. */
interface Place {
  readonly column: number
  readonly at: number
}

/** Columns of each line. */
function placesOf(widths: readonly number[], width: number): Place[][] {
  const fits = (most: number): boolean =>
    widths.reduce((sum, columns) => sum + Math.min(columns, most) + GAP, -GAP) <= width
  let most = Math.max(0, ...widths)
  // A value stands beside its name, however long it is.
  while (!fits(most) && most > LEAST && widths.length > 2) most -= 1
  if (widths.length <= 2) most = Infinity
  const lines: Place[][] = [[]]
  let at = 0
  for (const [column, columns] of widths.entries()) {
    if (widths.length > 2 && at > 0 && most <= LEAST && at + columns > width) {
      lines.push([])
      at = INDENT.length
    }
    lines.at(-1)!.push({ column, at })
    at += (most <= LEAST ? columns : Math.min(columns, most)) + GAP
  }
  return lines
}

function lineOf(row: readonly string[], line: readonly Place[], width: number): string {
  let text = ''
  let lastBreak = 0
  for (const { column, at } of line) {
    const cell = row[column]
    if (cell === undefined) break
    const used = lengthOf(text) - lastBreak
    const start = used === 0 ? (lastBreak > 0 ? INDENT.length : at) : Math.max(at, used + GAP)
    const rest = wrapWords(cell, Math.max(width - start, LEAST), '').split('\n')
    if (used > 0 && start + lengthOf(rest[0]!) > width && line.length > 2) {
      text += `\n${INDENT}`
      lastBreak = lengthOf(text) - INDENT.length
      text += cell
      continue
    }
    text += ' '.repeat(start - used) + rest.join(`\n${' '.repeat(start)}`)
  }
  return `${text}\n`
}

/**
 * Text of others as it may be shown on a terminal: control characters, line breaks and marks that reorder text are
 * written out instead of obeyed.
 */
export function visible(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g, (c) => {
    if (c === '\n') return '\\n'
    if (c === '\t') return '\\t'
    if (c === '\r') return '\\r'
    return `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
}
