import { accessSync, constants, existsSync, realpathSync } from 'node:fs'
import { resolve } from 'node:path'
import { lockFile, lockOwner, type FileLock } from '../files/file-lock.ts'

/** Most gateways on one file that are distinguished. */
const MOST = 9

/** How long a process that only checks a lock may take. */
const LOOK_MS = 50

/** The result of claiming a store. */
export interface StoreClaim {
  /** Held until the gateway stops; `undefined` when the file has more gateways than that. */
  readonly lock: FileLock | undefined
  /** The gateways that use the file already, in the words of their claims. */
  readonly others: readonly string[]
}

/**
 * Marks a SQLite file as used by a gateway, with a lock file next to it, so that a second gateway and `doctor` know.
 *
 * @param path of the database, which is there
 * @param owner the gateway, for people to read
 * @throws Error when the lock file cannot be created
 */
export async function claimStore(path: string, owner: string): Promise<StoreClaim> {
  const others = [...storeUsers(path)]
  for (const file of lockFiles(path)) {
    if (lockOwner(file) !== undefined) continue
    let attempt = lockFile(file, owner)
    if (attempt.kind === 'taken') {
      await Bun.sleep(LOOK_MS)
      attempt = lockFile(file, owner)
    }
    if (attempt.kind === 'held') return { lock: attempt.lock, others }
    others.push(attempt.owner)
  }
  return { lock: undefined, others }
}

/** The gateways that use a SQLite file now, in the words of their claims. Creates nothing. */
export function storeUsers(path: string): readonly string[] {
  return lockFiles(path).flatMap((file) => lockOwner(file) ?? [])
}

/** Whether claims of a SQLite file are there that this user may not look at. */
export function claimsHidden(path: string): boolean {
  return lockFiles(path).some((file) => existsSync(file) && !canOpen(file))
}

function canOpen(file: string): boolean {
  try {
    accessSync(file, constants.R_OK | constants.W_OK)
    return true
  } catch {
    return false
  }
}

/** The first gateway on a file locks `<file>.lock`, the second `<file>.lock-2`. */
function lockFiles(path: string): string[] {
  const file = existsSync(path) ? realpathSync(path) : resolve(path)
  return Array.from({ length: MOST }, (_, i) => `${file}.lock${i === 0 ? '' : `-${i + 1}`}`)
}
