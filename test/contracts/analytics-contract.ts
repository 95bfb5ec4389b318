import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import type { Storage } from '../../src/storage/contract/storage.ts'
import { SECOND, T0, at, manyTraces, scopeOf } from './reference-traces.ts'
import { queries } from './reference-queries.ts'
import { measured } from './reference-sums.ts'

/** What every store must do with sums over traces. `open` gives an empty store. */
export function analyticsContract(name: string, open: () => Promise<Storage>): void {
  describe(`analytics contract: ${name}`, () => {
    let storage: Storage
    beforeEach(async () => {
      storage = await open()
    })
    afterEach(() => storage.close())

    test('sums leave unknown costs out and say how many there are', async () => {
      await storage.write([
        at('a', 1, { costNanoUsd: 1_000 }),
        at('b', 2, { costNanoUsd: null, costStatus: 'unknown', model: 'other', apiKeyHash: '' }),
        at('c', 3, { costNanoUsd: 2_000, latencyMs: 240, timeToFirstTokenMs: 30 }),
      ])
      const reader = storage.everywhere()
      expect((await reader.measure({}, {})).rows).toMatchObject([
        {
          requests: 3,
          inputTokens: 33,
          outputTokens: 21,
          totalTokens: 54,
          costNanoUsd: 3_000,
          unknownCostRequests: 1,
          unmeteredRequests: 0,
        },
      ])
      const { rows: models } = await reader.measure({}, { group: 'model' })
      expect(
        models.map((row) => [
          row.group,
          row.requests,
          row.latencyMs / row.requests,
          row.timeToFirstTokenMs / row.requests,
          row.unknownCostRequests,
        ]),
      ).toEqual([
        ['gpt-4o-mini', 2, 180, 15, 0],
        ['other', 1, 120, 0, 1],
      ])
      expect(
        (await reader.measure({}, { group: 'api_key' })).rows.map((row) => [row.group, row.lastCreatedAtUs]),
      ).toEqual([['key-a', T0 + 3 * SECOND]])
      expect((await reader.measure({ provider: 'nobody' }, {})).rows).toMatchObject([
        { requests: 0, costNanoUsd: 0 },
      ])
    })

    test('sums are those of the traces themselves, whatever is asked and however they came in', async () => {
      const traces = manyTraces(600)
      const jobs = storage.maintenance()
      for (let i = 0; i < traces.length; i += 37) {
        await storage.write(traces.slice(i, i + 37))
        // Behind, so that at the end some are rolled up and some are not.
        await jobs.rollUp(i % 2 === 0 ? 20 : 50)
      }
      // What a journal writes again is not counted again.
      await storage.write(traces.slice(100, 140))
      for (const { filter, options, tenant } of queries()) {
        const reader = tenant ? storage.within(scopeOf(tenant)) : storage.everywhere()
        const { rows, more } = await reader.measure(filter, options)
        const wanted = measured(traces, filter, options, tenant)
        expect({ filter, options, tenant, rows, more }).toEqual({
          filter,
          options,
          tenant,
          ...wanted,
        } as never)
      }
    }, 300_000)

    test('a query that would read too many traces one by one is refused, if a bound is given', async () => {
      await storage.write(manyTraces(300))
      await storage.maintenance().rollUp(300)
      const reader = storage.everywhere()
      const combined = { client: 'claude-cli', apiKeyHash: 'hash-a' }
      const refused = reader.measure(combined, { group: 'session', maxTraces: 20 })
      expect(refused).rejects.toThrow(/would read \d+ traces; ask for a shorter range/)
      expect((await reader.measure(combined, { group: 'session' })).rows.length).toBe(3)
      const oneDay = { ...combined, fromUs: T0, toUs: T0 + 86_400 * SECOND }
      expect((await reader.measure(oneDay, { group: 'session', maxTraces: 20 })).rows.length).toBeLessThan(4)
      // What the rollups serve has no bound.
      expect((await reader.measure({}, { group: 'session', maxTraces: 1 })).rows.length).toBe(3)
    })

    test('a list of groups keeps those with the most requests, also as a series', async () => {
      await storage.write(Array.from({ length: 400 }, (_, i) => at(`t${i}`, i * 3600, { model: `m${i}` })))
      const reader = storage.everywhere()
      expect((await reader.measure({}, { group: 'model', bucket: 'hour' })).rows.length).toBe(400)
      expect((await reader.measure({}, { group: 'model', bucket: 'hour', limit: 5 })).rows.length).toBe(5)
      expect((await reader.measure({}, { group: 'model', limit: 5 })).more).toBe(true)
    })
  })
}
