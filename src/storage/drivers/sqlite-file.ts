import { constants, Database } from 'bun:sqlite'
import { existsSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { createPrivateFile, makePrivateFolder } from '../../files/private-files.ts'
import { MIGRATIONS, refuseNewer, refuseOther, type SqlDialect } from '../migrations/migrations.ts'
import { sqliteReadUrl } from '../sqlite-read-url.ts'
import { StorageError, StoreLockedError } from '../storage-error.ts'
import { storeUsers } from '../store-claim.ts'
import { writePlannerStatistics } from './sqlite-statistics.ts'

/** How a database is opened. `read` never creates or changes anything. */
export type SqliteMode = 'write' | 'read'

/** How long opening waits for another process that has locked the file, or migrates it. */
export const OPENING_MS: Readonly<Record<SqliteMode, number>> = { write: 30_000, read: 5000 }

/** How long each attempt waits by itself; between attempts the thread does other things. */
const ATTEMPT_MS = 250

/** How long a statement waits for another process's lock. Short: the recorder has the journal to fall back on. */
const BUSY_TIMEOUT_MS = 50

const DIALECT: SqlDialect = {
  serialKey: 'INTEGER PRIMARY KEY',
  rowKey: 'INTEGER PRIMARY KEY',
  text: 'TEXT',
  bytes: 'BLOB',
  clustered: 'WITHOUT ROWID',
}

/**
 * What migrations do only here. Ids of consumption are random: in an index of their own order each would change a page of its own. By
 * place in the order of arrival first, those that come together change the same few pages. A lookup asks for one place after another.
 */
const OWN_STATEMENTS: Readonly<Record<string, readonly string[]>> = {
  '019_consumption_pages': [
    'DROP INDEX traces_consumption',
    `CREATE INDEX traces_consumption ON traces (seq / 1024, consumption_id) WHERE consumption_id <> ''`,
  ],
}

/**
 * Opens the file and, in `write` mode, migrates it.
 *
 * @param applied called with each migration as it is applied
 * @throws StorageError when it cannot be opened or is not ours
 * @throws StoreLockedError when others hold its lock
 */
export function openSqliteFile(
  path: string,
  mode: SqliteMode,
  applied: (migration: string) => void,
): Database {
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
    // SQLite gives its other files the same mode.
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

/** Opens without creating anything. Without a writer, the file is read alone, without a WAL. */
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
      for (const statement of [...migration.statements(DIALECT), ...(OWN_STATEMENTS[name] ?? [])])
        database.run(statement)
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

/** SQLite's code of an error, as `SQLITE_BUSY`; empty for any other error. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}
