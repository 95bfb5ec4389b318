import { expect, test } from 'bun:test'
import fc from 'fast-check'
import type { Budget, CounterState, Take } from '../policies/take.ts'
import { decide, roomFor } from './decide.ts'

const budget = (enforcement: Budget['enforcement'], limit = 100): Budget => ({
  kind: 'budget',
  counter: 's',
  unit: 'cost',
  limit,
  enforcement,
  startMs: 0,
  endMs: 1,
})
const rate = (settles: boolean): Take => ({ kind: 'rate', counter: 'r', limit: 10, settles })
const at = (used: number, reserved = 0): CounterState => ({ used, reserved, resetMs: 0 })

test.each([
  [rate(false), 1, 9, 0, 'free'],
  [rate(false), 2, 9, 0, 'full'],
  [rate(true), 500, 9, 0, 'free'],
  [rate(true), 1, 10, 0, 'full'],
  [{ kind: 'concurrency', counter: 'c', limit: 2 }, 1, 1, 0, 'free'],
  [{ kind: 'concurrency', counter: 'c', limit: 2 }, 1, 2, 0, 'full'],
  [budget('soft'), 500, 1000, 1000, 'free'],
  [budget('hard'), 500, 99, 0, 'free'],
  [budget('hard'), 1, 50, 50, 'held'],
  [budget('hard'), 1, 100, 0, 'full'],
  [budget('strict'), 50, 25, 25, 'free'],
  [budget('strict'), 51, 25, 25, 'held'],
  [budget('strict'), 500, 99, 0, 'free'],
  [budget('strict'), 0, 100, 0, 'full'],
] as const)('%j has room for %d beside %d used and %d reserved: %s', (take, amount, used, reserved, room) => {
  expect(roomFor(take, amount, used, reserved)).toBe(room)
})

test('a spent budget is named first, then what else refuses; a wait comes last', () => {
  const takes = [budget('strict'), rate(false), budget('hard')]
  const amounts = [10, 1, 10]
  expect(decide(takes, amounts, [at(95, 1), at(10), at(100)])).toEqual({ kind: 'refuse', index: 2 })
  expect(decide(takes, amounts, [at(95, 1), at(10), at(0)])).toEqual({ kind: 'refuse', index: 1 })
  expect(decide(takes, amounts, [at(95, 1), at(0), at(0)])).toEqual({ kind: 'wait', index: 0 })
  expect(decide(takes, amounts, [at(0, 1), at(0), at(0)])).toEqual({ kind: 'admit' })
})

test('strict: in whatever order requests begin and end, at most what one that ran alone took is spent beyond the budget', () => {
  const request = fc.record({
    most: fc.option(fc.integer({ min: 1, max: 60 }), { nil: undefined }),
    cost: fc.nat(200),
  })
  fc.assert(
    fc.property(fc.array(request, { maxLength: 60 }), fc.array(fc.nat(9), { maxLength: 60 }), (all, ends) => {
      const take = budget('strict')
      const open: { amount: number; cost: number }[] = []
      let [used, reserved, unbounded] = [0, 0, 0]
      const end = (index: number): void => {
        const [ending] = open.splice(index % Math.max(1, open.length), 1)
        used += ending?.cost ?? 0
        reserved -= ending?.amount ?? 0
      }
      for (const [i, { most, cost }] of all.entries()) {
        const amount = most ?? take.limit
        if (roomFor(take, amount, used, reserved) === 'free') {
          reserved += amount
          // What is bounded costs no more than its bound.
          open.push({ amount, cost: Math.min(cost, most ?? Infinity) })
          if (most === undefined || used + reserved > take.limit)
            unbounded = Math.max(unbounded, open.at(-1)!.cost)
        }
        if ((ends[i] ?? 9) < 5) end(ends[i]!)
      }
      while (open.length > 0) end(0)
      expect(used).toBeLessThanOrEqual(take.limit + unbounded)
    }),
  )
})
