import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import type { ReadScope, Tenant } from '../../src/access/key-store.ts'
import type { Storage } from '../../src/storage/contract/storage.ts'
import { LatencyHistogram } from '../../src/storage/rollups/latency-histogram.ts'
import type { Bucket, Group } from '../../src/storage/rollups/query.ts'
import type { MeasureOptions, Measured, MeasuredRow, TraceFilter } from '../../src/storage/storage.ts'
import type { Trace } from '../../src/traces/trace.ts'
import { sampleTrace } from '../support/trace.ts'
import { analyticsContract } from './analytics-contract.ts'
import { auditTrailContract } from './audit-trail-contract.ts'
import { databaseContract } from './database-contract.ts'
import { limitRecordsContract } from './limit-records-contract.ts'
import { spendLedgerContract } from './spend-ledger-contract.ts'
import { tenantDirectoryContract } from './tenant-directory-contract.ts'
import { traceMaintenanceContract } from './trace-maintenance-contract.ts'
import { tracesContract } from './traces-contract.ts'

/** The suites of all interfaces that a store implements. To add one: its file and a line here. */
const SUITES: readonly ((name: string, open: () => Promise<Storage>) => void)[] = [
  tracesContract,
  analyticsContract,
  traceMaintenanceContract,
  tenantDirectoryContract,
  auditTrailContract,
  spendLedgerContract,
  limitRecordsContract,
  databaseContract,
]

/** What every store must do, interface by interface. `open` gives an empty store. */
export function storageContract(name: string, open: () => Promise<Storage>): void {
<<<<<<< OURS
  for (const suite of SUITES) suite(name, open)
||||||| BASE
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
      const mine = storage.within({ organizationId: 'org-a', workspaceIds: ['w'] })
      expect(await mine.getTrace('b')).toBeUndefined()
      expect((await mine.listTraces({}, NEWEST)).items.map((trace) => trace.id)).toEqual(['a'])
      expect(await mine.countTraces()).toBe(1)
      expect((await mine.measure({}, {})).rows.map((row) => row.requests)).toEqual([1])
      expect((await mine.measure({}, { group: 'model' })).rows.map((row) => row.requests)).toEqual([1])
      expect((await mine.measure({ fromUs: 0, toUs: T0 + 90 * SECOND }, {})).rows[0]!.requests).toBe(1)
      expect(await storage.within({ organizationId: 'org-a', workspaceIds: ['x'] }).countTraces()).toBe(0)
    })

    test('an organization sees all of its workspaces, or some; what is nobody’s is seen by who may', async () => {
      await storage.write([
        at('a1', 1, { organizationId: 'org-a', workspaceId: 'one', tags: { t: 'x' } }),
        at('a2', 2, { organizationId: 'org-a', workspaceId: 'two', tags: { t: 'x' } }),
        at('b1', 3, { organizationId: 'org-b', workspaceId: 'one', tags: { t: 'x' } }),
        at('nobodys', 4, { organizationId: '', workspaceId: '', tags: { t: 'x' } }),
      ])
      const scopes: [ReadScope, string[]][] = [
        [{ organizationId: 'org-a', workspaceIds: 'all' }, ['a2', 'a1']],
        [{ organizationId: 'org-a', workspaceIds: ['one', 'two', 'none'] }, ['a2', 'a1']],
        [{ organizationId: 'org-a', workspaceIds: ['two'] }, ['a2']],
        [{ organizationId: 'org-a', workspaceIds: [] }, []],
        [{ organizationId: 'org-a', workspaceIds: 'all', unowned: true }, ['nobodys', 'a2', 'a1']],
        [{ organizationId: '', workspaceIds: [''] }, []],
        [{ organizationId: '', workspaceIds: 'all' }, []],
      ]
      for (const rolledUp of [false, true]) {
        if (rolledUp) await storage.maintenance().rollUp(10)
        for (const [scope, ids] of scopes) {
          const reader = storage.within(scope)
          for (const filter of [{}, { tags: { t: 'x' } }]) {
            const { items } = await reader.listTraces(filter, NEWEST)
            expect([scope, rolledUp, items.map(({ id }) => id)]).toEqual([scope, rolledUp, ids])
            const { rows } = await reader.measure(filter, {})
            expect([scope, rolledUp, rows[0]!.requests]).toEqual([scope, rolledUp, ids.length])
          }
          for (const id of ['a1', 'a2', 'b1', 'nobodys']) {
            expect([scope, id, (await reader.getTrace(id))?.id]).toEqual([
              scope,
              id,
              ids.includes(id) ? id : undefined,
            ])
          }
        }
      }
    })

    test('an installation has one id, whoever asks first', async () => {
      const directory = storage.directory()
      const ids = await Promise.all(Array.from({ length: 5 }, () => directory.installationId()))
      expect(new Set(ids).size).toBe(1)
      expect(ids[0]).toMatch(/^[0-9a-f-]{36}$/)
    })

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

    test('pages run from the newest to the oldest without gap or repetition, also within one instant', async () => {
      await storage.write([at('a', 1), at('b', 2), at('c', 2), at('d', 3)])
      const reader = storage.everywhere()
      const first = await reader.listTraces({}, { limit: 2, order: 'newest' })
      expect(first.items.map((trace) => trace.id)).toEqual(['d', 'c'])
      const second = await reader.listTraces({}, { limit: 2, order: 'newest', after: first.next! })
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
        (await storage.everywhere().listTraces(filter, NEWEST)).items.map((trace) => trace.id)
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
        (await reader.listTraces(filter, NEWEST)).items.map((trace) => trace.id)
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
      expect((await reader.measure({ tags: { env: 'ci' } }, {})).rows[0]!.requests).toBe(2)
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
      const tokens = (await reader.listTraces({}, NEWEST)).items.map(({ id, totalTokens, costNanoUsd }) => [
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
      for (const { filter, options, tenant } of questions()) {
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
    }, 60_000)

    test('a list has what the filter says and in order, however much of it is rolled up', async () => {
      const traces = manyTraces(300)
      const jobs = storage.maintenance()
      for (let i = 0; i < traces.length; i += 50) {
        await storage.write(traces.slice(i, i + 50))
        if (i < 150) await jobs.rollUp(45)
      }
      const compare = (a: Trace, b: Trace): number =>
        b.createdAtUs - a.createdAtUs || Buffer.compare(Buffer.from(b.id), Buffer.from(a.id))
      for (const { filter, tenant } of questionsOfLists()) {
        const wanted = traces.filter((trace) => isOf(trace, tenant) && holds(trace, filter)).sort(compare)
        const reader = tenant ? storage.within(scopeOf(tenant)) : storage.everywhere()
        const seen: string[] = []
        let after: { createdAtUs: number; id: string } | undefined
        do {
          const options = { limit: 40, order: 'newest', ...(after ? { after } : {}) } as const
          const page = await reader.listTraces(filter, options)
          seen.push(...page.items.map((trace) => trace.id))
          after = page.next
        } while (after)
        expect({ filter, tenant, seen }).toEqual({ filter, tenant, seen: wanted.map((trace) => trace.id) })
      }
      expect((await storage.everywhere().listTraces({ model: 'nobody' }, NEWEST)).items).toEqual([])
    }, 60_000)

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

    test('a question that would read too many traces one by one is refused, if a bound is given', async () => {
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

    test('whoever follows the order of arrival misses nothing that is recorded late', async () => {
      await storage.write([at('a', 5), at('b', 6)])
      const reader = storage.everywhere()
      const follow = async (after?: {
        createdAtUs: number
        id: string
      }): Promise<[string[], typeof after]> => {
        const page = await reader.listTraces({}, { limit: 10, order: 'arrival', ...(after ? { after } : {}) })
        return [page.items.map((trace) => trace.id), page.next]
      }
      const [first, next] = await follow()
      expect(first).toEqual(['a', 'b'])
      // An earlier exchange whose record was in the journal.
      await storage.write([at('late', 1), at('c', 7)])
      const [second, last] = await follow(next)
      expect(second).toEqual(['late', 'c'])
      expect(await follow(last)).toEqual([[], undefined])
      // A position that retention has taken away, or that is another tenant's, begins again.
      expect((await follow({ createdAtUs: T0, id: 'gone' }))[0]).toEqual(['a', 'b', 'late', 'c'])
      const other = storage.within({ organizationId: 'x', workspaceIds: ['y'] })
      expect((await other.listTraces({}, { limit: 5, order: 'arrival', after: next! })).items).toEqual([])
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

    test('texts that no database keeps are kept as near as can be, in every column and tag', async () => {
      await storage.write([
        at('a', 1, {
          model: 'a\0b',
          sessionId: 'half \ud800 of a pair',
          requestPath: '/v1/\0',
          tags: { 'k\0': 'v\ud83d\ude00\0' },
          metadata: { strange: 'x\0\ud800' },
        }),
      ])
      const { items } = await storage.everywhere().listTraces({ model: 'a\ufffdb' }, NEWEST)
      expect(items[0]).toMatchObject({
        sessionId: 'half \ufffd of a pair',
        requestPath: '/v1/\ufffd',
        tags: { 'k\ufffd': 'v\ud83d\ude00\ufffd' },
      })
      expect((await storage.everywhere().getTrace('a'))!.metadata).toEqual({ strange: 'x\0\ud800' })
    })

    test('a list of a range far back starts there', async () => {
      await storage.write([
        // An exchange that took an hour: it started in the range and ended long after.
        at('long', 10, { createdAtUs: T0 + 3610 * SECOND, latencyMs: 3_600_000 }),
        at('short', 11),
        at('later', 100),
      ])
      const { items } = await storage.everywhere().listTraces({ toUs: T0 + 20 * SECOND }, NEWEST)
      expect(items.map((trace) => trace.id)).toEqual(['long', 'short'])
    })
  })
}

/** Traces over three weeks, of several tenants, models, sessions and fates; the same at every call. */
function manyTraces(count: number): Trace[] {
  // mulberry32: small, and all its bits are good.
  let state = 42
  const random = (below: number): number => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296) * below)
  }
  const pick = <T>(...values: readonly T[]): T => values[random(values.length)]!
  return Array.from({ length: count }, (_, i) => {
    const startedAtUs = T0 + random(21 * 24 * 60) * 60 * SECOND + random(60) * SECOND
    return sampleTrace({
      id: `trace-${i}`,
      startedAtUs,
      createdAtUs: startedAtUs + random(9) * SECOND,
      organizationId: pick('org-a', 'org-b'),
      workspaceId: pick('w1', 'w2'),
      gatewayKeyId: pick('', 'gk-1', 'gk-2'),
      provider: pick('openai', 'anthropic'),
      model: pick('gpt', 'claude', 'Ünïcode', 'zeta'),
      apiKeyHash: pick('', 'hash-a', 'hash-b'),
      sessionId: pick('', 's1', 's2', 's3'),
      endUser: pick('', 'u1'),
      client: pick('', 'claude-cli', 'OpenAI/JS'),
      tags: pick<Record<string, string>>({}, { team: 'x' }, { team: 'y', env: 'ci' }),
      requestPath: pick('/openai/v1/chat/completions', '/anthropic/v1/messages'),
      api: pick('chat_completions', ''),
      responseStatus: pick(200, 200, 200, 429, 500, 499),
      outcome: pick('completed', 'completed', 'upstream_failed', 'client_aborted'),
      inputTokens: random(5000),
      outputTokens: random(900),
      totalTokens: random(9000),
      cacheReadInputTokens: random(100),
      ...pick<Partial<Trace>>(
        { costNanoUsd: null, costStatus: 'unknown' },
        { costNanoUsd: random(1e9), costStatus: pick('exact', 'estimated') },
        { costNanoUsd: 0, costStatus: 'included', listPriceNanoUsd: pick(null, random(1e9)) },
      ),
      latencyMs: pick(random(2000), random(600_000)),
      timeToFirstTokenMs: random(300),
    })
  })
}

interface Question {
  readonly filter: TraceFilter
  readonly options: MeasureOptions
  readonly tenant?: Tenant
}

/** Questions of every kind, answered from rollups, from traces, and from both. */
function questions(): Question[] {
  const minute = 60 * SECOND
  const ranges: TraceFilter[] = [
    {},
    { fromUs: T0 + 3 * 3600 * SECOND },
    { fromUs: T0 + 61 * minute + 7, toUs: T0 + 9 * 24 * 60 * minute + 31 * minute },
    { toUs: T0 + 5 * 24 * 3600 * SECOND },
    { fromUs: T0 + 10 * minute, toUs: T0 + 40 * minute },
    { fromUs: T0 + 90 * minute, toUs: T0 + 300 * minute },
  ]
  const filters: TraceFilter[] = [
    {},
    { provider: 'openai', model: 'claude' },
    { client: 'claude-cli' },
    { gatewayKeyId: 'gk-1' },
    { apiKeyHash: 'hash-a', client: 'OpenAI/JS' },
    { sessionId: 's1' },
    { endUser: 'u1' },
    { tags: { team: 'y' } },
    { tags: { team: 'y', env: 'ci' } },
  ]
  const groups: (Group | undefined)[] = [
    undefined,
    'provider',
    'model',
    'workspace',
    'route',
    'key',
    'api_key',
    'session',
    'end_user',
    'client',
    'tag.team',
  ]
  const buckets: (Bucket | undefined)[] = [undefined, 'hour', 'day', 'week', undefined, 'month', undefined]
  const all: Question[] = []
  let turn = 0
  for (const range of ranges) {
    for (const filter of filters) {
      for (const group of groups) {
        turn += 1
        const bucket = buckets[turn % buckets.length]
        all.push({
          filter: { ...filter, ...range },
          options: {
            ...(group ? { group } : {}),
            // One that the rollups have of all, or another dimension.
            ...(group && turn % 4 === 0 ? { secondGroup: pickSecond(group, turn) } : {}),
            ...(bucket ? { bucket } : {}),
            ...(turn % 3 === 0 ? { percentiles: true } : {}),
            ...(turn % 5 === 0 ? { limit: 2 } : {}),
          },
          ...(turn % 2 === 0 ? { tenant: { organizationId: 'org-a', workspaceId: 'w1' } } : {}),
        })
      }
    }
  }
  return all
}

/** Those that differ in what a list looks at: the filter and the tenant. */
function questionsOfLists(): Question[] {
  const byKey = new Map(
    questions().map((question) => [JSON.stringify([question.filter, question.tenant]), question]),
  )
  return [...byKey.values()]
}

function pickSecond(group: Group, turn: number): Group {
  const others = (['model', 'workspace', 'session', 'tag.team'] as const).filter((other) => other !== group)
  return others[turn % others.length]!
}

/** The answer worked out from the traces in the plainest way. */
function measured(
  traces: readonly Trace[],
  filter: TraceFilter,
  options: MeasureOptions,
  tenant?: Tenant,
): Measured {
  const { group, secondGroup, bucket, limit, percentiles } = options
  // NUL sorts before every text: by the first, then by the second.
  const nameOf = (trace: Trace): string | undefined => {
    const names = [group, secondGroup].map((one) => (one === undefined ? '' : groupOf(trace, one)))
    return names.includes(undefined) ? undefined : names.join('\0')
  }
  const chosen = traces.filter(
    (trace) => isOf(trace, tenant) && holds(trace, filter) && nameOf(trace) !== undefined,
  )
  const byGroup = Map.groupBy(chosen, (trace) => nameOf(trace)!)
  const compare = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b))
  const ranked = [...byGroup.keys()].sort(
    (a, b) => byGroup.get(b)!.length - byGroup.get(a)!.length || compare(a, b),
  )
  const kept = new Set(group === undefined ? ['\0'] : ranked.slice(0, limit ?? ranked.length))
  const rows = new Map<string, Trace[]>()
  if (group === undefined && bucket === undefined) rows.set('0\n\0', [])
  for (const trace of chosen) {
    const name = nameOf(trace)!
    if (!kept.has(name)) continue
    const key = `${bucket === undefined ? 0 : bucketOf(trace.startedAtUs, bucket)}\n${name}`
    rows.set(key, [...(rows.get(key) ?? []), trace])
  }
  const result = [...rows].map(([key, members]) => {
    const [time, name] = key.split('\n') as [string, string]
    const [first = '', second = ''] = name.split('\0')
    return {
      ...sumUp(members, percentiles === true),
      group: first,
      secondGroup: second,
      bucketStartUs: Number(time),
    }
  })
  result.sort(
    (a, b) =>
      (bucket === undefined && secondGroup === undefined
        ? b.requests - a.requests
        : a.bucketStartUs - b.bucketStartUs) ||
      compare(a.group, b.group) ||
      compare(a.secondGroup, b.secondGroup),
  )
  return { rows: result, more: group !== undefined && limit !== undefined && ranked.length > limit }
}

function isOf(trace: Trace, tenant: Tenant | undefined): boolean {
  return (
    !tenant || (trace.organizationId === tenant.organizationId && trace.workspaceId === tenant.workspaceId)
  )
}

function holds(trace: Trace, filter: TraceFilter): boolean {
  const equal = (a: unknown, b: unknown): boolean => b === undefined || a === b
  return (
    equal(trace.provider, filter.provider) &&
    equal(trace.model, filter.model) &&
    equal(trace.client, filter.client) &&
    equal(trace.gatewayKeyId, filter.gatewayKeyId) &&
    equal(trace.apiKeyHash, filter.apiKeyHash) &&
    equal(trace.sessionId, filter.sessionId) &&
    equal(trace.endUser, filter.endUser) &&
    Object.entries(filter.tags ?? {}).every(([key, value]) => trace.tags[key] === value) &&
    trace.startedAtUs >= (filter.fromUs ?? 0) &&
    trace.startedAtUs <= (filter.toUs ?? Infinity)
  )
}

/** `undefined` for a trace that is in no group. */
function groupOf(trace: Trace, group: Group): string | undefined {
  const named: Record<string, string> = {
    provider: trace.provider,
    model: trace.model,
    workspace: `${trace.organizationId}/${trace.workspaceId}`,
    route: trace.requestPath,
    key: trace.gatewayKeyId,
    api_key: trace.apiKeyHash,
    session: trace.sessionId,
    end_user: trace.endUser,
    client: trace.client,
    'tag.team': trace.tags['team'] ?? '',
  }
  const value = named[group]!
  return value === '' && group !== 'key' ? undefined : value
}

function bucketOf(us: number, bucket: Bucket): number {
  const date = new Date(us / 1000)
  if (bucket === 'hour') date.setUTCMinutes(0, 0, 0)
  else date.setUTCHours(0, 0, 0, 0)
  if (bucket === 'month') date.setUTCDate(1)
  if (bucket === 'week') date.setUTCDate(date.getUTCDate() - ((date.getUTCDay() + 6) % 7))
  return date.getTime() * 1000
}

function sumUp(
  traces: readonly Trace[],
  percentiles: boolean,
): Omit<MeasuredRow, 'group' | 'secondGroup' | 'bucketStartUs'> {
  const sum = (of: (trace: Trace) => number): number => traces.reduce((all, trace) => all + of(trace), 0)
  const most = (of: (trace: Trace) => number): number => Math.max(0, ...traces.map(of))
  const least = traces.length === 0 ? 0 : Math.min(...traces.map((trace) => trace.latencyMs))
  const histogram = new LatencyHistogram()
  for (const trace of traces) histogram.add(trace.latencyMs)
  const [p50 = 0, p95 = 0, p99 = 0] = histogram
    .percentiles([0.5, 0.95, 0.99])
    .map((ms) => Math.max(ms, least))
  return {
    requests: traces.length,
    inputTokens: sum((trace) => trace.inputTokens),
    outputTokens: sum((trace) => trace.outputTokens),
    totalTokens: sum((trace) => trace.totalTokens),
    cacheReadInputTokens: sum((trace) => trace.cacheReadInputTokens),
    cacheCreationInputTokens: sum((trace) => trace.cacheCreationInputTokens),
    reasoningTokens: sum((trace) => trace.reasoningTokens),
    costNanoUsd: sum((trace) => trace.costNanoUsd ?? 0),
    unknownCostRequests: sum((trace) => (trace.costNanoUsd === null ? 1 : 0)),
    estimatedCostRequests: sum((trace) => (trace.costStatus === 'estimated' ? 1 : 0)),
    includedRequests: sum((trace) => (trace.costStatus === 'included' ? 1 : 0)),
    listPriceNanoUsd: sum((trace) => trace.listPriceNanoUsd ?? 0),
    unmeteredRequests: sum((trace) => (trace.api === '' && trace.costNanoUsd === null ? 1 : 0)),
    errors4xx: sum(({ responseStatus }) => (responseStatus >= 400 && responseStatus < 500 ? 1 : 0)),
    errors5xx: sum(({ responseStatus }) => (responseStatus >= 500 ? 1 : 0)),
    failedAnswers: sum(({ outcome, responseStatus }) =>
      (outcome === 'upstream_failed' || outcome === 'refused') && responseStatus < 400 ? 1 : 0,
    ),
    latencyMs: sum((trace) => trace.latencyMs),
    timeToFirstTokenMs: sum((trace) => trace.timeToFirstTokenMs),
    minLatencyMs: least,
    maxLatencyMs: most((trace) => trace.latencyMs),
    maxDurationUs: most((trace) => trace.createdAtUs - trace.startedAtUs),
    lastCreatedAtUs: most((trace) => trace.createdAtUs),
    ...(percentiles ? { percentiles: { p50, p95, p99 } } : {}),
  }
}

function scopeOf({ organizationId, workspaceId }: Tenant): ReadScope {
  return { organizationId, workspaceIds: [workspaceId] }
=======
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
      const mine = storage.within({ organizationId: 'org-a', workspaceIds: ['w'] })
      expect(await mine.getTrace('b')).toBeUndefined()
      expect((await mine.listTraces({}, NEWEST)).items.map((trace) => trace.id)).toEqual(['a'])
      expect(await mine.countTraces()).toBe(1)
      expect((await mine.measure({}, {})).rows.map((row) => row.requests)).toEqual([1])
      expect((await mine.measure({}, { group: 'model' })).rows.map((row) => row.requests)).toEqual([1])
      expect((await mine.measure({ fromUs: 0, toUs: T0 + 90 * SECOND }, {})).rows[0]!.requests).toBe(1)
      expect(await storage.within({ organizationId: 'org-a', workspaceIds: ['x'] }).countTraces()).toBe(0)
    })

    test('an organization sees all of its workspaces, or some; what is nobody’s is seen by who may', async () => {
      await storage.write([
        at('a1', 1, { organizationId: 'org-a', workspaceId: 'one', tags: { t: 'x' } }),
        at('a2', 2, { organizationId: 'org-a', workspaceId: 'two', tags: { t: 'x' } }),
        at('b1', 3, { organizationId: 'org-b', workspaceId: 'one', tags: { t: 'x' } }),
        at('nobodys', 4, { organizationId: '', workspaceId: '', tags: { t: 'x' } }),
      ])
      const scopes: [ReadScope, string[]][] = [
        [{ organizationId: 'org-a', workspaceIds: 'all' }, ['a2', 'a1']],
        [{ organizationId: 'org-a', workspaceIds: ['one', 'two', 'none'] }, ['a2', 'a1']],
        [{ organizationId: 'org-a', workspaceIds: ['two'] }, ['a2']],
        [{ organizationId: 'org-a', workspaceIds: [] }, []],
        [{ organizationId: 'org-a', workspaceIds: 'all', unowned: true }, ['nobodys', 'a2', 'a1']],
        [{ organizationId: '', workspaceIds: [''] }, []],
        [{ organizationId: '', workspaceIds: 'all' }, []],
      ]
      for (const rolledUp of [false, true]) {
        if (rolledUp) await storage.maintenance().rollUp(10)
        for (const [scope, ids] of scopes) {
          const reader = storage.within(scope)
          for (const filter of [{}, { tags: { t: 'x' } }]) {
            const { items } = await reader.listTraces(filter, NEWEST)
            expect([scope, rolledUp, items.map(({ id }) => id)]).toEqual([scope, rolledUp, ids])
            const { rows } = await reader.measure(filter, {})
            expect([scope, rolledUp, rows[0]!.requests]).toEqual([scope, rolledUp, ids.length])
          }
          for (const id of ['a1', 'a2', 'b1', 'nobodys']) {
            expect([scope, id, (await reader.getTrace(id))?.id]).toEqual([
              scope,
              id,
              ids.includes(id) ? id : undefined,
            ])
          }
        }
      }
    })

    test('an installation has one id, also when several ask at once', async () => {
      const directory = storage.directory()
      const ids = await Promise.all(Array.from({ length: 5 }, () => directory.installationId()))
      expect(new Set(ids).size).toBe(1)
      expect(ids[0]).toMatch(/^[0-9a-f-]{36}$/)
    })

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

    test('pages run from the newest to the oldest without gap or repetition, also within one instant', async () => {
      await storage.write([at('a', 1), at('b', 2), at('c', 2), at('d', 3)])
      const reader = storage.everywhere()
      const first = await reader.listTraces({}, { limit: 2, order: 'newest' })
      expect(first.items.map((trace) => trace.id)).toEqual(['d', 'c'])
      const second = await reader.listTraces({}, { limit: 2, order: 'newest', after: first.next! })
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
        (await storage.everywhere().listTraces(filter, NEWEST)).items.map((trace) => trace.id)
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
        (await reader.listTraces(filter, NEWEST)).items.map((trace) => trace.id)
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
      expect((await reader.measure({ tags: { env: 'ci' } }, {})).rows[0]!.requests).toBe(2)
    })

    test('a response that can be fetched again counts once, however often it is fetched', async () => {
      const counted = { consumptionId: 'openai:resp_1', costNanoUsd: 500 }
      await storage.write([at('a', 1, counted)])
      await storage.write([
        at('b', 2, { ...counted, countedOnce: true }),
        at('c', 3, { ...counted, countedOnce: true }),
      ])
      await storage.write([at('d', 4, { consumptionId: 'openai:resp_2', countedOnce: true })])
      const reader = storage.everywhere()
      const tokens = (await reader.listTraces({}, NEWEST)).items.map(({ id, totalTokens, costNanoUsd }) => [
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
      for (const { filter, options, tenant } of questions()) {
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
    }, 60_000)

    test('a list has what the filter says and in order, however much of it is rolled up', async () => {
      const traces = manyTraces(300)
      const jobs = storage.maintenance()
      for (let i = 0; i < traces.length; i += 50) {
        await storage.write(traces.slice(i, i + 50))
        if (i < 150) await jobs.rollUp(45)
      }
      const compare = (a: Trace, b: Trace): number =>
        b.createdAtUs - a.createdAtUs || Buffer.compare(Buffer.from(b.id), Buffer.from(a.id))
      for (const { filter, tenant } of questionsOfLists()) {
        const wanted = traces.filter((trace) => isOf(trace, tenant) && holds(trace, filter)).sort(compare)
        const reader = tenant ? storage.within(scopeOf(tenant)) : storage.everywhere()
        const seen: string[] = []
        let after: { createdAtUs: number; id: string } | undefined
        do {
          const options = { limit: 40, order: 'newest', ...(after ? { after } : {}) } as const
          const page = await reader.listTraces(filter, options)
          seen.push(...page.items.map((trace) => trace.id))
          after = page.next
        } while (after)
        expect({ filter, tenant, seen }).toEqual({ filter, tenant, seen: wanted.map((trace) => trace.id) })
      }
      expect((await storage.everywhere().listTraces({ model: 'nobody' }, NEWEST)).items).toEqual([])
    }, 60_000)

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

    test('a question that would read too many traces one by one is refused, if a bound is given', async () => {
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

    test('a reader in order of arrival misses nothing that is recorded late', async () => {
      await storage.write([at('a', 5), at('b', 6)])
      const reader = storage.everywhere()
      const follow = async (after?: {
        createdAtUs: number
        id: string
      }): Promise<[string[], typeof after]> => {
        const page = await reader.listTraces({}, { limit: 10, order: 'arrival', ...(after ? { after } : {}) })
        return [page.items.map((trace) => trace.id), page.next]
      }
      const [first, next] = await follow()
      expect(first).toEqual(['a', 'b'])
      // An earlier exchange whose record was in the journal.
      await storage.write([at('late', 1), at('c', 7)])
      const [second, last] = await follow(next)
      expect(second).toEqual(['late', 'c'])
      expect(await follow(last)).toEqual([[], undefined])
      // A position that retention has taken away, or that is another tenant's, begins again.
      expect((await follow({ createdAtUs: T0, id: 'gone' }))[0]).toEqual(['a', 'b', 'late', 'c'])
      const other = storage.within({ organizationId: 'x', workspaceIds: ['y'] })
      expect((await other.listTraces({}, { limit: 5, order: 'arrival', after: next! })).items).toEqual([])
    })

    test('repeated bodies are kept once, and go when nothing refers to them', async () => {
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

    test('texts that no database keeps are kept as near as can be, in every column and tag', async () => {
      await storage.write([
        at('a', 1, {
          model: 'a\0b',
          sessionId: 'half \ud800 of a pair',
          requestPath: '/v1/\0',
          tags: { 'k\0': 'v\ud83d\ude00\0' },
          metadata: { strange: 'x\0\ud800' },
        }),
      ])
      const { items } = await storage.everywhere().listTraces({ model: 'a\ufffdb' }, NEWEST)
      expect(items[0]).toMatchObject({
        sessionId: 'half \ufffd of a pair',
        requestPath: '/v1/\ufffd',
        tags: { 'k\ufffd': 'v\ud83d\ude00\ufffd' },
      })
      expect((await storage.everywhere().getTrace('a'))!.metadata).toEqual({ strange: 'x\0\ud800' })
    })

    test('a list of a range far back starts there', async () => {
      await storage.write([
        // An exchange that took an hour: it started in the range and ended long after.
        at('long', 10, { createdAtUs: T0 + 3610 * SECOND, latencyMs: 3_600_000 }),
        at('short', 11),
        at('later', 100),
      ])
      const { items } = await storage.everywhere().listTraces({ toUs: T0 + 20 * SECOND }, NEWEST)
      expect(items.map((trace) => trace.id)).toEqual(['long', 'short'])
    })
  })
}

/** Traces over three weeks, of several tenants, models, sessions and fates; the same at every call. */
function manyTraces(count: number): Trace[] {
  // mulberry32: small, and all its bits are good.
  let state = 42
  const random = (below: number): number => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296) * below)
  }
  const pick = <T>(...values: readonly T[]): T => values[random(values.length)]!
  return Array.from({ length: count }, (_, i) => {
    const startedAtUs = T0 + random(21 * 24 * 60) * 60 * SECOND + random(60) * SECOND
    return sampleTrace({
      id: `trace-${i}`,
      startedAtUs,
      createdAtUs: startedAtUs + random(9) * SECOND,
      organizationId: pick('org-a', 'org-b'),
      workspaceId: pick('w1', 'w2'),
      gatewayKeyId: pick('', 'gk-1', 'gk-2'),
      provider: pick('openai', 'anthropic'),
      model: pick('gpt', 'claude', 'Ünïcode', 'zeta'),
      apiKeyHash: pick('', 'hash-a', 'hash-b'),
      sessionId: pick('', 's1', 's2', 's3'),
      endUser: pick('', 'u1'),
      client: pick('', 'claude-cli', 'OpenAI/JS'),
      tags: pick<Record<string, string>>({}, { team: 'x' }, { team: 'y', env: 'ci' }),
      requestPath: pick('/openai/v1/chat/completions', '/anthropic/v1/messages'),
      api: pick('chat_completions', ''),
      responseStatus: pick(200, 200, 200, 429, 500, 499),
      outcome: pick('completed', 'completed', 'upstream_failed', 'client_aborted'),
      inputTokens: random(5000),
      outputTokens: random(900),
      totalTokens: random(9000),
      cacheReadInputTokens: random(100),
      ...pick<Partial<Trace>>(
        { costNanoUsd: null, costStatus: 'unknown' },
        { costNanoUsd: random(1e9), costStatus: pick('exact', 'estimated') },
        { costNanoUsd: 0, costStatus: 'included', listPriceNanoUsd: pick(null, random(1e9)) },
      ),
      latencyMs: pick(random(2000), random(600_000)),
      timeToFirstTokenMs: random(300),
    })
  })
}

interface Question {
  readonly filter: TraceFilter
  readonly options: MeasureOptions
  readonly tenant?: Tenant
}

/** Questions of every kind, answered from rollups, from traces, and from both. */
function questions(): Question[] {
  const minute = 60 * SECOND
  const ranges: TraceFilter[] = [
    {},
    { fromUs: T0 + 3 * 3600 * SECOND },
    { fromUs: T0 + 61 * minute + 7, toUs: T0 + 9 * 24 * 60 * minute + 31 * minute },
    { toUs: T0 + 5 * 24 * 3600 * SECOND },
    { fromUs: T0 + 10 * minute, toUs: T0 + 40 * minute },
    { fromUs: T0 + 90 * minute, toUs: T0 + 300 * minute },
  ]
  const filters: TraceFilter[] = [
    {},
    { provider: 'openai', model: 'claude' },
    { client: 'claude-cli' },
    { gatewayKeyId: 'gk-1' },
    { apiKeyHash: 'hash-a', client: 'OpenAI/JS' },
    { sessionId: 's1' },
    { endUser: 'u1' },
    { tags: { team: 'y' } },
    { tags: { team: 'y', env: 'ci' } },
  ]
  const groups: (Group | undefined)[] = [
    undefined,
    'provider',
    'model',
    'workspace',
    'route',
    'key',
    'api_key',
    'session',
    'end_user',
    'client',
    'tag.team',
  ]
  const buckets: (Bucket | undefined)[] = [undefined, 'hour', 'day', 'week', undefined, 'month', undefined]
  const all: Question[] = []
  let turn = 0
  for (const range of ranges) {
    for (const filter of filters) {
      for (const group of groups) {
        turn += 1
        const bucket = buckets[turn % buckets.length]
        all.push({
          filter: { ...filter, ...range },
          options: {
            ...(group ? { group } : {}),
            // One that the rollups have of all, or another dimension.
            ...(group && turn % 4 === 0 ? { secondGroup: pickSecond(group, turn) } : {}),
            ...(bucket ? { bucket } : {}),
            ...(turn % 3 === 0 ? { percentiles: true } : {}),
            ...(turn % 5 === 0 ? { limit: 2 } : {}),
          },
          ...(turn % 2 === 0 ? { tenant: { organizationId: 'org-a', workspaceId: 'w1' } } : {}),
        })
      }
    }
  }
  return all
}

/** Those that differ in what a list looks at: the filter and the tenant. */
function questionsOfLists(): Question[] {
  const byKey = new Map(
    questions().map((question) => [JSON.stringify([question.filter, question.tenant]), question]),
  )
  return [...byKey.values()]
}

function pickSecond(group: Group, turn: number): Group {
  const others = (['model', 'workspace', 'session', 'tag.team'] as const).filter((other) => other !== group)
  return others[turn % others.length]!
}

/** The answer worked out from the traces in the plainest way. */
function measured(
  traces: readonly Trace[],
  filter: TraceFilter,
  options: MeasureOptions,
  tenant?: Tenant,
): Measured {
  const { group, secondGroup, bucket, limit, percentiles } = options
  // NUL sorts before every text: by the first, then by the second.
  const nameOf = (trace: Trace): string | undefined => {
    const names = [group, secondGroup].map((one) => (one === undefined ? '' : groupOf(trace, one)))
    return names.includes(undefined) ? undefined : names.join('\0')
  }
  const chosen = traces.filter(
    (trace) => isOf(trace, tenant) && holds(trace, filter) && nameOf(trace) !== undefined,
  )
  const byGroup = Map.groupBy(chosen, (trace) => nameOf(trace)!)
  const compare = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b))
  const ranked = [...byGroup.keys()].sort(
    (a, b) => byGroup.get(b)!.length - byGroup.get(a)!.length || compare(a, b),
  )
  const kept = new Set(group === undefined ? ['\0'] : ranked.slice(0, limit ?? ranked.length))
  const rows = new Map<string, Trace[]>()
  if (group === undefined && bucket === undefined) rows.set('0\n\0', [])
  for (const trace of chosen) {
    const name = nameOf(trace)!
    if (!kept.has(name)) continue
    const key = `${bucket === undefined ? 0 : bucketOf(trace.startedAtUs, bucket)}\n${name}`
    rows.set(key, [...(rows.get(key) ?? []), trace])
  }
  const result = [...rows].map(([key, members]) => {
    const [time, name] = key.split('\n') as [string, string]
    const [first = '', second = ''] = name.split('\0')
    return {
      ...sumUp(members, percentiles === true),
      group: first,
      secondGroup: second,
      bucketStartUs: Number(time),
    }
  })
  result.sort(
    (a, b) =>
      (bucket === undefined && secondGroup === undefined
        ? b.requests - a.requests
        : a.bucketStartUs - b.bucketStartUs) ||
      compare(a.group, b.group) ||
      compare(a.secondGroup, b.secondGroup),
  )
  return { rows: result, more: group !== undefined && limit !== undefined && ranked.length > limit }
}

function isOf(trace: Trace, tenant: Tenant | undefined): boolean {
  return (
    !tenant || (trace.organizationId === tenant.organizationId && trace.workspaceId === tenant.workspaceId)
  )
}

function holds(trace: Trace, filter: TraceFilter): boolean {
  const equal = (a: unknown, b: unknown): boolean => b === undefined || a === b
  return (
    equal(trace.provider, filter.provider) &&
    equal(trace.model, filter.model) &&
    equal(trace.client, filter.client) &&
    equal(trace.gatewayKeyId, filter.gatewayKeyId) &&
    equal(trace.apiKeyHash, filter.apiKeyHash) &&
    equal(trace.sessionId, filter.sessionId) &&
    equal(trace.endUser, filter.endUser) &&
    Object.entries(filter.tags ?? {}).every(([key, value]) => trace.tags[key] === value) &&
    trace.startedAtUs >= (filter.fromUs ?? 0) &&
    trace.startedAtUs <= (filter.toUs ?? Infinity)
  )
}

/** `undefined` for a trace that is in no group. */
function groupOf(trace: Trace, group: Group): string | undefined {
  const named: Record<string, string> = {
    provider: trace.provider,
    model: trace.model,
    workspace: `${trace.organizationId}/${trace.workspaceId}`,
    route: trace.requestPath,
    key: trace.gatewayKeyId,
    api_key: trace.apiKeyHash,
    session: trace.sessionId,
    end_user: trace.endUser,
    client: trace.client,
    'tag.team': trace.tags['team'] ?? '',
  }
  const value = named[group]!
  return value === '' && group !== 'key' ? undefined : value
}

function bucketOf(us: number, bucket: Bucket): number {
  const date = new Date(us / 1000)
  if (bucket === 'hour') date.setUTCMinutes(0, 0, 0)
  else date.setUTCHours(0, 0, 0, 0)
  if (bucket === 'month') date.setUTCDate(1)
  if (bucket === 'week') date.setUTCDate(date.getUTCDate() - ((date.getUTCDay() + 6) % 7))
  return date.getTime() * 1000
}

function sumUp(
  traces: readonly Trace[],
  percentiles: boolean,
): Omit<MeasuredRow, 'group' | 'secondGroup' | 'bucketStartUs'> {
  const sum = (of: (trace: Trace) => number): number => traces.reduce((all, trace) => all + of(trace), 0)
  const most = (of: (trace: Trace) => number): number => Math.max(0, ...traces.map(of))
  const least = traces.length === 0 ? 0 : Math.min(...traces.map((trace) => trace.latencyMs))
  const histogram = new LatencyHistogram()
  for (const trace of traces) histogram.add(trace.latencyMs)
  const [p50 = 0, p95 = 0, p99 = 0] = histogram
    .percentiles([0.5, 0.95, 0.99])
    .map((ms) => Math.max(ms, least))
  return {
    requests: traces.length,
    inputTokens: sum((trace) => trace.inputTokens),
    outputTokens: sum((trace) => trace.outputTokens),
    totalTokens: sum((trace) => trace.totalTokens),
    cacheReadInputTokens: sum((trace) => trace.cacheReadInputTokens),
    cacheCreationInputTokens: sum((trace) => trace.cacheCreationInputTokens),
    reasoningTokens: sum((trace) => trace.reasoningTokens),
    costNanoUsd: sum((trace) => trace.costNanoUsd ?? 0),
    unknownCostRequests: sum((trace) => (trace.costNanoUsd === null ? 1 : 0)),
    estimatedCostRequests: sum((trace) => (trace.costStatus === 'estimated' ? 1 : 0)),
    includedRequests: sum((trace) => (trace.costStatus === 'included' ? 1 : 0)),
    listPriceNanoUsd: sum((trace) => trace.listPriceNanoUsd ?? 0),
    unmeteredRequests: sum((trace) => (trace.api === '' && trace.costNanoUsd === null ? 1 : 0)),
    errors4xx: sum(({ responseStatus }) => (responseStatus >= 400 && responseStatus < 500 ? 1 : 0)),
    errors5xx: sum(({ responseStatus }) => (responseStatus >= 500 ? 1 : 0)),
    failedAnswers: sum(({ outcome, responseStatus }) =>
      (outcome === 'upstream_failed' || outcome === 'refused') && responseStatus < 400 ? 1 : 0,
    ),
    latencyMs: sum((trace) => trace.latencyMs),
    timeToFirstTokenMs: sum((trace) => trace.timeToFirstTokenMs),
    minLatencyMs: least,
    maxLatencyMs: most((trace) => trace.latencyMs),
    maxDurationUs: most((trace) => trace.createdAtUs - trace.startedAtUs),
    lastCreatedAtUs: most((trace) => trace.createdAtUs),
    ...(percentiles ? { percentiles: { p50, p95, p99 } } : {}),
  }
}

function scopeOf({ organizationId, workspaceId }: Tenant): ReadScope {
  return { organizationId, workspaceIds: [workspaceId] }
>>>>>>> THEIRS
}
