import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { LatencyHistogram } from './latency-histogram.ts'

function of(...values: number[]): LatencyHistogram {
  const histogram = new LatencyHistogram()
  for (const value of values) histogram.add(value)
  return histogram
}

/** The contract's own definition over all values. */
function exact(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  if (sorted.length === 0) return 0
  const rank = share * (sorted.length - 1)
  const lower = Math.floor(rank)
  if (lower + 1 >= sorted.length) return sorted.at(-1)!
  return sorted[lower]! + (sorted[lower + 1]! - sorted[lower]!) * (rank - lower)
}

describe('latency histogram', () => {
  test('percentiles as the contract has them', () => {
    expect(of().percentiles([0.5])).toEqual([0])
    expect(of(100).percentiles([0.99])).toEqual([100])
    expect(of(10, 20, 30, 40, 50).percentiles([0.5, 0, 1])).toEqual([30, 10, 50])
    expect(of(50, 100, 150, 200, 500).percentiles([0.5, 0.95])).toEqual([150, 440])
  })

  test('exact below 2048 ms, and never more than 0.1 % low above', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat({ max: 2 ** 31 - 1 }), { minLength: 1, maxLength: 60 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (values, share) => {
          const [found] = of(...values).percentiles([share])
          const wanted = exact(values, share)
          expect(found! <= wanted + 1e-3).toBe(true)
          expect(found! >= wanted * (1 - 1 / 1024) - 1e-3).toBe(true)
          const small = values.map((value) => value % 2048)
          expect(of(...small).percentiles([share])[0]).toBeCloseTo(exact(small, share), 2)
        },
      ),
    )
  })

  test('parts add up to the whole, also through their encoded form', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.nat({ max: 2 ** 31 - 1 }), { maxLength: 40 }), { maxLength: 6 }),
        (parts) => {
          const sum = new LatencyHistogram()
          for (const part of parts) sum.addEncoded(of(...part).encode())
          const whole = of(...parts.flat())
          expect(sum.total).toBe(whole.total)
          expect([...sum.encode()]).toEqual([...whole.encode()])
          const encoded = parts.reduce(
            (stored: Uint8Array, part) => of(...part).encode(stored),
            new Uint8Array(),
          )
          expect([...encoded]).toEqual([...whole.encode()])
        },
      ),
    )
  })

  test('counts past 32 bits survive, a torn form is an error', () => {
    const histogram = new LatencyHistogram()
    histogram.add(7, 2 ** 40)
    const again = new LatencyHistogram()
    again.addEncoded(histogram.encode())
    expect(again.total).toBe(2 ** 40)
    expect(() => again.addEncoded(histogram.encode().slice(0, 2))).toThrow(RangeError)
    expect(() => again.encode(histogram.encode().slice(0, 2))).toThrow(RangeError)
  })
})
