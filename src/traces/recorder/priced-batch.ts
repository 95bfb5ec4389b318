import type { PricedBatch, PricedExchange } from '../exchange.ts'

/** Amounts of one exchange. */
const WIDTH = 4

/** What exchanges came to, as it crosses between threads. */
export function packPriced(bills: readonly PricedExchange[]): PricedBatch {
  const amounts = new Float64Array(bills.length * WIDTH)
  for (const [i, bill] of bills.entries()) {
    const { costNanoUsd, outputNanoUsd, inputTokens, outputTokens } = bill
    amounts.set([costNanoUsd ?? -1, outputNanoUsd, inputTokens, outputTokens], i * WIDTH)
  }
  return { ids: bills.map(({ id }) => id), amounts }
}

/** The other way round. */
export function unpackPriced({ ids, amounts }: PricedBatch): PricedExchange[] {
  return ids.map((id, i) => {
    const [cost, outputNanoUsd, inputTokens, outputTokens] = amounts.subarray(i * WIDTH, (i + 1) * WIDTH)
    return {
      id,
      costNanoUsd: cost! < 0 ? null : cost!,
      outputNanoUsd: outputNanoUsd!,
      inputTokens: inputTokens!,
      outputTokens: outputTokens!,
    }
  })
}
