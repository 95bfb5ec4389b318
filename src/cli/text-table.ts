/**
 * A block of rows in aligned columns: a column is as wide as its longest cell and two spaces; the last cell of a
 * row is not padded. Every cell is made visible first.
 */
export function textTable(rows: readonly (readonly string[])[]): string {
  const cells = rows.map((row) => row.map(visible))
  const widths: number[] = []
  for (const row of cells) {
    row.slice(0, -1).forEach((cell, i) => (widths[i] = Math.max(widths[i] ?? 0, [...cell].length)))
  }
  return cells
    .map((row) => {
      const last = row.length - 1
      return `${row.map((cell, i) => (i === last ? cell : cell + ' '.repeat(widths[i]! - [...cell].length + 2))).join('')}\n`
    })
    .join('')
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
