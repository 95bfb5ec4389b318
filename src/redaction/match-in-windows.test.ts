import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { customDetector } from './detectors/custom.ts'
import type { Detector } from './detectors/detector.ts'
import { DETECTORS } from './detectors/registry.ts'
import { matchInWindows } from './match-in-windows.ts'
import { TimeBudget } from './time-budget.ts'

const CORPUS = readFileSync(join(import.meta.dir, '../../test/fixtures/redaction-corpus.txt'), 'utf8')
const LINES = CORPUS.split('\n')
  .filter((line) => line !== '' && !line.startsWith('# '))
  .map((line) => line.replaceAll(/⟦[A-Z_]+:(.*?)⟧/g, '$1'))

/** Small, so that every text has many. */
const WINDOW = 2048

const OTHERS: readonly Detector[] = [
  customDetector({ name: 'words', type: '', pattern: '', words: ['Blue Moon', 'falcon', 'team at'] }),
  customDetector({ name: 'pattern', type: '', pattern: '\\b[A-Z]{2}-\\d{4,6}\\b', words: [] }),
]

const part = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...LINES) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      'AB-12345',
      'Blue Moon',
      'https://u:p!(ss@host/',
      'token = "',
      ' ',
      '\n',
      ': ',
    ),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom('a', '1', '-', ' ', 'a1', ':', '.', 'word '), fc.integer({ min: 1, max: 300 }))
      .map(([run, count]) => run.repeat(count).slice(0, count)),
  },
)
const longText = fc
  .array(fc.tuple(part, fc.constantFrom(' ', '\n', '. ', '"')), { minLength: 40, maxLength: 150 })
  .map((parts) => parts.flat().join(''))

describe.each([...DETECTORS, ...OTHERS].map((detector) => [detector.name, detector] as const))(
  '%s',
  (_, detector) => {
    test('finds in a long text, window by window, what it finds in the whole', () => {
      fc.assert(
        fc.property(longText, (text) => {
          expect(matchInWindows(text, detector, undefined, WINDOW)).toEqual([...detector.match(text)])
        }),
        { numRuns: 1000 },
      )
    })
  },
)

const secret = DETECTORS.find(({ name }) => name === 'token_like')!

test('a value that is longer than a window is found to its end', () => {
  const key = `sk-proj-${'a1'.repeat(10 * WINDOW)}`
  const text = `${'word '.repeat(1000)}${key} and sk-proj-abcdefghijklmnopqrstuvwxyz`
  expect(
    matchInWindows(text, secret, undefined, WINDOW).map(({ start, end }) => text.slice(start, end)),
  ).toEqual([key, 'sk-proj-abcdefghijklmnopqrstuvwxyz'])
})

test('a long text asks its budget in every window', () => {
  let asked = 0
  const budget = new TimeBudget(1000, () => asked++)
  matchInWindows('word '.repeat(100_000), secret, budget)
  expect(asked).toBeGreaterThan(500_000 / 66_000)
  const spent = new TimeBudget(5, () => asked++)
  expect(() => matchInWindows('word '.repeat(100_000), secret, spent)).toThrow('longer than 5 ms')
})

test('a pattern that looks to the end of the text from each of its matches is stopped within a window', () => {
  const slow = customDetector({ name: 'slow', type: '', pattern: 'a(?:[^x]*b)?', words: [] })
  let asked = 0
  const budget = new TimeBudget(100, () => asked++)
  expect(() => matchInWindows('a'.repeat(30_000), slow, budget)).toThrow('longer than 100 ms')
  expect(asked).toBeLessThan(110)
})

test('time in which the process was paused does not count', () => {
  const times = [0, 10, 100_000, 100_010]
  const budget = new TimeBudget(200, () => times.shift()!)
  budget.check()
  budget.check()
  expect(() => budget.check()).not.toThrow()
})
