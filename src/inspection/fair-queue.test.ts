import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { FairQueue, type QueueItem } from './fair-queue.ts'

interface Numbered extends QueueItem {
  readonly number: number
}

const items = fc
  .array(fc.record({ tenant: fc.constantFrom('a', 'b', 'c', 'd'), bytes: fc.integer({ min: 1, max: 9 }) }))
  .map((all) => all.map((item, number): Numbered => ({ ...item, number })))

function queueOf(all: readonly Numbered[]): FairQueue<Numbered> {
  const queue = new FairQueue<Numbered>()
  for (const item of all) queue.add(item)
  return queue
}

test('each tenant is served in its order, and none twice before all others that wait were', () => {
  fc.assert(
    fc.property(items, (all) => {
      const queue = queueOf(all)
      const waiting = new Map(
        [...Map.groupBy(all, ({ tenant }) => tenant)].map(([tenant, own]) => [tenant, [...own]]),
      )
      let round = new Set<string>()
      for (let item = queue.take(() => true); item; item = queue.take(() => true)) {
        expect(waiting.get(item.tenant)!.shift()).toBe(item)
        if (round.has(item.tenant)) {
          for (const [tenant, own] of waiting) if (own.length > 0) expect(round.has(tenant)).toBe(true)
          round = new Set()
        }
        round.add(item.tenant)
      }
      expect([...waiting.values()].flat()).toEqual([])
      expect(queue.bytes).toBe(0)
    }),
  )
})

test('what is taken from the longest line is its newest, and bytes are counted', () => {
  fc.assert(
    fc.property(items, (all) => {
      const queue = queueOf(all)
      const left = [...all]
      const sum = (tenant: string): number =>
        left.filter((item) => item.tenant === tenant).reduce((bytes, item) => bytes + item.bytes, 0)
      for (let item = queue.takeFromLongest(); item; item = queue.takeFromLongest()) {
        const { tenant } = item
        expect(sum(tenant)).toBe(Math.max(...['a', 'b', 'c', 'd'].map(sum)))
        const place = left.findLastIndex((one) => one.tenant === tenant)
        expect(left.splice(place, 1)).toEqual([item])
        expect(queue.bytes).toBe(left.reduce((bytes, one) => bytes + one.bytes, 0))
      }
      expect(left).toEqual([])
    }),
  )
})

test('a tenant that may not have its turn keeps its place', () => {
  const first = { tenant: 'a', bytes: 1, number: 1 }
  const second = { tenant: 'b', bytes: 1, number: 2 }
  const third = { tenant: 'a', bytes: 1, number: 3 }
  const queue = queueOf([first, second, third])
  expect(queue.take((tenant) => tenant !== 'a')).toBe(second)
  expect(queue.remove(third)).toBe(true)
  expect(queue.remove(third)).toBe(false)
  expect(queue.take(() => true)).toBe(first)
  expect(queue.take(() => true)).toBeUndefined()
})
