import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import type { Storage } from '../../src/storage/contract/storage.ts'
import { sampleTrace } from '../support/trace.ts'
import { SECOND, T0, at, manyTraces } from './reference-traces.ts'
import { measured } from './reference-sums.ts'

/** What every store must do in long jobs: new costs, rollups, retention, counts. `open` gives an empty store. */
export function traceMaintenanceContract(name: string, open: () => Promise<Storage>): void {
  describe(`trace maintenance contract: ${name}`, () => {
    let storage: Storage
    beforeEach(async () => {
      storage = await open()
    })
    afterEach(() => storage.close())

    test('costs are replaced page by page, and a job goes on where it was', async () => {
      await storage.write(
        ['a', 'b', 'c'].map((id, i) => at(id, i, { costNanoUsd: null, costStatus: 'unknown' })),
      )
      const jobs = storage.maintenance()
      expect(await jobs.count({}, 0)).toBe(3)
      const [first] = await jobs.page({}, 0, 1)
      const trace = { ...first!.trace, costNanoUsd: 7, costStatus: 'exact' as const }
      await jobs.replaceCosts('job', [{ seq: first!.seq, trace }], first!.seq)
      expect(await storage.everywhere().getTrace('a')).toMatchObject({ costNanoUsd: 7, costStatus: 'exact' })
      expect(await jobs.progress('job')).toBe(first!.seq)
      expect(await jobs.progress('other')).toBe(0)
      expect((await jobs.page({}, first!.seq, 10)).map((stored) => stored.trace.id)).toEqual(['b', 'c'])
      expect(await jobs.count({ fromUs: T0 + 2 * SECOND }, 0)).toBe(1)
      await jobs.finish('job')
      expect(await jobs.progress('job')).toBe(0)
      expect((await jobs.seenModels())[0]).toMatchObject({
        provider: 'openai',
        model: 'gpt-4o-mini',
        traces: 3,
      })
    })

    test('what is counted is what is there, in bytes, whatever is written, priced anew and deleted', async () => {
      const jobs = storage.maintenance()
      const traces = ['a', 'b', 'c'].map((id, i) =>
        at(id, i, {
          metadata: { note: 'naïve 😀 日本' },
          requestBody: Buffer.from(`{"n":${i},"text":"${'körper '.repeat(30_000)}"}`),
          responseBody: Buffer.from('😀'),
        }),
      )
      await storage.write(traces)
      expect(await jobs.checkCounts()).toEqual([])
      const [first] = await jobs.page({}, 0, 1)
      const { trace } = first!
      const note = 'priced anew: ü 😀'
      const detail = { ...trace.detail, cost: { ...trace.detail.cost, note } }
      await jobs.replaceCosts('job', [{ seq: first!.seq, trace: { ...trace, costNanoUsd: 7, detail } }], 1)
      expect(await jobs.checkCounts()).toEqual([])
      while ((await jobs.rollUp(10)) > 0);
      expect(await jobs.deleteTraces(T0 + SECOND, 10)).toBe(1)
      expect(await jobs.checkCounts()).toEqual([])
    })

    test('sums stay exact when traces are priced anew', async () => {
      const traces = manyTraces(120)
      await storage.write(traces)
      const jobs = storage.maintenance()
      expect(await jobs.rollUp(70)).toBe(70)
      const page = await jobs.page({}, 0, 200)
      const updates = page.map(({ seq, trace }, i) => ({
        seq,
        trace:
          i % 3 === 0
            ? { ...trace, costNanoUsd: null, costStatus: 'unknown' as const }
            : { ...trace, costNanoUsd: i * 1000, costStatus: 'exact' as const },
      }))
      await jobs.replaceCosts('job', updates, page.at(-1)!.seq)
      const now = traces.map((trace) => {
        const { costNanoUsd, costStatus } = updates.find((update) => update.trace.id === trace.id)!.trace
        return { ...trace, costNanoUsd, costStatus }
      })
      for (const group of ['model', 'client', 'tag.team', 'session'] as const) {
        const options = { group, percentiles: true }
        expect(await storage.everywhere().measure({}, options)).toEqual(measured(now, {}, options))
      }
      expect((await jobs.checkRollups(0, T0 + 1e12)).different).toEqual([])
    })

    test('bodies are kept once, whoever repeats them, and go when nothing refers to them', async () => {
      const conversation = Buffer.from(
        Array.from({ length: 20_000 }, (_, i) => `word${(i * 7919) % 10_007}`).join(' '),
      )
      const turn = (id: string, i: number, more: string, values = {}): ReturnType<typeof sampleTrace> =>
        at(id, i * 86_400, { requestBody: Buffer.concat([conversation, Buffer.from(more)]), ...values })
      const jobs = storage.maintenance()
      await storage.write([turn('a', 0, 'first')])
      const once = (await jobs.counters()).bodyBytes
      expect(once).toBeLessThan(conversation.length)
      await storage.write([turn('b', 1, 'first second'), turn('c', 2, 'first second third')])
      const thrice = (await jobs.counters()).bodyBytes
      expect(thrice - once).toBeLessThan(once / 3)
      // Another workspace's bodies are its own, be they the same.
      await storage.write([turn('d', 3, 'first', { workspaceId: 'other' })])
      expect((await jobs.counters()).bodyBytes - thrice).toBe(once)

      const body = async (id: string): Promise<string | null> => {
        const trace = await storage.everywhere().getTrace(id)
        return trace?.requestBody ? Buffer.from(trace.requestBody).toString('utf8') : null
      }
      expect(await body('c')).toBe(`${conversation.toString()}first second third`)
      const { items } = await storage
        .within({ organizationId: 'default', workspaceIds: ['default'] })
        .wholeTraces({}, { limit: 10, order: 'newest', bodies: true })
      expect(items.map((trace) => trace.requestBody?.length)).toEqual(
        ['first second third', 'first second', 'first'].map((more) => conversation.length + more.length),
      )

      const day = (i: number): number => T0 + i * 86_400 * SECOND
      expect((await jobs.oldest()).bodiesUs).toBe(day(0))
      expect(await jobs.deleteBodies(day(2), 1)).toBe(1)
      expect([await body('a'), await body('b')]).toEqual([null, `${conversation.toString()}first second`])
      expect(await jobs.deleteBodies(day(2), 10)).toBe(1)
      expect(await jobs.deleteBodies(day(2), 10)).toBe(0)
      expect(await body('c')).toBe(`${conversation.toString()}first second third`)
      expect(await jobs.deleteBodies(day(9), 10)).toBe(2)
      expect(await jobs.counters()).toMatchObject({ traces: 4, bodyBytes: 0 })
    })

    test('deleting traces leaves the sums over them, and never the order of arrival', async () => {
      const traces = manyTraces(80)
      await storage.write(traces)
      const jobs = storage.maintenance()
      const before = await storage.everywhere().measure({}, { group: 'model', percentiles: true })
      // What is not in the rollups yet stays.
      expect(await jobs.deleteTraces(T0 + 1e13, 7)).toBe(0)
      while ((await jobs.rollUp(30)) > 0);
      while ((await jobs.deleteTraces(T0 + 1e13, 7)) > 0);
      expect(await storage.everywhere().countTraces()).toBe(1)
      expect(await jobs.counters()).toMatchObject({ traces: 1 })
      expect(await storage.everywhere().measure({}, { group: 'model', percentiles: true })).toEqual(before)
      const last = (await storage.everywhere().listTraces({}, { limit: 1, order: 'arrival' })).next!
      await storage.write([at('after', 9)])
      const { items } = await storage.everywhere().listTraces({}, { limit: 9, order: 'arrival', after: last })
      expect(items.map((trace) => trace.id)).toEqual(['after'])
      while ((await jobs.deleteRollups(T0 + 1e13, 100)) > 0);
      // What came since is still to be summed up.
      expect((await storage.everywhere().measure({}, {})).rows[0]).toMatchObject({ requests: 1 })
    })
  })
}
