import type { StorageConfig } from './settings.ts'

/** Where a store is, as it may be shown: a file, or host, port and database without user and password. */
export function placeOf(settings: StorageConfig): string {
  if (settings.driver === 'sqlite') return `${settings.path} (SQLite)`
  const url = URL.canParse(settings.dsn) ? new URL(settings.dsn) : undefined
  return url ? `${url.host}${url.pathname} (PostgreSQL)` : 'PostgreSQL'
}
