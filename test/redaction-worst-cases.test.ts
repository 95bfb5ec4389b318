import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import fc from 'fast-check'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { customDetector } from '../src/redaction/detectors/custom.ts'
import type { Detector } from '../src/redaction/detectors/detector.ts'
import { DETECTORS } from '../src/redaction/detectors/registry.ts'
import { countedWork } from './support/counted-work.ts'

// Text that was made to be slow: of what each detector looks for, as the corpus has it, so that a new detector is tried as well.

setDefaultTimeout(300_000)

const CORPUS = readFileSync(join(import.meta.dir, 'fixtures/redaction-corpus.txt'), 'utf8')

/** Size of the smaller text of two, in characters. */
const SIZE = 4096
const TIMES = 8

/** Most steps for a character that a detector may take, whatever the text. */
const MOST_STEPS = 300

const words = customDetector({ name: 'words', type: '', pattern: '', words: ['Blue Moon', 'blue', 'moon', 'a a a'] })
const pattern = customDetector({ name: 'pattern', type: '', pattern: '(?:[A-Z]{2,4}-)?\\d{6}', words: [] })

/** Beginnings, ends and separators of a detector's values, and single characters of them. */
function atomsOf({ name, type }: Detector): string[] {
  const values = [...CORPUS.matchAll(/⟦([A-Z_]+):(.*?)⟧/g)].filter((match) => match[1] === type).map((match) => match[2]!)
  if (values.length === 0) values.push(...(name === 'words' ? ['Blue Moon', 'a a a'] : ['AB-123456']))
  const atoms = new Set<string>()
  for (const value of values) {
    const separator = /[^A-Za-z0-9]/.exec(value.slice(1))
    atoms.add(value.slice(0, 3))
    if (separator) atoms.add(value.slice(0, separator.index + 2))
    atoms.add(value.slice(0, -1))
    atoms.add(value)
  }
  return [...atoms]
}

const RUNS = ['a', '1', '-', '.', ' ', ':', '@', '/', '_']

/** A text of repeated parts, each of which has an equal share. */
function textOf(parts: readonly string[], size: number): string {
  const share = Math.ceil(size / parts.length)
  return parts.map((part) => part.repeat(Math.ceil(share / part.length)).slice(0, Math.max(share, part.length))).join('')
}

/** What texts of a detector's parts are made of: each part by itself, before and after a run, and random mixes. */
function plansOf(detector: Detector): string[][] {
  const atoms = atomsOf(detector)
  const plans = atoms.flatMap((atom) => [
    [atom],
    [`${atom} `],
    ...RUNS.flatMap((run) => [
      [atom, run],
      [run, atom],
      [atom, '.', run],
      [atom + run],
    ]),
  ])
  const part = fc.oneof(fc.constantFrom(...atoms), fc.constantFrom(...RUNS), fc.tuple(fc.constantFrom(...atoms), fc.constantFrom(...RUNS)).map(([a, b]) => a + b))
  return [...plans, ...fc.sample(fc.array(part, { minLength: 2, maxLength: 5 }), 300)]
}

describe.each([...DETECTORS, words, pattern].map((detector) => [detector.name, detector] as const))('%s', (_, detector) => {
  test('takes steps that grow with a text’s length and with nothing else', () => {
    const slow = plansOf(detector).flatMap((parts) => {
      const [few, many] = [SIZE, SIZE * TIMES].map((size) => {
        const text = textOf(parts, size)
        return countedWork(() => detector.find(text)) / text.length
      }) as [number, number]
      return many > MOST_STEPS || many > few * 1.5 + 8 ? [{ parts, few, many }] : []
    })
    expect(slow.slice(0, 5)).toEqual([])
  })

  test('knows what is open in steps that grow with a text’s length and with nothing else', () => {
    const slow = plansOf(detector).flatMap((parts) => {
      const text = textOf(parts, SIZE * TIMES)
      const steps = countedWork(() => detector.open(text)) / text.length
      return steps > 20 ? [{ parts, steps }] : []
    })
    expect(slow.slice(0, 5)).toEqual([])
  })
})
