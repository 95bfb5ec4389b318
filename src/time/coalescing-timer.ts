/** The time and its timers: the system's, or those of a test. */
export interface Clock {
  /** Milliseconds; never goes back. */
  now(): number
  /** Runs something later. @returns what cancels it */
  after(ms: number, run: () => void): () => void
}

/** The system's clock. */
export const systemClock: Clock = {
  now: () => performance.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms)
    return () => clearTimeout(timer)
  },
}

/** The same; what waits does not keep the process alive. */
export const backgroundClock: Clock = {
  now: () => performance.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms)
    timer.unref()
    return () => clearTimeout(timer)
  },
}

/**
 * Runs something once, some time after it was first asked to. It is no longer armed when it runs, so whatever happens then, the next
 * request arms it again: a timer that has fired cannot be mistaken for one that will.
 */
export class CoalescingTimer {
  readonly #run: () => void
  readonly #clock: Clock
  #cancel: (() => void) | undefined
  #waitMs = 0
  #dueAt = 0

  constructor(run: () => void, clock: Clock = systemClock) {
    this.#run = run
    this.#clock = clock
  }

  /** Runs within so many milliseconds: joins a run that is due by then, and brings a later one forward. */
  arm(ms: number): void {
    // The common case reads no clock: one that was armed before, for no longer, is due before.
    if (this.#cancel && (this.#waitMs <= ms || this.#dueAt <= this.#clock.now() + ms)) return
    this.cancel()
    this.#waitMs = ms
    this.#dueAt = this.#clock.now() + ms
    this.#cancel = this.#clock.after(ms, () => {
      this.#cancel = undefined
      this.#run()
    })
  }

  /** Not armed any more. */
  cancel(): void {
    this.#cancel?.()
    this.#cancel = undefined
  }
}
