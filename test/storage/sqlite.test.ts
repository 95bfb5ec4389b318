import { Database } from 'bun:sqlite'
import { afterAll, expect, test } from 'bun:test'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Storage } from '../../src/storage/contract/storage.ts'
import { openSqliteStorage } from '../../src/storage/drivers/sqlite.ts'
import { MIGRATIONS } from '../../src/storage/migrations/migrations.ts'
import { toDetailsRow, toTraceRow } from '../../src/storage/queries/trace-rows.ts'
import type { Trace } from '../../src/traces/trace.ts'
import { calendarContract } from '../contracts/calendar-contract.ts'
import { storageContract } from '../contracts/storage-contract.ts'
import { sampleTrace } from '../support/trace.ts'

const folder = mkdtempSync(join(tmpdir(), 'ongoingai-sqlite-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
let next = 0
const freshPath = (): string => join(folder, `d${next++}`, 'traces.db')

storageContract('sqlite', () => openSqliteStorage(freshPath(), 'write'))

calendarContract('sqlite', async () => {
  const path = freshPath()
  const storage = await openSqliteStorage(path, 'write')
  const run = async (statement: string): Promise<void> => {
    using database = new Database(path)
    database.run(statement)
  }
  return { storage, run }
})

test('a new database is in WAL mode and remembers its migrations', async () => {
  const path = freshPath()
  await (await openSqliteStorage(path, 'write')).close()
  await (await openSqliteStorage(path, 'write')).close()
  const database = new Database(path, { readonly: true })
  expect(database.query('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'wal' })
  expect(database.query('SELECT name FROM ongoingai_migrations').all()).toEqual([
    { name: '001_traces' },
    { name: '002_attribution' },
    { name: '003_rollups_and_chunks' },
    { name: '004_tenants_and_keys' },
    { name: '005_key_schemes' },
    { name: '006_age_of_bodies' },
    { name: '007_tenants_of_tags' },
    { name: '008_key_lifecycle' },
    { name: '009_shared_limits' },
    { name: '010_limits_at_one_moment' },
    { name: '011_scopes' },
    { name: '012_bytes_of_details' },
    { name: '013_failed_answers' },
    { name: '014_quarter_hours' },
    { name: '015_included_cost' },
    { name: '018_limit_adjustments' },
    { name: '019_consumption_pages' },
    { name: '020_attempts' },
  ])
  database.close()
})

test('counters that an earlier version left in characters are counted anew', async () => {
  const path = freshPath()
  const storage = await openSqliteStorage(path, 'write')
  await storage.write([sampleTrace({ metadata: { note: 'naïve 😀' }, requestBody: Buffer.from('hello') })])
  await storage.close()
  const database = new Database(path)
  database.run(`UPDATE counters SET value = value - 3 WHERE name IN ('trace_bytes', 'body_bytes')`)
  database.run(`DELETE FROM ongoingai_migrations WHERE name = '012_bytes_of_details'`)
  database.close()
  const again = await openSqliteStorage(path, 'write')
  expect(await again.maintenance().checkCounts()).toEqual([])
  await again.close()
})

test('opening to read creates nothing: no folder, no file, no WAL', async () => {
  const path = freshPath()
  expect(openSqliteStorage(path, 'read')).rejects.toThrow('does not exist')
  expect(existsSync(join(path, '..'))).toBe(false)

  const writer = await openSqliteStorage(path, 'write')
  await writer.write([sampleTrace()])
  await writer.close()
  const reader = await openSqliteStorage(path, 'read')
  expect(await reader.everywhere().countTraces()).toBe(1)
  await reader.close()
  expect(readdirSync(join(path, '..'))).toEqual(['traces.db'])
})

test('a reader sees what a live writer has committed', async () => {
  const path = freshPath()
  const writer = await openSqliteStorage(path, 'write')
  await writer.write([sampleTrace()])
  const reader = await openSqliteStorage(path, 'read')
  expect(await reader.everywhere().countTraces()).toBe(1)
  await reader.close()
  await writer.close()
})

test('a database of the Go gateway is recognised and not touched', () => {
  const path = join(folder, 'go.db')
  const database = new Database(path)
  database.run('CREATE TABLE traces (id TEXT PRIMARY KEY, timestamp DATETIME NOT NULL)')
  database.close()
  expect(openSqliteStorage(path, 'write')).rejects.toThrow('is a database of the Go gateway')
  expect(openSqliteStorage(path, 'read')).rejects.toThrow('is a database of the Go gateway')
})

test('a database that is deleted under the process is made anew instead of written into nowhere', async () => {
  const path = freshPath()
  const storage = await openSqliteStorage(path, 'write')
  await storage.write([sampleTrace({ id: 'before' })])
  rmSync(join(path, '..'), { recursive: true })
  await storage.write([sampleTrace({ id: 'after' })])
  await storage.close()
  const reader = await openSqliteStorage(path, 'read')
  expect(
    (await reader.everywhere().listTraces({}, { limit: 10, order: 'newest' })).items.map((trace) => trace.id),
  ).toEqual(['after'])
  await reader.close()
})

test('failures are classified by SQLite’s own codes', async () => {
  const path = freshPath()
  const storage = await openSqliteStorage(path, 'write')
  const locker = new Database(path)
  locker.run('BEGIN IMMEDIATE')
  const locked = await storage.write([sampleTrace()]).catch((error: unknown) => error)
  expect(storage.classify(locked)).toBe('contention')
  locker.run('ROLLBACK')
  locker.close()
  const refused = await storage
    .write([sampleTrace({ id: 'x', provider: null as never })])
    .catch((error: unknown) => error)
  expect(storage.classify(refused)).toBe('constraint')
  expect(storage.classify(new Error('something went wrong'))).toBe('unknown')
  expect(await storage.everywhere().countTraces()).toBe(0)
  await storage.close()
})

test('a file that cannot be opened is a clear error', () => {
  expect(openSqliteStorage('/proc/no/such/traces.db', 'write')).rejects.toThrow('open sqlite database')
  const path = join(folder, 'not.db')
  chmodSync(folder, 0o755)
  void Bun.write(path, 'this is not a database, it only looks like a file')
  expect(openSqliteStorage(path, 'write')).rejects.toThrow(/not a database|open sqlite/)
})

test('twenty processes can open one new database at once', async () => {
  const path = freshPath()
  const script = `import { openSqliteStorage } from ${JSON.stringify(join(import.meta.dir, '../../src/storage/drivers/sqlite.ts'))}; const s = await openSqliteStorage(${JSON.stringify(path)}, 'write'); await s.ping(); await s.close()`
  const children = Array.from({ length: 20 }, () =>
    Bun.spawn([process.execPath, '-e', script], { stderr: 'pipe' }),
  )
  const results = await Promise.all(
    children.map(async (child) => [await child.exited, await new Response(child.stderr).text()]),
  )
  expect(results).toEqual(results.map(() => [0, '']))
}, 30_000)

test('a database of the first schema is brought up to date, and its traces are read', async () => {
  const path = freshPath()
  mkdirSync(dirname(path))
  const database = new Database(path, { create: true })
  const dialect = {
    serialKey: 'INTEGER PRIMARY KEY',
    rowKey: 'INTEGER PRIMARY KEY',
    text: 'TEXT',
    bytes: 'BLOB',
  }
  for (const statement of MIGRATIONS[0]!.statements({ ...dialect, clustered: '' })) database.run(statement)
  database.run('CREATE TABLE ongoingai_migrations (name TEXT PRIMARY KEY, applied_at_us BIGINT NOT NULL)')
  database.run("INSERT INTO ongoingai_migrations VALUES ('001_traces', 1)")
  const {
    session_id: _1,
    end_user: _2,
    client: _3,
    client_version: _4,
    agent: _5,
    project: _6,
    tags: _7,
    consumption_id: _8,
    provider_error: _9,
    list_price_nano_usd: _10,
    attempts: _11,
    target: _12,
    ...row
  } = toTraceRow(sampleTrace({ id: 'old' }))
  const names = Object.keys(row)
  database
    .query(`INSERT INTO traces (seq, ${names.join(', ')}) VALUES (1, ${names.map(() => '?').join(', ')})`)
    .run(...(Object.values(row) as string[]))
  database.query('INSERT INTO trace_details VALUES (1, ?)').run(toDetailsRow(1, sampleTrace()).document)
  database.close()
  const storage = await openSqliteStorage(path, 'write')
  expect(await storage.everywhere().getTrace('old')).toMatchObject({ id: 'old', sessionId: '', tags: {} })
  await storage.write([sampleTrace({ id: 'new', tags: { a: 'b' } })])
  expect(await storage.everywhere().countTraces()).toBe(2)
  // The old one was summed up when the rollups were made, and counted.
  expect((await storage.everywhere().measure({}, {})).rows[0]).toMatchObject({ requests: 2, inputTokens: 22 })
  expect(await storage.maintenance().counters()).toMatchObject({ traces: 2 })
  await storage.close()
})

test('a database that a newer version has changed is left alone', async () => {
  const path = freshPath()
  await (await openSqliteStorage(path, 'write')).close()
  const database = new Database(path)
  database.run("INSERT INTO ongoingai_migrations VALUES ('999_future', 1)")
  database.close()
  expect(openSqliteStorage(path, 'write')).rejects.toThrow('changed by a newer version')
})

test('an answer too large to give is refused with what to ask instead', async () => {
  const path = freshPath()
  const storage = await openSqliteStorage(path, 'write')
  await storage.write([sampleTrace()])
  await storage.maintenance().rollUp(1)
  const database = new Database(path)
  const columns = (database.query('PRAGMA table_info(rollups)').all() as { name: string }[]).map(
    ({ name }) => name,
  )
  const other = columns.map((name) => (name === 'model' ? `'m' || n.value` : `rollups.${name}`))
  database.run(`INSERT INTO rollups (${columns.join(', ')}) SELECT ${other.join(', ')} FROM rollups,
    (WITH RECURSIVE c (value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM c WHERE value < 100000) SELECT value FROM c) AS n WHERE span = 24 AND dimension = ''`)
  database.close()
  const reader = storage.everywhere()
  expect(reader.measure({}, { group: 'model' })).rejects.toThrow('more than 100000 items')
  expect((await reader.measure({}, { group: 'model', limit: 3 })).rows.length).toBe(3)
  await storage.close()
})

test('what an earlier version stored of credentials is not read any more', async () => {
  const storage = await openSqliteStorage(freshPath(), 'write')
  const requestHeaders = { Accept: ['*/*'], 'X-Amz-Security-Token': ['canary'] }
  const responseHeaders = { Location: ['/x?X-Amz-Signature=canary'] }
  await storage.write([sampleTrace({ requestHeaders, responseHeaders })])
  const trace = await storage.everywhere().getTrace('trace-1')
  expect(JSON.stringify(trace)).not.toContain('canary')
  expect(trace!.requestHeaders).toEqual({ Accept: ['*/*'], 'X-Amz-Security-Token': ['[REDACTED]'] })
  await storage.close()
})

test('consumption that is fetched again counts once, however many traces came between', async () => {
  const storage = await openSqliteStorage(freshPath(), 'write')
  const of = (id: string, consumptionId: string, countedOnce = false): Trace =>
    sampleTrace({ id, consumptionId, countedOnce })
  await storage.write(Array.from({ length: 3000 }, (_, i) => of(`t${i}`, `openai:${i}`)))
  const again = ['0', '1023', '1024', '2999', 'new'].map((id) => of(`again-${id}`, `openai:${id}`, true))
  await storage.write([...again, of('twice', 'openai:new', true)])
  const tokens = await Promise.all(
    [...again.map(({ id }) => id), 'twice'].map(
      async (id) => (await storage.everywhere().getTrace(id))!.totalTokens,
    ),
  )
  expect(tokens).toEqual([0, 0, 0, 0, sampleTrace().totalTokens, 0])
  await storage.close()
})

test('sums are exact whoever wrote or changed the traces since the last roll-up', async () => {
  const path = freshPath()
  const [own, other] = [await openSqliteStorage(path, 'write'), await openSqliteStorage(path, 'write')]
  const write = (storage: Storage, from: number): Promise<number> =>
    storage.write(Array.from({ length: 20 }, (_, i) => sampleTrace({ id: `t${from + i}`, costNanoUsd: 5 })))
  const price = async (storage: Storage, seq: number): Promise<void> => {
    const [stored] = await storage.maintenance().page({}, seq - 1, 1)
    const trace = { ...stored!.trace, costNanoUsd: 1000 * seq }
    await storage.maintenance().replaceCosts('job', [{ seq, trace }], seq)
  }
  const check = async (traces: number): Promise<void> => {
    await own.maintenance().rollUp(1000)
    const { traces: counted, different } = await own.maintenance().checkRollups(0, Number.MAX_SAFE_INTEGER)
    expect([counted, different]).toEqual([traces, []])
  }
  await write(own, 0)
  await write(own, 20)
  await check(40)
  await write(own, 40)
  await price(own, 45)
  await check(60)
  await write(own, 60)
  await price(other, 65)
  await write(own, 80)
  await check(100)
  await write(own, 100)
  await write(other, 120)
  await write(own, 140)
  await check(160)
  await write(own, 160)
  await other.maintenance().rollUp(10)
  await check(180)
  // Nothing of a batch that failed counts.
  const broken = { ...sampleTrace({ id: 'broken' }), organizationId: null as unknown as string }
  await write(own, 180)
  expect(own.write([sampleTrace({ id: 'beside' }), broken])).rejects.toThrow()
  await check(200)
  await own.close()
  await other.close()
})
