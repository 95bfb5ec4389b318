import type { LatencyHistogram } from './latency-histogram.ts'

/** Microseconds of an hour and of a day. */
export const HOUR_US = 3_600_000_000
export const DAY_US = 24 * HOUR_US

/**
 * Widths of the rollups. Whole days of a long range are read by UTC day, its ends by quarter of an hour, on which the days of every time
 * zone begin. Hours are what versions before quarter hours summed up.
 */
export type Span = 'quarter' | 'hour' | 'day'

/** How a width is stored (a name, not a number of anything), and its microseconds. */
export const SPANS: Readonly<Record<Span, { readonly code: number; readonly widthUs: number }>> = {
  quarter: { code: 15, widthUs: HOUR_US / 4 },
  hour: { code: 1, widthUs: HOUR_US },
  day: { code: 24, widthUs: DAY_US },
}

/** What a rollup is of. All have the provider and the model, and each one thing more. */
export interface RollupKey {
  readonly span: Span
  /** Empty for nothing more, else the name of a dimension: `route`, `key`, `session`, `tag.<key>` … */
  readonly dimension: string
  readonly organizationId: string
  readonly workspaceId: string
  /** Start of the quarter hour or UTC day, epoch microseconds. */
  readonly startUs: number
  /** Value of the dimension. */
  readonly value: string
  readonly provider: string
  readonly model: string
}

/** What traces add to one rollup. */
export interface RollupDelta {
  readonly key: RollupKey
  /** In the order of `MEASURE_LIST`. */
  readonly measures: readonly number[]
  readonly latencies: LatencyHistogram
}

/** One order for all writers: two that upsert the same rows in different orders would wait for each other. */
export function compareKeys(a: RollupKey, b: RollupKey): number {
  return (
    SPANS[a.span].code - SPANS[b.span].code ||
    text(a.dimension, b.dimension) ||
    text(a.organizationId, b.organizationId) ||
    text(a.workspaceId, b.workspaceId) ||
    a.startUs - b.startUs ||
    text(a.value, b.value) ||
    text(a.provider, b.provider) ||
    text(a.model, b.model)
  )
}

function text(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1
}
