import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import type { Storage } from '../../src/storage/contract/storage.ts'
import type { Trace } from '../../src/traces/trace.ts'
import { sampleTrace } from '../support/trace.ts'

const DAY = 86_400_000_000

/** What every store must do with the ledger of what was spent. `open` gives an empty store. */
export function spendLedgerContract(name: string, open: () => Promise<Storage>): void {
  describe(`spend ledger contract: ${name}`, () => {
    let storage: Storage
    beforeEach(async () => {
      storage = await open()
    })
    afterEach(() => storage.close())

    const now = Date.now() * 1000
    const at = (us: number, instance: string, i: number, values: Partial<Trace> = {}): Trace =>
      sampleTrace({
        id: `${instance}-${i}`,
        startedAtUs: us,
        costNanoUsd: 7,
        totalTokens: 3,
        spend: { subjects: ['s'], instance, assumedNanoUsd: 0, reserved: false },
        ...values,
      })

    test('spend is summed by subject and quarter hour, once for each trace', async () => {
      const slotUs = Math.floor(now / 900_000_000) * 900_000_000
      const unknown = { costNanoUsd: null, costStatus: 'unknown' } as const
      const assumed = { subjects: ['s', 't'], instance: 'b', assumedNanoUsd: 5, reserved: true }
      const traces = [at(slotUs, 'a', 0), at(slotUs + 1, 'b', 1, { ...unknown, spend: assumed })]
      await storage.write(traces)
      await storage.write(traces)
      const ledger = storage.spend()
      const of = { slotUs, tokens: 3, assumedNanoUsd: 5, unknownCostRequests: 1 }
      expect(await ledger.read(['s', 't', 'u'], slotUs, [])).toEqual([
        { ...of, subject: 's', costNanoUsd: 7, tokens: 6 },
        { ...of, subject: 't', costNanoUsd: 0 },
      ])
      expect(await ledger.read(['s', 't'], slotUs, ['b'])).toEqual([
        { subject: 's', slotUs, costNanoUsd: 7, tokens: 3, assumedNanoUsd: 0, unknownCostRequests: 0 },
      ])
      expect(await ledger.read(['s'], slotUs + 1, [])).toEqual([])
      expect(await ledger.read([], 0, [])).toEqual([])
    })

    test('merging old rows drops the gateway and keeps the sums', async () => {
      await storage.write([
        at(now, 'a', 0),
        at(now - 5 * DAY, 'a', 1),
        at(now - 5 * DAY, 'b', 2),
        at(now - 800 * DAY, 'a', 3),
        at(now - 100 * DAY - (now % DAY) + 1, 'a', 5),
        at(now - 100 * DAY - (now % DAY) + DAY / 2, 'b', 6),
        at(now - 900 * DAY, 'b', 4),
      ])
      const sum = async (fromUs: number, except: string[] = []): Promise<number> =>
        (await storage.spend().read(['s'], fromUs, except)).reduce(
          (total, { costNanoUsd }) => total + costNanoUsd,
          0,
        )
      expect([await sum(0), await sum(now - 10 * DAY), await sum(0, ['a'])]).toEqual([49, 21, 21])
      while ((await storage.spend().fold(now - 3 * DAY, 2)) > 0);
      expect([await sum(0), await sum(now - 10 * DAY), await sum(0, ['a'])]).toEqual([49, 21, 42])
      expect(await storage.spend().read(['s'], 0, [])).toHaveLength(4)
    })
  })
}
