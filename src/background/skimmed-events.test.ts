import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { emptyReading } from '../providers/apis/wire-api.ts'
import { wireApiNamed } from '../providers/registry.ts'
import { EventTemplate } from '../wire/framing/event-template.ts'
import { SideObservation } from './side-observation.ts'

const FACTS = { mediaType: 'text/event-stream', codings: '' }

/** What is read of a stream that comes in pieces. @param skims whether events may be passed over */
function readingOf(name: string, stream: Uint8Array, cuts: readonly number[], skims: boolean): unknown {
  const { textDelta, ...parsing } = wireApiNamed(name)!
  const side = new SideObservation(
    'response',
    skims ? { ...parsing, ...(textDelta && { textDelta }) } : parsing,
    FACTS,
    0,
  )
  const places = [...new Set([0, ...cuts.map((cut) => cut % stream.length), stream.length])].sort(
    (a, b) => a - b,
  )
  for (const [i, place] of places.slice(1).entries())
    void side.piece(stream.subarray(places[i], place), [0, i])
  side.finish()
  const { output, ...rest } = { ...emptyReading(), ...side.reading }
  return {
    ...rest,
    text: output.text,
    length: output.length,
    firstTokenUs: side.firstTokenUs,
    notes: side.notes,
    understood: side.understood,
  }
}

const text = fc.oneof(
  fc.constantFrom(
    '',
    ' word',
    'Hi',
    'é€😀',
    '\ud83d',
    '\\',
    '"',
    '\n',
    '","usage":{"prompt_tokens":9},"x":"',
    'content',
  ),
  fc.string({ maxLength: 20 }),
)

const chatEvent = fc
  .record(
    {
      delta: fc.record(
        {
          content: text,
          role: fc.constant('assistant'),
          tool_calls: fc.constant([{ function: { name: 'f', arguments: '{' } }]),
        },
        { requiredKeys: ['content'] },
      ),
      finish_reason: fc.constantFrom(null, null, null, 'stop'),
      index: fc.constantFrom(0, 0, 0, 1),
      tier: fc.constantFrom(undefined, 'default', 'flex'),
      usage: fc.constantFrom(undefined, null, null, null, { prompt_tokens: 3, completion_tokens: 2 }),
      obfuscation: fc.constantFrom(undefined, 'a', 'bcd', '\\"'),
      created: fc.constantFrom(1, 1, 1, 2),
      error: fc.constantFrom(undefined, undefined, undefined, undefined, { code: 'overloaded' }),
    },
    { noNullPrototype: true },
  )
  .map(({ delta, finish_reason, index, tier, ...event }) => ({
    id: 'chatcmpl-1',
    model: 'gpt-5.4-mini',
    ...(tier ? { service_tier: tier } : {}),
    choices: [{ index, delta, finish_reason }],
    ...event,
  }))

const messagesEvent = fc.oneof(
  {
    weight: 6,
    arbitrary: text.map((words) => ({
      type: 'content_block_delta',
      index: 0,
      delta: { type: 'text_delta', text: words },
    })),
  },
  {
    weight: 1,
    arbitrary: text.map((words) => ({
      type: 'content_block_delta',
      index: 1,
      delta: { type: 'thinking_delta', thinking: words },
    })),
  },
  fc.constantFrom(
    { type: 'ping' },
    {
      type: 'message_start',
      message: { id: 'msg_1', model: 'claude-haiku-5', usage: { input_tokens: 5, output_tokens: 1 } },
    },
    { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 7 } },
    { type: 'error', error: { type: 'overloaded_error' } },
  ),
)

const responsesEvent = fc
  .tuple(
    text,
    fc.nat(300),
    fc.constantFrom('response.output_text.delta', 'response.output_text.delta', 'response.refusal.delta'),
    fc.constantFrom([], [], [{ token: 'a' }]),
  )
  .map(([delta, sequence_number, type, logprobs]) => ({
    type,
    sequence_number,
    item_id: 'msg_1',
    output_index: 0,
    content_index: 0,
    delta,
    logprobs,
    obfuscation: 'x',
  }))

const framed = (event: fc.Arbitrary<unknown>): fc.Arbitrary<Buffer> =>
  fc
    .tuple(
      event,
      fc.constantFrom('\n\n', '\n\n', '\n\n', '\n\n', '\r\n\r\n', '\n', '\n\n\n', '\n\n: ping\n\n'),
      fc.constantFrom('utf8', 'utf8', 'utf8', 'latin1'),
      fc.boolean(),
    )
    .map(([data, behind, encoding, escapes]) => {
      const json = JSON.stringify(data)
      const written = escapes ? json.replaceAll('i', '\\u0069') : json
      return Buffer.from(`data: ${written}${behind}`, encoding as BufferEncoding)
    })

for (const [name, event] of [
  ['chat_completions', chatEvent],
  ['messages', messagesEvent],
  ['responses', responsesEvent],
] as const) {
  test(`of a ${name} stream the same is read whether events are passed over or parsed, however it is cut`, () => {
    const stream = fc.array(
      fc.oneof(
        { weight: 3, arbitrary: framed(event).map((one) => [one]) },
        {
          weight: 2,
          arbitrary: fc
            .tuple(framed(event), fc.array(framed(event), { maxLength: 3 }))
            .map(([one, others]) => [one, one, one, ...others, one]),
        },
      ),
      { minLength: 1, maxLength: 8 },
    )
    fc.assert(
      fc.property(stream, fc.array(fc.nat(4000), { maxLength: 6 }), (events, cuts) => {
        const bytes = Buffer.concat(events.flat())
        expect(readingOf(name, bytes, cuts, true)).toEqual(readingOf(name, bytes, cuts, false))
      }),
      { numRuns: 400 },
    )
  })
}

test('a template matches events that differ only in their text and in what is ignored', () => {
  const event = (words: string, number: number, obfuscation: string): string =>
    `data: {"text":"${words}","sequence_number":${number},"obfuscation":"${obfuscation}"}\n\n`
  const template = EventTemplate.of(event('Hello', 1, 'ab'), 'Hello', ['sequence_number', 'obfuscation'])!
  const textIn = (other: string): string | undefined =>
    template.match(`:\n\n${other}more`, 3) === 3 + other.length
      ? `:\n\n${other}`.slice(template.start, template.end)
      : undefined
  expect(textIn(event('there', 23, ''))).toBe('there')
  expect(textIn(event('a \\" quote', 0, 'x'))).toBe('a \\" quote')
  for (const other of [
    event('there', 1.5, 'x'),
    event('there', 1, '\\x'),
    event('there","usage":{"a":"', 1, 'x'),
    event('line\nbreak', 1, 'x'),
    event('there', 1, 'x').replace('0', '00').replace(':1', ':01'),
    event('there', 1, 'x').replaceAll('\n', '\r'),
    event('there', 1, 'x').slice(0, -1),
  ])
    expect(textIn(other)).toBeUndefined()
  expect(EventTemplate.of('data: {"a":"same","b":"same"}\n\n', 'same', [])).toBeUndefined()
})

const sse = (event: string): string => `data: ${event}\n\n`

test('what an event says beside its text counts again after another event said something else', () => {
  const delta = (tier: string, inner: string): string =>
    sse(`{"model":"m","service_tier":"${tier}","choices":[{"index":0,"delta":${inner}}]}`)
  const [first, tools, last] = [
    delta('default', '{"content":"one"}'),
    delta('flex', '{"tool_calls":[{"function":{"name":"f"}}]}'),
    delta('default', '{"content":"two"}'),
  ]
  expect(readingOf('chat_completions', Buffer.from(first + first + tools + last), [], true)).toMatchObject({
    serviceTier: 'default',
    text: 'oneoneftwo',
  })
})

test('a text is not taken from a place where another member says the same', () => {
  const event = (id: string): string =>
    sse(`{"model":"m","id":"${id}","choices":[{"index":0,"delta":{"content":"\\u0061bc"}}]}`)
  const stream = Buffer.from(['abc', 'longer', 'longest'].map(event).join(''))
  expect(readingOf('chat_completions', stream, [], true)).toMatchObject({ text: 'abcabcabc', length: 9 })
})
