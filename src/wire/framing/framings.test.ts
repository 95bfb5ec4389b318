import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { countedWork } from '../../../test/support/counted-work.ts'
import { AwsEventStreamDecoder } from './aws-event-stream.ts'
import { JsonObjects } from './json-objects.ts'
import { MultipartFields } from './multipart-fields.ts'

/** Feeds bytes cut at the given places. */
function feed(bytes: Uint8Array, cuts: readonly number[], write: (piece: Uint8Array) => void): void {
  let from = 0
  for (const cut of [...cuts, bytes.length]) {
    write(bytes.subarray(from, cut))
    from = cut
  }
}

/** Every single cut, and one byte at a time. */
function everyCut(length: number): number[][] {
  return [...Array.from({ length: length + 1 }, (_, cut) => [cut]), Array.from({ length }, (_, i) => i + 1)]
}

function objects(bytes: Uint8Array, cuts: readonly number[], limit = 1000): unknown[] {
  const found: unknown[] = []
  const splitter = new JsonObjects(limit)
  feed(bytes, cuts, (piece) => found.push(...splitter.write(piece)))
  return found
}

test('objects come out of lines, of arrays and of one after another, wherever they are cut', () => {
  const values = [{ a: '}{"\\' }, { b: [1, { c: '[é' }] }, {}]
  const [x, y, z] = values.map((value) => JSON.stringify(value))
  for (const text of [
    `${x}\n${y}\r\n\n${z}`,
    `[${x},\r\n ${y} , ${z}]`,
    `${x}${y}${z}`,
    `junk ${x} 1 "{" ${y}${z}]`,
  ]) {
    const bytes = Buffer.from(text)
    for (const cuts of everyCut(bytes.length)) expect(objects(bytes, cuts)).toEqual(values)
  }
})

test('an object larger than the limit is left out, and the next one is not', () => {
  const bytes = Buffer.from(`{"a":"${'x'.repeat(100)}"}\n{"b":1}`)
  for (const cuts of everyCut(bytes.length)) expect(objects(bytes, cuts, 50)).toEqual([{ b: 1 }])
})

test('any list of objects survives any cut', () => {
  fc.assert(
    fc.property(
      fc.array(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 2 })), { maxLength: 5 }),
      fc.array(fc.nat(500)),
      (list, cuts) => {
        const bytes = Buffer.from(JSON.stringify(list))
        const within = cuts.filter((cut) => cut < bytes.length).sort((a, b) => a - b)
        expect(JSON.stringify(objects(bytes, within, 1e6))).toBe(JSON.stringify(list))
      },
    ),
  )
})

function message(name: string, payload: string, field = ':event-type'): Buffer {
  const type = Buffer.from(field)
  const value = Buffer.from(name)
  const headers = Buffer.concat([
    Buffer.of(4),
    Buffer.from('long'),
    Buffer.of(5, 0, 0, 0, 0, 0, 0, 0, 1),
    Buffer.of(type.length),
    type,
    Buffer.of(7, 0, value.length),
    value,
  ])
  const body = Buffer.from(payload)
  const prelude = Buffer.alloc(12)
  prelude.writeUInt32BE(12 + headers.length + body.length + 4, 0)
  prelude.writeUInt32BE(headers.length, 4)
  prelude.writeUInt32BE(Bun.hash.crc32(prelude.subarray(0, 8)), 8)
  const whole = Buffer.concat([prelude, headers, body])
  const checksum = Buffer.alloc(4)
  checksum.writeUInt32BE(Bun.hash.crc32(whole))
  return Buffer.concat([whole, checksum])
}

test('Amazon’s event stream is decoded wherever it is cut, and its damage ends the reading', () => {
  const bytes = Buffer.concat([
    message('contentBlockDelta', '{"delta":{"text":"é"}}'),
    message('metadata', '{"usage":{"inputTokens":1}}'),
  ])
  const decode = (input: Uint8Array, cuts: readonly number[]): unknown[] => {
    const decoder = new AwsEventStreamDecoder()
    const events: unknown[] = []
    feed(input, cuts, (piece) => events.push(...decoder.write(piece)))
    return [decoder.failed, ...events]
  }
  const events = [
    { name: 'contentBlockDelta', object: { delta: { text: 'é' } } },
    { name: 'metadata', object: { usage: { inputTokens: 1 } } },
  ]
  for (const cuts of everyCut(bytes.length)) expect(decode(bytes, cuts)).toEqual([false, ...events])
  for (let at = 0; at < bytes.length; at++) {
    const damaged = Buffer.from(bytes)
    damaged[at]! ^= 1
    const [, ...read] = decode(damaged, [])
    expect(read.length).toBeLessThan(2)
  }
  expect(decode(bytes.subarray(0, bytes.length - 1), [])).toEqual([false, events[0]!])
})

test('exceptions of Amazon’s event stream come out as errors, with a payload or without', () => {
  const bytes = Buffer.concat([
    message('throttlingException', '{"message":"slow down"}', ':exception-type'),
    message('InternalError', '', ':error-code'),
  ])
  expect(new AwsEventStreamDecoder().write(bytes)).toEqual([
    { name: '', object: { error: 'throttlingException' } },
    { name: '', object: { error: 'InternalError' } },
  ])
})

test('fields come out of a form wherever it is cut; files and long values pass by unread', () => {
  const body = Buffer.from(
    [
      '--b0undary',
      'Content-Disposition: form-data; name="file"; filename="model.wav"',
      'Content-Type: audio/wav',
      '',
      'RIFF\r\n--b0undar\r\nname="model"\r\n\r\nfake\r\n',
      '--b0undary',
      'content-disposition: form-data; name="model"',
      '',
      'whisper-1',
      '--b0undary',
      'Content-Disposition: form-data; name="n"',
      '',
      'x'.repeat(2000),
      '--b0undary',
      'Content-Disposition: form-data; name="model"',
      '',
      'second',
      '--b0undary--',
      '',
    ].join('\r\n'),
  )
  for (const cuts of everyCut(body.length)) {
    const fields = new MultipartFields(new Set(['model', 'n', 'file']))
    feed(body, cuts, (piece) => fields.write(piece))
    expect(fields.toObject()).toEqual({ model: 'whisper-1' })
  }
})

test('a form of many parts that comes at once is gone over once', () => {
  const part = '--b\r\nContent-Disposition: form-data; name="x"\r\n\r\n1\r\n'
  const [few, many] = [500, 4000].map((parts) => {
    const form = Buffer.from(`${part.repeat(parts)}--b--\r\n`)
    const fields = new MultipartFields(new Set(['model']))
    return countedWork(() => fields.write(form)) / form.length
  })
  expect(many!).toBeLessThan(few! * 1.5 + 1)
})

test('what is no form yields nothing and keeps nothing', () => {
  for (const text of ['', 'no form', '--', `--${'x'.repeat(200)}`, `--b\r\n${'y'.repeat(10_000)}`]) {
    const fields = new MultipartFields(new Set(['model']))
    fields.write(Buffer.from(text))
    expect(fields.toObject()).toEqual({})
  }
})

test('only what every server takes for a part is one, wherever the form is cut', () => {
  const part = (head: string, value: string): string => `--b\r\n${head}\r\n\r\n${value}\r\n`
  const named = (name: string): string => `Content-Disposition: form-data; name=${name}`
  const body = Buffer.from(
    [
      // A line that ends in LF alone, and one that only begins like the boundary, belong to the content.
      part(
        named('"other"'),
        `x\n--b\n${named('model')}\n\ncheap\n\r\n--bb\r\n${named('model')}\r\n\r\ncheap`,
      ),
      // Names are not decoded, and stand in one field only.
      part(named('"mod%65l"'), 'cheap'),
      part(`Content-Type: text/plain; name="model"\r\n${named('"n"')}`, '2'),
      part(named('model'), 'dear'),
      '--b--\r\n',
    ].join(''),
  )
  for (const cuts of everyCut(body.length)) {
    const fields = new MultipartFields(new Set(['model', 'n']))
    feed(body, cuts, (piece) => fields.write(piece))
    expect(fields.toObject()).toEqual({ n: '2', model: 'dear' })
    expect(fields.all('model')).toEqual(['dear'])
  }
})
