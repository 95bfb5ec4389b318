import { Database } from 'bun:sqlite'
import { chmodSync } from 'node:fs'

/** A lock that this process holds. */
export interface FileLock {
  /** Gives the lock back. A process that ends gives it back too, however it ends. */
  release(): void
}

/** The result of taking a lock. */
export type LockAttempt =
  | { readonly kind: 'held'; readonly lock: FileLock }
  /** Another process holds it. `owner` is what the holder wrote; empty when it cannot be read. */
  | { readonly kind: 'taken'; readonly owner: string }

/**
 * Takes the lock of a file without waiting.
 *
 * The operating system ties the lock to the process, so no process ids are compared. A lock never outlives its holder, even across a
 * reboot or between containers that share a volume. The file is a SQLite database because SQLite locks files on
 * every platform. Open it only through this function: closing another descriptor of it would release the lock.
 *
 * @param path is created if missing; its folder must exist
 * @param owner who holds it, for people to read
 * @throws Error when the file cannot be created or locked
 * @see https://www.sqlite.org/lockingv3.html
 */
export function lockFile(path: string, owner: string): LockAttempt {
  const database = new Database(path)
  try {
    chmodSync(path, 0o600)
    database.run('PRAGMA busy_timeout = 0')
    database.run('PRAGMA journal_mode = MEMORY')
    if (!reserve(database)) return taken(database)
    database.run('CREATE TABLE IF NOT EXISTS owner (name TEXT NOT NULL)')
    database.run('DELETE FROM owner')
    database.run('INSERT INTO owner (name) VALUES (?)', [owner])
    database.run('COMMIT')
    // Another process may have been faster between the two transactions.
    if (!reserve(database)) return taken(database)
  } catch (error) {
    database.close()
    throw error
  }
  return { kind: 'held', lock: { release: () => database.close() } }
}

/**
 * Looks who holds the lock of a file, without creating the file or taking the lock for longer than the look.
 *
 * @returns what the holder wrote; `undefined` when it is free
 */
export function lockOwner(path: string): string | undefined {
  let database: Database
  try {
    database = new Database(path, { readwrite: true, create: false })
  } catch {
    return undefined
  }
  try {
    database.run('PRAGMA busy_timeout = 0')
    return reserve(database) ? undefined : ownerIn(database)
  } finally {
    database.close()
  }
}

/** Takes SQLite's reserved lock: no other process can take it, but all can still read who holds it. */
function reserve(database: Database): boolean {
  try {
    database.run('BEGIN IMMEDIATE')
    return true
  } catch (error) {
    if ((error as { code?: string }).code === 'SQLITE_BUSY') return false
    throw error
  }
}

function taken(database: Database): LockAttempt {
  const owner = ownerIn(database)
  database.close()
  return { kind: 'taken', owner }
}

function ownerIn(database: Database): string {
  try {
    return (database.query('SELECT name FROM owner').get() as { name: string } | null)?.name ?? ''
  } catch {
    return ''
  }
}
