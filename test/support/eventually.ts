/** Between the first questions, and at most: who asks all the time takes the processor from what it waits for. */
const FIRST_MS = 2
const MOST_MS = 40

/** Waits until something is true; fails after a time that no working machine needs. */
export async function eventually(
  condition: () => boolean | Promise<boolean>,
  timeoutMs = 30_000,
): Promise<void> {
  const until = performance.now() + timeoutMs
  for (let pauseMs = FIRST_MS; !(await condition()); pauseMs = Math.min(pauseMs * 1.5, MOST_MS)) {
    if (performance.now() > until) throw new Error(`not true after ${timeoutMs} ms: ${condition.toString()}`)
    await Bun.sleep(pauseMs)
  }
}
