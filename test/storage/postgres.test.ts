import type { ReadScope } from '../../src/access/key-store.ts'
import { auditEvent } from '../../src/audit/audit-event.ts'
import { Journal } from '../../src/background/journal.ts'
import { TraceWriter } from '../../src/background/trace-writer.ts'
import { NO_REQUEST } from '../../src/limits/counters/shared-counters.ts'
import type { Storage } from '../../src/storage/contract/storage.ts'
import { openPostgresStorage } from '../../src/storage/drivers/postgres.ts'
import { visibilityOf } from '../../src/storage/postgres/schema.ts'
import { calendarContract } from '../contracts/calendar-contract.ts'
import { storageContract } from '../contracts/storage-contract.ts'
import { sampleKey } from '../contracts/tenant-directory-contract.ts'
import { eventually } from '../support/eventually.ts'
import { type TestPostgres, openTestPostgres } from '../support/postgres.ts'
import { sampleTrace } from '../support/trace.ts'
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'

let server: TestPostgres
beforeAll(async () => {
  server = await openTestPostgres()
  console.log(`testing against PostgreSQL ${server.version}`)
}, 60_000)
// Every test has a database of its own, and each is dropped.
afterAll(() => server?.stop(), 180_000)

const open = (dsn: string, mode: 'write' | 'read' = 'write'): Promise<Storage> =>
  openPostgresStorage({ dsn, mode, maxConnections: 4, queryTimeoutMs: 10_000 })

storageContract('postgres', async () => open(await server.createMigratedDatabase()))

calendarContract('postgres', async () => {
  const dsn = await server.createMigratedDatabase()
  const run = async (statement: string): Promise<void> => void (await server.query(dsn, statement))
  return { storage: await open(dsn), run }
})

/** What a transaction of a scope sets. */
function settingsOf(scope: ReadScope): Record<string, string> {
  return Object.fromEntries(
    Object.entries(visibilityOf(scope)).map(([name, value]) => [
      `ongoingai.${name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}`,
      String(value),
    ]),
  )
}

describe('row-level security', () => {
  test('without a scope nothing is visible, with a tenant only its rows, whatever the query forgets', async () => {
    const dsn = await server.createMigratedDatabase()
    const storage = await open(dsn)
    const body = Buffer.alloc(5000, 'x')
    await storage.write([
      sampleTrace({
        id: 'a',
        organizationId: 'org-a',
        workspaceId: 'w',
        requestBody: body,
        tags: { t: '1' },
      }),
      sampleTrace({
        id: 'b',
        organizationId: 'org-b',
        workspaceId: 'w',
        requestBody: body,
        tags: { t: '1' },
      }),
    ])
    await storage.maintenance().rollUp(10)
    for (const organizationId of ['org-a', 'org-b']) {
      const tenant = { organizationId, workspaceId: 'w' }
      await storage.directory().createKey({ ...sampleKey(organizationId), ...tenant, id: 'same' }, [])
      await storage.auditTrail().append([auditEvent({ actor: 'cli', action: 'key.create', ...tenant })])
    }
    await storage.close()
    const tables = [
      'traces',
      'trace_details',
      'trace_bodies',
      'trace_tags',
      'rollups',
      'body_chunks',
      'gateway_keys',
      'audit_events',
    ]
    const seen = async (settings: string): Promise<number[]> => {
      const client = new pg.Client({ connectionString: dsn })
      await client.connect()
      await client.query('BEGIN')
      if (settings !== '') await client.query(settings)
      const counts: number[] = []
      for (const table of tables) {
        const { rows } = await client.query(`SELECT COUNT(*) AS n FROM ${table}`)
        counts.push(Number((rows[0] as { n: string }).n))
      }
      await client.query('ROLLBACK')
      await client.end()
      return counts
    }
    const scope = (organization: string): string =>
      `SELECT set_config('ongoingai.scope', 'tenant', true), set_config('ongoingai.organization_id', '${organization}', true),
        set_config('ongoingai.workspace_id', 'w', true)`
    const all = await seen(`SELECT set_config('ongoingai.scope', 'all', true)`)
    expect(all.every((count) => count >= 2)).toBe(true)
    expect(await seen('')).toEqual(tables.map(() => 0))
    expect(await seen(scope('org-a'))).toEqual(all.map((count) => count / 2))
    expect(await seen(scope('nobody'))).toEqual(tables.map(() => 0))
  })

  test('every table has a policy but those that hold nothing of a tenant', async () => {
    const dsn = await server.createMigratedDatabase()
    await (await open(dsn)).close()
    const rows = await server.query(
      dsn,
      `SELECT relname, relrowsecurity AND relforcerowsecurity AND EXISTS (SELECT 1 FROM pg_policy WHERE polrelid = pg_class.oid) AS secured
        FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'm', 'f') ORDER BY relname`,
    )
    expect(rows.length).toBeGreaterThan(15)
    // docs/storage.md says what is in them.
    expect(rows.filter(({ secured }) => secured !== true).map(({ relname }) => relname)).toEqual([
      'counters',
      'installation',
      'job_progress',
      'ongoingai_migrations',
    ])
  })

  test('what is spent and counted is seen by its tenant, by its organization, and by nobody else', async () => {
    const dsn = await server.createMigratedDatabase()
    const storage = await open(dsn)
    const subjects = [
      'organization:org-a',
      'workspace:org-a/w',
      'key:org-a/w/k&split_model=gpt%2F4',
      'key:org-a/x/k',
      'end_user:org-a/w/user%3A1',
      'session:org-b/w/s',
      'workspace:org-b/w&provider=p',
      'organization:org-b',
    ]
    const spend = { subjects, instance: 'i', assumedNanoUsd: 0, reserved: false }
    await storage.write([sampleTrace({ id: 'a', costNanoUsd: 5, totalTokens: 1, spend })])
    const takes = subjects.flatMap((subject) => [
      {
        k: 'rate',
        c: `per_key:requests_per_minute:${subject}`,
        l: 9,
        a: 1,
        f: 0,
        u: '',
        s: 0,
        e: 0,
      } as const,
      {
        k: 'conc',
        c: `per_key:concurrent_requests:${subject}`,
        l: 9,
        a: 1,
        f: 1,
        u: '',
        s: 0,
        e: 0,
      } as const,
      { k: 'budget', c: subject, l: 9e9, a: 1, f: 1, u: 'cost', s: 0, e: 0 } as const,
    ])
    // Counts and reads whosever they are, in a session that has no scope.
    const reply = await storage.applyLimits!('admit', { ...NO_REQUEST, id: 'x', takes }, 5000)
    expect(reply.refused).toBe(-1)
    const again = await storage.applyLimits!('read', { ...NO_REQUEST, takes }, 5000)
    expect(again.states.map(([used, reserved]) => `${used} ${reserved}`)).toEqual(
      takes.map(({ k }) => (k === 'budget' ? '5 1' : '1 0')),
    )
    await storage.close()
    const seen = async (scope: ReadScope | undefined): Promise<string[][]> => {
      const client = new pg.Client({ connectionString: dsn })
      await client.connect()
      await client.query('BEGIN')
      if (scope) {
        for (const [name, value] of Object.entries(settingsOf(scope))) {
          await client.query('SELECT set_config($1, $2, true)', [name, value])
        }
      }
      const lists: string[][] = []
      for (const [table, column] of [
        ['spend', 'subject'],
        ['limit_reservations', 'subject'],
        ['limit_rates', 'counter'],
        ['limit_leases', 'counter'],
      ]) {
        const { rows } = await client.query(`SELECT ${column} AS name FROM ${table} ORDER BY 1`)
        lists.push(rows.map((row) => String((row as { name: string }).name).replace(/^per_key:\w+:/, '')))
      }
      await client.query('ROLLBACK')
      await client.end()
      return lists
    }
    const all = (names: string[]): string[][] => Array.from({ length: 4 }, () => names.sort())
    expect(await seen(undefined)).toEqual(all([]))
    const mine = ['workspace:org-a/w', 'key:org-a/w/k&split_model=gpt%2F4', 'end_user:org-a/w/user%3A1']
    expect(await seen({ organizationId: 'org-a', workspaceIds: ['w'] })).toEqual(all([...mine]))
    const whole = [...mine, 'organization:org-a', 'key:org-a/x/k']
    expect(await seen({ organizationId: 'org-a', workspaceIds: 'all' })).toEqual(all(whole))
    expect(await seen({ organizationId: 'org-a', workspaceIds: 'all', unowned: true })).toEqual(all(whole))
    expect(await seen({ organizationId: '', workspaceIds: [''] })).toEqual(all([]))
    expect(await seen({ organizationId: 'org', workspaceIds: 'all' })).toEqual(all([]))
  })

  test('what belongs to no tenant is seen by the operator alone, whatever a session leaves set', async () => {
    const dsn = await server.createMigratedDatabase()
    const storage = await open(dsn)
    await storage.write([
      sampleTrace({ id: 'owned', organizationId: 'org-a', workspaceId: 'w', tags: { t: '1' } }),
      sampleTrace({ id: 'nobodys', organizationId: '', workspaceId: '', tags: { t: '1' } }),
    ])
    await storage.maintenance().rollUp(10)
    await storage
      .auditTrail()
      .append([
        auditEvent({ actor: 'anonymous', action: 'gateway_auth', organizationId: '', workspaceId: '' }),
      ])
    await storage.close()
    const client = new pg.Client({ connectionString: dsn })
    await client.connect()
    const tables = ['traces', 'trace_tags', 'trace_details', 'rollups', 'audit_events']
    const nobodys = async (settings: Readonly<Record<string, string>>): Promise<number[]> => {
      await client.query('BEGIN')
      for (const [name, value] of Object.entries(settings)) {
        await client.query('SELECT set_config($1, $2, true)', [name, value])
      }
      const counts: number[] = []
      for (const table of tables) {
        const where = table === 'trace_details' ? 'seq = 2' : `organization_id = ''`
        const { rows } = await client.query(`SELECT COUNT(*) AS n FROM ${table} WHERE ${where}`)
        counts.push(Number((rows[0] as { n: string }).n))
      }
      await client.query('COMMIT')
      return counts
    }
    const none = tables.map(() => 0)
    const operator = await nobodys(
      settingsOf({ organizationId: 'default', workspaceIds: 'all', unowned: true }),
    )
    expect(operator.every((count) => count > 0)).toBe(true)
    // The session's settings are empty texts from here on, not absent.
    expect(await nobodys({})).toEqual(none)
    for (const workspaceIds of [[''], 'all'] as const) {
      expect(await nobodys(settingsOf({ organizationId: '', workspaceIds }))).toEqual(none)
      expect(await nobodys(settingsOf({ organizationId: 'org-a', workspaceIds }))).toEqual(none)
    }
    expect(await nobodys({ 'ongoingai.scope': 'tenant' })).toEqual(none)
    await client.end()
  })

  test('a tenant cannot write another’s rows', async () => {
    const dsn = await server.createMigratedDatabase()
    await (await open(dsn)).close()
    const client = new pg.Client({ connectionString: dsn })
    await client.connect()
    await client.query('BEGIN')
    await client.query(
      `SELECT set_config('ongoingai.organization_id', 'org-a', true), set_config('ongoingai.workspace_id', 'w', true)`,
    )
    expect(
      client.query(
        `INSERT INTO body_chunks (organization_id, workspace_id, hash, uses, bytes, data) VALUES ('org-b', 'w', 'h', 1, 1, 'd')`,
      ),
    ).rejects.toThrow('row-level security')
    await client.end()
  })
})

describe('opening', () => {
  test('twenty instances can start on one new database at once', async () => {
    const dsn = await server.createDatabase()
    const driver = join(import.meta.dir, '../../src/storage/drivers/postgres.ts')
    const script = `import { openPostgresStorage } from ${JSON.stringify(driver)}
      const s = await openPostgresStorage({ dsn: ${JSON.stringify(dsn)}, mode: 'write', maxConnections: 2, queryTimeoutMs: 9000 })
      await s.everywhere().countTraces(); await s.close()`
    const children = Array.from({ length: 20 }, () =>
      Bun.spawn([process.execPath, '-e', script], { stderr: 'pipe' }),
    )
    const results = await Promise.all(
      children.map(async (child) => [await child.exited, await new Response(child.stderr).text()]),
    )
    expect(results).toEqual(results.map(() => [0, '']))
  }, 60_000)

  test('opening to read creates nothing', async () => {
    const dsn = await server.createDatabase()
    expect(open(dsn, 'read')).rejects.toThrow('holds no traces of this gateway')
    expect(await server.query(dsn, `SELECT 1 FROM pg_tables WHERE schemaname = 'public'`)).toEqual([])
  })

  test('a database of the Go gateway is recognised and not touched', async () => {
    const dsn = await server.createDatabase()
    await server.query(dsn, 'CREATE TABLE traces (id TEXT PRIMARY KEY, timestamp TIMESTAMPTZ NOT NULL)')
    for (const mode of ['read', 'write'] as const) {
      expect(open(dsn, mode)).rejects.toThrow('is one of the Go gateway')
    }
    expect(await server.query(dsn, `SELECT 1 FROM pg_tables WHERE schemaname = 'public'`)).toHaveLength(1)
  })

  test('a wrong password is reported at once, and the message holds none', async () => {
    const dsn = new URL(await server.createDatabase())
    dsn.pathname = '/no_such_database'
    const error = await open(dsn.href, 'read').catch((thrown: unknown) => thrown)
    expect(String(error)).toContain('open postgres database: ')
    expect(String(error)).not.toContain('test@')
  })

  test('a database or a role that the server does not know is a mistake, not an outage: nothing starts on it', async () => {
    const [database, role] = [new URL(await server.createDatabase()), new URL(await server.createDatabase())]
    database.pathname = '/no_such_database'
    role.username = 'no_such_role'
    for (const dsn of [database, role]) {
      const error = await open(dsn.href).catch((thrown: unknown) => thrown)
      expect(String(error)).toContain('StorageError: open postgres database: ')
    }
  })

  test('a server that is not there is no reason not to start; writes fail until it is', async () => {
    const dsn = new URL(await server.createDatabase())
    dsn.port = '1'
    const storage = await open(dsn.href)
    const error = await storage.write([sampleTrace()]).catch((thrown: unknown) => thrown)
    expect(storage.classify(error)).toBe('connection')
    await storage.close()
    expect(open(dsn.href, 'read')).rejects.toThrow('open postgres database')
  })
})

test('failures are classified by SQLSTATE', async () => {
  const dsn = await server.createMigratedDatabase()
  const storage = await open(dsn)
  const refused = await storage
    .write([sampleTrace({ id: 'x', provider: null as never })])
    .catch((error: unknown) => error)
  expect(storage.classify(refused)).toBe('constraint')
  expect(await storage.everywhere().countTraces()).toBe(0)
  const withCode = (code: string): Error => Object.assign(new Error('x'), { code })
  expect(
    ['40001', '40P01', '55P03', '57014', '57P01', '53300', '08006', '23505', '22P05', '25006', '42P01'].map(
      (code) => storage.classify(withCode(code)),
    ),
  ).toEqual([
    'contention',
    'contention',
    'contention',
    'timeout',
    'connection',
    'connection',
    'connection',
    'constraint',
    'constraint',
    'connection',
    'unknown',
  ])
  expect(storage.classify(withCode('ECONNREFUSED'))).toBe('connection')
  expect(storage.classify(new Error('Connection terminated unexpectedly'))).toBe('connection')
  expect(storage.classify(new Error('something went wrong'))).toBe('unknown')
  await storage.close()
})

test('a connection that the server ends in the middle of a question is replaced by the next', async () => {
  const dsn = await server.createMigratedDatabase()
  const storage = await open(dsn)
  await storage.write([sampleTrace()])
  const name = new URL(dsn).pathname.slice(1)
  await server.query(
    dsn,
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}' AND pid <> pg_backend_pid()`,
  )
  await storage
    .write([sampleTrace({ id: 'after' })])
    .catch(() => storage.write([sampleTrace({ id: 'after' })]))
  expect(await storage.everywhere().countTraces()).toBe(2)
  await storage.close()
})

test('many writers at once number their traces in the order in which they can be seen', async () => {
  const dsn = await server.createMigratedDatabase()
  const writers = await Promise.all(Array.from({ length: 4 }, () => open(dsn)))
  const seen: string[] = []
  let after: { createdAtUs: number; id: string } | undefined
  const follow = async (): Promise<void> => {
    const page = await writers[0]!
      .everywhere()
      .listTraces({}, { limit: 200, order: 'arrival', ...(after ? { after } : {}) })
    seen.push(...page.items.map((trace) => trace.id))
    after = page.next ?? after
  }
  const written = new AbortController()
  const following = (async () => {
    while (!written.signal.aborted) await follow()
  })()
  await Promise.all(
    writers.map(async (writer, w) => {
      for (let i = 0; i < 30; i++) {
        await writer.write(Array.from({ length: 5 }, (_, k) => sampleTrace({ id: `${w}-${i}-${k}` })))
      }
    }),
  )
  written.abort()
  await following
  while (seen.length < 600) {
    const before = seen.length
    await follow()
    if (seen.length === before) break
  }
  expect([seen.length, new Set(seen).size]).toEqual([600, 600])
  expect((await writers[0]!.everywhere().measure({}, {})).rows[0]).toMatchObject({ requests: 600 })
  await Promise.all(writers.map((writer) => writer.close()))
}, 30_000)

test('a store that neither answers nor fails does not fill the memory: what comes meanwhile goes to the journal', async () => {
  const dsn = await server.createMigratedDatabase()
  const storage = await open(dsn)
  const folder = mkdtempSync(join(tmpdir(), 'ongoingai-silent-'))
  const settled: string[] = []
  const writer = new TraceWriter({
    storage: () => storage,
    journal: new Journal(join(folder, 'journal'), 100e6),
    quarantine: () => undefined,
    flushIntervalMs: () => 20,
    maxPendingBytes: () => 2048 * 1000,
    settled: (ids) => settled.push(...ids),
    log: () => undefined,
  })
  const holder = new pg.Client({ connectionString: dsn })
  await holder.connect()
  // The lock of the writers: a holder that falls silent stops the others.
  await holder.query('BEGIN')
  await holder.query('SELECT pg_advisory_xact_lock(7307701002)')
  for (let i = 0; i < 3000; i++) {
    writer.add(sampleTrace({ id: `t${i}` }))
    if (i % 20 === 0) await Bun.sleep(1)
  }
  await eventually(() => settled.length > 2000)
  expect(writer.totals(0)).toMatchObject({ stored: 0, writeDropped: 0 })
  expect(writer.totals(0).journalRecords).toBe(settled.length)
  await holder.end()
  await eventually(() => writer.totals(0).stored === 3000)
  expect(await storage.everywhere().countTraces()).toBe(3000)
  expect(writer.totals(0)).toMatchObject({ writeDropped: 0, journalRecords: 0 })
  await writer.close()
  await storage.close()
  rmSync(folder, { recursive: true, force: true })
}, 30_000)
