/** Between two looks of a request that waits where other gateways give room back unheard; it doubles each time. */
const PAUSE_MS = 20
const MAX_PAUSE_MS = 160

/** Requests that wait for room in a budget. */
export class WaitingRoom {
  readonly #waiting = new Set<() => void>()

  /**
   * Begins the wait of one request.
   *
   * @param untilMs `performance.now()` at which it ends
   * @param pauses whether room may come back unheard, so that it has to look again by itself
   * @returns waits until it is worth looking again
   */
  enter(untilMs: number, pauses: boolean): () => Promise<void> {
    let pauseMs = PAUSE_MS
    return () => {
      const leftMs = Math.max(0, untilMs - performance.now())
      const waitMs = pauses ? Math.min(leftMs, pauseMs) : leftMs
      pauseMs = Math.min(pauseMs * 2, MAX_PAUSE_MS)
      return this.#next(waitMs)
    }
  }

  /** Something was settled: those that wait look again, in the order in which they came. */
  wake(): void {
    for (const go of [...this.#waiting]) go()
  }

  #next(mostMs: number): Promise<void> {
    return new Promise((resolve) => {
      const go = (): void => {
        clearTimeout(timer)
        this.#waiting.delete(go)
        resolve()
      }
      const timer = setTimeout(go, mostMs)
      this.#waiting.add(go)
    })
  }
}
