import { constants, Database } from 'bun:sqlite'
import { existsSync } from 'node:fs'
import { GO_COLUMNS, type GoSource, type GoTraceRow } from '../import/go-source.ts'
import { sqliteReadUrl } from '../sqlite-read-url.ts'
import { StorageError } from '../storage-error.ts'

/**
 * Opens a SQLite file of the Go gateway for reading. Its times are texts, and rows of old versions lack columns.
 *
 * @throws StorageError when the file is not such a database
 */
export function openGoSqlite(path: string): GoSource {
  if (!existsSync(path)) throw new StorageError(`sqlite database "${path}" does not exist`)
  const database = new Database(
    sqliteReadUrl(path),
    constants.SQLITE_OPEN_READONLY | constants.SQLITE_OPEN_URI,
  )
  let known: Set<string>
  try {
    const columns = database.query<{ name: string }, []>(`SELECT name FROM pragma_table_info('traces')`).all()
    known = new Set(columns.map(({ name }) => name))
  } catch (error) {
    database.close()
    const reason = error instanceof Error ? error.message : String(error)
    throw new StorageError(`open sqlite database "${path}": ${reason}`, { cause: error })
  }
  if (!known.has('id') || !known.has('timestamp')) {
    database.close()
    throw new StorageError(`sqlite database "${path}" is none of the Go gateway`)
  }
  const selected = GO_COLUMNS.map((name) => {
    if (!known.has(name)) return `NULL AS ${name}`
    return name === 'timestamp' || name === 'created_at' ? `CAST(${name} AS TEXT) AS ${name}` : name
  })
  const page = database.query<GoTraceRow, [number, number]>(
    `SELECT rowid AS position, ${selected.join(', ')} FROM traces WHERE rowid > ? ORDER BY rowid LIMIT ?`,
  )
  return {
    place: `${path} (SQLite)`,
    count: async () =>
      database.query<{ rows: number }, []>('SELECT COUNT(*) AS rows FROM traces').get()?.rows ?? 0,
    rows: async (after, limit) => page.all(after, limit),
    // There, tenants are what traces and the keys of the file name.
    directory: async () => ({ organizations: [], workspaces: [], keys: [] }),
    close: async () => {
      page.finalize()
      database.close()
    },
  }
}
