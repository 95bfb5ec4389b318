import { existsSync } from 'node:fs'
import { resolve } from 'node:path'

/**
 * The name by which SQLite opens a file without creating anything. Without a writer, the file is read alone, without a WAL of its
 * own.
 *
 * @see https://www.sqlite.org/uri.html
 */
export function sqliteReadUrl(path: string): string {
  const live = existsSync(`${path}-wal`)
  return `file:${encodeURI(resolve(path)).replaceAll('?', '%3f').replaceAll('#', '%23')}${live ? '' : '?immutable=1'}`
}
