import { afterAll, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { RetentionConfig } from '../../src/storage/settings.ts'
import { openSqliteStorage } from '../../src/storage/drivers/sqlite.ts'
import type { Storage } from '../../src/storage/contract/storage.ts'
import { Maintenance } from '../../src/background/maintenance.ts'
import { sampleTrace } from '../support/trace.ts'

const folder = mkdtempSync(join(tmpdir(), 'ongoingai-upkeep-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
let next = 0

const DAY_US = 86_400_000_000
const NOW = Date.parse('2026-11-25T12:00:00Z') * 1000
const KEEP: RetentionConfig = {
  bodies: { maxAgeDays: 0, maxBytes: 0 },
  traces: { maxAgeDays: 0, maxBytes: 0 },
  rollups: { maxAgeDays: 0 },
  audit: { maxAgeDays: 0 },
}

/** A store with 20 traces a day for 60 days, each with a body of its own, all rolled up. */
async function filled(): Promise<{ storage: Storage; path: string }> {
  const path = join(folder, `u${next++}.db`)
  const storage = await openSqliteStorage(path, 'write')
  for (let day = 0; day < 60; day++) {
    await storage.write(
      Array.from({ length: 20 }, (_, i) => {
        const startedAtUs = NOW - (60 - day) * DAY_US + i * 1_000_000
        const text = Array.from({ length: 1500 }, (_word, k) => `${day * 31 + i * 7 + k * k}`).join(' ')
        return sampleTrace({
          id: `${day}-${i}`,
          startedAtUs,
          createdAtUs: startedAtUs + 1000,
          requestBody: Buffer.from(text),
        })
      }),
    )
  }
  return { storage, path }
}

function maintenance(
  storage: Storage,
  retention: RetentionConfig,
): { maintenance: Maintenance; logs: object[] } {
  const logs: object[] = []
  const ports = {
    storage,
    retention: () => retention,
    log: (_: string, message: string, fields: object) => logs.push({ message, ...fields }),
  }
  return { maintenance: new Maintenance(ports), logs }
}

const withBodies = async (storage: Storage): Promise<number> => {
  const { items } = await storage.everywhere().wholeTraces({}, { limit: 5000, order: 'newest', bodies: true })
  return items.filter((trace) => trace.requestBody !== null).length
}

test('by age: bodies go before traces, the sums stay, and the disk gets its space back', async () => {
  const { storage } = await filled()
  const retention = {
    ...KEEP,
    bodies: { maxAgeDays: 10, maxBytes: 0 },
    traces: { maxAgeDays: 30, maxBytes: 0 },
  }
  const { maintenance: keeper, logs } = maintenance(storage, retention)
  const before = await storage.sizeBytes()
  await keeper.rollUp()
  await keeper.retain(NOW)
  expect(await storage.everywhere().countTraces()).toBe(600)
  expect(await withBodies(storage)).toBe(200)
  expect((await storage.everywhere().measure({}, {})).rows[0]).toMatchObject({ requests: 1200 })
  expect(logs).toEqual([{ message: 'retention deleted', bodies: 1000, traces: 600, rollups: 0, audit: 0 }])
  await keeper.stop()
  await storage.close()
  const reopened = await openSqliteStorage(join(folder, `u${next - 1}.db`), 'read')
  expect(await reopened.sizeBytes()).toBeLessThan(before * 0.7)
  expect(await reopened.damage()).toEqual([])
  expect(await reopened.maintenance().checkCounts()).toEqual([])
  await reopened.close()
})

test('by size: the oldest go until it fits, and what fits stays', async () => {
  const { storage } = await filled()
  const jobs = storage.maintenance()
  const { bodyBytes } = await jobs.counters()
  const { maintenance: keeper } = maintenance(storage, {
    ...KEEP,
    bodies: { maxAgeDays: 0, maxBytes: bodyBytes / 2 },
  })
  await keeper.rollUp()
  await keeper.retain(NOW)
  const after = await jobs.counters()
  expect(after.bodyBytes).toBeLessThanOrEqual(bodyBytes / 2)
  expect(after.bodyBytes).toBeGreaterThan(bodyBytes / 4)
  expect(await storage.everywhere().countTraces()).toBe(1200)
  expect((await storage.everywhere().getTrace('59-19'))!.requestBody).not.toBeNull()
  expect((await storage.everywhere().getTrace('0-0'))!.requestBody).toBeNull()
  await keeper.stop()
  const all = maintenance(storage, { ...KEEP, traces: { maxAgeDays: 0, maxBytes: 300_000 } })
  await all.maintenance.retain(NOW)
  expect(await storage.everywhere().countTraces()).toBeLessThan(300)
  expect(await storage.everywhere().getTrace('59-19')).toBeDefined()
  await all.maintenance.stop()
  await storage.close()
})

test('what is not in the sums yet is never deleted; sums go by their own age', async () => {
  const { storage } = await filled()
  const retention = { ...KEEP, traces: { maxAgeDays: 1, maxBytes: 0 }, rollups: { maxAgeDays: 20 } }
  const { maintenance: keeper } = maintenance(storage, retention)
  await keeper.retain(NOW)
  expect(await storage.everywhere().countTraces()).toBe(1200)
  await keeper.rollUp()
  await keeper.retain(NOW)
  expect(await storage.everywhere().countTraces()).toBe(20)
  const { rows } = await storage.everywhere().measure({}, { bucket: 'day' })
  expect(rows.length).toBe(20)
  await keeper.stop()
  await storage.close()
})

test('writers get in between the steps', async () => {
  const { storage } = await filled()
  const { maintenance: keeper } = maintenance(storage, { ...KEEP, traces: { maxAgeDays: 1, maxBytes: 0 } })
  await keeper.rollUp()
  const deleting = keeper.retain(NOW)
  const seen: number[] = []
  for (let i = 0; i < 5; i++) {
    await storage.write([sampleTrace({ id: `new-${i}`, startedAtUs: NOW, createdAtUs: NOW })])
    seen.push(await storage.everywhere().countTraces())
  }
  await deleting
  expect(seen[0]).toBeGreaterThan(100)
  expect(await storage.everywhere().countTraces()).toBe(25)
  await keeper.stop()
  await storage.close()
})
