/**
 * Breaks a text at its spaces into lines of at most some columns. A word without a space, such as an id or an address to copy, stays
 * whole, however long.
 *
 * @param indent what every line but the first begins with; counted in
 * @param between where a line may be broken
 */
export function wrapWords(
  text: string,
  width: number,
  indent: string,
  between: string | RegExp = ' ',
): string {
  if (lengthOf(text) <= width) return text
  const lines: string[] = []
  let line = ''
  for (const word of text.split(between)) {
    if (line !== '' && lengthOf(line) + 1 + lengthOf(word) > width) {
      lines.push(line)
      line = `${indent}${word}`
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line].join('\n')
}

/** Columns of a terminal that a text takes. */
export function lengthOf(text: string): number {
  return [...text].length
}
