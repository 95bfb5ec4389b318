import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { countedWork } from '../../../test/support/counted-work.ts'
import { EventFraming } from './event-framing.ts'
import { EventPieces, type Framing } from './event-pieces.ts'

/** The events of a stream that is cut at some places. @param releases whether what has come of an event is taken out with each chunk */
function piecesOf(bytes: Uint8Array, framing: Framing, cuts: readonly number[], releases = 'no'): string[] {
  const pieces = new EventPieces(framing)
  const events: string[] = []
  let open = ''
  const text = (piece: Uint8Array): string => Buffer.from(piece).toString('latin1')
  let from = 0
  for (const cut of [...cuts, bytes.length]) {
    pieces.write(bytes.subarray(from, cut), (piece) => {
      events.push(open + text(piece))
      open = ''
    })
    if (releases === 'yes') open += text(pieces.release())
    from = cut
  }
  const rest = open + text(pieces.end())
  return rest === '' ? events : [...events, rest]
}

const stream = fc
  .array(
    fc.constantFrom('data: a', 'event: b', '\n', '\n\n', '\r', '\r\n', '\r\n\r\n', ': c', '{"d":1}', 'é'),
  )
  .map((parts) => Buffer.from(parts.join('')))

test('pieces put together are the stream, and are the same however it is cut', () => {
  fc.assert(
    fc.property(stream, fc.constantFrom<Framing>('sse', 'lines'), (bytes, framing) => {
      const whole = piecesOf(bytes, framing, [])
      expect(whole.join('')).toBe(bytes.toString('latin1'))
      const single = Array.from({ length: bytes.length }, (_, i) => i)
      for (const cuts of [...single.map((cut) => [cut]), single])
        for (const releases of ['no', 'yes']) expect(piecesOf(bytes, framing, cuts, releases)).toEqual(whole)
    }),
  )
})

test('an event ends with its empty line, or with its line', () => {
  const bytes = Buffer.from('a\r\nb\r\n\r\nc\n\nd\r\r\ne\n\n\nf')
  expect(piecesOf(bytes, 'sse', [])).toEqual(['a\r\nb\r\n\r\n', 'c\n\n', 'd\r\r\n', 'e\n\n', '\n', 'f'])
  expect(piecesOf(bytes, 'lines', []).slice(0, 4)).toEqual(['a\r\n', 'b\r\n', '\r\n', 'c\n'])
})

test('the texts of events put together are the stream, and places in their data are places in it', () => {
  fc.assert(
    fc.property(stream, (bytes) => {
      const framing = new EventFraming('sse')
      const events = [...framing.write(bytes), ...framing.end()]
      expect(events.map(({ raw }) => raw).join('')).toBe(bytes.toString('utf8'))
      for (const { raw, data, lines, others } of events) {
        for (const [i, line] of data.split('\n').entries()) {
          if (lines[i]) expect(raw.slice(lines[i][1], lines[i][1] + line.length)).toBe(line)
        }
        for (const { start, end } of others) expect(raw.slice(start, end)).not.toMatch(/^data/)
      }
    }),
  )
})

test('an event in chunks of a few bytes is copied in steps that grow with its length and with nothing else', () => {
  const [few, many] = [20_000, 160_000].map((size) => {
    const chunk = Buffer.from('data: 1\n')
    const pieces = new EventPieces('sse')
    const work = (): void => {
      for (let at = 0; at < size; at += chunk.length) pieces.write(chunk, () => undefined)
    }
    return countedWork(work) / size
  })
  expect(many!).toBeLessThan(few! * 1.5 + 1)
})
