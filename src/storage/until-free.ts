import type { Storage } from './contract/storage.ts'

/** How long a job waits for a gateway that keeps the store locked. Finished work stays. */
const JOB_WAIT_MS = 30_000

/** Does something to the store, again and again while others hold it. @throws what else goes wrong */
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
