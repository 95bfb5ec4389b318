/** How often the serving thread looks at itself. */
const TICK_MS = 500

/** What the process reports of itself. */
export interface ProcessVitals {
  readonly eventLoopDelay: number
  readonly rssBytes: number
  readonly heapBytes: number
  readonly cpuUser: number
  readonly cpuSystem: number
  readonly uptime: number
}

/** Watches how late timers of the serving thread are, and reports that and what the process uses every half second. */
export class VitalsMonitor {
  readonly #timer: ReturnType<typeof setInterval>
  #expectedAt = performance.now() + TICK_MS
  #worstMs = 0

  /** @param report called with every tick */
  constructor(report: () => void) {
    this.#timer = setInterval(() => {
      const now = performance.now()
      this.#worstMs = Math.max(this.#worstMs, now - this.#expectedAt)
      this.#expectedAt = now + TICK_MS
      report()
    }, TICK_MS)
    this.#timer.unref()
  }

  /** The process now. The delay is the worst since the last call. */
  read(): ProcessVitals {
    const { rss, heapUsed } = process.memoryUsage()
    const { user, system } = process.cpuUsage()
    const eventLoopDelay = this.#worstMs / 1000
    this.#worstMs = 0
    return {
      eventLoopDelay,
      rssBytes: rss,
      heapBytes: heapUsed,
      cpuUser: user / 1e6,
      cpuSystem: system / 1e6,
      uptime: process.uptime(),
    }
  }

  stop(): void {
    clearInterval(this.#timer)
  }
}
