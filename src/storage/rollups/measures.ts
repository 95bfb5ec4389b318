import type { Measures } from '../contract/analytics.ts'
import type { TraceSummary } from '../contract/traces.ts'

/** How a measure is joined: summed, or the smallest or largest of the parts. */
export type Joining = 'sum' | 'min' | 'max'

/** Columns of the rollups that hold measures. */
export type MeasureColumnName =
  | 'requests'
  | 'input_tokens'
  | 'output_tokens'
  | 'total_tokens'
  | 'cache_read_input_tokens'
  | 'cache_creation_input_tokens'
  | 'reasoning_tokens'
  | 'cost_nano_usd'
  | 'unknown_cost_requests'
  | 'estimated_cost_requests'
  | 'included_requests'
  | 'list_price_nano_usd'
  | 'unmetered_requests'
  | 'errors_4xx'
  | 'errors_5xx'
  | 'failed_answers'
  | 'latency_ms'
  | 'time_to_first_token_ms'
  | 'min_latency_ms'
  | 'max_latency_ms'
  | 'max_duration_us'
  | 'last_created_at_us'

/** One measure: its column and how to compute it from a trace. */
export interface MeasureColumn {
  readonly column: MeasureColumnName
  readonly joining: Joining
  /** SQL over the columns of `traces`, understood by every database. */
  readonly sql: string
  readonly of: (trace: TraceSummary) => number
}

const sum = (column: MeasureColumnName, sql: string, of: (trace: TraceSummary) => number): MeasureColumn => ({
  column,
  joining: 'sum',
  sql,
  of,
})

const count = (
  column: MeasureColumnName,
  condition: string,
  holds: (trace: TraceSummary) => boolean,
): MeasureColumn => sum(column, `CASE WHEN ${condition} THEN 1 ELSE 0 END`, (trace) => (holds(trace) ? 1 : 0))

/** Every measure, once: the rollups' columns, how traces are summed, and what both mean. */
export const MEASURES: Readonly<Record<keyof Measures, MeasureColumn>> = {
  requests: sum('requests', '1', () => 1),
  inputTokens: sum('input_tokens', 'traces.input_tokens', (trace) => trace.inputTokens),
  outputTokens: sum('output_tokens', 'traces.output_tokens', (trace) => trace.outputTokens),
  totalTokens: sum('total_tokens', 'traces.total_tokens', (trace) => trace.totalTokens),
  cacheReadInputTokens: sum(
    'cache_read_input_tokens',
    'traces.cache_read_input_tokens',
    (trace) => trace.cacheReadInputTokens,
  ),
  cacheCreationInputTokens: sum(
    'cache_creation_input_tokens',
    'traces.cache_creation_input_tokens',
    (trace) => trace.cacheCreationInputTokens,
  ),
  reasoningTokens: sum('reasoning_tokens', 'traces.reasoning_tokens', (trace) => trace.reasoningTokens),
  costNanoUsd: sum('cost_nano_usd', 'COALESCE(traces.cost_nano_usd, 0)', (trace) => trace.costNanoUsd ?? 0),
  unknownCostRequests: count(
    'unknown_cost_requests',
    'traces.cost_nano_usd IS NULL',
    (trace) => trace.costNanoUsd === null,
  ),
  estimatedCostRequests: count(
    'estimated_cost_requests',
    "traces.cost_status = 'estimated'",
    (trace) => trace.costStatus === 'estimated',
  ),
  includedRequests: count(
    'included_requests',
    "traces.cost_status = 'included'",
    (trace) => trace.costStatus === 'included',
  ),
  listPriceNanoUsd: sum(
    'list_price_nano_usd',
    'COALESCE(traces.list_price_nano_usd, 0)',
    (trace) => trace.listPriceNanoUsd ?? 0,
  ),
  unmeteredRequests: count(
    'unmetered_requests',
    "traces.api = '' AND traces.cost_nano_usd IS NULL",
    (trace) => trace.api === '' && trace.costNanoUsd === null,
  ),
  errors4xx: count(
    'errors_4xx',
    'traces.response_status >= 400 AND traces.response_status < 500',
    ({ responseStatus }) => responseStatus >= 400 && responseStatus < 500,
  ),
  errors5xx: count(
    'errors_5xx',
    'traces.response_status >= 500',
    ({ responseStatus }) => responseStatus >= 500,
  ),
  failedAnswers: count(
    'failed_answers',
    "traces.outcome IN ('upstream_failed', 'refused') AND traces.response_status < 400",
    ({ outcome, responseStatus }) =>
      (outcome === 'upstream_failed' || outcome === 'refused') && responseStatus < 400,
  ),
  latencyMs: sum('latency_ms', 'traces.latency_ms', (trace) => trace.latencyMs),
  timeToFirstTokenMs: sum(
    'time_to_first_token_ms',
    'traces.time_to_first_token_ms',
    (trace) => trace.timeToFirstTokenMs,
  ),
  minLatencyMs: {
    column: 'min_latency_ms',
    joining: 'min',
    sql: 'traces.latency_ms',
    of: (trace) => trace.latencyMs,
  },
  maxLatencyMs: {
    column: 'max_latency_ms',
    joining: 'max',
    sql: 'traces.latency_ms',
    of: (trace) => trace.latencyMs,
  },
  maxDurationUs: {
    column: 'max_duration_us',
    joining: 'max',
    sql: 'traces.created_at_us - traces.started_at_us',
    of: (trace) => trace.createdAtUs - trace.startedAtUs,
  },
  lastCreatedAtUs: {
    column: 'last_created_at_us',
    joining: 'max',
    sql: 'traces.created_at_us',
    of: (trace) => trace.createdAtUs,
  },
}

/** The measures in the order of their columns. */
export const MEASURE_LIST: readonly (MeasureColumn & { readonly name: keyof Measures })[] = Object.entries(
  MEASURES,
).map(([name, column]) => ({ ...column, name: name as keyof Measures }))

/** One measure of a list in the order of `MEASURE_LIST`. */
export function measureIn(measures: readonly number[], name: keyof Measures): number {
  return measures[MEASURE_LIST.findIndex((measure) => measure.name === name)]!
}

/** Joins two values of one measure. */
export function joinMeasure(joining: Joining, a: number, b: number): number {
  if (joining === 'sum') return a + b
  return joining === 'min' ? Math.min(a, b) : Math.max(a, b)
}
