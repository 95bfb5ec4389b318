import type { Measures } from '../rollups/measures.ts'
import type { Bucket, Group } from '../rollups/query.ts'
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
  /** Milliseconds, never more than 0.1 % low; absent unless asked for. */
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
  /** The range or a bucket cuts hours that only an earlier version's sum is left of. Such an hour counts where it begins. */
  readonly approximate?: true
}
