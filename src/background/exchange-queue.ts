import type { DropLabels } from '../telemetry/vitals.ts'
import type { Contents, Exchange } from '../traces/exchange.ts'
import type { QueueCounts } from './diagnostics.ts'
import { DropCounts } from './drop-counts.ts'
import type { FinishedExchange } from './exchange-batch.ts'
import { TenantPipelines, type Fate } from './tenant-pipelines.ts'

/** Bytes of one exchange in the queue besides its content. */
const RECORD_BYTES = 2048

const NO_CONTENTS: Contents = { request: undefined, response: undefined }

/** Exchanges that are not safe yet, and content that the recorder thread has not read yet. Bounded in bytes; all of it counts. */
export class ExchangeQueue {
  readonly tenants = new TenantPipelines()
  readonly #maxBytes: () => number
  readonly #unsettled = new Map<string, { readonly finished: FinishedExchange; readonly bytes: number }>()
  readonly #drops = new DropCounts()
  #exchangeBytes = 0
  #observedBytes = 0
  #accepted = 0
  #dropped = 0
  #lastDropAt = 0
  #dropping = false
  #depthHighWatermark = 0
  #bytesHighWatermark = 0

  constructor(maxBytes: () => number) {
    this.#maxBytes = maxBytes
  }

  /** Exchanges in it, the oldest first. */
  get exchanges(): readonly FinishedExchange[] {
    return [...this.#unsettled.values()].map(({ finished }) => finished)
  }

  /** How many they are. */
  get size(): number {
    return this.#unsettled.size
  }

  get #bytes(): number {
    return this.#exchangeBytes + this.#observedBytes
  }

  /** Takes an exchange, without its content when the queue is half full. @returns `undefined` when it is full */
  add(exchange: Exchange, contents: Contents): FinishedExchange | undefined {
    const content = (contents.request?.length ?? 0) + (contents.response?.length ?? 0)
    const room = this.#maxBytes() - this.#bytes
    if (room < RECORD_BYTES) return undefined
    const full = content > 0 && room < this.#maxBytes() / 2 + content
    const finished = { exchange, contents: full ? NO_CONTENTS : contents }
    const bytes = RECORD_BYTES + (full ? 0 : content)
    this.#accepted += 1
    this.#dropping = false
    this.#exchangeBytes += bytes
    this.#unsettled.set(exchange.id, { finished, bytes })
    this.tenants.accepted(exchange.caller, bytes)
    this.#depthHighWatermark = Math.max(this.#depthHighWatermark, this.#unsettled.size)
    this.#bytesHighWatermark = Math.max(this.#bytesHighWatermark, this.#exchangeBytes)
    return finished
  }

  /** Counts an exchange that found no room. @returns whether it is the first one since there was room */
  refuse(exchange: Exchange): boolean {
    const first = !this.#dropping
    this.#dropping = true
    this.#dropped += 1
    this.#lastDropAt = Date.now()
    this.#drops.add(exchange)
    this.tenants.refused(exchange.caller)
    return first
  }

  /** Exchanges are safe, or known to be lost. Those that are not in the queue are left out. */
  settle(ids: readonly string[], fate: Fate): void {
    for (const id of ids) {
      const settled = this.#unsettled.get(id)
      if (!settled) continue
      this.#exchangeBytes -= settled.bytes
      this.#unsettled.delete(id)
      this.tenants.settled(settled.finished.exchange.caller, settled.bytes, fate)
    }
  }

  /** Makes room for a piece of content. @returns false when the queue is more than half full */
  observe(bytes: number): boolean {
    if (this.#bytes + bytes > this.#maxBytes() / 2) return false
    this.#observedBytes += bytes
    return true
  }

  /** Content has been read. @param bytes all of it, when absent */
  observed(bytes = Infinity): void {
    this.#observedBytes = Math.max(0, this.#observedBytes - bytes)
  }

  /** The queue's bounds. */
  get bounds(): Pick<QueueCounts, 'maxBytes' | 'recordBytes'> {
    return { maxBytes: this.#maxBytes(), recordBytes: RECORD_BYTES }
  }

  counts(): Omit<QueueCounts, 'restarts'> {
    return {
      ...this.bounds,
      accepted: this.#accepted,
      dropped: this.#dropped,
      lastDropAt: this.#lastDropAt,
      depthHighWatermark: this.#depthHighWatermark,
      bytes: this.#bytes,
      bytesHighWatermark: this.#bytesHighWatermark,
    }
  }

  /** What was refused, by labels. */
  drops(): readonly (readonly [DropLabels, number])[] {
    return this.#drops.list()
  }
}
