import type { Storage } from './contract/storage.ts'

/** How long a job waits for a gateway that keeps the store locked. Finished work stays. */
const JOB_WAIT_MS = 30_000

/** Runs a step on the store, and repeats it while others hold the store. @throws any other error */
export async function untilFree<T>(
  storage: Storage,
  work: () => Promise<T>,
  waitMs = JOB_WAIT_MS,
): Promise<T> {
  const until = performance.now() + waitMs
  for (;;) {
    try {
      return await work()
    } catch (error) {
      if (storage.classify(error) !== 'contention' || performance.now() > until) throw error
      await Bun.sleep(20)
    }
  }
}
