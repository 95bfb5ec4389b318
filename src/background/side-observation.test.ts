import { expect, test } from 'bun:test'
import { gzipSync } from 'node:zlib'
import { wireApiNamed } from '../providers/registry.ts'
import { SideObservation } from './side-observation.ts'

const API = wireApiNamed('chat_completions')!
const FACTS = { mediaType: 'application/json', codings: 'gzip' }
const USAGE = { prompt_tokens: 10, completion_tokens: 2, total_tokens: 12 }

const responseOf = (megabytes: number): Buffer =>
  Buffer.from(
    JSON.stringify({
      model: 'gpt-5.4-mini',
      choices: [{ message: { content: 'x'.repeat(megabytes * 1024 * 1024) } }],
      usage: USAGE,
    }),
  )

test('a small body is decoded at once, one that decodes to megabytes piece by piece; both are read to their end', async () => {
  for (const megabytes of [0, 3]) {
    const side = new SideObservation('response', API, FACTS, 1000)
    side.whole(gzipSync(responseOf(megabytes)), 1)
    expect(side.decoding).toBe(megabytes > 0)
    await side.end()
    expect([side.reading.model, side.reading.usage, side.notes]).toEqual(['gpt-5.4-mini', USAGE, []])
    expect(side.body!.truncated).toBe(megabytes > 0)
  }
})

test('what cannot be decoded is noted', async () => {
  const side = new SideObservation('response', API, FACTS, 0)
  side.whole(Buffer.from('not gzip'), 1)
  await side.end()
  expect(side.notes).toEqual(['the body is not valid gzip'])
})

test('content on which the reading fails ends the reading, says so without the content, and is not taken for whole', async () => {
  const failing = {
    ...API,
    foldEvent: () => {
      throw new TypeError('cannot read "my secret"')
    },
  }
  const side = new SideObservation('response', failing, { mediaType: 'text/event-stream', codings: '' }, 0)
  side.whole(Buffer.from('data: {"a":1}\n\ndata: {"b":2}\n\ndata: [DONE]\n\n'), 1)
  await side.end()
  expect(side.notes).toEqual(['the content could not be read (TypeError)'])
  expect([side.reading.complete, side.opaque]).toEqual([false, false])
})
