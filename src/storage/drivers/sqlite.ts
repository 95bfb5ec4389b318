import { constants, Database, type SQLQueryBindings, type Statement } from 'bun:sqlite'
import { existsSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { Kysely, SqliteDialect } from 'kysely'
import { createPrivateFile, makePrivateFolder } from '../../files/private-files.ts'
import { alreadyCounted } from '../../traces/already-counted.ts'
import type { Trace } from '../../traces/trace.ts'
import { packChunk } from '../bodies/chunks.ts'
import { MIGRATIONS, refuseNewer, refuseOther, type SqlDialect } from '../migrations/migrations.ts'
import type { Read } from '../queries/tables.ts'
import { AuditTrailQueries } from '../queries/audit-trail.ts'
import { LimitRecordQueries } from '../queries/limit-records.ts'
import { SpendLedgerQueries } from '../queries/spend-ledger.ts'
import { TenantDirectoryQueries } from '../queries/tenant-directory.ts'
import { TraceMaintenanceQueries, type AddToRollups } from '../queries/trace-maintenance.ts'
import { TraceQueries } from '../queries/trace-queries.ts'
import { toBodiesRow, toDetailsRow, toTagRows, toTraceRow } from '../queries/trace-rows.ts'
import { MEASURE_LIST } from '../rollups/measures.ts'
import { addToSpend, SpendRows } from '../spend-rows.ts'
import { ROLLUP_KEY, rollupKeyValues, upsertRollup } from '../rollups/upsert.ts'
import type { Tables, TraceBodiesTable } from '../schema.ts'
import { sqliteReadUrl } from '../sqlite-read-url.ts'
import { storable } from '../storable.ts'
import { StorageError, StoreLockedError } from '../storage-error.ts'
import { storeUsers } from '../store-claim.ts'
import type { AuditTrailStore } from '../contract/audit-trail.ts'
import type { StoreState, Waiting, WriteErrorClass } from '../contract/database.ts'
import type { LimitRecords } from '../contract/limit-records.ts'
import type { SpendLedger } from '../contract/spend-ledger.ts'
import type { Storage } from '../contract/storage.ts'
import type { TenantDirectory } from '../contract/tenant-directory.ts'
import type { ReadScope } from '../contract/tenant.ts'
import type { TraceMaintenance } from '../contract/trace-maintenance.ts'
import type { TraceReader } from '../contract/traces.ts'

/** How a database is opened. `read` never creates or changes anything. */
export type SqliteMode = 'write' | 'read'

/** How long a statement waits for another process's lock. Short: the recorder has the journal to fall back on. */
const BUSY_TIMEOUT_MS = 50

/** How long opening waits for another process that has locked the file, or migrates it. */
const OPENING_MS: Readonly<Record<SqliteMode, number>> = { write: 30_000, read: 5000 }

/** After this time the caller is told that it waits. */
const SILENT_MS = 1000

/** How long each attempt waits by itself; between attempts the thread does other things. */
const ATTEMPT_MS = 250
const PAUSE_MS = 20

/**
 * Opens traces in a SQLite file. WAL, `synchronous=NORMAL`: a killed process loses nothing that was committed.
 *
 * @param path file; in `write` mode it and its folder are created
 * @param waiting told once if others have locked the file for a second
 * @throws StorageError when it cannot be opened or is not ours, or stays locked
 */
export async function openSqliteStorage(path: string, mode: SqliteMode, waiting?: Waiting): Promise<Storage> {
  const startedAt = performance.now()
  let told = false
  for (;;) {
    try {
      return new SqliteStorage(path, mode)
    } catch (error) {
      if (!(error instanceof StoreLockedError)) throw error
      const waitedMs = performance.now() - startedAt
      if (waitedMs >= OPENING_MS[mode]) throw error
      if (!told && waitedMs >= SILENT_MS) {
        told = true
        waiting?.(resolve(path), storeUsers(path))
      }
      await Bun.sleep(PAUSE_MS)
    }
  }
}

const DIALECT: SqlDialect = {
  serialKey: 'INTEGER PRIMARY KEY',
  rowKey: 'INTEGER PRIMARY KEY',
  text: 'TEXT',
  bytes: 'BLOB',
  clustered: 'WITHOUT ROWID',
}

class SqliteStorage implements Storage {
  readonly driver = 'sqlite'
  readonly #path: string
  readonly #mode: SqliteMode
  readonly #appliedNow: string[] = []
  #database: Database
  #kysely: Kysely<Tables>
  #inserts: Inserts | undefined
  #inode: number
  #rollups: Rollups | undefined
  /** The transaction under way: others wait, for all share one connection. */
  #busy: Promise<unknown> = Promise.resolve()

  constructor(path: string, mode: SqliteMode) {
    this.#path = path
    this.#mode = mode
    this.#database = open(path, mode, (name) => this.#appliedNow.push(name))
    this.#kysely = kyselyOver(this.#database)
    this.#inode = inodeOf(path)
  }

  async write(given: readonly Trace[]): Promise<number> {
    if (given.length === 0) return 0
    const traces = given.map(storable)
    return this.#change(() => {
      const inserts = (this.#inserts ??= prepareInserts(this.#database, this.#kysely, traces[0]!))
      const counters = { traces: 0, trace_bytes: 0, body_bytes: 0 }
      const spent = new SpendRows()
      for (const trace of traces) {
        const counted = trace.countedOnce ? this.#counted(trace) : trace
        const { changes, lastInsertRowid } = inserts.trace.run(...values(toTraceRow(counted)))
        if (changes === 0) continue
        const seq = Number(lastInsertRowid)
        const details = toDetailsRow(seq, counted)
        inserts.details.run(...values(details))
        for (const tag of toTagRows(seq, counted)) inserts.tag.run(...values(tag))
        counters.traces += 1
        counters.trace_bytes += Buffer.byteLength(details.document)
        counters.body_bytes += this.#addBodies(inserts, seq, counted)
        if (counted.spend) spent.add(counted, counted.spend)
      }
      for (const row of spent.rows()) inserts.spend.run(...values(row))
      for (const [name, by] of Object.entries(counters)) if (by > 0) inserts.counter.run(by, name)
      return counters.traces
    })
  }

  /** @returns how many bytes were added */
  #addBodies(inserts: Inserts, seq: number, trace: Trace): number {
    const bodies = toBodiesRow(seq, trace)
    if (!bodies) return 0
    const { row, chunks } = bodies
    inserts.bodies.run(...values(row))
    let added = (row.request_body?.length ?? 0) + (row.response_body?.length ?? 0)
    for (const { hash, bytes } of chunks) {
      const key = [trace.organizationId, trace.workspaceId, hash] as const
      if (inserts.useChunk.run(...key).changes > 0) continue
      const data = packChunk(bytes)
      inserts.chunk.run(...key, bytes.length, data)
      added += data.length
    }
    return added
  }

  /** Adds sums to the rollups, in the change under way. */
  readonly #addToRollups: AddToRollups = async (_, deltas) => {
    const { latencies, rollup } = (this.#rollups ??= prepareRollups(this.#database))
    for (const { key, measures, latencies: histogram } of deltas) {
      const keys = rollupKeyValues(key)
      const known = latencies.get(...keys) as { latencies: Uint8Array } | null
      if (known) histogram.addEncoded(known.latencies)
      rollup.run(...keys, ...MEASURE_LIST.map(({ name }) => measures[name]), histogram.encode())
    }
  }

  /** In the same transaction, so that two fetches at once cannot both count. */
  #counted(trace: Trace): Trace {
    const other = this.#database
      .query(`SELECT 1 FROM traces WHERE consumption_id = ? AND consumption_id <> '' AND id <> ? LIMIT 1`)
      .get(trace.consumptionId, trace.id)
    return other === null ? trace : alreadyCounted(trace)
  }

  within(scope: ReadScope): TraceReader {
    return new TraceQueries(this.#read, scope)
  }

  everywhere(): TraceReader {
    return new TraceQueries(this.#read, undefined)
  }

  maintenance(): TraceMaintenance {
    return new TraceMaintenanceQueries(
      this.#read,
      (work) => this.#change(() => work(this.#kysely)),
      this.#addToRollups,
    )
  }

  /** Every statement of a question sees the same state. */
  readonly #read: Read = (work) => this.#transaction('BEGIN', () => work(this.#kysely))

  directory(): TenantDirectory {
    return new TenantDirectoryQueries(this.#read, (work) => this.#change(() => work(this.#kysely)))
  }

  auditTrail(): AuditTrailStore {
    return new AuditTrailQueries(
      () => this.#read,
      (work) => this.#change(() => work(this.#kysely)),
    )
  }

  spend(): SpendLedger {
    return new SpendLedgerQueries(this.#read, (work) => this.#change(() => work(this.#kysely)))
  }

  limitRecords(): LimitRecords {
    return new LimitRecordQueries(this.#read, (work) => this.#change(() => work(this.#kysely)))
  }

  async sizeBytes(): Promise<number> {
    return sizeOf(this.#path) + sizeOf(`${this.#path}-wal`)
  }

  async shrink(): Promise<boolean> {
    return this.#change(() => {
      this.#database.run(`PRAGMA incremental_vacuum(${VACUUM_PAGES})`)
      const { freelist_count } = this.#database.query('PRAGMA freelist_count').get() as {
        freelist_count: number
      }
      return freelist_count > 0
    })
  }

  async state(): Promise<StoreState> {
    const rows = this.#database.query('SELECT name FROM ongoingai_migrations').all() as { name: string }[]
    const { version } = this.#database.query('SELECT sqlite_version() AS version').get() as {
      version: string
    }
    return {
      applied: rows.map(({ name }) => name).sort(),
      appliedNow: this.#appliedNow,
      warnings: [],
      server: `SQLite ${version}`,
    }
  }

  async damage(): Promise<readonly string[]> {
    const rows = this.#database.query('PRAGMA quick_check(20)').all() as { quick_check: string }[]
    return rows.map((row) => row.quick_check).filter((text) => text !== 'ok')
  }

  async ping(): Promise<void> {
    this.#database.query('SELECT id FROM traces LIMIT 1').get()
  }

  classify(error: unknown): WriteErrorClass {
    const code = codeOf(error)
    if (code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED')) return 'contention'
    if (/^SQLITE_(CONSTRAINT|MISMATCH|TOOBIG|RANGE)/.test(code)) return 'constraint'
    if (/^SQLITE_(CANTOPEN|IOERR|FULL|READONLY|CORRUPT|NOTADB|PERM|AUTH)/.test(code)) return 'connection'
    if (/^SQLITE_(INTERRUPT|ABORT)/.test(code)) return 'timeout'
    return 'unknown'
  }

  async close(): Promise<void> {
    await this.#busy
    this.#close()
  }

  /** Runs a change, all or none; the lock is taken first, so that what it reads cannot be out of date. */
  #change<T>(work: () => T | Promise<T>): Promise<T> {
    return this.#transaction('BEGIN IMMEDIATE', work)
  }

  #transaction<T>(begin: string, work: () => T | Promise<T>): Promise<T> {
    const transaction = this.#busy.then(async () => {
      this.#reopenIfReplaced()
      this.#database.run(begin)
      try {
        const result = await work()
        this.#database.run('COMMIT')
        return result
      } catch (error) {
        if (this.#database.inTransaction) this.#database.run('ROLLBACK')
        throw error
      }
    })
    this.#busy = transaction.catch(() => undefined)
    return transaction
  }

  /** Statements that are left open would keep the database open behind its back, and its WAL on the disk. */
  #close(): void {
    const statements = { ...this.#inserts, ...this.#rollups }
    for (const statement of Object.values(statements)) statement.finalize()
    this.#inserts = undefined
    this.#rollups = undefined
    this.#database.close()
  }

  /** A file that was deleted or replaced under the process would take writes that nobody could ever read. */
  #reopenIfReplaced(): void {
    if (this.#path === ':memory:' || inodeOf(this.#path) === this.#inode) return
    this.#close()
    this.#database = open(this.#path, this.#mode, () => undefined)
    this.#kysely = kyselyOver(this.#database)
    this.#inode = inodeOf(this.#path)
  }
}

/** Pages given back to the file system at once: some milliseconds of the writer's lock. */
const VACUUM_PAGES = 512

interface Inserts {
  readonly trace: Statement
  readonly details: Statement
  readonly bodies: Statement
  readonly tag: Statement
  readonly useChunk: Statement
  readonly chunk: Statement
  readonly counter: Statement
  readonly spend: Statement
}

interface Rollups {
  readonly latencies: Statement
  readonly rollup: Statement
}

function prepareRollups(database: Database): Rollups {
  return {
    latencies: database.prepare(
      `SELECT latencies FROM rollups WHERE ${ROLLUP_KEY.map((column) => `${column} = ?`).join(' AND ')}`,
    ),
    rollup: database.prepare(upsertRollup({ rows: 1, parameter: () => '?', least: 'MIN', greatest: 'MAX' })),
  }
}

/** The inserts, built once in the shared vocabulary and kept prepared: they are the recorder's hot path. Any trace shows the columns and their order. */
function prepareInserts(database: Database, kysely: Kysely<Tables>, shape: Trace): Inserts {
  const prepare = (query: { compile(): { sql: string } }): Statement => database.prepare(query.compile().sql)
  const bodies: TraceBodiesTable = {
    seq: 0,
    request_body: null,
    response_body: null,
    request_chunks: null,
    response_chunks: null,
    created_at_us: 0,
  }
  return {
    trace: prepare(
      kysely
        .insertInto('traces')
        .values(toTraceRow(shape))
        .onConflict((conflict) => conflict.column('id').doNothing()),
    ),
    details: prepare(kysely.insertInto('trace_details').values(toDetailsRow(0, shape))),
    bodies: prepare(kysely.insertInto('trace_bodies').values(bodies)),
    tag: prepare(
      kysely.insertInto('trace_tags').values({
        seq: 0,
        key: '',
        value: '',
        created_at_us: 0,
        organization_id: '',
        workspace_id: '',
      }),
    ),
    useChunk: database.prepare(
      'UPDATE body_chunks SET uses = uses + 1 WHERE organization_id = ? AND workspace_id = ? AND hash = ?',
    ),
    chunk: database.prepare(
      'INSERT INTO body_chunks (organization_id, workspace_id, hash, uses, bytes, data) VALUES (?, ?, ?, 1, ?, ?)',
    ),
    counter: database.prepare('UPDATE counters SET value = value + ? WHERE name = ?'),
    spend: database.prepare(addToSpend(1, () => '?')),
  }
}

function values(row: object): SQLQueryBindings[] {
  return Object.values(row) as SQLQueryBindings[]
}

function kyselyOver(database: Database): Kysely<Tables> {
  return new Kysely<Tables>({
    dialect: new SqliteDialect({
      database: {
        close: () => database.close(),
        prepare: (sql) => {
          const statement = database.query(sql)
          const bind = (parameters: readonly unknown[]): SQLQueryBindings[] =>
            parameters as SQLQueryBindings[]
          return {
            reader: statement.columnNames.length > 0,
            all: (parameters) => statement.all(...bind(parameters)),
            run: (parameters) => statement.run(...bind(parameters)),
            iterate: (parameters) => statement.iterate(...bind(parameters)),
          }
        },
      },
    }),
  })
}

function open(path: string, mode: SqliteMode, applied: (migration: string) => void): Database {
  try {
    return mode === 'write' ? openForWriting(path, applied) : openForReading(path)
  } catch (error) {
    if (error instanceof StorageError) throw error
    if (/^SQLITE_(BUSY|LOCKED)/.test(codeOf(error))) throw new StoreLockedError(path, storeUsers(path), error)
    const reason = error instanceof Error ? error.message : String(error)
    throw new StorageError(`open sqlite database "${path}": ${reason}`, { cause: error })
  }
}

function openForWriting(path: string, applied: (migration: string) => void): Database {
  if (path !== ':memory:') {
    makePrivateFolder(dirname(path))
    // What SQLite puts beside it gets the same mode.
    createPrivateFile(path)
  }
  const database = new Database(path, { create: true, readwrite: true })
  try {
    database.run(`PRAGMA busy_timeout = ${ATTEMPT_MS}`)
    refuseForeign(database, path)
    // Only takes effect before the first table exists; retention gives pages back to the disk with it.
    database.run('PRAGMA auto_vacuum = INCREMENTAL')
    database.run('PRAGMA journal_mode = WAL')
    database.run('PRAGMA synchronous = NORMAL')
    migrate(database, applied)
    database.run(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`)
  } catch (error) {
    database.close()
    throw error
  }
  return database
}

/** Opens without creating anything: with no writer about, the file is read as it lies, without a WAL of its own. */
function openForReading(path: string): Database {
  if (!existsSync(path)) {
    throw new StorageError(
      `sqlite database "${resolve(path)}" does not exist; a gateway makes it. Is another folder meant? --config names the settings of that gateway`,
    )
  }
  const database = new Database(
    sqliteReadUrl(path),
    constants.SQLITE_OPEN_READONLY | constants.SQLITE_OPEN_URI,
  )
  try {
    database.run(`PRAGMA busy_timeout = ${ATTEMPT_MS}`)
    refuseForeign(database, path)
    if (!hasTable(database, 'ongoingai_migrations')) {
      throw new StorageError(`sqlite database "${path}" holds no traces of this gateway`)
    }
    const taken = database.query<{ name: string }, []>('SELECT name FROM ongoingai_migrations').all()
    refuseOther(taken.map(({ name }) => name))
    database.run(`PRAGMA busy_timeout = ${OPENING_MS.read}`)
  } catch (error) {
    database.close()
    throw error
  }
  return database
}

function hasTable(database: Database, name: string): boolean {
  return database.query(`SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?`).get(name) !== null
}

/** A database of the original program has a `traces` table of its own: it must not be written to. */
function refuseForeign(database: Database, path: string): void {
  if (!hasTable(database, 'traces') || hasTable(database, 'ongoingai_migrations')) return
  const original = database.query(`SELECT 1 FROM pragma_table_info('traces') WHERE name = 'timestamp'`).get()
  const whose = original ? 'is a database of the Go gateway' : 'has a table "traces" that is not ours'
  const then = original ? `, then bring its traces over: ongoingai import --from "${path}"` : ''
  throw new StorageError(`sqlite database "${path}" ${whose}; set storage.path to another file${then}`)
}

function migrate(database: Database, applied: (migration: string) => void): void {
  database.run('BEGIN IMMEDIATE')
  try {
    database.run(
      'CREATE TABLE IF NOT EXISTS ongoingai_migrations (name TEXT PRIMARY KEY, applied_at_us BIGINT NOT NULL)',
    )
    const taken = new Set(
      database
        .query<{ name: string }, []>('SELECT name FROM ongoingai_migrations')
        .all()
        .map((row) => row.name),
    )
    refuseNewer([...taken])
    for (const migration of MIGRATIONS) {
      const { name } = migration
      if (taken.has(name)) continue
      for (const statement of migration.statements(DIALECT)) database.run(statement)
      database.run('INSERT INTO ongoingai_migrations (name, applied_at_us) VALUES (?, ?)', [
        name,
        Date.now() * 1000,
      ])
      applied(name)
    }
    if (taken.size < MIGRATIONS.length) writePlannerStatistics(database)
    database.run('COMMIT')
  } catch (error) {
    if (database.inTransaction) database.run('ROLLBACK')
    throw error
  }
}

/**
 * Rows that each index finds for a value of its first column, its first two …, in a store of a million traces. Told once instead
 * of counted again and again (ANALYZE), so that the plans are good from the first trace on and stay what was measured.
 */
const SELECTIVITY: Readonly<Record<string, string>> = {
  traces_created: '1000000 1 1',
  traces_tenant: '1000000 200000 50000 1 1',
  traces_arrival: '1000000 200000 50000 1',
  traces_model: '1000000 40000 1',
  traces_api_key: '1000000 10000 1',
  traces_gateway_key: '1000000 10000 1',
  traces_client: '1000000 150000 1',
  traces_status: '20000 5000 1',
  traces_session: '900000 30 1',
  traces_end_user: '900000 2000 1',
  traces_group: '500000 30 1',
  traces_thread: '500000 20 1',
  traces_run: '500000 10 1',
  traces_consumption: '100000 1',
}

function writePlannerStatistics(database: Database): void {
  // Makes the table of statistics.
  database.run('ANALYZE sqlite_schema')
  database.run(`DELETE FROM sqlite_stat1 WHERE tbl IN ('traces', 'trace_tags')`)
  const tell = database.query('INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES (?, ?, ?)')
  for (const [index, stat] of Object.entries(SELECTIVITY)) tell.run('traces', index, stat)
  tell.run('trace_tags', 'trace_tags_value', '1000000 200000 20000 1 1')
  tell.run('trace_tags', 'trace_tags_tenant', '1000000 200000 50000 10000 1000 1 1')
  database.run('ANALYZE sqlite_schema')
}

/** SQLite's name of what went wrong; empty for anything else. */
function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}

/** -1 for a file that is not there. */
function inodeOf(path: string): number {
  return path === ':memory:' ? 0 : (statSync(path, { throwIfNoEntry: false })?.ino ?? -1)
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0
}
