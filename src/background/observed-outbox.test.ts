import { expect, test } from 'bun:test'
import { gzipSync } from 'node:zlib'
import type { ObservedContent, WireFacts } from '../traces/exchange.ts'
import type { ObservedBatch } from './protocol.ts'
import { ObservedOutbox } from './observed-outbox.ts'
import { ExchangeReader } from './exchange-reader.ts'
import { sampleExchange } from '../../test/support/exchange.ts'

const WIRE: WireFacts = { provider: 'openai', api: 'chat_completions' }
const NOTHING = { request: undefined, response: undefined }

const content = (id: string, codings = 'identity'): ObservedContent => ({
  id,
  side: 'response',
  wire: WIRE,
  facts: { mediaType: 'text/event-stream', codings },
})

/** A stream whose usage and text are of its own. */
const streamOf = (number: number): Buffer =>
  Buffer.from(
    `data: {"model":"gpt-5.4-mini","choices":[{"delta":{"content":"${'é'.repeat(500 + number)}"}}]}\n\n` +
      `data: {"choices":[],"usage":{"prompt_tokens":${number},"completion_tokens":2}}\n\ndata: [DONE]\n\n`,
  )

const exchangeOf = (id: string, responseBytes: number): ReturnType<typeof sampleExchange> =>
  sampleExchange({ id, wire: WIRE, responseBytes })

test('the chunks of many streams share batches, and each stream is read as if it were alone, however it is cut', async () => {
  const batches: ObservedBatch[] = []
  const outbox = new ObservedOutbox({ accept: () => true, post: (batch) => void batches.push(batch) })
  const streams = Array.from({ length: 40 }, (_, i) => {
    const codings = i % 4 === 3 ? 'gzip' : 'identity'
    const bytes: Uint8Array = codings === 'gzip' ? gzipSync(streamOf(i)) : streamOf(i)
    const size = [1, 7, 100, 5000][(i >> 1) & 3]!
    return { id: `e${i}`, bytes, size, tap: outbox.open(content(`e${i}`, codings)) }
  })
  for (let at = 0, more = true; more; at++) {
    more = false
    for (const { bytes, size, tap } of streams) {
      const chunk = bytes.subarray(at * size, (at + 1) * size)
      tap.take(chunk, at)
      more ||= (at + 1) * size < bytes.length
    }
  }
  for (const { tap } of streams) tap.end()
  outbox.flush()
  const bytesInAll = streams.reduce((sum, { bytes }) => sum + bytes.length, 0)
  const reader = new ExchangeReader(() => 1000)
  let looked = 0
  for (const batch of batches) reader.observe(batch, (bytes) => (looked += bytes))
  for (const [i, { id, bytes }] of streams.entries()) {
    const { response, notes, responseBody } = await reader.end(exchangeOf(id, bytes.length), NOTHING)
    expect([response.usage, response.output.length, response.complete, notes]).toEqual([
      { prompt_tokens: i, completion_tokens: 2 },
      500 + i,
      true,
      [],
    ])
    expect(streamOf(i).subarray(0, 1000).equals(responseBody!.bytes)).toBe(true)
  }
  expect(looked).toBe(bytesInAll)
  expect(reader.givenUp).toBe(0)
})

test('a tap whose piece found no room gives up for good; others go on', () => {
  const batches: ObservedBatch[] = []
  let room = true
  const outbox = new ObservedOutbox({ accept: () => room, post: (batch) => void batches.push(batch) })
  const [first, second] = [outbox.open(content('first')), outbox.open(content('second'))]
  const piece = (letter: string): Buffer => Buffer.alloc(3000, letter)
  first.take(piece('a'), 1)
  room = false
  first.take(piece('b'), 2)
  room = true
  first.take(piece('c'), 3)
  first.end()
  second.take(piece('d'), 4)
  second.end()
  outbox.flush()
  expect(lettersOf(batches)).toBe('ad')
})

test('after the death of a thread the next one reads only content that begins after it', () => {
  const batches: ObservedBatch[] = []
  const outbox = new ObservedOutbox({ accept: () => true, post: (batch) => void batches.push(batch) })
  const before = outbox.open(content('before'))
  before.take(Buffer.alloc(3000, 'a'), 1)
  outbox.threadDied()
  before.take(Buffer.alloc(3000, 'b'), 2)
  before.end()
  const after = outbox.open(content('after'))
  after.take(Buffer.from('c'), 3)
  after.end()
  outbox.flush()
  expect(lettersOf(batches)).toBe('c')
  expect(batches.flatMap(({ begun }) => begun.map(({ id }) => id))).toEqual(['after'])
})

test('a chunk is copied, however large it is: its memory may be used for something else', () => {
  const batches: ObservedBatch[] = []
  const outbox = new ObservedOutbox({ accept: () => true, post: (batch) => void batches.push(batch) })
  const memory = Buffer.alloc(100_000, 'x')
  const tap = outbox.open(content('e'))
  for (const size of [100, 5000, 90_000]) tap.take(memory.subarray(0, size), 0)
  memory.fill('y')
  tap.end()
  outbox.flush()
  expect(lettersOf(batches)).toBe('x')
  expect(batches.reduce((sum, { bytes }) => sum + bytes.length, 0)).toBe(95_100)
})

/** The letters of all batches, each once, in order. */
function lettersOf(batches: readonly ObservedBatch[]): string {
  return [...new Set(batches.map(({ bytes }) => Buffer.from(bytes).toString()).join(''))].join('')
}
