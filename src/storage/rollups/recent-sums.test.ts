import { expect, test } from 'bun:test'
import { sampleTrace } from '../../../test/support/trace.ts'
import type { Trace } from '../../traces/trace.ts'
import { RecentSums } from './recent-sums.ts'
import { rollUp } from './rollup-sums.ts'

const traces = (from: number, to: number): [number, Trace][] =>
  Array.from({ length: to - from + 1 }, (_, i) => [
    from + i,
    sampleTrace({ id: `t${from + i}`, latencyMs: from + i }),
  ])

/** What a roll-up would read. */
const read = (from: number, to: number) => rollUp(traces(from, to).map(([, trace]) => trace))

test('gives the sums of what comes right after the last trace in the rollups, a page at a time', () => {
  const recent = new RecentSums()
  recent.add(traces(5, 16))
  recent.add(traces(17, 2100))
  expect(recent.after(3, 1000)).toBeUndefined()
  expect(recent.after(4, 999)).toBeUndefined()
  expect(recent.after(4, 1000)).toEqual({ deltas: read(5, 1004), lastSeq: 1004, traces: 1000 })
  // A transaction that failed comes again.
  expect(recent.after(4, 1000)?.lastSeq).toBe(1004)
  expect(recent.after(1004, 1000)?.traces).toBe(1000)
  expect(recent.after(2004, 1000)).toEqual({ deltas: read(2005, 2100), lastSeq: 2100, traces: 96 })
  recent.add(traces(2101, 2102))
  expect(recent.after(2004, 1000)?.lastSeq).toBe(2100)
  expect(recent.after(2100, 1000)).toEqual({ deltas: read(2101, 2102), lastSeq: 2102, traces: 2 })
})

test('knows nothing of a page whose beginning somebody else has summed up', () => {
  const recent = new RecentSums()
  recent.add(traces(1, 1200))
  expect(recent.after(500, 1000)).toBeUndefined()
  expect(recent.after(1000, 1000)).toMatchObject({ traces: 200 })
})

test('forgets what another connection may have changed, and what it has written between', () => {
  const recent = new RecentSums()
  recent.see(7)
  recent.add(traces(1, 10))
  recent.see(7)
  expect(recent.after(0, 1000)?.traces).toBe(10)
  recent.see(8)
  expect(recent.after(0, 1000)).toBeUndefined()
  recent.add(traces(11, 20))
  recent.add(traces(22, 23))
  expect(recent.after(10, 1000)).toBeUndefined()
  expect(recent.after(21, 1000)?.traces).toBe(2)
  recent.forget()
  expect(recent.after(21, 1000)).toBeUndefined()
})

test('keeps a bounded number of sums', () => {
  const recent = new RecentSums()
  recent.add(traces(1, 16_001))
  expect(recent.after(0, 1000)).toBeUndefined()
  expect(recent.after(16_000, 1000)?.traces).toBe(1)
})
