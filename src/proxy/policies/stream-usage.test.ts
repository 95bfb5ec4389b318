import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { topLevelSpans, valueAt } from '../../wire/json/spans.ts'
import { askForUsage, UsageEventFilter } from './stream-usage.ts'

const asked = (json: string): string | undefined => {
  const bytes = askForUsage(Buffer.from(json))
  return bytes && Buffer.from(bytes).toString('utf8')
}

test('members of any object are found where they stand, whatever is nested beside them', () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.constantFrom('model', 'stream', 'a"b', 'é', 'x'), fc.jsonValue({ maxDepth: 3 })),
      fc.constantFrom(undefined, 1, '\t'),
      (object, indent) => {
        const json = Buffer.from(JSON.stringify(object, null, indent))
        const spans = topLevelSpans(json, ['model', 'stream', 'a"b', 'é'])
        const found = Object.fromEntries([...spans].map(([name, span]) => [name, valueAt(json, span)]))
        const { x: _, ...wanted } = object
        expect(JSON.stringify(sorted(found))).toBe(JSON.stringify(sorted(wanted)))
      },
    ),
  )
})

test('long strings, whatever is escaped in them, end where they end, wherever the document is cut', () => {
  const text = fc
    .array(fc.constantFrom('\\', '"', 'a'.repeat(70), 'é', '\n', 'b'), { maxLength: 60 })
    .map((parts) => parts.join(''))
  fc.assert(
    fc.property(text, text, fc.nat(), (before, model, cut) => {
      const json = Buffer.from(JSON.stringify({ before: [before, { in: before }], model, after: 1 }))
      const spans = topLevelSpans(json, ['model', 'after'])
      expect([valueAt(json, spans.get('model')), valueAt(json, spans.get('after'))]).toEqual([model, 1])
      const part = topLevelSpans(json.subarray(0, cut % json.length), ['model'])
      const found = valueAt(json, part.get('model'))
      if (part.has('model')) expect(found).toBe(model)
    }),
    { numRuns: 500 },
  )
})

function sorted(object: object): object {
  return Object.fromEntries(Object.entries(object).sort(([a], [b]) => (a < b ? -1 : 1)))
}

test('what is not an object, or broken off, has no members and does not hang', () => {
  for (const json of ['', '[]', 'null', '"x"', '{', '{"model"', '{"model":', '{"model":"x', '{"model":[1,']) {
    expect(topLevelSpans(Buffer.from(json), ['model']).size).toBe(0)
  }
})

test('a stream is asked for its usage by the fewest bytes', () => {
  expect(asked('{ "stream" : true , "model":"m"}')).toBe(
    '{ "stream" : true,"stream_options":{"include_usage":true} , "model":"m"}',
  )
  expect(asked('{"stream":true,"stream_options":null}')).toBe(
    '{"stream":true,"stream_options":{"include_usage":true}}',
  )
  expect(asked('{"stream_options":{ },"stream":true}')).toBe(
    '{"stream_options":{"include_usage":true },"stream":true}',
  )
  expect(asked('{"stream":true,"stream_options":{"include_obfuscation":false}}')).toBe(
    '{"stream":true,"stream_options":{"include_usage":true,"include_obfuscation":false}}',
  )
  expect(asked('{"stream":true,"stream_options":{"include_usage": false}}')).toBe(
    '{"stream":true,"stream_options":{"include_usage": true}}',
  )
})

test('nothing is asked where nothing streams, or it was asked for already', () => {
  for (const json of [
    '{"model":"m"}',
    '{"stream":false}',
    '{"stream":"true"}',
    '{"messages":[{"stream":true}]}',
    '{"stream":true,"stream_options":{"include_usage":true}}',
    '{"stream":true,"stream_options":[]}',
    'not json',
  ]) {
    expect(asked(json)).toBeUndefined()
  }
})

const CHUNK = 'data: {"choices":[{"index":0,"delta":{"content":"\\"usage\\" é"}}],"usage":null}'
const FILTERED = 'data: {"id":"c","choices":[],"prompt_filter_results":[]}'
const USAGE = 'data: {"choices": [],"usage": {"prompt_tokens":1}}'

function filtered(bytes: Buffer, cuts: readonly number[]): string {
  const filter = new UsageEventFilter()
  const passed: Uint8Array[] = []
  let from = 0
  for (const cut of [...cuts, bytes.length]) {
    passed.push(filter.write(bytes.subarray(from, cut)))
    from = cut
  }
  passed.push(filter.end())
  return Buffer.concat(passed).toString('utf8')
}

test('the event with the usage is taken out, all other bytes pass, wherever the stream is cut', () => {
  for (const end of ['\n\n', '\r\n\r\n', '\r\r']) {
    const other = `: comment${end}${CHUNK}${end}${FILTERED}${end}`
    const stream = Buffer.from(`${other}${USAGE}${end}data: [DONE]${end}`)
    const wanted = `${other}data: [DONE]${end}`
    expect(filtered(stream, [])).toBe(wanted)
    for (let cut = 0; cut <= stream.length; cut++) expect(filtered(stream, [cut])).toBe(wanted)
    fc.assert(
      fc.property(fc.array(fc.nat(stream.length), { maxLength: 30 }), (cuts) => {
        expect(
          filtered(
            stream,
            [...cuts].sort((a, b) => a - b),
          ),
        ).toBe(wanted)
      }),
      { numRuns: 50 },
    )
  }
})

test('an event too large to be the one passes before it ends, and what breaks off passes', () => {
  const large = Buffer.from(
    `data: {"choices":[{"delta":{"content":"${'x'.repeat(40_000)}"}}]}\n\n${USAGE}\n\n`,
  )
  const filter = new UsageEventFilter()
  expect(filter.write(large.subarray(0, 30_000)).length).toBeGreaterThan(29_000)
  expect(filtered(large, [30_000])).toBe(large.toString('utf8').slice(0, -USAGE.length - 2))
  expect(filtered(Buffer.from('data: {"choices":[],"usage":{}}'), [3])).toBe(
    'data: {"choices":[],"usage":{}}',
  )
})
