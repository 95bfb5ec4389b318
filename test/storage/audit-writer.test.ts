import { afterAll, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { auditEvent, type AuditEvent } from '../../src/audit/audit-event.ts'
import { openSqliteStorage } from '../../src/storage/drivers/sqlite.ts'
import { AuditWriter } from '../../src/background/audit-writer.ts'
import { Journal } from '../../src/background/journal.ts'
import { eventually } from '../support/eventually.ts'

setDefaultTimeout(30_000)

const folder = mkdtempSync(join(tmpdir(), 'ongoingai-audit-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const events = (count: number): AuditEvent[] =>
  Array.from({ length: count }, (_, i) =>
    auditEvent({
      actor: 'k',
      action: 'key.create',
      target: `target-${i}`,
      organizationId: 'o',
      workspaceId: 'w',
    }),
  )

test('events wait in a journal while the store does not take them, also across lives, and come in order and once', async () => {
  const storage = await openSqliteStorage(join(folder, 'a.db'), 'write')
  const logs: string[] = []
  let down = true
  const open = (): AuditWriter =>
    new AuditWriter({
      store: () => {
        if (down) throw new Error('the store is away')
        return storage.auditTrail()
      },
      journal: new Journal(join(folder, 'journal'), 1e6),
      isRefusal: () => false,
      quarantine: () => undefined,
      log: (_, message) => logs.push(message),
    })
  const first = open()
  const [before, after] = [events(300), events(20)]
  first.add(before)
  await eventually(() => logs.length === 1)
  first.add(before.slice(0, 5))
  await first.close()
  expect(logs).toEqual(['audit events wait in the journal: the store does not take them'])

  down = false
  const second = open()
  second.add(after)
  await eventually(async () => (await storage.auditTrail().list(undefined, {}, 500, 0)).length === 320)
  await second.close()
  const listed = await storage.auditTrail().list({ organizationId: 'o', workspaceIds: ['w'] }, {}, 500, 0)
  expect(listed.map(({ id }) => id).reverse()).toEqual([...before, ...after].map(({ id }) => id))
  expect(await storage.auditTrail().list({ organizationId: 'o', workspaceIds: ['x'] }, {}, 500, 0)).toEqual(
    [],
  )
  const page = await storage.auditTrail().list(undefined, {}, 10, listed[9]!.seq)
  expect(page.map(({ id }) => id)).toEqual(listed.slice(10, 20).map(({ id }) => id))
  expect(await storage.auditTrail().deleteBefore(Date.now() * 1000 + 1, 100)).toBe(100)
  expect((await storage.auditTrail().list(undefined, {}, 500, 0))[0]!.id).toBe(after.at(-1)!.id)
  await storage.close()
})

test('the ledger forgets which gateway spent what, and keeps the sums', async () => {
  const storage = await openSqliteStorage(join(folder, 'l.db'), 'write')
  const { sampleTrace } = await import('../support/trace.ts')
  const DAY = 86_400_000_000
  const now = Date.now() * 1000
  const at = (us: number, instance: string, i: number): ReturnType<typeof sampleTrace> =>
    sampleTrace({
      id: `${instance}-${i}`,
      startedAtUs: us,
      costNanoUsd: 7,
      totalTokens: 3,
      spend: { subjects: ['s'], instance, assumedNanoUsd: 0, reserved: false },
    })
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
  await storage.close()
})
