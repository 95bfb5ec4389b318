import { withTimeout } from '../time/with-timeout.ts'
import type { Adjustment } from './policies/adjustments.ts'

/** How often the store is asked what operators changed of budgets, here or on other gateways. */
const RELOAD_MS = 5000

/** How long the store may take to answer. */
const TIMEOUT_MS = 2000

/** What the watch needs around it. */
export interface AdjustmentWatchPorts {
  readonly load: () => Promise<readonly Adjustment[]>
  readonly take: (adjustments: readonly Adjustment[]) => void
  /** Whether there are limits at all. */
  readonly wanted: () => boolean
}

/** Takes over what operators changed of budgets, from the store. What was known holds while that does not answer. */
export class AdjustmentWatch {
  readonly #ports: AdjustmentWatchPorts
  readonly #timer: ReturnType<typeof setInterval>

  constructor(ports: AdjustmentWatchPorts) {
    this.#ports = ports
    this.#timer = setInterval(() => void this.reload(), RELOAD_MS)
    this.#timer.unref()
  }

  /** Asks now. Never throws. */
  async reload(): Promise<void> {
    const { load, take, wanted } = this.#ports
    if (wanted()) await withTimeout(load(), TIMEOUT_MS).then(take, () => undefined)
  }

  stop(): void {
    clearInterval(this.#timer)
  }
}
