import { visible } from '../presentation/visible.ts'
import { lengthOf, wrapWords } from './wrap-words.ts'

/** Columns when the terminal does not report its own, or there is no terminal. */
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
  const lines = placesOf(cells, width)
  return cells.map((row) => lines.map((line) => lineOf(row, line, width)).join('')).join('')
}

const INDENT = '  '
const GAP = 2

/** Shares of the cells that a column is wide enough for: all, unless a few long ones would make the table too wide. */
const SHARES = [1, 0.95, 0.9, 0.8, 0.6, 0.4]

/** So many rows have a usual width; of fewer, each counts. */
const MANY = 10

/** A column and where it begins. */
interface Place {
  readonly column: number
  readonly at: number
}

/** Columns beside each other where that is possible, else dealt out to as many lines as they need. */
function placesOf(cells: readonly (readonly string[])[], width: number): Place[][] {
  const columns = Math.max(0, ...cells.map((row) => row.length))
  const lengths = Array.from({ length: columns }, (_, i) =>
    cells.flatMap((row) => (row[i] === undefined ? [] : [lengthOf(row[i])])).sort((a, b) => a - b),
  )
  const [widest = [], ...narrower] = SHARES.map((share) =>
    // The first row may be a head, which stands above its columns in any case.
    lengths.map((column, i) =>
      Math.max(lengthOf(cells[0]![i] ?? ''), column[Math.ceil(column.length * share) - 1]!),
    ),
  )
  // A value stands beside its name, however long it is.
  const tried = cells.length < MANY ? [widest] : [widest, ...narrower]
  const fitting = columns <= 2 ? widest : tried.find((widths) => sumOf(widths) <= width)
  const lines: Place[][] = [[]]
  let at = 0
  for (const [column, taken] of (fitting ?? widest).entries()) {
    if (!fitting && at > 0 && at + taken > width) {
      lines.push([])
      at = INDENT.length
    }
    lines.at(-1)!.push({ column, at })
    at += taken + GAP
  }
  return lines
}

function sumOf(widths: readonly number[]): number {
  return widths.reduce((sum, columns) => sum + columns + GAP, -GAP)
}

function lineOf(row: readonly string[], places: readonly Place[], width: number): string {
  const lines: string[] = []
  let line = ''
  for (const { column, at } of places) {
    const cell = row[column]
    if (cell === undefined) break
    const next = lengthOf(line) + GAP
    let start = line === '' ? at : Math.max(at, next)
    if (line !== '' && column > 1 && start + lengthOf(cell) > width) {
      if (next + lengthOf(cell) <= width) start = next
      else {
        lines.push(line)
        line = ''
        start = INDENT.length
      }
    }
    const [first = '', ...below] = wrapWords(cell, width - start, '').split('\n')
    line += ' '.repeat(start - lengthOf(line)) + first
    for (const rest of below) {
      lines.push(line)
      line = ' '.repeat(start) + rest
    }
  }
  return [...lines, line].map((text) => `${text}\n`).join('')
}
