import type { TraceSummary } from '../contract/traces.ts'
import { LatencyHistogram } from './latency-histogram.ts'
import { MEASURE_LIST, joinMeasure } from './measures.ts'
import { compareKeys, DAY_US, type RollupDelta, type RollupKey, SPANS } from './rollup-delta.ts'

const QUARTER_US = SPANS.quarter.widthUs

/** One rollup as it grows. */
interface Sum {
  /** In the order of `MEASURE_LIST`. */
  readonly measures: number[]
  readonly latencies: LatencyHistogram
}

/** Traces of one quarter hour, tenant, provider and model. */
interface Place {
  readonly startUs: number
  readonly organizationId: string
  readonly workspaceId: string
  readonly provider: string
  readonly model: string
  /** Sums by dimension and value. */
  readonly dimensions: Map<string, Map<string, Sum>>
}

/** Sums traces up, one after another, into the rollups that they belong to. Every recorded trace comes by here. */
export class RollupSums {
  readonly #places = new Map<string, Place>()
  /** Where the last trace was counted; the next one is often of the same. */
  #last: Place | undefined
  /** Measures of the trace that is being added. */
  readonly #of: number[] = MEASURE_LIST.map(() => 0)

  /** @param trace a storable one: its texts hold no NUL */
  add(trace: TraceSummary): void {
    for (let i = 0; i < MEASURE_LIST.length; i++) this.#of[i] = MEASURE_LIST[i]!.of(trace)
    const { dimensions } = this.#placeOf(trace)
    // Every trace has a route and a key, be it an empty one.
    this.#count(dimensions, '', '', trace)
    this.#count(dimensions, 'route', trace.requestPath, trace)
    this.#count(dimensions, 'key', trace.gatewayKeyId, trace)
    if (trace.apiKeyHash !== '') this.#count(dimensions, 'api_key', trace.apiKeyHash, trace)
    if (trace.sessionId !== '') this.#count(dimensions, 'session', trace.sessionId, trace)
    if (trace.endUser !== '') this.#count(dimensions, 'end_user', trace.endUser, trace)
    if (trace.client !== '') this.#count(dimensions, 'client', trace.client, trace)
    for (const key in trace.tags) this.#count(dimensions, `tag.${key}`, trace.tags[key]!, trace)
  }

  /** What the traces add to each rollup, by quarter hour and by day, in the order of their keys. */
  deltas(): RollupDelta[] {
    const deltas: RollupDelta[] = []
    const days = new Map<string, Sum & { readonly key: RollupKey }>()
    for (const { dimensions, startUs, ...place } of this.#places.values()) {
      const dayUs = startUs - (startUs % DAY_US)
      for (const [dimension, sums] of dimensions) {
        for (const [value, { measures, latencies }] of sums) {
          const of = { ...place, dimension, value }
          deltas.push({ key: { ...of, span: 'quarter', startUs }, measures, latencies })
          const key: RollupKey = { ...of, span: 'day', startUs: dayUs }
          const name = Object.values(key).join('\0')
          const day = days.get(name)
          if (day) {
            joinMeasures(day.measures, measures)
            day.latencies.addAll(latencies)
          } else days.set(name, { key, measures: [...measures], latencies: latencies.copy() })
        }
      }
    }
    deltas.push(...days.values())
    return deltas.sort((a, b) => compareKeys(a.key, b.key))
  }

  #placeOf({ startedAtUs, organizationId, workspaceId, provider, model }: TraceSummary): Place {
    const startUs = startedAtUs - (startedAtUs % QUARTER_US)
    const last = this.#last
    if (
      last?.startUs === startUs &&
      last.model === model &&
      last.provider === provider &&
      last.workspaceId === workspaceId &&
      last.organizationId === organizationId
    )
      return last
    const name = `${startUs}\0${organizationId}\0${workspaceId}\0${provider}\0${model}`
    let place = this.#places.get(name)
    if (!place) {
      place = { startUs, organizationId, workspaceId, provider, model, dimensions: new Map() }
      this.#places.set(name, place)
    }
    this.#last = place
    return place
  }

  #count(
    dimensions: Place['dimensions'],
    dimension: string,
    value: string,
    { latencyMs }: TraceSummary,
  ): void {
    let sums = dimensions.get(dimension)
    if (!sums) dimensions.set(dimension, (sums = new Map()))
    const sum = sums.get(value)
    if (!sum) {
      const latencies = new LatencyHistogram()
      latencies.add(latencyMs)
      sums.set(value, { measures: [...this.#of], latencies })
      return
    }
    joinMeasures(sum.measures, this.#of)
    sum.latencies.add(latencyMs)
  }
}

/**
 * Sums traces up into the rollups that they belong to, in the order of their keys.
 *
 * @param traces storable ones: their texts hold no NUL
 */
export function rollUp(traces: readonly TraceSummary[]): RollupDelta[] {
  const sums = new RollupSums()
  for (const trace of traces) sums.add(trace)
  return sums.deltas()
}

function joinMeasures(sum: number[], added: readonly number[]): void {
  for (let i = 0; i < sum.length; i++) sum[i] = joinMeasure(MEASURE_LIST[i]!.joining, sum[i]!, added[i]!)
}
