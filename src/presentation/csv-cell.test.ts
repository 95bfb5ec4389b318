import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { csvCell } from './csv-cell.ts'

/** A cell as a spreadsheet reads it. */
function read(cell: string): string {
  return cell.startsWith('"') ? cell.slice(1, -1).replaceAll('""', '"') : cell
}

test('no cell begins as a formula does, and every text can be told from its cell', () => {
  const text = fc.array(fc.constantFrom(...`=+-@\t\r\n'"＝＠a1,; `)).map((characters) => characters.join(''))
  fc.assert(
    fc.property(text, (given) => {
      const shown = read(csvCell(given))
      expect(shown).not.toMatch(/^[=+\-@\t\r\n＝＋－＠]/)
      expect(shown.replace(/^'(?='*[=+\-@\t\r\n＝＋－＠])/, '')).toBe(given)
    }),
  )
})

test('other texts stay as they are', () => {
  for (const text of ['', 'gpt-4o', 'a=b', '1-1', "it's", "'x"]) expect(csvCell(text)).toBe(text)
  expect(csvCell('=HYPERLINK("x")')).toBe(`"'=HYPERLINK(""x"")"`)
  expect(csvCell('a,"b"')).toBe('"a,""b"""')
})
