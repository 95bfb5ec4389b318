/** What makes a spreadsheet take a cell for a formula, full-width signs included; apostrophes before it count, so that one can be taken off again. */
const FORMULA = /^'*[=+\-@\t\r\n＝＋－＠]/

/**
 * A text of others as a cell of a CSV file. One that a spreadsheet would run gets an apostrophe in front, which shows it as text.
 *
 * @see https://www.rfc-editor.org/rfc/rfc4180
 * @see https://owasp.org/www-community/attacks/CSV_Injection
 */
export function csvCell(text: string): string {
  const harmless = FORMULA.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless
}
