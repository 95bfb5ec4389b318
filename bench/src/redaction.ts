import { customDetector } from '../../src/redaction/detectors/custom.ts'
import type { Detector } from '../../src/redaction/detectors/detector.ts'
import { DETECTORS } from '../../src/redaction/detectors/registry.ts'
import { judgeBody } from '../../src/redaction/bodies.ts'
import { EventFraming } from '../../src/wire/framing/event-framing.ts'
import { EventRedactor } from '../../src/redaction/event-redactor.ts'
import { Redaction } from '../../src/redaction/redaction.ts'
import type { TextRules } from '../../src/redaction/text-rules.ts'
import { median } from './measure.ts'

const MB = 1_000_000

/** Beginnings of what detectors look for, over and over: what makes a careless one slow. */
const HOSTILE = [
  'a.',
  'a@',
  '@',
  'a@b.',
  'a@a.aa-',
  '@a.a@',
  'eyJ',
  'eyJaaaaaaaaaa.',
  'eyJeyJaaaa.aaaa.',
  'sk-',
  'sk-a',
  'AKIA',
  '8Q~',
  'AccountKey=',
  'token=',
  'token:aaaaaaaaaaaaaaa1',
  'token=abc123def456ghi7 ',
  'password = ',
  'secret "',
  '://',
  '://a:b',
  'Bearer ',
  'Bearer a',
  'xoxb-',
  '-----BEGIN PRIVATE KEY',
  '-----BEGIN PRIVATE KEY-----',
  '1',
  '1 ',
  '1-',
  '0',
  '4111',
  '4111 1111 1111 1112 ',
  '415-555-',
  'tel ',
  'phone 4155551212 ',
  '+1',
  '+1 ',
  '(',
  '00 1',
  '123-45-',
  '123-45-6789',
  'DE89',
  'DE89 3704 ',
  'de89a',
  'GB29NWBK601613319268',
  ':',
  '1:',
  '1.',
  'f:',
  '::1',
  '2001:db8::1 1.2.3.4 ',
  ' ',
  'a',
  'é',
  '项目 ',
]

const CUSTOM = [
  customDetector({
    name: 'words',
    type: '',
    pattern: '',
    words: Array.from({ length: 1000 }, (_, i) => `project number ${i}`),
  }),
  customDetector({ name: 'pattern', type: '', pattern: '(?:[A-Z]{2,4}-)?\\d{6}', words: [] }),
]

const PROSE =
  'The gateway stands between a tool and its provider. Every request is visible, attributable and priced; write to the team at team@example.com, or call +44 20 7946 0958 between 9 and 17 o’clock. Prices of 2,006 input tokens (1,920 of them cached) and 300 output tokens are shown in USD, to the nano-dollar. '

/** What looking for personal data costs: hostile text by detector, bodies, and streams with what they are held back. */
export function redaction(): void {
  console.log('detector: slowest of', HOSTILE.length, 'hostile texts of 1 MB (figure: ≤ 50 ms)')
  for (const detector of [...DETECTORS, ...CUSTOM]) {
    const [worst, text, mean] = slowest(detector)
    console.log(
      `  ${detector.name.padEnd(12)} ${worst.toFixed(0).padStart(4)} ms for ${JSON.stringify(text)}, mean ${mean.toFixed(1)} ms`,
    )
  }
  const rules = rulesForBench()
  for (const size of [250, 10_000, 100_000, 1_000_000]) {
    const messages = [{ role: 'user', content: PROSE.repeat(Math.ceil(size / PROSE.length)).slice(0, size) }]
    const body = Buffer.from(JSON.stringify({ model: 'gpt-5.4-mini', max_tokens: 100, messages }))
    const times = Array.from({ length: Math.max(9, Math.ceil(200_000 / size)) }, () =>
      timed(() => judgeBody(body, 'application/json', rules)),
    )
    const ms = median(times)
    console.log(
      `request of ${String(body.length).padStart(7)} bytes: ${(ms * 1000).toFixed(0)} µs, ${(body.length / MB / (ms / 1000)).toFixed(0)} MB/s`,
    )
  }
  stream(rules)
}

function rulesForBench(): TextRules {
  return new Redaction({
    mode: 'redact_response',
    policyId: 'bench',
    requestBody: true,
    responseBody: true,
    detectors: DETECTORS.map(({ name }) => name),
    custom: [],
    deniedNames: ['email', 'phone', 'password', 'token', 'secret', 'ssn', 'api_key', 'authorization'],
    deniedPaths: [],
    format: '',
    hashSalt: '',
    hashKey: 'bench',
    reversible: false,
    uninspectable: 'deny',
    maxInspectBytes: 10 * MB,
    scopes: [],
  }).rulesOf({ organizationId: 'bench', workspaceId: 'bench' })
}

function slowest(detector: Detector): [worstMs: number, text: string, meanMs: number] {
  let worst = 0
  let slow = ''
  let sum = 0
  for (const beginning of HOSTILE) {
    const text = beginning.repeat(Math.ceil(MB / beginning.length)).slice(0, MB)
    const ms = median([1, 2, 3].map(() => timed(() => detector.match(text))))
    sum += ms
    if (ms > worst) [worst, slow] = [ms, beginning]
  }
  return [worst, slow, sum / HOSTILE.length]
}

/** A stream of tokens of four characters: how far behind its beginning each event comes out, and what an event costs. */
function stream(rules: TextRules): void {
  const text = PROSE.repeat(100)
  const pieces = text.match(/[^]{1,4}/g)!
  const events = pieces.map((content) =>
    Buffer.from(
      `data: {"id":"c","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":${JSON.stringify(content)}},"finish_reason":null}]}\n\n`,
    ),
  )
  const behind: number[] = []
  const run = (): number => {
    const framing = new EventFraming('sse')
    const redactor = new EventRedactor(rules)
    let given = 0
    behind.length = 0
    return timed(() => {
      for (const [i, event] of events.entries()) {
        for (const one of framing.write(event)) {
          for (const _ of redactor.take(one)) behind.push(i - given++)
        }
      }
    })
  }
  const ms = median([1, 2, 3, 4, 5].map(run))
  const sorted = behind.sort((a, b) => a - b)
  const at = (share: number): number => sorted[Math.floor(sorted.length * share)]!
  const none = sorted.filter((waited) => waited === 0).length / sorted.length
  console.log(
    `stream of ${events.length} events of 4 characters: ${((ms * 1000) / events.length).toFixed(1)} µs an event; ${(none * 100).toFixed(0)} % come out at once, the others behind so many that follow: p50 ${at(0.5)}, p90 ${at(0.9)}, p99 ${at(0.99)}, most ${sorted.at(-1)}`,
  )
}

function timed(run: () => unknown): number {
  const start = performance.now()
  run()
  return performance.now() - start
}
