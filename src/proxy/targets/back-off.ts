/** First wait before a target is asked again. */
const FIRST_MS = 50

/**
 * How long to wait before a target is asked again: 50 ms, doubled with each try, less up to a half.
 *
 * @param tries of this target so far
 * @param random from 0 up to 1
 */
export function backOffMs(tries: number, random: number): number {
  return FIRST_MS * 2 ** (tries - 1) * (1 - random / 2)
}

/** Waits, or until the signal comes. */
export function pause(durationMs: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, durationMs)
  signal.addEventListener('abort', () => resolve(), { once: true })
  return promise.finally(() => clearTimeout(timer))
}
