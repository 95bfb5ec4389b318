import { expect, test } from 'bun:test'
import { wireApiNamed } from '../registry.ts'
import { SideObservation } from '../../background/side-observation.ts'
import type { Reading } from './wire-api.ts'

type Said = Reading['cacheDiagnosis']

const MISS = { type: 'tools_changed', cache_missed_input_tokens: 41_000 }
const OPENAI_MISS = { type: 'cache_miss', reason: 'input_changed', cache_missed_tokens: 2048 }
const RESPONSE = { id: 'resp_1', object: 'response', model: 'gpt-5.6', status: 'completed' }

function read(api: string, mediaType: string, body: string, cuts: readonly number[] = []): Reading {
  const side = new SideObservation('response', wireApiNamed(api), { mediaType, codings: '' }, 0)
  const bytes = Buffer.from(body)
  let from = 0
  for (const cut of [...cuts, bytes.length]) {
    void side.piece(bytes.subarray(from, cut), [0, from + 1])
    from = cut
  }
  side.finish()
  return side.reading
}

const sse = (...events: readonly object[]): string =>
  events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join('')
const start = (diagnostics: unknown): object => ({
  type: 'message_start',
  message: { id: 'msg_1', model: 'claude-sonnet-5', usage: { input_tokens: 1 }, diagnostics },
})
const ended = (more: object): object => ({ type: 'response.completed', response: { ...RESPONSE, ...more } })

const SAID: readonly (readonly [
  name: string,
  api: string,
  mediaType: string,
  body: string,
  says: NonNullable<Said>,
])[] = [
  [
    'a message',
    'messages',
    'application/json',
    JSON.stringify({ id: 'msg_1', type: 'message', content: [], diagnostics: { cache_miss_reason: MISS } }),
    MISS,
  ],
  [
    'a stream of a message',
    'messages',
    'text/event-stream',
    sse(start({ cache_miss_reason: MISS }), { type: 'message_stop' }),
    MISS,
  ],
  [
    'a reason that is a plain word',
    'messages',
    'application/json',
    JSON.stringify({ id: 'msg_1', diagnostics: { cache_miss_reason: 'model_changed' } }),
    'model_changed',
  ],
  [
    'a response',
    'responses',
    'application/json',
    JSON.stringify({ ...RESPONSE, prompt_cache_diagnostics: OPENAI_MISS }),
    OPENAI_MISS,
  ],
  [
    'a stream of a response',
    'responses',
    'text/event-stream',
    sse(
      { type: 'response.created', response: { ...RESPONSE, status: 'in_progress' } },
      ended({ prompt_cache_diagnostics: OPENAI_MISS }),
    ),
    OPENAI_MISS,
  ],
  [
    'a stored response',
    'stored_responses',
    'application/json',
    JSON.stringify({ ...RESPONSE, prompt_cache_diagnostics: { type: 'comparison_response_not_found' } }),
    { type: 'comparison_response_not_found' },
  ],
]

for (const [name, api, mediaType, body, says] of SAID) {
  test(`${name} tells why the cache was missed, the same at every cut`, () => {
    expect(read(api, mediaType, body).cacheDiagnosis).toEqual(says)
    for (let cut = 1; cut < body.length; cut++)
      expect([cut, read(api, mediaType, body, [cut]).cacheDiagnosis]).toEqual([cut, says])
    const single = Array.from({ length: body.length - 1 }, (_, i) => i + 1)
    expect(read(api, mediaType, body, single).cacheDiagnosis).toEqual(says)
  })
}

test('an answer that is too large to be parsed whole tells it too', () => {
  const text = 'x'.repeat(2 * 1024 * 1024)
  const message = { id: 'msg_1', content: [{ type: 'text', text }], diagnostics: { cache_miss_reason: MISS } }
  expect(read('messages', 'application/json', JSON.stringify(message)).cacheDiagnosis).toEqual(MISS)
  const response = { ...RESPONSE, output: [text], prompt_cache_diagnostics: OPENAI_MISS }
  expect(read('responses', 'application/json', JSON.stringify(response)).cacheDiagnosis).toEqual(OPENAI_MISS)
})

test('a null, a hit and nothing at all are no diagnosis; a second answer replaces the first', () => {
  for (const diagnostics of [
    undefined,
    null,
    {},
    { cache_miss_reason: null },
    { cache_miss_reason: {} },
    [],
    7,
  ])
    expect(read('messages', 'text/event-stream', sse(start(diagnostics))).cacheDiagnosis).toBeUndefined()
  expect(
    read('responses', 'text/event-stream', sse(ended({ prompt_cache_diagnostics: { type: 'cache_hit' } })))
      .cacheDiagnosis,
  ).toBeUndefined()
  const twice = sse(start({ cache_miss_reason: MISS }), start(null))
  expect(read('messages', 'text/event-stream', twice).cacheDiagnosis).toBeUndefined()
})

test('what is hostile stays small and flat', () => {
  const many = Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`n${i}`, i]))
  const deep = JSON.parse(`${'{"a":'.repeat(2000)}1${'}'.repeat(2000)}`) as object
  const reason = { type: 'y'.repeat(100_000), deep, list: [1], ['z'.repeat(1000)]: 1, ...many }
  const { cacheDiagnosis } = read('messages', 'text/event-stream', sse(start({ cache_miss_reason: reason })))
  expect(cacheDiagnosis).toMatchObject({ type: 'y'.repeat(128), n0: 0 })
  expect(Object.keys(cacheDiagnosis as object).length).toBe(16)
})
