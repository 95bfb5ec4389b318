import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import fc from 'fast-check'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Inspector } from '../../src/inspection/inspector.ts'
import { judgeBody } from '../../src/redaction/bodies.ts'
import { customDetector } from '../../src/redaction/detectors/custom.ts'
import type { Detector } from '../../src/redaction/detectors/detector.ts'
import { DETECTORS } from '../../src/redaction/detectors/registry.ts'
import { EventFraming } from '../../src/wire/framing/event-framing.ts'
import { EventRedactor } from '../../src/redaction/event-redactor.ts'
import { ReversiblePlaceholders } from '../../src/redaction/placeholders.ts'
import { Redaction } from '../../src/redaction/redaction.ts'
import type { TextRules } from '../../src/redaction/text-rules.ts'
import { countedWork } from '../support/counted-work.ts'
import { SETTINGS } from '../support/redaction-settings.ts'

// Text that was made to be slow: of what each detector looks for, as the corpus has it, so that a new detector is tried as well.

setDefaultTimeout(300_000)

const CORPUS = readFileSync(join(import.meta.dir, '../fixtures/redaction-corpus.txt'), 'utf8')

/** Size of the smaller text of two, in characters. */
const SIZE = 4096
const TIMES = 4

/** Most steps for a character that a detector may take, and everything together for a body. */
const MOST_STEPS = 60
const MOST_STEPS_OF_BODY = 300

const words = customDetector({
  name: 'words',
  type: '',
  pattern: '',
  words: ['Blue Moon', 'blue', 'moon', 'a a a'],
})
const pattern = customDetector({ name: 'pattern', type: '', pattern: '(?:[A-Z]{2,4}-)?\\d{6}', words: [] })

/** Beginnings, ends and separators of a detector's values, and single characters of them. */
function atomsOf({ name, type }: Detector): string[] {
  const values = [...CORPUS.matchAll(/⟦([A-Z_]+):(.*?)⟧/g)]
    .filter((match) => match[1] === type)
    .map((match) => match[2]!)
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
  return parts
    .map((part) => part.repeat(Math.ceil(share / part.length)).slice(0, Math.max(share, part.length)))
    .join('')
}

/** What texts of a detector's parts are made of: each part by itself, before and after a run, and random mixes. */
function plansOf(detector: Detector): string[][] {
  const atoms = atomsOf(detector)
  const plans = atoms.flatMap((atom) => [
    [atom],
    [`${atom} `],
    ...RUNS.flatMap((run) => [[atom, run], [run, atom], [atom, '.', run], [atom + run]]),
  ])
  const part = fc.oneof(
    fc.constantFrom(...atoms),
    fc.constantFrom(...RUNS),
    fc.tuple(fc.constantFrom(...atoms), fc.constantFrom(...RUNS)).map(([a, b]) => a + b),
  )
  return [...plans, ...fc.sample(fc.array(part, { minLength: 2, maxLength: 5 }), 300)]
}

describe.each([...DETECTORS, words, pattern].map((detector) => [detector.name, detector] as const))(
  '%s',
  (_, detector) => {
    test('takes steps that grow with a text’s length and with nothing else', () => {
      const slow = plansOf(detector).flatMap((parts) => {
        const [few, many] = [SIZE, SIZE * TIMES].map((size) => {
          const text = textOf(parts, size)
          return countedWork(() => detector.match(text)) / text.length
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
  },
)

const RULES = new Redaction(SETTINGS).rulesOf({ organizationId: 'o', workspaceId: 'w' })
const restoring = (text: string): TextRules => ({ ...RULES, placeholders: new ReversiblePlaceholders(text) })

/** What comes once, `unit` as often as the size wants it, and what comes at the end. */
const around = (before: string, unit: string | ((i: number) => string), after: string) => (size: number) => {
  const parts: string[] = []
  for (let length = 0, i = 0; length < size; i++) {
    const part = typeof unit === 'string' ? unit : unit(i)
    parts.push(part)
    length += part.length
  }
  return before + parts.join('') + after
}

const event = (content: string): string =>
  `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content } }] })}\n\n`
const nested = (open: string, inside: (size: number) => string, close: string) => (size: number) => {
  const depth = Math.ceil(size / 2 / (open.length + close.length))
  return open.repeat(depth) + inside(size / 2) + close.repeat(depth)
}
const part = (content: string): string =>
  `--b\r\ncontent-disposition: form-data; name="f"\r\n\r\n${content}\r\n`

const json = 'application/json'
const form = 'application/x-www-form-urlencoded'
const sse = 'text/event-stream'
const ndjson = 'application/x-ndjson'
const multipart = 'multipart/form-data'

/** Bodies made to be slow for what takes them apart. */
const BODIES: readonly (readonly [name: string, mediaType: string, body: (size: number) => string])[] = [
  ['a form that is no form', form, around('', 'a', '')],
  ['a form of fields without values', form, around('', 'a&', '')],
  ['a form of values that are found', form, around('', 'a=a@b.co&email=a&', '')],
  ['a form of one value with much in it', form, around('a=', 'a@b.co+', '')],
  ['JSON that is cut off, with much in it', json, around('{', '"email":"a@b.co","a":"c@d.co",', '"a')],
  ['JSON of one string with much in it', json, around('"', 'a@b.co \\n', '"')],
  ['JSON of one string of backslashes', json, around('"', '\\\\', '"')],
  ['JSON of arrays in arrays', json, nested('[', around('"a@b.co"', ',"a@b.co"', ''), ']')],
  [
    'JSON of names in names',
    json,
    nested('{"email":1,"a":[', around('{"email":null}', ',{"email":null}', ''), ']}'),
  ],
  [
    'JSON of one denied value of arrays in arrays',
    json,
    (size) => `{"email":${nested('[1,', () => '1', ',1]')(Math.min(size, 20_000))}}`,
  ],
  [
    'JSON in strings of JSON',
    json,
    (size) => JSON.stringify([JSON.stringify([JSON.stringify([around('', 'a@b.co ', '')(size)])])]),
  ],
  [
    'JSON of strings of base64',
    json,
    around(
      '["a"',
      ',{"data":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!"}',
      ']',
    ),
  ],
  [
    'answers with their texts deep in arrays',
    sse,
    (size) =>
      `data: ${nested('{"candidates":[', around('{"text":"a"}', ',{"text":"a"}', ''), ']}')(size)}\n\n`,
  ],
  ['an event of one character a line', sse, around('', 'data: a\n', '\n')],
  ['a stream of empty lines', sse, around('', '\r\n', '')],
  ['a stream of one endless word', sse, around('', event('a'), '')],
  ['a stream of one endless key', sse, around(event('sk-proj-'), event('a1'), '')],
  ['a stream of one endless private key', sse, around(event('-----BEGIN PRIVATE KEY-----'), event('a '), '')],
  ['a stream of one endless address', sse, around(event('a@b'), event('.b'), '')],
  ['a stream of one denied value', sse, around(event('{"password":"'), event('a'), '')],
  [
    'a stream of denied values and what is found',
    sse,
    around(event('{"a":["'), event('a@b.co","b",{"email":"c@d.co"},"'), ''),
  ],
  [
    'a long piece and short ones',
    sse,
    (size) => event('a'.repeat(size / 2)) + around('', event('a'), '')(size / 2),
  ],
  [
    'a long piece of JSON and short ones',
    sse,
    (size) => event(`{"a":"${'a@b.co '.repeat(size / 20)}`) + around('', event('a'), '')(size / 2),
  ],
  [
    'many texts at once',
    sse,
    around('', (i) => `data: {"choices":[{"index":${i},"delta":{"content":"a"}}]}\n\n`, ''),
  ],
  [
    'many texts in one event',
    sse,
    (size) =>
      `data: {"choices":[${around('{"delta":{"content":"a"}}', (i) => `,{"index":${i},"delta":{"content":"a@b.co"}}`, '')(size)}]}\n\n`,
  ],
  ['lines of JSON', ndjson, around('', '{"a":"a@b.co"}\n', '')],
  ['lines of nothing', ndjson, around('', '\n', '')],
  ['a form of many parts', multipart, around('', part('a@b.co'), '--b--')],
  ['a form of many parts without content', multipart, around('', part(''), '--b--')],
  ['text that is full of placeholders', 'text/plain', around('', (i) => `[A_${i}X1] [A_1]`, '')],
  ['text of beginnings of placeholders', 'text/plain', around('', '[A_', '')],
  ['text of escapes', 'text/plain', around('', 'a%40b&#46;co ', '')],
  ['text of beginnings of escapes', 'text/plain', around('', '\\u00&amp;%25', '')],
  ['text of backslashes', 'text/plain', around('', '\\', '')],
  ['events of escapes', sse, around('', event('a%40'), '')],
  ['events of beginnings of escapes', sse, around('', event('\\u00'), '')],
]

describe('takes steps that grow with the body’s size and with nothing else', () => {
  const grows = (work: (size: number) => [text: string, work: () => void]): void => {
    const [few, many] = [16_384, 131_072].map((size) => {
      const [text, run] = work(size)
      return countedWork(run) / text.length
    }) as [number, number]
    expect({ few, many, linear: many < MOST_STEPS_OF_BODY && many <= few * 1.5 + 8 }).toEqual({
      few,
      many,
      linear: true,
    })
  }

  test.each(BODIES)('%s', (_, mediaType, body) => {
    grows((size) => {
      const text = body(size)
      const bytes = Buffer.from(text)
      return [text, () => judgeBody(bytes, mediaType, restoring(text))]
    })
  })

  test.each(BODIES.filter(([, mediaType]) => mediaType === sse))(
    '%s, in chunks of a few bytes',
    (_, __, body) => {
      grows((size) => {
        const text = body(size / 4)
        const bytes = Buffer.from(text)
        return [
          text,
          () => {
            const events = new EventFraming('sse')
            const redactor = new EventRedactor(RULES)
            for (let at = 0; at < bytes.length; at += 8) {
              for (const one of events.write(bytes.subarray(at, at + 8))) redactor.take(one)
            }
          },
        ]
      })
    },
  )
})

// What a regular expression does within one call is not counted. Where it were not linear, half a megabyte would take it minutes.
test('large bodies made to be slow are looked through at all', async () => {
  const detectors = DETECTORS.map(({ name }) => name)
  const program = new URL('../../src/inspection/inspection-worker.ts', import.meta.url).href
  const bounds = { threads: 2, budgetMs: 60_000, hungMs: 90_000, maxWaitingBytes: 1e9 }
  const inspector = new Inspector({ ...SETTINGS, detectors }, program, bounds)
  const size = 500_000
  const texts = DETECTORS.flatMap((detector) =>
    fc
      .sample(fc.constantFrom(...plansOf(detector)), 8)
      .map((parts) => [parts.join(), 'text/plain', textOf(parts, size)] as const),
  )
  const bodies = [
    ...BODIES.map(([name, mediaType, body]) => [name, mediaType, body(size)] as const),
    ...texts,
  ]
  try {
    for (const [name, mediaType, text] of bodies) {
      const question = {
        bytes: Buffer.from(text),
        mediaType,
        organizationId: 'o',
        workspaceId: 'w',
        reversible: true,
      }
      const { verdict } = await inspector.judge(question)
      expect([name, verdict.kind]).toEqual([name, 'judged'])
    }
  } finally {
    inspector.close()
  }
})
