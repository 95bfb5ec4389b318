import type { MeasuredRow } from '../storage/contract/analytics.ts'
import type { TraceSummary } from '../storage/contract/traces.ts'

type Mark = '~' | ''

type ShownCost = Pick<TraceSummary, 'costStatus' | 'costNanoUsd' | 'listPriceNanoUsd'>
type ShownSum = Pick<
  MeasuredRow,
  'costNanoUsd' | 'estimatedCostRequests' | 'unknownCostRequests' | 'includedRequests'
>

/**
 * The cost of a trace: `~` before an estimate, `included` if a subscription pays, with the list price if it is known.
 *
 * @param usd shows an amount of nano-USD
 * @param unknown the text for an unknown cost
 */
export function costText(
  { costStatus, costNanoUsd, listPriceNanoUsd }: ShownCost,
  usd: (nanoUsd: number) => string,
  unknown: string,
): string {
  if (costStatus === 'included') {
    return listPriceNanoUsd === null ? 'included' : `included (list ${usd(listPriceNanoUsd)})`
  }
  if (costNanoUsd === null) return unknown
  return `${costStatus === 'estimated' ? '~' : ''}${usd(costNanoUsd)}`
}

/**
 * A sum of costs: `~` before it when an estimate is in it, and after it how many requests are not.
 *
 * @param usd shows an amount of nano-USD
 * @param count shows a number of requests
 */
export function costSumText(
  row: ShownSum,
  usd: (nanoUsd: number) => string,
  count: (requests: number) => string,
): string {
  const { unknownCostRequests: unknown, includedRequests: included } = row
  return [
    `${sumMark(row)}${usd(row.costNanoUsd)}`,
    ...(unknown > 0 ? [`${count(unknown)} unknown`] : []),
    ...(included > 0 ? [`${count(included)} included`] : []),
  ].join(' + ')
}

/** Stands before the tokens of a trace: `~` when they are estimated. */
export function tokensMark({ usageSource }: Pick<TraceSummary, 'usageSource'>): Mark {
  return usageSource === 'estimated' ? '~' : ''
}

/** Stands before a sum of costs: `~` when an estimate is in it. */
export function sumMark({ estimatedCostRequests }: Pick<MeasuredRow, 'estimatedCostRequests'>): Mark {
  return estimatedCostRequests > 0 ? '~' : ''
}
