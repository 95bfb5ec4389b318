import { existsSync, readdirSync, readlinkSync, rmSync } from 'node:fs'
import { hostname } from 'node:os'
import { join, resolve } from 'node:path'
import { lockFile, lockOwner, type FileLock } from '../files/file-lock.ts'

/** Attempts to take an own lock: another process may check it at that moment. */
const ATTEMPTS = 5

/** An owner whose segments this process may write, read and delete: itself, or one that has ended and whose lock it holds. */
export interface JournalOwner {
  /** Part of the names of its segments; begins with a letter, so that no version takes it for a process id. */
  readonly token: string
  readonly lock: FileLock
}

/**
 * Makes an owner of segments in a folder: a new name, and a lock that the operating system ties to this process.
 *
 * @throws Error when the folder cannot be written, or does not lock
 */
export function newJournalOwner(folder: string): JournalOwner {
  const name = `process ${process.pid} on ${hostname()} since ${new Date().toISOString()}`
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const token = `g${crypto.randomUUID().slice(0, 12).replace('-', '')}`
    const path = lockPath(folder, token)
    const taken = lockFile(path, name)
    if (taken.kind === 'taken') continue
    // Another may have found the file before it was locked, and removed it.
    if (existsSync(path) && lockOwner(path) === name) return { token, lock: taken.lock }
    taken.lock.release()
  }
  throw new Error('no lock could be taken in the journal folder')
}

/** Whether an owner's lock file is still there: without it others would take its segments over. */
export function isOwnerIn(folder: string, { token }: JournalOwner): boolean {
  return existsSync(lockPath(folder, token))
}

/** What came of trying to take over the segments of another owner. */
export type TakeOver =
  | { readonly kind: 'taken'; readonly owner: JournalOwner }
  /** It lives, or that is unknown. `why` is for people. */
  | { readonly kind: 'alive'; readonly why: string }

/** Takes over the segments of an owner that has ended. While this process holds its lock, no other can. */
export function takeOver(folder: string, token: string): TakeOver {
  try {
    const taken = lockFile(lockPath(folder, token), `taken over by process ${process.pid} on ${hostname()}`)
    if (taken.kind === 'held') return { kind: 'taken', owner: { token, lock: taken.lock } }
    return { kind: 'alive', why: taken.owner === '' ? 'another gateway has them' : taken.owner }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return { kind: 'alive', why: `its lock cannot be looked at: ${reason}` }
  }
}

/** Gives an owner's lock back. @param empty it has no segments any more, so that its lock file can go */
export function releaseOwner(folder: string, { token, lock }: JournalOwner, empty: boolean): void {
  lock.release()
  if (empty) rmSync(lockPath(folder, token), { force: true })
}

/** The owners that have a lock file among these names. */
export function lockTokens(names: readonly string[]): string[] {
  return names.flatMap((name) => /^owner-([a-z][0-9a-z]+)\.lock$/.exec(name)?.[1] ?? [])
}

function lockPath(folder: string, token: string): string {
  return join(folder, `owner-${token}.lock`)
}

/**
 * Whether a process has one of these files open: how an earlier version, which takes no lock, shows that it lives.
 *
 * @returns `undefined` if that is unknown and a process of that id runs
 */
export function hasOpen(processId: number, paths: readonly string[]): boolean | undefined {
  const wanted = new Set(paths.map((path) => resolve(path)))
  const folder = `/proc/${processId}/fd`
  try {
    return readdirSync(folder).some((name) => {
      try {
        return wanted.has(readlinkSync(join(folder, name)))
      } catch {
        // It was closed meanwhile.
        return false
      }
    })
  } catch {
    return isRunning(processId) ? undefined : false
  }
}

function isRunning(processId: number): boolean {
  try {
    process.kill(processId, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
