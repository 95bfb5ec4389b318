/** Over which time requests and retries are counted, in milliseconds. */
const WINDOW_MS = 10_000

/** Requests are counted in slices of this length. The oldest counts only while it lies wholly within the window. */
const SLICE_MS = 100

const SLICES = WINDOW_MS / SLICE_MS

/** So many retries are always allowed. */
const FLOOR = 10

/**
 * Bounds retries over all requests of a gateway: at most a share of the requests of the last 10 s, at least 10. So an outage cannot multiply
 * the load.
 */
export class RetryBudget {
  readonly #requests = new Uint32Array(SLICES)
  /** When each retry of the window was made, oldest first. */
  readonly #retries: number[] = []
  #slice = 0

  /** A request has begun. */
  count(now: number): void {
    this.#forget(now)
    this.#requests[this.#slice % SLICES]! += 1
  }

  /** Takes one retry. @param share of the requests, 0 to 1 @returns whether there was one left; nothing is taken when there was none */
  take(share: number, now: number): boolean {
    this.#forget(now)
    while (this.#retries.length > 0 && now - this.#retries[0]! >= WINDOW_MS) this.#retries.shift()
    let requests = 0
    for (const count of this.#requests) requests += count
    if (this.#retries.length >= Math.max(FLOOR, Math.floor(requests * share))) return false
    this.#retries.push(now)
    return true
  }

  /** Empties the slices that have left the window. */
  #forget(now: number): void {
    const slice = Math.floor(now / SLICE_MS)
    if (slice - this.#slice >= SLICES) this.#requests.fill(0)
    else for (let at = this.#slice + 1; at <= slice; at++) this.#requests[at % SLICES] = 0
    this.#slice = Math.max(this.#slice, slice)
  }
}
