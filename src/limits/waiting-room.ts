/** Pause between two checks of a waiting request, if other gateways may release room unnoticed. It doubles each time. */
const PAUSE_MS = 20
const MAX_PAUSE_MS = 160

/** The wait of one request for room in a budget. */
export interface Wait {
  /** How long it has waited so far. */
  readonly waitedUs: number
  /** Whether it has waited as long as it may. */
  readonly over: boolean
  /** Settles when there may be room again, or when the wait is over. */
  next(): Promise<void>
}

/** Requests that wait for room in a budget. */
export class WaitingRoom {
  readonly #waiting = new Set<() => void>()

  /**
   * Begins the wait of one request.
   *
   * @param mostMs how long it may wait
   * @param pauses whether room may return unnoticed, so that the request must check by itself
   */
  enter(mostMs: number, pauses: boolean): Wait {
    const sinceMs = performance.now()
    const leftMs = (): number => sinceMs + mostMs - performance.now()
    let pauseMs = pauses ? PAUSE_MS : Infinity
    return {
      get waitedUs() {
        return Math.round((performance.now() - sinceMs) * 1000)
      },
      get over() {
        return leftMs() <= 0
      },
      next: () => {
        const waitMs = Math.min(Math.max(0, leftMs()), pauseMs)
        pauseMs = pauses ? Math.min(pauseMs * 2, MAX_PAUSE_MS) : Infinity
        return this.#next(waitMs)
      },
    }
  }

  /** Something was settled: waiting requests check again, in their order of arrival. */
  wake(): void {
    for (const go of this.#waiting) go()
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
