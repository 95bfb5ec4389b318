import type { StorageConfig } from '../config/config.ts'
import type { Storage } from './storage.ts'

/** Connections of a process that only records: one writes, one answers meanwhile. */
const RECORDER_CONNECTIONS = 2

/**
 * Opens the store of the configuration. A driver is loaded when it is needed, so that no process carries the others.
 *
 * @param mode `read` never creates or changes anything
 * @throws StorageError when it cannot be used
 */
export async function openStorage(settings: StorageConfig, mode: 'write' | 'read'): Promise<Storage> {
  if (settings.driver === 'sqlite') {
    const { openSqliteStorage } = await import('./drivers/sqlite.ts')
    return openSqliteStorage(settings.path, mode)
  }
  const { openPostgresStorage } = await import('./drivers/postgres.ts')
  return openPostgresStorage({ ...settings, mode })
}

/** The settings of the recorder's own connections. */
export function recorderStorage(settings: StorageConfig): StorageConfig {
  return settings.driver === 'postgres' ? { ...settings, maxConnections: RECORDER_CONNECTIONS } : settings
}
