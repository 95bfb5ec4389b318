import type { PricedBatch } from './protocol.ts'
import type { PricedExchange } from '../traces/exchange.ts'

/** Numbers of one exchange. */
const WIDTH = 7

/** Costs of exchanges, as they cross between threads. */
export function packPriced(bills: readonly PricedExchange[]): PricedBatch {
  const amounts = new Float64Array(bills.length * WIDTH)
  let at = 0
  for (const bill of bills) {
    const { ticket, costNanoUsd, includedNanoUsd, outputNanoUsd, inputTokens, outputTokens, whole } = bill
    amounts[at++] = ticket
    amounts[at++] = costNanoUsd ?? -1
    amounts[at++] = includedNanoUsd ?? -1
    amounts[at++] = outputNanoUsd
    amounts[at++] = inputTokens
    amounts[at++] = outputTokens
    amounts[at++] = Number(whole)
  }
  return { amounts }
}

/** Unpacks what `packPriced` packed. */
export function unpackPriced({ amounts }: PricedBatch): PricedExchange[] {
  const bills: PricedExchange[] = []
  for (let at = 0; at < amounts.length; at += WIDTH) {
    const [cost, included] = [amounts[at + 1]!, amounts[at + 2]!]
    bills.push({
      ticket: amounts[at]!,
      costNanoUsd: cost < 0 ? null : cost,
      includedNanoUsd: included < 0 ? null : included,
      outputNanoUsd: amounts[at + 3]!,
      inputTokens: amounts[at + 4]!,
      outputTokens: amounts[at + 5]!,
      whole: amounts[at + 6] === 1,
    })
  }
  return bills
}
