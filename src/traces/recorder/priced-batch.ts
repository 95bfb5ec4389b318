import type { PricedBatch, PricedExchange } from '../exchange.ts'

/** Numbers of one exchange. */
const WIDTH = 6

/** What exchanges came to, as it crosses between threads. */
export function packPriced(bills: readonly PricedExchange[]): PricedBatch {
  const amounts = new Float64Array(bills.length * WIDTH)
  let at = 0
  for (const { ticket, costNanoUsd, outputNanoUsd, inputTokens, outputTokens, whole } of bills) {
    amounts[at++] = ticket
    amounts[at++] = costNanoUsd ?? -1
    amounts[at++] = outputNanoUsd
    amounts[at++] = inputTokens
    amounts[at++] = outputTokens
    amounts[at++] = Number(whole)
  }
  return { amounts }
}

/** The other way round. */
export function unpackPriced({ amounts }: PricedBatch): PricedExchange[] {
  const bills: PricedExchange[] = []
  for (let at = 0; at < amounts.length; at += WIDTH) {
    const cost = amounts[at + 1]!
    bills.push({
      ticket: amounts[at]!,
      costNanoUsd: cost < 0 ? null : cost,
      outputNanoUsd: amounts[at + 2]!,
      inputTokens: amounts[at + 3]!,
      outputTokens: amounts[at + 4]!,
      whole: amounts[at + 5] === 1,
    })
  }
  return bills
}
