/** Waits until something is true; fails after a time that no working machine needs. */
export async function eventually(
  condition: () => boolean | Promise<boolean>,
  timeoutMs = 30_000,
): Promise<void> {
  const until = performance.now() + timeoutMs
  while (!(await condition())) {
    if (performance.now() > until) throw new Error(`not true after ${timeoutMs} ms: ${condition.toString()}`)
    await Bun.sleep(5)
  }
}
