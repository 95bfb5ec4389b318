/** Characters that may be looked at before the clock is read again: some hundred microseconds of work. */
const CHARACTERS_PER_CHECK = 8192

/** Most that counts between two checks. Work comes back sooner than that: if it did not, the process was paused, not busy. */
const MAX_STEP_MS = 100

/** Inspecting a text took longer than it may. */
export class OutOfTimeError extends Error {
  override readonly name = 'OutOfTimeError'
}

/** The time that the inspection of one body may take. The readers report their work in small steps. */
export class TimeBudget {
  readonly #ms: number
  readonly #now: () => number
  #leftMs = 0
  #checkedAt = 0
  #unchecked = 0

  /**
   * Begins to count.
   *
   * @param ms all that the work may take
   * @param now a clock in milliseconds
   */
  constructor(ms: number, now: () => number) {
    this.#ms = ms
    this.#now = now
    this.restart()
  }

  /** Begins anew, for the next piece of work. */
  restart(): void {
    this.#leftMs = this.#ms
    this.#checkedAt = this.#now()
  }

  /** Notes that so many characters are looked at. @throws OutOfTimeError */
  spend(characters: number): void {
    this.#unchecked += characters
    if (this.#unchecked >= CHARACTERS_PER_CHECK) this.check()
  }

  /** Reads the clock. @throws OutOfTimeError */
  check(): void {
    this.#unchecked = 0
    const now = this.#now()
    this.#leftMs -= Math.min(now - this.#checkedAt, MAX_STEP_MS)
    this.#checkedAt = now
    if (this.#leftMs < 0) throw new OutOfTimeError(`looking through it took longer than ${this.#ms} ms`)
  }
}
