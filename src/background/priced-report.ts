import { CoalescingTimer } from '../time/coalescing-timer.ts'
import type { Exchange, PricedExchange } from '../traces/exchange.ts'
import type { Trace } from '../traces/trace.ts'
import type { ReceiptLine } from '../usage/cost.ts'
import { packPriced } from './priced-batch.ts'
import type { PricedBatch } from './protocol.ts'

/** How long the cost of an exchange waits for others. */
const PRICED_MS = 20

/**
 * Reports the costs of exchanges whose reservation waits for them. It batches them, because a message costs as much as a request. It is
 * quick, because money is reserved until then.
 */
export class PricedReport {
  readonly #report: (batch: PricedBatch) => void
  readonly #timer = new CoalescingTimer(() => this.flush())
  #priced: PricedExchange[] = []

  constructor(report: (batch: PricedBatch) => void) {
    this.#report = report
  }

  /** Adds an exchange, if a reservation waits for its cost. */
  add({ ticket, status }: Exchange, trace: Trace): void {
    if (ticket === 0) return
    this.#timer.arm(PRICED_MS)
    const includedNanoUsd = trace.costStatus === 'included' ? trace.listPriceNanoUsd : 0
    const costNanoUsd = (trace.costNanoUsd ?? 0) + (includedNanoUsd ?? 0)
    this.#priced.push({
      ticket,
      costNanoUsd: trace.costNanoUsd,
      includedNanoUsd,
      outputNanoUsd: outputNanoUsd(costNanoUsd, trace.detail.cost.lines),
      inputTokens: trace.inputTokens,
      outputTokens: trace.outputTokens,
      whole: trace.outcome === 'completed' && status < 400,
    })
  }

  /** Reports at once. */
  flush(): void {
    if (this.#priced.length > 0) this.#report(packPriced(this.#priced.splice(0)))
  }
}

/** The part of a receipt that was not for input tokens. It is approximate, because it only serves estimates. */
function outputNanoUsd(costNanoUsd: number, lines: readonly ReceiptLine[]): number {
  let input = 0
  for (const line of lines) {
    if (!('tokens' in line) || line.bucket.startsWith('output') || line.bucket === 'reasoning') continue
    input += line.tokens * line.usd_per_million * 1000 * (line.factor ?? 1)
  }
  return Math.max(0, costNanoUsd - Math.round(input))
}
