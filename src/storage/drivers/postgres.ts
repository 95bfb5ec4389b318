import type { ReadScope } from '../../access/key-store.ts'
import type { SharedOperation, SharedReply, SharedRequest } from '../../limits/counters/shared-counters.ts'
import { withTimeout } from '../../time/with-timeout.ts'
import type { Trace } from '../../traces/trace.ts'
import type { AuditTrailStore } from '../contract/audit-trail.ts'
import type { StoreState, WriteErrorClass } from '../contract/database.ts'
import type { LimitRecords } from '../contract/limit-records.ts'
import type { SpendLedger } from '../contract/spend-ledger.ts'
import type { Storage } from '../contract/storage.ts'
import type { TenantDirectory } from '../contract/tenant-directory.ts'
import type { TraceMaintenance } from '../contract/trace-maintenance.ts'
import type { TraceReader } from '../contract/traces.ts'
import { refuseOther } from '../migrations/migrations.ts'
import {
  addToCounters,
  addToRollups,
  countOnce,
  deleteReservations,
  insertBodies,
  insertRecords,
  insertSpend,
  insertTraces,
} from '../postgres/inserts.ts'
import { migrate, refuseForeign, visibilityOf } from '../postgres/schema.ts'
import { AuditTrailQueries } from '../queries/audit-trail.ts'
import { LimitRecordQueries } from '../queries/limit-records.ts'
import { SpendLedgerQueries } from '../queries/spend-ledger.ts'
import type { Read, Write } from '../queries/tables.ts'
import { TenantDirectoryQueries } from '../queries/tenant-directory.ts'
import { TraceMaintenanceQueries } from '../queries/trace-maintenance.ts'
import { TraceQueries } from '../queries/trace-queries.ts'
import { toDetailsRow, toTagRows } from '../queries/trace-rows.ts'
import type { Tables } from '../schema.ts'
import { SpendRows } from '../spend-rows.ts'
import { storable } from '../storable.ts'
import { StorageError } from '../storage-error.ts'
import { openPool } from './postgres-pool.ts'
import { Kysely, PostgresDialect, sql } from 'kysely'
import type pg from 'pg'

/** How a database is opened. `read` never creates or changes anything. */
export interface PostgresOptions {
  /** Connection string, as a URL or in keywords. */
  readonly dsn: string
  readonly mode: 'write' | 'read'
  readonly maxConnections: number
  /** How long one query may take. */
  readonly queryTimeoutMs: number
}

/** How long a batch may take, and wait for other writers. Past it the journal takes the batch. */
const WRITE_MS = 10_000

/** How much longer than the server's own time-outs the client waits, so that the server reports them itself. */
const SILENCE_MS = 2000

/** Key of the advisory lock that writers take turns by. A number of our own, nothing else uses it. */
const WRITER_LOCK = 7_307_701_002

/** The tables that grow. */
const TABLES = [
  'traces',
  'trace_details',
  'trace_bodies',
  'trace_tags',
  'rollups',
  'body_chunks',
  'spend',
  'audit_events',
]

/**
 * Opens traces in PostgreSQL (15 or newer). Nothing depends on a session, so a transaction pooler may stand between: locks, time-outs
 * and the tenant are set within each transaction.
 *
 * Opening to write succeeds even if the server cannot be reached. The first write that gets through upgrades the schema. Until then every
 * write fails with class `connection`.
 *
 * @throws StorageError when it is reached but cannot be used
 */
export async function openPostgresStorage(options: PostgresOptions): Promise<Storage> {
  const storage = new PostgresStorage(options)
  try {
    if (options.mode === 'write') await storage.prepare()
    else await storage.check()
    return storage
  } catch (error) {
    const unreachable = ['connection', 'timeout'].includes(storage.classify(error)) && !isMistake(error)
    if (options.mode === 'write' && unreachable) return storage
    await storage.close()
    if (error instanceof StorageError) throw error
    throw new StorageError(`open postgres database: ${messageOf(error)}`, { cause: error })
  }
}

/** A role, a password or a database that the server does not know: an outage while running, a mistake at the start. */
function isMistake(error: unknown): boolean {
  return error instanceof Error && 'code' in error && /^(28|3D)/.test(String(error.code))
}

class PostgresStorage implements Storage {
  readonly driver = 'postgres'
  readonly #kysely: Kysely<Tables>
  readonly #dsn: string
  readonly #queryTimeoutMs: number
  #prepared: Promise<void> | undefined
  #appliedNow: readonly string[] = []

  constructor(options: PostgresOptions) {
    this.#dsn = options.dsn
    this.#queryTimeoutMs = options.queryTimeoutMs
    this.#kysely = connect(options.dsn, {
      max: options.maxConnections,
      // A server that vanished without a word: nothing comes back, not even its own time-out.
      query_timeout: Math.max(options.queryTimeoutMs, WRITE_MS) + SILENCE_MS,
    })
  }

  async write(given: readonly Trace[]): Promise<number> {
    if (given.length === 0) return 0
    const traces = given.map(storable)
    return this.#write(async (database) => {
      const counted = await countOnce(database, traces)
      const seqs = await insertTraces(database, counted)
      const added = counted.filter((trace) => seqs.has(trace.id))
      if (added.length === 0) return 0
      const details = added.map((trace) => toDetailsRow(seqs.get(trace.id)!, trace))
      await insertRecords(database, 'trace_details', details)
      const tags = added.flatMap((trace) => toTagRows(seqs.get(trace.id)!, trace))
      if (tags.length > 0) await insertRecords(database, 'trace_tags', tags)
      const bodyBytes = await insertBodies(database, added, seqs)
      const spent = new SpendRows()
      for (const trace of added) if (trace.spend) spent.add(trace, trace.spend)
      await insertSpend(database, spent.rows())
      await deleteReservations(database, added)
      await addToCounters(database, {
        traces: added.length,
        trace_bytes: details.reduce((sum, { document }) => sum + Buffer.byteLength(document), 0),
        body_bytes: bodyBytes,
      })
      return added.length
    })
  }

  within(scope: ReadScope): TraceReader {
    return new TraceQueries(this.#reading(scope), scope)
  }

  everywhere(): TraceReader {
    return new TraceQueries(this.#reading(undefined), undefined)
  }

  maintenance(): TraceMaintenance {
    return new TraceMaintenanceQueries(this.#reading(undefined), this.#write, addToRollups)
  }

  directory(): TenantDirectory {
    return new TenantDirectoryQueries(this.#reading(undefined), this.#write)
  }

  auditTrail(): AuditTrailStore {
    return new AuditTrailQueries((scope) => this.#reading(scope), this.#write)
  }

  spend(): SpendLedger {
    return new SpendLedgerQueries(this.#reading(undefined), this.#write)
  }

  limitRecords(): LimitRecords {
    return new LimitRecordQueries(this.#reading(undefined), this.#write)
  }

  /** One statement and no transaction around it: one round trip. */
  async applyLimits(
    operation: SharedOperation,
    request: SharedRequest,
    timeoutMs: number,
  ): Promise<SharedReply> {
    const call = sql<{ reply: SharedReply }>`
      SELECT ongoingai_limits(${operation}, ${JSON.stringify(request)}::jsonb) AS reply`
    const { rows } = await this.#kysely
      .connection()
      .execute((connection) => withTimeout(call.execute(connection), timeoutMs + SILENCE_MS))
    return rows[0]!.reply
  }

  async sizeBytes(): Promise<number> {
    const { rows } = await sql<{ bytes: number }>`
      SELECT COALESCE(SUM(pg_total_relation_size(to_regclass(name))), 0) AS bytes
      FROM unnest(${TABLES}::text[]) AS name`.execute(this.#kysely)
    return rows[0]?.bytes ?? 0
  }

  /** Autovacuum makes the space of deleted rows usable again by itself. */
  async shrink(): Promise<boolean> {
    return false
  }

  async state(): Promise<StoreState> {
    const { rows } = await sql<{ name: string }>`SELECT name FROM ongoingai_migrations`.execute(this.#kysely)
    const role = await sql<{ version: string; autovacuum: string; bypasses: boolean; role: string }>`
      SELECT current_setting('server_version') AS version, current_setting('autovacuum') AS autovacuum, rolsuper OR rolbypassrls AS bypasses, rolname AS role
      FROM pg_roles WHERE rolname = current_user`.execute(this.#kysely)
    const { version = '', autovacuum = 'on', bypasses = false, role: name = '' } = role.rows[0] ?? {}
    const warnings = [
      ...(bypasses
        ? [`the role "${name}" bypasses row-level security: tenants are kept apart by the queries alone`]
        : []),
      ...(autovacuum === 'off'
        ? ['autovacuum is off: without statistics questions are slow, and deleted rows keep their space']
        : []),
      ...(Number.parseInt(version) < 15
        ? [`PostgreSQL ${version} is older than 15, which is not tested`]
        : []),
    ]
    return {
      applied: rows.map((row) => row.name).sort(),
      appliedNow: this.#appliedNow,
      warnings,
      server: `PostgreSQL ${version}`,
    }
  }

  /** PostgreSQL checks what it reads by itself, so there is nothing to check. */
  async damage(): Promise<readonly string[]> {
    return []
  }

  async ping(): Promise<void> {
    await sql`SELECT 1`.execute(this.#kysely)
  }

  classify(error: unknown): WriteErrorClass {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    const class_ = code.slice(0, 2)
    if (/^[0-9A-Z]{5}$/.test(code)) {
      if (code === '57014' || code === '25P03' || code === '25P04') return 'timeout'
      if (class_ === '40' || code === '55P03' || code === '55006') return 'contention'
      // 08 connection, 53 resources (too many connections, disk full), 57 operator (shutting down), 58 system, XX internal.
      // 25006 is a standby that takes no writes. 28 and 3D are a server during setup, or a credential during rotation.
      if (['08', '53', '57', '58', 'XX', '28', '3D'].includes(class_) || code === '25006') return 'connection'
      if (['22', '23', '54'].includes(class_)) return 'constraint'
      return 'unknown'
    }
    const message = messageOf(error).toLowerCase()
    if (code === 'ETIMEDOUT' || message.includes('timeout')) return 'timeout'
    if (/^(E[A-Z]+|DEPTH_|CERT_|ERR_)/.test(code) || /connection|terminated|socket|closed/.test(message)) {
      return 'connection'
    }
    return 'unknown'
  }

  async close(): Promise<void> {
    await this.#kysely.destroy()
  }

  /** Connects and upgrades the schema, once. After a failure the next call tries again. */
  prepare(): Promise<void> {
    this.#prepared ??= this.#migrate().catch((error: unknown) => {
      this.#prepared = undefined
      throw error
    })
    return this.#prepared
  }

  /** Over a connection of its own: on a large database a migration may take longer than any query. */
  async #migrate(): Promise<void> {
    const kysely = connect(this.#dsn, { max: 1 })
    try {
      this.#appliedNow = await migrate(kysely)
    } finally {
      await kysely.destroy()
    }
  }

  /** @throws StorageError when the database is not a store of this program */
  async check(): Promise<void> {
    const { rows } = await sql<{ ours: boolean; traces: boolean }>`
      SELECT to_regclass('ongoingai_migrations') IS NOT NULL AS ours, to_regclass('traces') IS NOT NULL AS traces`.execute(
      this.#kysely,
    )
    if (rows[0]?.ours) {
      const taken = await sql<{ name: string }>`SELECT name FROM ongoingai_migrations`.execute(this.#kysely)
      refuseOther(taken.rows.map(({ name }) => name))
      return
    }
    if (rows[0]?.traces) await refuseForeign(this.#kysely)
    throw new StorageError('the postgres database holds no traces of this gateway')
  }

  /** One transaction with one view; row-level security shows it the scope's rows, or all. */
  #reading(scope: ReadScope | undefined): Read {
    const visible = visibilityOf(scope)
    return (work) =>
      this.#kysely
        .transaction()
        .setAccessMode('read only')
        .setIsolationLevel('repeatable read')
        .execute(async (transaction) => {
          await sql`SELECT set_config('ongoingai.scope', ${visible.scope}, true),
            set_config('ongoingai.organization_id', ${visible.organizationId}, true),
            set_config('ongoingai.workspace_id', ${visible.workspaceId}, true),
            set_config('ongoingai.subject', ${visible.subject}, true),
            set_config('statement_timeout', ${String(this.#queryTimeoutMs)}, true)`.execute(transaction)
          return work(transaction)
        })
  }

  /** One writer at a time: rows are numbered in the order in which they become visible, and no two wait for each other's. */
  readonly #write: Write = async (work) => {
    await this.prepare()
    return this.#kysely.transaction().execute(async (transaction) => {
      await sql`SELECT set_config('ongoingai.scope', 'all', true),
        set_config('statement_timeout', ${String(WRITE_MS)}, true),
        set_config('lock_timeout', ${String(WRITE_MS)}, true),
        set_config('idle_in_transaction_session_timeout', ${String(WRITE_MS)}, true),
        pg_advisory_xact_lock(${sql.lit(WRITER_LOCK)})`.execute(transaction)
      return work(transaction)
    })
  }
}

function connect(dsn: string, options: pg.PoolConfig): Kysely<Tables> {
  return new Kysely<Tables>({ dialect: new PostgresDialect({ pool: openPool(dsn, options) }) })
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
