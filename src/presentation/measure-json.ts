import type { MeasuredRow } from '../storage/contract/analytics.ts'
import { nanoToUsd } from '../usage/money.ts'

/** Latency of a row in the contract's names, milliseconds; percentiles are 0 unless they were queried. */
export function latencyJson(row: MeasuredRow): object {
  return {
    request_count: row.requests,
    avg_ms: average(row.latencyMs, row),
    min_ms: row.minLatencyMs,
    max_ms: row.maxLatencyMs,
    p50_ms: row.percentiles?.p50 ?? 0,
    p95_ms: row.percentiles?.p95 ?? 0,
    p99_ms: row.percentiles?.p99 ?? 0,
  }
}

/** Errors of a row in the contract's names. */
export function errorsJson(row: MeasuredRow): object {
  return {
    total_requests: row.requests,
    error_count_4xx: row.errors4xx,
    error_count_5xx: row.errors5xx,
    error_count: errorCount(row),
    error_rate: errorRate(row),
  }
}

/** The cost of a row, and its uncertain parts, in the contract's names. */
export function costSumsJson(row: MeasuredRow): object {
  return {
    total_cost_usd: nanoToUsd(row.costNanoUsd),
    unknown_cost_requests: row.unknownCostRequests,
    estimated_cost_requests: row.estimatedCostRequests,
    included_requests: row.includedRequests,
    included_list_price_usd: nanoToUsd(row.listPriceNanoUsd),
  }
}

/** Requests that ended with a status of an error, or failed after another had been sent. */
export function errorCount({ errors4xx, errors5xx, failedAnswers }: MeasuredRow): number {
  return errors4xx + errors5xx + failedAnswers
}

/** Their share of all, 0 to 1. */
export function errorRate(row: MeasuredRow): number {
  return row.requests === 0 ? 0 : errorCount(row) / row.requests
}

/** Mean of a sum over the requests; 0 without any. */
export function average(sum: number, { requests }: MeasuredRow): number {
  return requests === 0 ? 0 : sum / requests
}
