/** A timer that is late by so much was held up: the process was paused (SIGSTOP, a laptop that slept) or had no time. */
export const LATE_MS = 250

/**
 * Strikes after a time in which the process could hear what it waits for. When the timer itself is late, what it waits for may have come
 * and lie unread, so it waits once more.
 *
 * @returns calls it off
 */
export function patientTimer(timeoutMs: number, strike: () => void): () => void {
  const dueAt = performance.now() + timeoutMs
  let timer = setTimeout(() => {
    if (performance.now() - dueAt < LATE_MS) strike()
    else timer = setTimeout(strike, timeoutMs)
  }, timeoutMs)
  return () => clearTimeout(timer)
}
