import { NO_COST, type Cost } from './cost.ts'

/**
 * The cost of an exchange that a subscription pays for: 0, with the list price beside it. A cost that is 0 anyway
 * stays unchanged.
 */
export function includedCost(cost: Cost): Cost {
  if (cost === NO_COST) return cost
  const note = cost.note === undefined ? {} : { note: `list price: ${cost.note}` }
  return { ...cost, status: 'included', totalNanoUsd: 0, listNanoUsd: cost.totalNanoUsd, ...note }
}
