import { hostname } from 'node:os'
import type { Config } from '../config/config.ts'
import { authority } from '../wire/url/authority.ts'
import type { Log } from '../log.ts'
import { formatSecond } from '../time/rfc3339.ts'
import type { FileLock } from '../files/file-lock.ts'

/**
 * Marks a SQLite file as used by this gateway and warns if another one uses it.
 *
 * @returns the mark, to release at the end; `undefined` for other stores, and if the file cannot be marked
 */
export async function claimedStore(
  { server: { host, port }, storage, limits }: Config,
  log: Log,
): Promise<FileLock | undefined> {
  if (storage.driver !== 'sqlite' || storage.path === ':memory:') return undefined
  const { claimStore } = await import('../storage/store-claim.ts')
  const owner = `the gateway at ${authority(host, port)} (process ${process.pid} on ${hostname()}, since ${formatSecond(Date.now() * 1000)})`
  try {
    const { lock, others } = await claimStore(storage.path, owner)
    if (others.length > 0) {
      const counted = limits.backend === 'memory' ? '; each counts its own limits and budgets' : ''
      log('WARN', `another gateway uses the same SQLite file${counted}`, { path: storage.path, others })
    }
    return lock
  } catch (error) {
    log('WARN', 'the SQLite file cannot be marked as used: another gateway on it would not be noticed', {
      path: storage.path,
      error: error instanceof Error ? error.message : String(error),
    })
    return undefined
  }
}
