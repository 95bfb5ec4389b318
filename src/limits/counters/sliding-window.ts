/** Length of the window, in buckets of a second. */
const WINDOW_SECONDS = 60

/**
 * Counts over the last minute in buckets of a second. A second that is leaving the window counts in full until it has
 * left. So no 60 seconds exceed the limit, and room returns at most one second late. The memory is the same for any
 * limit.
 */
export class SlidingWindow {
  readonly #buckets = new Float64Array(WINDOW_SECONDS + 1)
  #second = 0
  #sum = 0

  /** @param nowMs milliseconds of a clock that does not jump */
  sum(nowMs: number): number {
    this.#advance(nowMs)
    return this.#sum
  }

  /** Adds an amount. A negative one removes what was added in the second of `atMs`, if that still counts. */
  add(amount: number, nowMs: number, atMs = nowMs): void {
    this.#advance(nowMs)
    const second = Math.floor((amount < 0 ? atMs : nowMs) / 1000)
    if (second <= this.#second - this.#buckets.length) return
    const index = second % this.#buckets.length
    const before = this.#buckets[index]!
    const after = Math.max(0, before + amount)
    this.#buckets[index] = after
    this.#sum += after - before
  }

  /** Milliseconds until no more than `allowed` counts. */
  timeUntil(allowed: number, nowMs: number): number {
    this.#advance(nowMs)
    let left = this.#sum
    const size = this.#buckets.length
    for (let age = size - 1; age >= 0 && left > allowed; age--) {
      left -= this.#buckets[(((this.#second - age) % size) + size) % size]!
      if (left <= allowed) return (this.#second - age + size) * 1000 - nowMs
    }
    return 0
  }

  #advance(nowMs: number): void {
    const second = Math.floor(nowMs / 1000)
    const size = this.#buckets.length
    if (second - this.#second >= size) {
      this.#buckets.fill(0)
      this.#sum = 0
    } else {
      for (let passing = this.#second + 1; passing <= second; passing++) {
        this.#sum -= this.#buckets[passing % size]!
        this.#buckets[passing % size] = 0
      }
    }
    this.#second = Math.max(this.#second, second)
    if (this.#sum < 1e-6) this.#sum = Math.max(0, this.#sum)
  }
}
