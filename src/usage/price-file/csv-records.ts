/** A record of a CSV file and the line on which it begins, from 1. */
export interface CsvRecord {
  readonly line: number
  readonly cells: readonly string[]
}

/** Text that is no CSV. */
export class CsvError extends Error {
  override readonly name = 'CsvError'
  readonly line: number

  constructor(line: number, message: string) {
    super(message)
    this.line = line
  }
}

/** One cell: quoted, where a quote is written twice, or plain; then what ends it. */
const CELL = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n|\n|\r|$)/y

/**
 * Reads CSV as spreadsheets write it: commas, optional quotes, any line end, an optional byte order mark. Empty lines
 * are skipped.
 *
 * @throws CsvError where a quote is not closed or stands in the middle of a cell
 * @see https://datatracker.ietf.org/doc/html/rfc4180#section-2
 */
export function readCsv(text: string): CsvRecord[] {
  const records: CsvRecord[] = []
  let cells: string[] = []
  let [line, startLine] = [1, 1]
  let at = text.startsWith('\uFEFF') ? 1 : 0
  while (at < text.length || cells.length > 0) {
    CELL.lastIndex = at
    const [whole, quoted, plain = '', end] = CELL.exec(text) ?? []
    if (whole === undefined)
      throw new CsvError(line, 'a quote is not closed, or stands in the middle of a cell')
    cells.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'))
    line += whole.match(/\r\n|\n|\r/g)?.length ?? 0
    at += whole.length
    if (end === ',') continue
    if (cells.length > 1 || cells[0] !== '') records.push({ line: startLine, cells })
    cells = []
    startLine = line
    if (end === '') break
  }
  return records
}
