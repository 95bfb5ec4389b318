import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { tokensCost, tokensNanoUsd, toNanoUsd } from './money.ts'

const line = fc.record({
  tokens: fc.oneof(fc.nat(200_000), fc.nat(10_000_000_000)),
  usd_per_million: fc.oneof(
    fc.nat(1_000_000_000).map((nano) => nano / 1e9),
    fc.constantFrom(0, 0.075, 0.15, 1.25, 2.5, 3.75, 15, 600),
  ),
})

test('the quick sum of token costs is the exact one, or none', () => {
  let quick = 0
  fc.assert(
    fc.property(fc.array(line, { maxLength: 6 }), (lines) => {
      const sum = tokensNanoUsd(lines)
      const exact = toNanoUsd(
        lines.reduce(
          (total, { tokens, usd_per_million: rate }) => total + tokensCost(tokens, rate, 1000),
          0n,
        ),
      )
      if (sum !== undefined) quick += 1
      expect(sum ?? exact).toBe(exact)
    }),
    { numRuns: 3000 },
  )
  expect(quick).toBeGreaterThan(100)
})

test('half a nano-USD is rounded up, and a sum that a number does not hold is none', () => {
  expect(tokensNanoUsd([{ tokens: 1, usd_per_million: 0.0005 }])).toBe(1)
  expect(tokensNanoUsd([{ tokens: 1, usd_per_million: 0.000499999 }])).toBe(0)
  expect(tokensNanoUsd([{ tokens: 10_000_000_000, usd_per_million: 15 }])).toBeUndefined()
})
