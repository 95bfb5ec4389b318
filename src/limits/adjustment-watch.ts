import { withTimeout } from '../time/with-timeout.ts'
import type { Adjustment } from './policies/adjustments.ts'

/** How often the store is polled for budget changes by operators, here or on other gateways. */
const RELOAD_MS = 5000

/** How long the store may take to respond. */
const TIMEOUT_MS = 2000

/** What the watch needs around it. */
export interface AdjustmentWatchPorts {
  readonly load: () => Promise<readonly Adjustment[]>
  readonly take: (adjustments: readonly Adjustment[]) => void
  /** Whether any limit exists. */
  readonly wanted: () => boolean
}

/** Loads budget changes by operators from the store. While the store does not respond, the known changes apply. */
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
