import { Database } from 'bun:sqlite'
import { afterAll, expect, test } from 'bun:test'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openSqliteStorage } from '../../src/storage/drivers/sqlite.ts'
import type { Storage } from '../../src/storage/storage.ts'
import { Journal } from '../../src/traces/recorder/journal.ts'
import { decodeTrace, encodeTrace } from '../../src/traces/recorder/trace-codec.ts'
import { TraceWriter } from '../../src/traces/recorder/trace-writer.ts'
import { sampleTrace } from '../support/trace.ts'
import { eventually } from '../support/eventually.ts'

const root = mkdtempSync(join(tmpdir(), 'ongoingai-writer-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))
let next = 0

interface Bench {
  readonly storage: Storage
  readonly writer: TraceWriter
  readonly settled: string[]
  readonly quarantined: string[]
  readonly logs: string[]
  readonly path: string
  readonly journalPath: string
}

async function open({
  journalMaxBytes = 10_000_000,
  maxPendingBytes = 10_000_000,
  folder = join(root, `w${next++}`),
} = {}): Promise<Bench> {
  const path = join(folder, 'traces.db')
  const journalPath = join(folder, 'journal')
  const storage = await openSqliteStorage(path, 'write')
  const settled: string[] = []
  const quarantined: string[] = []
  const logs: string[] = []
  const writer = new TraceWriter({
    storage: () => storage,
    journal: new Journal(journalPath, journalMaxBytes),
    quarantine: (payload) => quarantined.push(decodeTrace(payload).id),
    flushIntervalMs: () => 20,
    maxPendingBytes: () => maxPendingBytes,
    settled: (ids) => settled.push(...ids),
    log: (_, message) => logs.push(message),
  })
  return { storage, writer, settled, quarantined, logs, path, journalPath }
}

/** `accepted = stored + waiting in the journal + quarantined + dropped`, once nothing is pending. */
function accounted(writer: TraceWriter): number {
  const totals = writer.totals(0)
  return totals.stored + totals.journalRecords + totals.quarantined + totals.writeDropped - totals.recovered
}

test('traces are stored within the flush interval, in batches', async () => {
  const { writer, storage, settled } = await open()
  for (let i = 0; i < 300; i++) writer.add(sampleTrace({ id: `t${i}` }))
  await eventually(() => settled.length === 300)
  expect(await storage.everywhere().countTraces()).toBe(300)
  expect(accounted(writer)).toBe(300)
  await writer.close()
})

test('while the store is locked traces go to the journal, and come back in order when it is free', async () => {
  const { writer, storage, settled, path, logs } = await open()
  const locker = new Database(path)
  locker.run('BEGIN IMMEDIATE')
  for (let i = 0; i < 10; i++) writer.add(sampleTrace({ id: `a${i}` }))
  await eventually(() => settled.length === 10)
  expect(writer.totals(0)).toMatchObject({ stored: 0, journalRecords: 10, spilled: 10 })
  expect(accounted(writer)).toBe(10)
  locker.run('ROLLBACK')
  locker.close()
  writer.add(sampleTrace({ id: 'b' }))
  await eventually(async () => (await storage.everywhere().countTraces()) === 11)
  await eventually(() => writer.totals(0).journalRecords === 0)
  const rows = new Database(path, { readonly: true })
    .query<{ id: string }, []>('SELECT id FROM traces ORDER BY seq')
    .all()
  expect(rows.map((row) => row.id)).toEqual([...Array.from({ length: 10 }, (_, i) => `a${i}`), 'b'])
  expect(writer.totals(0)).toMatchObject({ stored: 11, replayed: 11, writeDropped: 0 })
  expect(writer.totals(0).writeFailuresByClass['contention']).toBeGreaterThan(0)
  expect(logs.filter((message) => message.includes('go to the journal'))).toHaveLength(1)
  await writer.close()
})

test('a trace that the store refuses is put aside alone; the rest of its batch is stored', async () => {
  const { writer, storage, settled, quarantined } = await open()
  writer.add(sampleTrace({ id: 'good-1' }))
  writer.add(sampleTrace({ id: 'bad', model: null as never }))
  writer.add(sampleTrace({ id: 'good-2' }))
  await eventually(() => settled.length === 3)
  expect(quarantined).toEqual(['bad'])
  expect(await storage.everywhere().countTraces()).toBe(2)
  expect(writer.totals(0)).toMatchObject({ stored: 2, quarantined: 1 })
  await writer.close()
})

test('with the store locked and the journal full, traces wait in memory, and only past its bound are dropped and counted', async () => {
  const { writer, storage, settled, path, logs } = await open({
    journalMaxBytes: 100,
    maxPendingBytes: 2048 * 5,
  })
  const locker = new Database(path)
  locker.run('BEGIN IMMEDIATE')
  for (let i = 0; i < 8; i++) writer.add(sampleTrace({ id: `t${i}` }))
  await eventually(() => settled.length === 3)
  expect(writer.totals(0)).toMatchObject({
    stored: 0,
    writeDropped: 3,
    lastWriteDropOperation: 'memory_full',
  })
  expect(logs.filter((message) => message.includes('dropped trace records'))).toHaveLength(1)
  locker.run('ROLLBACK')
  locker.close()
  await eventually(async () => (await storage.everywhere().countTraces()) === 5)
  expect(accounted(writer)).toBe(8)
  await writer.close()
})

test('a journal left by a process that died is replayed at the next start, once', async () => {
  const folder = join(root, `w${next++}`)
  const journal = new Journal(join(folder, 'journal'), 10_000_000)
  journal.append(Array.from({ length: 5 }, (_, i) => encodeTrace(sampleTrace({ id: `t${i}` }))))
  journal.close()
  // One of them had been stored before the process could tell.
  const before = await openSqliteStorage(join(folder, 'traces.db'), 'write')
  await before.write([sampleTrace({ id: 't0' })])
  await before.close()
  const second = await open({ folder })
  expect(second.writer.totals(0).recovered).toBe(5)
  await eventually(() => second.writer.totals(0).journalRecords === 0)
  expect(await second.storage.everywhere().countTraces()).toBe(5)
  await second.writer.close()
})

test('a journal that cannot be written keeps traces in memory until the store is back', async () => {
  const { writer, storage, path, journalPath, logs } = await open()
  writeFileSync(journalPath, 'in the way')
  chmodSync(journalPath, 0o400)
  const locker = new Database(path)
  locker.run('BEGIN IMMEDIATE')
  writer.add(sampleTrace({ id: 'kept' }))
  await eventually(() => logs.some((message) => message.includes('journal cannot be written')))
  locker.run('ROLLBACK')
  locker.close()
  await eventually(async () => (await storage.everywhere().countTraces()) === 1)
  expect(writer.totals(0).writeDropped).toBe(0)
  await writer.close()
})

test('new traces are made safe while a long journal is being replayed', async () => {
  const folder = join(root, `w${next++}`)
  const journal = new Journal(join(folder, 'journal'), 100_000_000)
  const old = Array.from({ length: 20_000 }, (_, i) => encodeTrace(sampleTrace({ id: `old-${i}` })))
  journal.append(old)
  journal.close()
  const { writer, storage, settled } = await open({ folder, journalMaxBytes: 100_000_000 })
  await eventually(() => writer.totals(0).replayed > 0)
  writer.add(sampleTrace({ id: 'new' }))
  await eventually(() => settled.includes('new'))
  expect(writer.totals(0).journalRecords).toBeGreaterThan(0)
  await eventually(() => writer.totals(0).journalRecords === 0)
  expect(await storage.everywhere().countTraces()).toBe(20_001)
  await writer.close()
})
