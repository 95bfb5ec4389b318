import { lockFile, type FileLock } from '../../src/files/file-lock.ts'

/** Takes the lock of a file once nobody else holds it, so that of several workers of a test run one does what all need. */
export async function waitForLock(path: string): Promise<FileLock> {
  for (;;) {
    const attempt = lockFile(path, `process ${process.pid}`)
    if (attempt.kind === 'held') return attempt.lock
    await Bun.sleep(100)
  }
}
