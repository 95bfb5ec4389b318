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
