import type { ReadScope } from '../../src/access/key-store.ts'
import type { Storage } from '../../src/storage/contract/storage.ts'
import type { TraceFilter } from '../../src/storage/contract/trace-filter.ts'
import type { Trace } from '../../src/traces/trace.ts'
import { listQueries } from './reference-queries.ts'
import { SECOND, T0, at, holds, isOf, manyTraces, scopeOf } from './reference-traces.ts'
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'

const NEWEST = { limit: 10, order: 'newest' } as const

/** What every store must do with traces: keep them, and show each tenant its own. `open` gives an empty store. */
export function tracesContract(name: string, open: () => Promise<Storage>): void {
  describe(`traces contract: ${name}`, () => {
    let storage: Storage
    beforeEach(async () => {
      storage = await open()
    })
    afterEach(() => storage.close())

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

    test('a list has what the filter says and in order, however much of it is rolled up', async () => {
      const traces = manyTraces(300)
      const jobs = storage.maintenance()
      for (let i = 0; i < traces.length; i += 50) {
        await storage.write(traces.slice(i, i + 50))
        if (i < 150) await jobs.rollUp(45)
      }
      const compare = (a: Trace, b: Trace): number =>
        b.createdAtUs - a.createdAtUs || Buffer.compare(Buffer.from(b.id), Buffer.from(a.id))
      for (const { filter, tenant } of listQueries()) {
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
    }, 300_000)

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
