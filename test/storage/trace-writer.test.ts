import { Database } from 'bun:sqlite'
import { afterAll, expect, test } from 'bun:test'
import fc from 'fast-check'
import { chmodSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openSqliteStorage } from '../../src/storage/drivers/sqlite.ts'
import type { Storage } from '../../src/storage/contract/storage.ts'
import { Journal } from '../../src/background/journal.ts'
import { decodeTrace, encodeTrace } from '../../src/background/trace-codec.ts'
import { TraceWriter } from '../../src/background/trace-writer.ts'
import { sampleTrace } from '../support/trace.ts'
import { eventually } from '../support/eventually.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

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

/** A store that takes its time, in virtual milliseconds, and fails at times. */
function slowStore(
  storage: Storage,
  clock: VirtualClock,
  calls: readonly { readonly delayMs: number; readonly fails: boolean }[],
): Storage {
  let call = 0
  const write: Storage['write'] = async (traces) => {
    const { delayMs, fails } = calls[call++ % calls.length]!
    await clock.wait(delayMs)
    if (fails) throw Object.assign(new Error('database is locked'), { code: 'SQLITE_BUSY' })
    return storage.write(traces)
  }
  return new Proxy(storage, {
    get: (target, name) => {
      if (name === 'write') return write
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
}

test('whatever the store does, every trace is in the store or in the journal within the flush interval and the store’s silence', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.record({ afterMs: fc.integer({ min: 0, max: 400 }), traces: fc.integer({ min: 1, max: 20 }) }),
        {
          minLength: 1,
          maxLength: 15,
        },
      ),
      fc.array(fc.record({ delayMs: fc.integer({ min: 0, max: 900 }), fails: fc.boolean() }), {
        minLength: 1,
        maxLength: 8,
      }),
      fc.boolean(),
      async (arrivals, calls, journalHasRoom) => {
        const clock = new VirtualClock()
        const sqlite = await openSqliteStorage(':memory:', 'write')
        const store = slowStore(sqlite, clock, [...calls, { delayMs: 1, fails: false }])
        const added = new Map<string, number>()
        const late: string[] = []
        const flushIntervalMs = 100
        // Half the interval until it is written, and what the store may keep to itself: a batch before, and its own.
        const mostMs =
          flushIntervalMs / 2 + 2 * Math.min(500, Math.max(...calls.map(({ delayMs }) => delayMs)))
        const writer = new TraceWriter({
          storage: () => store,
          journal: new Journal(join(root, `v${next++}`), journalHasRoom ? 10_000_000 : 5000),
          quarantine: () => undefined,
          flushIntervalMs: () => flushIntervalMs,
          maxPendingBytes: () => 10_000_000,
          settled: (ids) => {
            for (const id of ids) {
              const waitedMs = clock.now() - added.get(id)!
              if (waitedMs > mostMs + 1) late.push(`${id}: ${waitedMs} ms`)
              added.delete(id)
            }
          },
          log: () => undefined,
          clock,
        })
        let accepted = 0
        for (const { afterMs, traces } of arrivals) {
          await clock.pass(afterMs)
          for (let i = 0; i < traces; i++) {
            const id = `t${accepted++}`
            added.set(id, clock.now())
            writer.add(sampleTrace({ id, createdAtUs: Date.now() * 1000 }))
          }
        }
        await clock.pass(mostMs + 1)
        if (journalHasRoom) expect([late, [...added.keys()]]).toEqual([[], []])
        // Nothing is counted twice, although what the store kept to itself went to the journal too.
        await clock.pass(60_000)
        expect(writer.totals(0)).toMatchObject({ stored: accepted, journalRecords: 0, writeDropped: 0 })
        expect(await sqlite.everywhere().countTraces()).toBe(accepted)
        writer.abandon()
        await sqlite.close()
      },
    ),
    { numRuns: 200 },
  )
}, 60_000)

test('a record that cannot be read or stored keeps none behind it from being stored', async () => {
  const folder = join(root, `w${next++}`)
  const journal = new Journal(join(folder, 'journal'), 10_000_000)
  const good = (id: string): Uint8Array => encodeTrace(sampleTrace({ id }))
  journal.append([
    good('a'),
    Buffer.from('{"id":"of another version"}'),
    good('b'),
    Buffer.from('{not JSON}'),
    encodeTrace(sampleTrace({ id: 'refused', model: null as never })),
    encodeTrace({ ...sampleTrace({ id: 'strange' }), tags: null as never }),
    good('c'),
  ])
  journal.close()
  const storage = await openSqliteStorage(join(folder, 'traces.db'), 'write')
  const aside: string[] = []
  const writer = new TraceWriter({
    storage: () => storage,
    journal: new Journal(join(folder, 'journal'), 10_000_000),
    quarantine: (payload) => {
      if (aside.length === 2) throw new Error('no space left on device')
      aside.push(Buffer.from(payload).toString('utf8').slice(0, 20))
    },
    flushIntervalMs: () => 20,
    maxPendingBytes: () => 10_000_000,
    settled: () => undefined,
    log: () => undefined,
  })
  await eventually(() => writer.totals(0).journalRecords === 0)
  expect(writer.totals(0)).toMatchObject({ recovered: 7, stored: 3, quarantined: 4, writeDropped: 0 })
  expect(await storage.everywhere().countTraces()).toBe(3)
  // Those that could not be put aside are still in their segment.
  expect(readdirSync(join(folder, 'journal')).filter((name) => name.startsWith('quarantine-'))).toHaveLength(
    1,
  )
  await writer.close()
  await storage.close()
})

test('what a gateway leaves in the journal is stored by its neighbour, while that runs, and is counted once', async () => {
  const clock = new VirtualClock()
  const folder = join(root, `w${next++}`)
  const storage = await openSqliteStorage(join(folder, 'traces.db'), 'write')
  const other = new Journal(join(folder, 'journal'), 10_000_000)
  other.append(['a', 'b'].map((id) => encodeTrace(sampleTrace({ id }))))
  const ports = {
    storage: () => storage,
    quarantine: () => undefined,
    flushIntervalMs: () => 20,
    maxPendingBytes: () => 10_000_000,
    settled: () => undefined,
    log: () => undefined,
    clock,
  }
  const neighbours = [1, 2].map(
    () => new TraceWriter({ ...ports, journal: new Journal(join(folder, 'journal'), 10_000_000) }),
  )
  await clock.pass(60_000)
  expect(await storage.everywhere().countTraces()).toBe(0)
  // What it was working on is there whole too.
  other.keepUnfinished(['b', 'c'].map((id) => encodeTrace(sampleTrace({ id, model: 'unknown' }))))
  other.close()
  await clock.pass(11_000)
  expect(await storage.everywhere().countTraces()).toBe(3)
  expect((await storage.everywhere().getTrace('b'))?.model).toBe('gpt-4o-mini')
  const totals = neighbours.map((writer) => writer.totals(0))
  expect(totals.map(({ recovered }) => recovered)).toContainEqual(3)
  expect(totals.reduce((sum, { stored, recovered }) => sum + stored + recovered, 0)).toBe(6)
  for (const writer of neighbours) writer.abandon()
  expect(readdirSync(join(folder, 'journal'))).toEqual([])
  await storage.close()
})
