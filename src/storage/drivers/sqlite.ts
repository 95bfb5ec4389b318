import type { ReadScope } from '../../access/key-store.ts'
import { alreadyCounted } from '../../traces/already-counted.ts'
import type { Trace } from '../../traces/trace.ts'
import { packChunk } from '../bodies/chunks.ts'
import type { AuditTrailStore } from '../contract/audit-trail.ts'
import type { StoreState, Waiting, WriteErrorClass } from '../contract/database.ts'
import type { LimitRecords } from '../contract/limit-records.ts'
import type { SpendLedger } from '../contract/spend-ledger.ts'
import type { Storage } from '../contract/storage.ts'
import type { TenantDirectory } from '../contract/tenant-directory.ts'
import type { TraceMaintenance } from '../contract/trace-maintenance.ts'
import type { TraceReader } from '../contract/traces.ts'
import { AuditTrailQueries } from '../queries/audit-trail.ts'
import { LimitRecordQueries } from '../queries/limit-records.ts'
import { SpendLedgerQueries } from '../queries/spend-ledger.ts'
import type { Read } from '../queries/tables.ts'
import { TenantDirectoryQueries } from '../queries/tenant-directory.ts'
import { type AddToRollups, TraceMaintenanceQueries } from '../queries/trace-maintenance.ts'
import { TraceQueries } from '../queries/trace-queries.ts'
import { toBodiesRow, toDetailsRow, toTagRows, toTraceRow } from '../queries/trace-rows.ts'
import { RecentSums } from '../rollups/recent-sums.ts'
import { rollupKeyValues } from '../rollups/upsert.ts'
import type { Tables } from '../schema.ts'
import { SpendRows } from '../spend-rows.ts'
import { storable } from '../storable.ts'
import { StoreLockedError } from '../storage-error.ts'
import { storeUsers } from '../store-claim.ts'
import { OPENING_MS, type SqliteMode, codeOf, openSqliteFile } from './sqlite-file.ts'
import {
  type InsertStatements,
  type RollupStatements,
  kyselyOver,
  prepareInserts,
  prepareRollups,
  values,
} from './sqlite-statements.ts'
import type { Database } from 'bun:sqlite'
import type { Kysely } from 'kysely'
import { statSync } from 'node:fs'
import { resolve } from 'node:path'

/** After this time the caller is notified that it waits. */
const SILENT_MS = 1000

/** Pause between two attempts. */
const PAUSE_MS = 20

/**
 * Opens traces in a SQLite file. WAL, `synchronous=NORMAL`: a killed process loses nothing that was committed.
 *
 * @param path file; in `write` mode it and its folder are created
 * @param waiting called once if others have locked the file for a second
 * @throws StorageError when it cannot be opened or is not ours, or stays locked
 */
export async function openSqliteStorage(path: string, mode: SqliteMode, waiting?: Waiting): Promise<Storage> {
  const startedAt = performance.now()
  let notified = false
  for (;;) {
    try {
      return new SqliteStorage(path, mode)
    } catch (error) {
      if (!(error instanceof StoreLockedError)) throw error
      const waitedMs = performance.now() - startedAt
      if (waitedMs >= OPENING_MS[mode]) throw error
      if (!notified && waitedMs >= SILENT_MS) {
        notified = true
        waiting?.(resolve(path), storeUsers(path))
      }
      await Bun.sleep(PAUSE_MS)
    }
  }
}

class SqliteStorage implements Storage {
  readonly driver = 'sqlite'
  readonly #path: string
  readonly #mode: SqliteMode
  readonly #appliedNow: string[] = []
  #database: Database
  #kysely: Kysely<Tables>
  #inserts: InsertStatements | undefined
  #inode: number
  #rollups: RollupStatements | undefined
  /** Of this connection's own traces. */
  readonly #recent = new RecentSums()
  /** The running transaction: others wait, because all share one connection. */
  #busy: Promise<unknown> = Promise.resolve()

  constructor(path: string, mode: SqliteMode) {
    this.#path = path
    this.#mode = mode
    this.#database = openSqliteFile(path, mode, (name) => this.#appliedNow.push(name))
    this.#kysely = kyselyOver(this.#database)
    this.#inode = inodeOf(path)
  }

  async write(given: readonly Trace[]): Promise<number> {
    if (given.length === 0) return 0
    const traces = given.map(storable)
    const added: [seq: number, trace: Trace][] = []
    const write = (): number => {
      const inserts = (this.#inserts ??= prepareInserts(this.#database, this.#kysely, traces[0]!))
      const counters = { trace_bytes: 0, body_bytes: 0 }
      const spent = new SpendRows()
      for (const trace of traces) {
        const counted = trace.countedOnce ? countedOnce(inserts, trace) : trace
        const { changes, lastInsertRowid } = inserts.trace.run(...values(toTraceRow(counted)))
        if (changes === 0) continue
        const seq = Number(lastInsertRowid)
        const details = toDetailsRow(seq, counted)
        inserts.details.run(...values(details))
        for (const tag of toTagRows(seq, counted)) inserts.tag.run(...values(tag))
        added.push([seq, counted])
        counters.trace_bytes += Buffer.byteLength(details.document)
        counters.body_bytes += this.#addBodies(inserts, seq, counted)
        if (counted.spend) spent.add(counted, counted.spend)
      }
      for (const row of spent.rows()) inserts.spend.run(...values(row))
      for (const [name, by] of Object.entries({ traces: added.length, ...counters }))
        if (by > 0) inserts.counter.run(by, name)
      return added.length
    }
    return this.#change(write, () => this.#recent.add(added))
  }

  /** @returns how many bytes were added */
  #addBodies(inserts: InsertStatements, seq: number, trace: Trace): number {
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

  /** Adds sums to the rollups, in the running transaction. */
  readonly #addToRollups: AddToRollups = async (_, deltas) => {
    const { latencies, rollup } = (this.#rollups ??= prepareRollups(this.#database))
    for (const { key, measures, latencies: histogram } of deltas) {
      const keys = rollupKeyValues(key)
      const known = latencies.get(...keys) as { latencies: Uint8Array } | null
      rollup.run(...keys, ...measures, histogram.encode(known?.latencies))
    }
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
      this.#recent,
    )
  }

  /** Every statement of a query sees the same state. */
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

  /**
   * Runs a change, all or none; the lock is taken first, so that its reads cannot be out of date.
   *
   * @param committed called at once when it is
   */
  #change<T>(work: () => T | Promise<T>, committed?: () => void): Promise<T> {
    const change = (): T | Promise<T> => {
      const { data_version } = this.#database.query('PRAGMA data_version').get() as { data_version: number }
      this.#recent.see(data_version)
      return work()
    }
    return this.#transaction('BEGIN IMMEDIATE', change, committed)
  }

  #transaction<T>(begin: string, work: () => T | Promise<T>, committed?: () => void): Promise<T> {
    const transaction = this.#busy.then(async () => {
      this.#reopenIfReplaced()
      this.#database.run(begin)
      try {
        const result = await work()
        this.#database.run('COMMIT')
        committed?.()
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

  /** Writes to a file that was deleted or replaced under the process would be lost. */
  #reopenIfReplaced(): void {
    if (this.#path === ':memory:' || inodeOf(this.#path) === this.#inode) return
    this.#close()
    this.#database = openSqliteFile(this.#path, this.#mode, () => undefined)
    this.#kysely = kyselyOver(this.#database)
    this.#inode = inodeOf(this.#path)
    this.#recent.forget()
  }
}

/** In the transaction that stores it, so that two fetches at once cannot both count. */
function countedOnce({ consumption }: InsertStatements, trace: Trace): Trace {
  if (trace.consumptionId === '') return trace
  return consumption.get(trace.consumptionId, trace.id) === null ? trace : alreadyCounted(trace)
}

/** Pages given back to the file system at once: some milliseconds of the writer's lock. */
const VACUUM_PAGES = 512

/** -1 for a file that is not there. */
function inodeOf(path: string): number {
  return path === ':memory:' ? 0 : (statSync(path, { throwIfNoEntry: false })?.ino ?? -1)
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0
}
