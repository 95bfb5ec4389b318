import type { TraceDetail } from '../traces/trace.ts'
import { lineAmount } from '../usage/receipt.ts'
import { amountToUsd } from '../usage/money.ts'

/** A receipt as the contract shows it: every line with its amount in USD, not rounded. */
export function receiptJson(cost: TraceDetail['cost']): Record<string, unknown> {
  return { ...cost, lines: cost.lines.map((line) => ({ ...line, usd: amountToUsd(lineAmount(line)) })) }
}
