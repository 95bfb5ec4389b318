import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import type { Storage, TraceFilter } from '../../src/storage/storage.ts'
import { sampleTrace } from '../support/trace.ts'

const SECOND = 1_000_000
const T0 = Date.parse('2026-02-18T14:00:00Z') * 1000

/** What every store must do. `open` gives an empty one. */
export function storageContract(name: string, open: () => Promise<Storage>): void {
  describe(`storage contract: ${name}`, () => {
    let storage: Storage
    beforeEach(async () => {
      storage = await open()
    })
    afterEach(() => storage.close())

    const at = (id: string, second: number, values = {}): ReturnType<typeof sampleTrace> =>
      sampleTrace({ id, startedAtUs: T0 + second * SECOND, createdAtUs: T0 + second * SECOND, ...values })

    test('a trace comes back as it went in, bodies byte for byte', async () => {
      const body = Uint8Array.from([0, 255, 10, 195, 40, 0])
      const trace = at('a', 1, {
        requestBody: body,
        responseBody: Buffer.from('{"ok":true}'),
        costNanoUsd: null,
        costStatus: 'unknown',
      })
      await storage.write([trace])
      const read = await storage.everywhere().getTrace('a')
      expect({
        ...read,
        requestBody: [...(read?.requestBody ?? [])],
        responseBody: [...(read?.responseBody ?? [])],
      }).toEqual({
        ...trace,
        requestBody: [...body],
        responseBody: [...Buffer.from('{"ok":true}')],
      } as never)
    })

    test('a trace that is already stored is left as it is', async () => {
      await storage.write([at('a', 1, { model: 'first' })])
      await storage.write([at('a', 1, { model: 'second' }), at('b', 2)])
      expect(await storage.everywhere().getTrace('a')).toMatchObject({ model: 'first' })
      expect(await storage.everywhere().countTraces()).toBe(2)
    })

    test('an empty batch is a success', async () => {
      await storage.write([])
      expect(await storage.everywhere().countTraces()).toBe(0)
    })

    test('a handle of one tenant never sees another’s rows', async () => {
      await storage.write([
        at('a', 1, { organizationId: 'org-a', workspaceId: 'w' }),
        at('b', 2, { organizationId: 'org-b', workspaceId: 'w' }),
      ])
      const mine = storage.within({ organizationId: 'org-a', workspaceId: 'w' })
      expect(await mine.getTrace('b')).toBeUndefined()
      expect((await mine.listTraces({}, 10)).items.map((trace) => trace.id)).toEqual(['a'])
      expect(await mine.countTraces()).toBe(1)
      expect((await mine.totals({})).requests).toBe(1)
      expect((await mine.groupTotals({}, 'model')).map((row) => row.requests)).toEqual([1])
      expect(await storage.within({ organizationId: 'org-a', workspaceId: 'x' }).countTraces()).toBe(0)
    })

    test('pages run from the newest to the oldest without gap or repetition, also within one instant', async () => {
      await storage.write([at('a', 1), at('b', 2), at('c', 2), at('d', 3)])
      const reader = storage.everywhere()
      const first = await reader.listTraces({}, 2)
      expect(first.items.map((trace) => trace.id)).toEqual(['d', 'c'])
      const second = await reader.listTraces({}, 2, first.next)
      expect(second.items.map((trace) => trace.id)).toEqual(['b', 'a'])
      expect(second.next).toBeUndefined()
    })

    test('every filter holds, alone and together', async () => {
      await storage.write([
        at('a', 1, { traceGroupId: 'g1', threadId: 't1', runId: 'r1', totalTokens: 30, apiKeyHash: 'k1' }),
        at('b', 2, {
          provider: 'anthropic',
          model: 'claude',
          traceGroupId: 'g2',
          responseStatus: 500,
          totalTokens: 50,
        }),
        at('c', 3, { traceGroupId: 'g1', threadId: 't1', runId: 'r2', totalTokens: 70 }),
      ])
      const ids = async (filter: object): Promise<string[]> =>
        (await storage.everywhere().listTraces(filter, 10)).items.map((trace) => trace.id)
      expect(await ids({ provider: 'anthropic' })).toEqual(['b'])
      expect(await ids({ model: 'claude' })).toEqual(['b'])
      expect(await ids({ traceGroupId: 'g1' })).toEqual(['c', 'a'])
      expect(await ids({ threadId: 't1', runId: 'r2' })).toEqual(['c'])
      expect(await ids({ apiKeyHash: 'k1' })).toEqual(['a'])
      expect(await ids({ status: 500 })).toEqual(['b'])
      expect(await ids({ minTokens: 50 })).toEqual(['c', 'b'])
      expect(await ids({ maxTokens: 50 })).toEqual(['b', 'a'])
      expect(await ids({ fromUs: T0 + 2 * SECOND, toUs: T0 + 2 * SECOND })).toEqual(['b'])
      expect(await ids({ provider: "x' OR 1=1 --" })).toEqual([])
      expect(await ids({ model: '%' })).toEqual([])
    })

    test('traces are found by what they belong to: session, end user, client, every one of several tags', async () => {
      await storage.write([
        at('a', 1, { sessionId: 's1', endUser: 'u1', client: 'claude-cli', tags: { team: 'x', env: 'ci' } }),
        at('b', 2, { sessionId: 's1', endUser: 'u2', client: 'OpenAI/JS', tags: { team: 'x' } }),
        at('c', 3, { tags: { team: 'y', env: 'ci' } }),
      ])
      const reader = storage.everywhere()
      const ids = async (filter: TraceFilter): Promise<string[]> =>
        (await reader.listTraces(filter, 10)).items.map((trace) => trace.id)
      expect(await ids({ sessionId: 's1' })).toEqual(['b', 'a'])
      expect(await ids({ endUser: 'u1' })).toEqual(['a'])
      expect(await ids({ client: 'OpenAI/JS' })).toEqual(['b'])
      expect(await ids({ tags: { team: 'x' } })).toEqual(['b', 'a'])
      expect(await ids({ tags: { team: 'x', env: 'ci' } })).toEqual(['a'])
      expect(await ids({ sessionId: '' })).toEqual([])
      expect(await reader.getTrace('a')).toMatchObject({
        sessionId: 's1',
        client: 'claude-cli',
        tags: { team: 'x', env: 'ci' },
      })
      expect((await reader.totals({ tags: { env: 'ci' } })).requests).toBe(2)
    })

    test('what may be fetched again counts once, whoever fetches it first and however often', async () => {
      const counted = { consumptionId: 'openai:resp_1', costNanoUsd: 500 }
      await storage.write([at('a', 1, counted)])
      await storage.write([
        at('b', 2, { ...counted, countedOnce: true }),
        at('c', 3, { ...counted, countedOnce: true }),
      ])
      await storage.write([at('d', 4, { consumptionId: 'openai:resp_2', countedOnce: true })])
      const reader = storage.everywhere()
      const tokens = (await reader.listTraces({}, 10)).items.map(({ id, totalTokens, costNanoUsd }) => [
        id,
        totalTokens > 0,
        (costNanoUsd ?? 0) > 0,
      ])
      expect(tokens).toEqual([
        ['d', true, true],
        ['c', false, false],
        ['b', false, false],
        ['a', true, true],
      ])
      expect((await reader.getTrace('b'))!.detail.cost.note).toBe('already counted when it was first fetched')
      // Written again, as a journal does: still the same.
      await storage.write([at('d', 4, { consumptionId: 'openai:resp_2', countedOnce: true })])
      expect((await reader.getTrace('d'))!.totalTokens).toBeGreaterThan(0)
    })

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

    test('sums leave unknown costs out and say how many there are', async () => {
      await storage.write([
        at('a', 1, { costNanoUsd: 1_000 }),
        at('b', 2, { costNanoUsd: null, costStatus: 'unknown', model: 'other', apiKeyHash: '' }),
        at('c', 3, { costNanoUsd: 2_000, latencyMs: 240, timeToFirstTokenMs: 30 }),
      ])
      const reader = storage.everywhere()
      expect(await reader.totals({})).toEqual({
        requests: 3,
        inputTokens: 33,
        outputTokens: 21,
        totalTokens: 54,
        costNanoUsd: 3_000,
        unknownCostRequests: 1,
        unmeteredRequests: 0,
      })
      const models = await reader.groupTotals({}, 'model')
      expect(
        models.map((row) => [
          row.group,
          row.requests,
          row.avgLatencyMs,
          row.avgTimeToFirstTokenMs,
          row.unknownCostRequests,
        ]),
      ).toEqual([
        ['gpt-4o-mini', 2, 180, 15, 0],
        ['other', 1, 120, 0, 1],
      ])
      expect(
        (await reader.groupTotals({}, 'api_key_hash')).map((row) => [row.group, row.lastCreatedAtUs]),
      ).toEqual([['key-a', T0 + 3 * SECOND]])
      expect(await reader.totals({ provider: 'nobody' })).toMatchObject({ requests: 0, costNanoUsd: 0 })
    })
  })
}
