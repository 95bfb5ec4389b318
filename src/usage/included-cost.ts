import { NO_COST, type Cost } from './cost.ts'

/**
 * The cost of an exchange that a subscription pays for: nothing more is billed, and what it would come to at list prices stands beside
 * it. What costs nothing anyway stays as it is.
 */
export function includedCost(cost: Cost): Cost {
  if (cost === NO_COST) return cost
  const note = cost.note === undefined ? {} : { note: `list price: ${cost.note}` }
  return { ...cost, status: 'included', totalNanoUsd: 0, listNanoUsd: cost.totalNanoUsd, ...note }
}
