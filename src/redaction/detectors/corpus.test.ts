import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DETECTORS } from './registry.ts'

const ROOT = join(import.meta.dir, '../../..')

interface Line {
  readonly text: string
  readonly marks: readonly string[]
}

const lines: Line[] = []
for (const line of readFileSync(join(ROOT, 'test/fixtures/redaction-corpus.txt'), 'utf8').split('\n')) {
  if (line === '' || line.startsWith('# ')) continue
  const marks: string[] = []
  let text = ''
  let from = 0
  for (const match of line.matchAll(/⟦([A-Z_]+):(.*?)⟧/g)) {
    text += line.slice(from, match.index)
    marks.push(`${match[1]!} ${text.length} ${text.length + match[2]!.length}`)
    text += match[2]!
    from = match.index + match[0].length
  }
  lines.push({ text: text + line.slice(from), marks })
}

/** Right finds, wrong ones and missed ones: a find is right when it is of the mark's type and has its very place. */
function measure(name: string): { right: number; wrong: number; missed: number } {
  const detector = DETECTORS.find((one) => one.name === name)!
  const sum = { right: 0, wrong: 0, missed: 0 }
  for (const { text, marks } of lines) {
    const wanted = marks.filter((mark) => mark.startsWith(`${detector.type} `))
    const found = detector.match(text).map(({ start, end }) => `${detector.type} ${start} ${end}`)
    const right = found.filter((find) => wanted.includes(find)).length
    sum.right += right
    sum.wrong += found.length - right
    sum.missed += wanted.length - right
  }
  return sum
}

const table = DETECTORS.map(({ name }) => {
  const { right, wrong, missed } = measure(name)
  const share = (of: number): string => `${((100 * right) / of).toFixed(0)} %`
  return `| \`${name}\` | ${right + missed} | ${share(right + wrong)} | ${share(right + missed)} | ${wrong} | ${missed} |`
})

test('docs/redaction.md tells the precision and recall that the detectors have on the corpus', () => {
  const page = readFileSync(join(ROOT, 'docs/redaction.md'), 'utf8')
  const told = page
    .split('\n')
    .map((line) => line.replaceAll(/ +/g, ' '))
    .filter((line) => DETECTORS.some(({ name }) => line.startsWith(`| \`${name}\` | `)))
  expect(told).toEqual(table)
})

test('the corpus has finds and near misses of every detector', () => {
  for (const { name, type } of DETECTORS) {
    const marked = lines.filter(({ marks }) => marks.some((mark) => mark.startsWith(`${type} `))).length
    expect([name, marked >= 3, lines.length - marked > 100]).toEqual([name, true, true])
  }
})

test.each(DETECTORS.map(({ name }) => name))(
  '%s: what may go on is held back from its beginning on',
  (name) => {
    const detector = DETECTORS.find((one) => one.name === name)!
    for (const { text } of lines) {
      const whole = detector.match(text)
      for (let cut = 1; cut < text.length; cut++) {
        const open = detector.open(text.slice(0, cut))
        expect(open).toBeLessThanOrEqual(cut)
        // What is not held back is decided: the same is found there with and without what follows.
        const before = detector.match(text.slice(0, cut)).filter(({ end }) => end <= open)
        expect([text, cut, before]).toEqual([text, cut, whole.filter(({ end }) => end <= open)])
        expect([text, cut, whole.filter(({ start, end }) => start < open && end > open)]).toEqual([
          text,
          cut,
          [],
        ])
      }
    }
  },
)
