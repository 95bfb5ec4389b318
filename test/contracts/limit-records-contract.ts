import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import type { Storage } from '../../src/storage/contract/storage.ts'
import type { Trace } from '../../src/traces/trace.ts'
import { T0, at } from './reference-traces.ts'

/** What every store must keep for limits beside the ledger. `open` gives an empty store. */
export function limitRecordsContract(name: string, open: () => Promise<Storage>): void {
  describe(`limit records contract: ${name}`, () => {
    let storage: Storage
    beforeEach(async () => {
      storage = await open()
    })
    afterEach(() => storage.close())

    test('what operators change of budgets is kept, a reset apart from a raise', async () => {
      const records = storage.limitRecords()
      expect(await records.adjustments()).toEqual([])
      const now = 1_800_000_000_000
      const raise = { raisedToNanoUsd: 9_007_199_254_740_991, raisedUntilMs: 8_640_000_000_000_000 }
      await records.adjust('money', 'key:o/w/k', raise, now)
      await records.adjust('old', 'key:o/w/k', { raisedToNanoUsd: 5, raisedUntilMs: now + 1 }, now)
      const reset = { resetFromMs: 0, forgivenNanoUsd: 12, forgivenTokens: 3 }
      await records.adjust('money', 'key:o/w/k', reset, now + 2)
      const never = { resetFromMs: -1, forgivenNanoUsd: 0, forgivenTokens: 0 }
      const kept = { policy: 'money', counter: 'key:o/w/k', ...reset, ...raise }
      // A raise that has ended goes with the next change; a reset of a budget of all time stays.
      expect(await records.adjustments()).toEqual([kept])
      await records.adjust('money', 'key:o/w/other', { ...raise, raisedToNanoUsd: 7 }, now + 3)
      expect(await records.adjustments()).toEqual([
        { policy: 'money', counter: 'key:o/w/other', ...never, ...raise, raisedToNanoUsd: 7 },
        kept,
      ])
    })

    test('averages by key and model are of what was answered', async () => {
      const of = (id: string, second: number, values: Partial<Trace>): Trace =>
        at(id, second, { gatewayKeyId: 'k', model: 'm', provider: 'p', ...values })
      await storage.write([
        of('a', 1, { costNanoUsd: 100, outputTokens: 10 }),
        of('b', 2, { costNanoUsd: 300, outputTokens: 30 }),
        of('c', 3, { costNanoUsd: null, costStatus: 'unknown', outputTokens: 20 }),
        of('d', 4, { costNanoUsd: 0, outputTokens: 0, responseStatus: 500 }),
        of('e', 5, { costNanoUsd: 7, outputTokens: 7, model: 'another' }),
        of('f', 6, {
          costNanoUsd: 0,
          costStatus: 'included',
          listPriceNanoUsd: 9,
          outputTokens: 9,
          model: 'paid',
        }),
      ])
      await storage.maintenance().rollUp(10)
      const records = storage.limitRecords()
      const sinceUs = T0 - 86_400_000_000
      const averages = await records.averages(sinceUs, 10)
      expect(
        averages
          .map(
            ({ keyId, provider, model, costNanoUsd, outputTokens }) =>
              [keyId, provider, model, costNanoUsd, outputTokens] as const,
          )
          .sort((a, b) => b[3] - a[3]),
      ).toEqual([
        ['k', 'p', 'm', 200, 20],
        ['k', 'p', 'paid', 9, 9],
        ['k', 'p', 'another', 7, 7],
      ])
      expect(await records.averages(sinceUs, 1)).toHaveLength(1)
      expect(await records.averages(T0 + 90 * 86_400_000_000, 10)).toEqual([])
    })
  })
}
