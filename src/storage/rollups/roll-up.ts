import type { TraceSummary } from '../storage.ts'
import { LatencyHistogram } from './latency-histogram.ts'
import { joinMeasure, MEASURE_LIST, type Measures } from './measures.ts'

/** Microseconds of an hour and of a day. */
export const HOUR_US = 3_600_000_000
export const DAY_US = 24 * HOUR_US

/** Widths of the rollups, in hours. Whole days of a long range are read by day, its ends by hour. */
export const SPANS = [1, 24] as const
export type Span = (typeof SPANS)[number]

/** What a rollup is of. All have the provider and the model, and each one thing more. */
export interface RollupKey {
  readonly span: Span
  /** Empty for nothing more, else the name of a dimension: `route`, `key`, `session`, `tag.<key>` … */
  readonly dimension: string
  readonly organizationId: string
  readonly workspaceId: string
  /** Start of the hour or UTC day, epoch microseconds. */
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
  const hours = new Map<string, RollupDelta>()
  for (const trace of traces) {
    const startUs = trace.startedAtUs - (trace.startedAtUs % HOUR_US)
    const of = `\0${startUs}\0${trace.organizationId}\0${trace.workspaceId}\0${trace.provider}\0${trace.model}`
    for (const [dimension, value] of dimensionsOf(trace)) {
      const name = `${dimension}\0${value}${of}`
      const delta = hours.get(name)
      if (delta) count(delta, trace)
      else hours.set(name, begin({ ...keyOf(trace, startUs), dimension, value }, trace))
    }
  }
  const days = new Map<string, RollupDelta>()
  for (const hour of hours.values()) {
    const startUs = hour.key.startUs - (hour.key.startUs % DAY_US)
    const key: RollupKey = { ...hour.key, span: 24, startUs }
    const name = Object.values(key).join('\0')
    const delta = days.get(name)
    if (delta) join(delta, hour)
    else days.set(name, { key, measures: { ...hour.measures }, latencies: hour.latencies.copy() })
  }
  return [...hours.values(), ...days.values()].sort((a, b) => compareKeys(a.key, b.key))
}

function keyOf(trace: TraceSummary, startUs: number): Omit<RollupKey, 'dimension' | 'value'> {
  const { organizationId, workspaceId, provider, model } = trace
  return { span: 1, organizationId, workspaceId, startUs, provider, model }
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
    a.span - b.span ||
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
