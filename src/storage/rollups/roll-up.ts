import type { Measures } from '../contract/analytics.ts'
import type { TraceSummary } from '../contract/traces.ts'
import { LatencyHistogram } from './latency-histogram.ts'
import { MEASURE_LIST, joinMeasure } from './measures.ts'

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
  readonly measures: Record<keyof Measures, number>
  readonly latencies: LatencyHistogram
}

/** The dimensions a trace counts in, with its value of each. Every trace has a route and a key, be it an empty one. */
function dimensionsOf(trace: TraceSummary): [dimension: string, value: string][] {
  const given = (dimension: string, value: string): [string, string][] =>
    value === '' ? [] : [[dimension, value]]
  return [
    ['', ''],
    ['route', trace.requestPath],
    ['key', trace.gatewayKeyId],
    ...given('api_key', trace.apiKeyHash),
    ...given('session', trace.sessionId),
    ...given('end_user', trace.endUser),
    ...given('client', trace.client),
    ...Object.entries(trace.tags).map(([key, value]): [string, string] => [`tag.${key}`, value]),
  ]
}

/**
 * Sums traces up into the rollups that they belong to, in the order of their keys.
 *
 * @param traces storable ones: their texts hold no NUL
 */
export function rollUp(traces: readonly TraceSummary[]): RollupDelta[] {
  const quarters = new Map<string, RollupDelta>()
  for (const trace of traces) {
    const startUs = trace.startedAtUs - (trace.startedAtUs % SPANS.quarter.widthUs)
    const of = `\0${startUs}\0${trace.organizationId}\0${trace.workspaceId}\0${trace.provider}\0${trace.model}`
    for (const [dimension, value] of dimensionsOf(trace)) {
      const name = `${dimension}\0${value}${of}`
      const delta = quarters.get(name)
      if (delta) count(delta, trace)
      else quarters.set(name, begin({ ...keyOf(trace, startUs), dimension, value }, trace))
    }
  }
  const days = new Map<string, RollupDelta>()
  for (const quarter of quarters.values()) {
    const startUs = quarter.key.startUs - (quarter.key.startUs % DAY_US)
    const key: RollupKey = { ...quarter.key, span: 'day', startUs }
    const name = Object.values(key).join('\0')
    const delta = days.get(name)
    if (delta) join(delta, quarter)
    else days.set(name, { key, measures: { ...quarter.measures }, latencies: quarter.latencies.copy() })
  }
  return [...quarters.values(), ...days.values()].sort((a, b) => compareKeys(a.key, b.key))
}

function keyOf(trace: TraceSummary, startUs: number): Omit<RollupKey, 'dimension' | 'value'> {
  const { organizationId, workspaceId, provider, model } = trace
  return { span: 'quarter', organizationId, workspaceId, startUs, provider, model }
}

function begin(key: RollupKey, trace: TraceSummary): RollupDelta {
  const measures = Object.fromEntries(MEASURE_LIST.map(({ name, of }) => [name, of(trace)]))
  const latencies = new LatencyHistogram()
  latencies.add(trace.latencyMs)
  return { key, measures: measures as Record<keyof Measures, number>, latencies }
}

function count(delta: RollupDelta, trace: TraceSummary): void {
  for (const { name, joining, of } of MEASURE_LIST) {
    delta.measures[name] = joinMeasure(joining, delta.measures[name], of(trace))
  }
  delta.latencies.add(trace.latencyMs)
}

function join(delta: RollupDelta, { measures, latencies }: RollupDelta): void {
  for (const { name, joining } of MEASURE_LIST) {
    delta.measures[name] = joinMeasure(joining, delta.measures[name], measures[name])
  }
  delta.latencies.addAll(latencies)
}

/** One order for all writers: two that upsert the same rows in different orders would wait for each other. */
function compareKeys(a: RollupKey, b: RollupKey): number {
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
