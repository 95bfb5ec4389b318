import { NO_COST } from '../usage/cost.ts'
import type { Trace } from './trace.ts'

const NOTE = 'already counted when it was first fetched'

/** A trace whose usage another trace has already counted. Its content stays visible, and nothing is added again. */
export function alreadyCounted(trace: Trace): Trace {
  const { usage } = trace.detail
  return {
    ...trace,
    consumptionId: '',
    inputTokens: 0,
    outputTokens: 0,
    totalTokens: 0,
    cacheReadInputTokens: 0,
    cacheCreationInputTokens: 0,
    reasoningTokens: 0,
    usageSource: 'none',
    costStatus: NO_COST.status,
    costNanoUsd: NO_COST.totalNanoUsd,
    listPriceNanoUsd: null,
    detail: {
      ...trace.detail,
      usage: { buckets: {}, ...(usage.raw === undefined ? {} : { raw: usage.raw }), notes: [NOTE] },
      cost: { status: 'exact', total_usd: 0, price_list: '', lines: [], note: NOTE },
    },
  }
}
