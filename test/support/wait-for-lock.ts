import { lockFile, type FileLock } from '../../src/files/file-lock.ts'

/** Takes the lock of a file once nobody else holds it, so that of several workers of a test run one does what all need. */
export async function waitForLock(path: string): Promise<FileLock> {
  for (;;) {
    const lock = tryLock(path)
    if (lock) return lock
    await Bun.sleep(100)
  }
}

function tryLock(path: string): FileLock | undefined {
  try {
    const attempt = lockFile(path, `process ${process.pid}`)
    return attempt.kind === 'held' ? attempt.lock : undefined
  } catch (error) {
    // Another worker is taking the lock at this very moment.
    if ((error as { code?: string }).code?.startsWith('SQLITE_BUSY')) return undefined
    throw error
  }
}
