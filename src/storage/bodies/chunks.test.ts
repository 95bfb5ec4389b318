import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { cutBody, joinHashes, packChunk, splitHashes, unpackChunk } from './chunks.ts'

function prose(words: number, seed: number): string {
  let state = seed
  const text: string[] = []
  for (let i = 0; i < words; i++) {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31
    text.push(`word${state % 5000}`)
  }
  return text.join(' ')
}

test('the chunks of a body are the body, whatever it is', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 4000 }), fc.nat({ max: 20 }), (piece, times) => {
      const body = Buffer.concat(Array.from({ length: times }, () => piece))
      const chunks = cutBody(body)
      if (body.length < 1024) return expect(chunks).toEqual([])
      const again = chunks.map(({ bytes }) => unpackChunk(packChunk(bytes), bytes.length))
      expect(Buffer.compare(Buffer.concat(again), body)).toBe(0)
      return expect(splitHashes(joinHashes(chunks)).map((hash) => Buffer.from(hash).toString('hex'))).toEqual(
        chunks.map(({ bytes }) => Bun.SHA256.hash(bytes, 'hex')),
      )
    }),
  )
})

test('chunks are 4 KiB on average, and none is longer than 16 KiB', () => {
  const sizes = cutBody(Buffer.from(prose(200_000, 7))).map(({ bytes }) => bytes.length)
  expect(Math.max(...sizes)).toBeLessThanOrEqual(16 * 1024)
  const mean = sizes.reduce((sum, size) => sum + size, 0) / sizes.length
  expect([mean > 3000, mean < 8000]).toEqual([true, true])
})

test('something put in or appended changes only the chunks around it', () => {
  const before = prose(50_000, 3)
  const known = new Set(cutBody(Buffer.from(before)).map(({ hash }) => Buffer.from(hash).toString('hex')))
  const strange = (text: string): number =>
    cutBody(Buffer.from(text)).filter(({ hash }) => !known.has(Buffer.from(hash).toString('hex'))).length
  expect(strange(`${before} and one more turn`)).toBeLessThanOrEqual(2)
  expect(strange(`something before ${before}`)).toBeLessThanOrEqual(3)
  expect(strange(`${before.slice(0, 100_000)} INSERTED ${before.slice(100_000)}`)).toBeLessThanOrEqual(4)
})

test('a damaged chunk is an error', () => {
  const bytes = Buffer.from(prose(500, 1))
  expect(() => unpackChunk(packChunk(bytes).slice(0, 40), bytes.length)).toThrow()
  expect(() => unpackChunk(bytes, bytes.length - 1)).toThrow('damaged')
})
