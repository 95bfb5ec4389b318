import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import type { LedgerSlot, ReadLedger } from '../../src/limits/counters/counters.ts'
import { MemoryCounters } from '../../src/limits/counters/memory-counters.ts'
import { RedisBackend } from '../../src/limits/counters/redis-backend.ts'
import { SharedCounters, type SharedBackend } from '../../src/limits/counters/shared-counters.ts'
import { SlidingWindow } from '../../src/limits/counters/sliding-window.ts'
import type { Take } from '../../src/limits/policies/take.ts'
import { openPostgresStorage } from '../../src/storage/drivers/postgres.ts'
import { openSqliteStorage } from '../../src/storage/drivers/sqlite.ts'
import type { Storage } from '../../src/storage/contract/storage.ts'
import { countersContract } from '../contracts/counters-contract.ts'
import { eventually } from '../support/eventually.ts'
import { openTestPostgres } from '../support/postgres.ts'
import { REDIS_MISSING, startRedis } from '../support/redis.ts'
import { sampleTrace } from '../support/trace.ts'

setDefaultTimeout(30_000)

/** How long a backend may take. */
const TIMEOUT_MS = 10_000

const ledgerOf =
  (storage: Storage): ReadLedger =>
  async (subjects, fromMs, except) =>
    (await storage.spend().read(subjects, fromMs * 1000, except)).map((slot) => ({
      subject: slot.subject,
      slotMs: slot.slotUs / 1000,
      costNanoUsd: slot.costNanoUsd + slot.assumedNanoUsd,
      tokens: slot.tokens,
    }))

/** A trace that books something, as the recorder stores it. */
async function book(storage: Storage, { subject, slotMs, costNanoUsd, tokens }: LedgerSlot): Promise<void> {
  await storage.write([
    sampleTrace({
      id: crypto.randomUUID(),
      startedAtUs: slotMs * 1000 + 1,
      costNanoUsd,
      totalTokens: tokens,
      spend: { subjects: [subject], instance: 'another', assumedNanoUsd: 0, reserved: false },
    }),
  ])
}

countersContract(
  'memory over SQLite',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'ongoingai-counters-'))
    const storage = await openSqliteStorage(join(folder, 'x.db'), 'write')
    const counters = new MemoryCounters('this', ledgerOf(storage))
    return {
      first: counters,
      second: counters,
      book: (slot) => book(storage, slot),
      async stop() {
        counters.close()
        await storage.close()
        rmSync(folder, { recursive: true, force: true })
      },
    }
  },
  false,
)

countersContract(
  'postgres',
  async () => {
    const server = await openTestPostgres()
    const dsn = await server.createDatabase()
    const storage = await openPostgresStorage({
      dsn,
      mode: 'write',
      maxConnections: 8,
      queryTimeoutMs: 10_000,
    })
    const apply: SharedBackend['apply'] = (operation, request) =>
      storage.applyLimits!(operation, request, TIMEOUT_MS)
    const backend = { apply, close: () => undefined }
    const [first, second] = [0, 1].map(() => new SharedCounters(backend, ledgerOf(storage))) as [
      SharedCounters,
      SharedCounters,
    ]
    return {
      first,
      second,
      book: (slot) => book(storage, slot),
      async stop() {
        await Promise.all([first.close(), second.close()])
        await storage.close()
        await server.stop()
      },
    }
  },
  true,
)

// npm has no Redis server: on a machine without one every test of it shows as skipped. The project's check runs where one is.
describe.skipIf(REDIS_MISSING !== undefined)(REDIS_MISSING ?? 'with Redis', () => {
  countersContract(
    'redis over SQLite',
    async () => {
      const redis = await startRedis()
      const folder = mkdtempSync(join(tmpdir(), 'ongoingai-counters-'))
      const storage = await openSqliteStorage(join(folder, 'x.db'), 'write')
      const [first, second] = [0, 1].map(
        () =>
          new SharedCounters(
            new RedisBackend(
              redis.url,
              async () => 'test',
              () => TIMEOUT_MS,
            ),
            ledgerOf(storage),
          ),
      ) as [SharedCounters, SharedCounters]
      return {
        first,
        second,
        book: (slot) => book(storage, slot),
        async stop() {
          await Promise.all([first.close(), second.close()])
          await storage.close()
          await redis.stop()
          rmSync(folder, { recursive: true, force: true })
        },
      }
    },
    true,
  )
})

describe('the sliding window', () => {
  test('against a list of every request: never more in any minute, never a second too long', () => {
    let seed = 7
    const random = (): number => {
      seed = (seed * 16_807) % 2_147_483_647
      return seed / 2_147_483_647
    }
    for (const limit of [1, 3, 17]) {
      const window = new SlidingWindow()
      const passed: number[] = []
      let now = 1_000_000 + random() * 1000
      for (let i = 0; i < 4000; i++) {
        now += random() < 0.02 ? random() * 90_000 : random() * 3000
        const exact = passed.filter((at) => at > now - 60_000).length
        if (window.sum(now) + 1 <= limit) {
          window.add(1, now)
          passed.push(now)
          // Any 60 seconds that end now.
          expect(exact).toBeLessThan(limit)
        } else {
          const wait = window.timeUntil(limit - 1, now)
          const needed = passed.filter((at) => at > now - 60_000).sort((a, b) => a - b)
          const exactWait = needed.length < limit ? 0 : needed[needed.length - limit]! + 60_000 - now
          expect(wait).toBeGreaterThanOrEqual(exactWait)
          expect(wait - exactWait).toBeLessThanOrEqual(1000)
          const later = new SlidingWindow()
          for (const at of passed.slice(-limit)) later.add(1, at)
          expect(later.sum(now + wait)).toBeLessThan(limit)
        }
      }
      expect(passed.length).toBeGreaterThan(100)
    }
  })

  test('a clock that goes back or far ahead does no harm', () => {
    const window = new SlidingWindow()
    window.add(5, 100_000)
    expect(window.sum(99_000)).toBe(5)
    window.add(1, 99_000)
    expect(window.sum(100_000)).toBe(6)
    expect(window.sum(1e12)).toBe(0)
    window.add(-50, 1e12, 1e12)
    expect(window.sum(1e12)).toBe(0)
  })
})

test.skipIf(REDIS_MISSING !== undefined)(
  'what Redis could not be told, it is told again by the ledger',
  async () => {
    const redis = await startRedis()
    const folder = mkdtempSync(join(tmpdir(), 'ongoingai-untold-'))
    const storage = await openSqliteStorage(join(folder, 'x.db'), 'write')
    const backend = new RedisBackend(
      redis.url,
      async () => 'test',
      () => TIMEOUT_MS,
    )
    let broken = false
    const counters = new SharedCounters(
      {
        apply: (operation, request) =>
          broken && operation === 'settle'
            ? Promise.reject(new Error('the connection broke'))
            : backend.apply(operation, request),
        close: () => backend.close(),
      },
      ledgerOf(storage),
    )
    const now = Date.now()
    const take = {
      kind: 'budget',
      counter: 'somebody',
      unit: 'cost',
      limit: 100,
      enforcement: 'hard',
      startMs: now - (now % 86_400_000),
      endMs: now + 86_400_000,
    } as const
    const claim = { id: 'one', takes: [take], term: counters.term(), amountOf: () => 10 }
    const { held } = await counters.admit(claim, now)
    broken = true
    const settled = await held!.settle({ costNanoUsd: 30, tokens: 1 }, now)!.catch(String)
    expect(settled).toContain('the connection broke')
    broken = false
    // The trace has been stored meanwhile.
    await book(storage, { subject: 'somebody', slotMs: now - (now % 900_000), costNanoUsd: 30, tokens: 1 })
    await eventually(async () => {
      const [state] = await counters.read([take], now)
      return state!.used === 30 && state!.reserved === 0
    })
    await counters.close()
    await storage.close()
    await redis.stop()
    rmSync(folder, { recursive: true, force: true })
  },
)

test('at any hour and for any spender, nothing is counted twice and nothing is missed', async () => {
  let seed = 11
  const random = (below: number): number => {
    seed = (seed * 16_807) % 2_147_483_647
    return seed % below
  }
  const ledger: (LedgerSlot & { instance: string })[] = []
  const counters = new MemoryCounters('me', (subjects, fromMs, except) =>
    Promise.resolve(
      ledger.filter(
        ({ subject, slotMs, instance }) =>
          subjects.includes(subject) && slotMs >= fromMs && !except.includes(instance),
      ),
    ),
  )
  let now = Date.now()
  const startMs = now - (now % 86_400_000) - 86_400_000
  const take: Take = {
    kind: 'budget',
    counter: 's',
    unit: 'cost',
    limit: 1e12,
    enforcement: 'hard',
    startMs,
    endMs: startMs + 400 * 86_400_000,
  }
  // One list, as the requests of a key have one.
  const takes = [take]
  let spent = 0
  let othersUntold = 0
  for (let i = 0; i < 3000; i++) {
    now += random(12) === 0 ? random(5_400_000) : random(60_000)
    const cost = 1 + random(1000)
    const row = { subject: 's', slotMs: now - (now % 900_000), costNanoUsd: cost, tokens: 0 }
    if (random(3) === 0) {
      ledger.push({ ...row, instance: 'another' })
      othersUntold += cost
    } else {
      const id = `e${i}`
      const term = counters.term(now)
      // Some answers take a while, across the end of an hour too.
      const endedAt = now + (random(10) === 0 ? random(1_800_000) : 0)
      const amount = random(500)
      const { held } = await counters.admit({ id, takes, term, amountOf: () => amount }, now)
      void held!.settle({ costNanoUsd: cost, tokens: 0 }, endedAt)
      ledger.push({ ...row, instance: term })
      spent += cost
    }
    if (random(4) === 0) {
      await counters.reload(now)
      spent += othersUntold
      othersUntold = 0
      const [state] = await counters.read(takes, now)
      expect([i, state!.used]).toEqual([i, spent])
    }
  }
  counters.close()
})
