import type { PricedBatch, PricedExchange } from '../exchange.ts'

/** Amounts of one exchange. */
const WIDTH = 4

/** What exchanges came to, as it crosses between threads. */
export function packPriced(bills: readonly PricedExchange[]): PricedBatch {
  const amounts = new Float64Array(bills.length * WIDTH)
  let at = 0
  for (const { costNanoUsd, outputNanoUsd, inputTokens, outputTokens } of bills) {
    amounts[at++] = costNanoUsd ?? -1
    amounts[at++] = outputNanoUsd
    amounts[at++] = inputTokens
    amounts[at++] = outputTokens
  }
  return { ids: bills.map(({ id }) => id).join(' '), amounts }
}

/** The other way round. */
export function unpackPriced({ ids, amounts }: PricedBatch): PricedExchange[] {
  return ids.split(' ').map((id, i) => {
    const at = i * WIDTH
    const cost = amounts[at]!
    return {
      id,
      costNanoUsd: cost < 0 ? null : cost,
      outputNanoUsd: amounts[at + 1]!,
      inputTokens: amounts[at + 2]!,
      outputTokens: amounts[at + 3]!,
    }
  })
}
