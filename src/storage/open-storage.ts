import type { StorageConfig } from './settings.ts'
import type { GoSource } from './import/go-source.ts'
import type { Waiting } from './contract/database.ts'
import type { Storage } from './contract/storage.ts'

/** The recorder's connections: one writes, one reads for the maintenance. */
const RECORDER_CONNECTIONS = 2

/** Connections over which limits are counted in the store. Queries about one counter take turns there, so more would wait for each other. */
const LIMITS_CONNECTIONS = 8

/** How long the recorder's own queries may take. A store that is silent for longer counts as away, and the journal takes over. */
const RECORDER_QUERY_MS = 10_000

/**
 * Opens the store of the configuration. A driver is loaded when it is needed, so that no process carries the others.
 *
 * @param mode `read` never creates or changes anything
 * @param waiting called once if others have locked a SQLite file for a second
 * @throws StorageError when it cannot be used
 */
export async function openStorage(
  settings: StorageConfig,
  mode: 'write' | 'read',
  waiting?: Waiting,
): Promise<Storage> {
  if (settings.driver === 'sqlite') {
    const { openSqliteStorage } = await import('./drivers/sqlite.ts')
    return openSqliteStorage(settings.path, mode, waiting)
  }
  const { openPostgresStorage } = await import('./drivers/postgres.ts')
  return openPostgresStorage({ ...settings, mode })
}

/** The settings of the recorder's own connections. */
export function recorderStorage(settings: StorageConfig): StorageConfig {
  if (settings.driver === 'sqlite') return settings
  return { ...settings, maxConnections: RECORDER_CONNECTIONS, queryTimeoutMs: RECORDER_QUERY_MS }
}

/** The settings of the connections over which limits are counted. */
export function limitsStorage(settings: StorageConfig): StorageConfig {
  if (settings.driver === 'sqlite') return settings
  return { ...settings, maxConnections: LIMITS_CONNECTIONS }
}

/**
 * Opens a database of the Go gateway for reading.
 *
 * @param from path of a SQLite file, or a PostgreSQL connection string
 * @throws StorageError when it is not such a database
 */
export async function openGoSource(from: string): Promise<GoSource> {
  if (/^postgres(ql)?:\/\//.test(from) || /\bhost\s*=/.test(from)) {
    const { openGoPostgres } = await import('./drivers/go-postgres.ts')
    return openGoPostgres(from)
  }
  const { openGoSqlite } = await import('./drivers/go-sqlite.ts')
  return openGoSqlite(from)
}
