import type { TraceFilter } from './trace-filter.ts'

/** Sums over traces, of one tenant or of all. */
export interface Analytics {
  /** Without group and bucket exactly one row. */
  measure(filter: TraceFilter, options: MeasureOptions): Promise<Measured>
}

/** How sums are taken. */
export interface MeasureOptions {
  readonly group?: Group
  /** A second group within each group. */
  readonly secondGroup?: Group
  /** Makes a series; buckets without traces are left out. */
  readonly bucket?: Bucket
  /** IANA name of the zone in which days, weeks and months begin; UTC when absent. Hours are UTC's. */
  readonly timeZone?: string
  /** Also latency percentiles. */
  readonly percentiles?: boolean
  /** Largest number of groups; those with the most requests remain. All when absent. */
  readonly limit?: number
  /** Refuses a query that would read more traces than this one by one. No bound when absent. */
  readonly maxTraces?: number
}

/** Sums of one group in one bucket. */
export interface MeasuredRow extends Measures {
  /** Empty without a group, and for traces that have none. */
  readonly group: string
  readonly secondGroup: string
  /** When the bucket begins, epoch microseconds; 0 without a bucket. */
  readonly bucketStartUs: number
  /** Milliseconds, never more than 0.1 % low; absent unless requested. */
  readonly percentiles?: { readonly p50: number; readonly p95: number; readonly p99: number }
}

/**
 * Sums by group and bucket. A series is ordered by bucket and then its groups; groups by requests (most first) and then group; two
 * groups by the first and then the second.
 */
export interface Measured {
  readonly rows: readonly MeasuredRow[]
  /** There are more groups than the limit. */
  readonly more: boolean
  /** The range or a bucket cuts hours of which only an earlier version's sum is left. Such an hour counts where it begins. */
  readonly approximate?: true
}

/** Sums over traces. Money is nano-USD over the traces whose cost is known, times are milliseconds. */
export interface Measures {
  readonly requests: number
  readonly inputTokens: number
  readonly outputTokens: number
  readonly totalTokens: number
  readonly cacheReadInputTokens: number
  readonly cacheCreationInputTokens: number
  readonly reasoningTokens: number
  readonly costNanoUsd: number
  readonly unknownCostRequests: number
  readonly estimatedCostRequests: number
  /** Requests that a subscription paid for, and their known list prices. */
  readonly includedRequests: number
  readonly listPriceNanoUsd: number
  /** Requests of unknown cost whose API is not metered. */
  readonly unmeteredRequests: number
  readonly errors4xx: number
  readonly errors5xx: number
  /** Responses that failed, or were refused midway, after a success status was sent. */
  readonly failedAnswers: number
  readonly latencyMs: number
  readonly timeToFirstTokenMs: number
  /** Smallest and largest latency; 0 without traces. */
  readonly minLatencyMs: number
  readonly maxLatencyMs: number
  /** Longest time from start to end, in microseconds; 0 without traces. */
  readonly maxDurationUs: number
  /** Epoch microseconds of the newest end; 0 without traces. */
  readonly lastCreatedAtUs: number
}

/** What a query may be grouped by. `key` is the gateway key's id, `api_key` the hash of the provider's. */
export type Group =
  | 'provider'
  | 'model'
  | 'workspace'
  | 'route'
  | 'key'
  | 'api_key'
  | 'session'
  | 'end_user'
  | 'client'
  | `tag.${string}`

/** Widths of a series' buckets: UTC hours, and days, weeks (which begin on Monday) and months of a time zone. */
export type Bucket = 'hour' | 'day' | 'week' | 'month'
