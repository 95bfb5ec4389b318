import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { SseDecoder, type SseEvent } from './sse-decoder.ts'

const MAX = 1024 * 1024

function decode(bytes: Uint8Array, cuts: readonly number[]): SseEvent[] {
  const decoder = new SseDecoder(MAX)
  const events: SseEvent[] = []
  let from = 0
  for (const cut of [...cuts, bytes.length]) {
    events.push(...decoder.write(bytes.subarray(from, cut)))
    from = cut
  }
  return [...events, ...decoder.end()]
}

const STREAM = Buffer.from(
  '\ufeff: a comment\r\nevent: first\r\ndata: {"text":"déjà vu 🎉"}\r\n\r\ndata:two\ndata: lines\n\nid: 7\rretry: 5\revent:after\rdata\r\r' +
    'data: last without a blank line',
)

const EVENTS: SseEvent[] = [
  { name: 'first', data: '{"text":"déjà vu 🎉"}' },
  { name: '', data: 'two\nlines' },
  { name: 'after', data: '' },
  { name: '', data: 'last without a blank line' },
]

test('a stream with LF, CR and CRLF, comments and a byte order mark gives its events', () => {
  expect(decode(STREAM, [])).toEqual(EVENTS)
})

test('JSON without a field name is an event too, over several lines or one, cut anywhere', () => {
  const raw = '{\n  "error": {"code": 503}\n}'
  const bytes = Buffer.from(`data: one\n\n${raw}\n\n{"error":1}\n\nid: 1\n\nnothing\n\n${raw}\ndata: two`)
  const events = ['one', raw, '{"error":1}', raw, 'two'].map((data) => ({ name: '', data }))
  for (let cut = 0; cut <= bytes.length; cut++) expect(decode(bytes, [cut])).toEqual(events)
})

test('a stream cut at any byte gives the same events', () => {
  for (let cut = 0; cut <= STREAM.length; cut++) expect(decode(STREAM, [cut])).toEqual(EVENTS)
})

test('a stream in chunks of one byte gives the same events', () => {
  expect(
    decode(
      STREAM,
      Array.from({ length: STREAM.length }, (_, i) => i),
    ),
  ).toEqual(EVENTS)
})

test('any events, written with any line ends and cut anywhere, come out as they went in', () => {
  const line = fc.string({ unit: fc.constantFrom('a', ' ', ':', 'é', '🎉', '{', '"') })
  const event = fc.record({ name: line, data: fc.array(line, { minLength: 1, maxLength: 3 }) })
  fc.assert(
    fc.property(
      fc.array(event, { maxLength: 5 }),
      fc.constantFrom('\n', '\r', '\r\n'),
      fc.array(fc.nat(400), { maxLength: 6 }),
      (events, end, cuts) => {
        const text = events
          .map(
            ({ name, data }) => `event: ${name}${end}${data.map((d) => `data: ${d}${end}`).join('')}${end}`,
          )
          .join('')
        const bytes = Buffer.from(text)
        const places = cuts.filter((cut) => cut < bytes.length).sort((a, b) => a - b)
        expect(decode(bytes, places)).toEqual(
          events.map(({ name, data }) => ({ name, data: data.join('\n') })),
        )
      },
    ),
  )
})

test('an event larger than the limit is left out and counted, and the stream goes on behind it', () => {
  const decoder = new SseDecoder(100)
  const events = [
    ...decoder.write(Buffer.from('data: before\n\n')),
    ...decoder.write(Buffer.from(`data: ${'x'.repeat(60)}`)),
    ...decoder.write(Buffer.from(`${'x'.repeat(60)}\n\ndata: after\n\n`)),
  ]
  expect(events.map((event) => event.data)).toEqual(['before', 'after'])
  expect(decoder.skipped).toBe(1)
})
