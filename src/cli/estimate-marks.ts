import type { MeasuredRow, TraceSummary } from '../storage/storage.ts'

type Mark = '~' | ''

/** Stands before the cost of a trace: `~` when it is estimated. */
export function costMark({ costStatus }: Pick<TraceSummary, 'costStatus'>): Mark {
  return costStatus === 'estimated' ? '~' : ''
}

/** Stands before the tokens of a trace: `~` when they are estimated. */
export function tokensMark({ usageSource }: Pick<TraceSummary, 'usageSource'>): Mark {
  return usageSource === 'estimated' ? '~' : ''
}

/** Stands before a sum of costs: `~` when an estimate is in it. */
export function sumMark({ estimatedCostRequests }: Pick<MeasuredRow, 'estimatedCostRequests'>): Mark {
  return estimatedCostRequests > 0 ? '~' : ''
}
