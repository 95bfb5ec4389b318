import type { Group } from '../contract/analytics.ts'
import type { TraceFilter } from '../contract/trace-filter.ts'
import { SPANS, type Span } from './rollup-delta.ts'

/** The groups of a query: none, one, or two. */
export type Groups = readonly Group[]

/** Where one part of a range is read: `[fromUs, untilUs)`, epoch microseconds; `untilUs` is Infinity for no end. */
export interface Part {
  /** Rollups of a width; `traces` themselves; `new` traces alone, which the rollups do not hold yet. */
  readonly source: Span | 'traces' | 'new'
  readonly fromUs: number
  readonly untilUs: number
}

/** How a query is run. */
export interface Plan {
  readonly parts: readonly Part[]
  /** Dimension of the rollups that are read; empty when none is needed. */
  readonly dimension: string
  /** Value of the dimension that counts; `undefined` for all. */
  readonly value: string | undefined
}

/** How finely a range must be read. */
export interface Grain {
  /** Whole UTC days may be read as one: no bucket begins within them. */
  readonly days: boolean
  /** The store has hours that an earlier version summed up. They count where they begin. */
  readonly hours: boolean
}

/**
 * Decides what a query reads. The rollups suffice if it groups by at most one dimension besides tenant, provider, model and time. Then it
 * reads traces only for the partial quarter hours at both ends of the range, and for the time since the last roll-up. Queries about one session read the traces: an index selects the few that matter.
 */
export function plan(filter: TraceFilter, groups: Groups, grain: Grain): Plan {
  const fromUs = filter.fromUs ?? 0
  const untilUs = filter.toUs === undefined ? Infinity : filter.toUs + 1
  const asked = askedDimensions(filter)
  const [grouped, ...more] = groupDimensions(groups)
  const dimension = grouped ?? asked[0]?.[0] ?? ''
  const fits = asked.every(([name]) => name === dimension)
  if (!fits || asked.length > 1 || more.length > 0 || !rollable(filter)) {
    return { parts: [{ source: 'traces', fromUs, untilUs }], dimension: '', value: undefined }
  }
  return { parts: cut(fromUs, untilUs, grain), dimension, value: asked[0]?.[1] }
}

/** All dimensions that a query names, with their values; `undefined` for the one it groups by. */
export function dimensionsOf(
  filter: TraceFilter,
  groups: Groups,
): [dimension: string, value: string | undefined][] {
  return [
    ...askedDimensions(filter),
    ...(filter.sessionId === undefined ? [] : [['session', filter.sessionId] as [string, string]]),
    ...groupDimensions(groups).map((grouped): [string, undefined] => [grouped, undefined]),
  ]
}

/** Dimensions that the filter names and the rollups serve, with the value it wants. */
function askedDimensions(filter: TraceFilter): [dimension: string, value: string][] {
  const asked: [string, string | undefined][] = [
    ['key', filter.gatewayKeyId],
    ['api_key', filter.apiKeyHash],
    ['end_user', filter.endUser],
    ['client', filter.client],
    ...Object.entries(filter.tags ?? {}).map(([key, value]): [string, string] => [`tag.${key}`, value]),
  ]
  return asked.filter((pair): pair is [string, string] => pair[1] !== undefined)
}

/** The rollups know nothing of single traces. */
function rollable(filter: TraceFilter): boolean {
  return [
    filter.sessionId,
    filter.traceGroupId,
    filter.threadId,
    filter.runId,
    filter.status,
    filter.minTokens,
    filter.maxTokens,
  ].every((value) => value === undefined)
}

/** The dimensions whose rollups hold the groups; some groups all rollups have. */
function groupDimensions(groups: Groups): string[] {
  return groups.filter((group) => group !== 'provider' && group !== 'model' && group !== 'workspace')
}

/** Cuts a range into days, quarter hours around them, and the rest at both ends. Empty parts are left out. */
function cut(fromUs: number, untilUs: number, { days, hours }: Grain): Part[] {
  const within = (widthUs: number): [number, number] => [
    Math.ceil(fromUs / widthUs) * widthUs,
    untilUs === Infinity ? Infinity : Math.floor(untilUs / widthUs) * widthUs,
  ]
  const [quarterFrom, quarterUntil] = within(SPANS.quarter.widthUs)
  const [firstDay, lastDay] = within(SPANS.day.widthUs)
  // Without whole days, the quarters before them are all there are.
  const [dayFrom, dayUntil] = days && firstDay < lastDay ? [firstDay, lastDay] : [quarterUntil, quarterUntil]
  const parts: Part[] =
    quarterFrom >= quarterUntil
      ? [{ source: 'traces', fromUs, untilUs }]
      : [
          { source: 'traces', fromUs, untilUs: quarterFrom },
          { source: 'quarter', fromUs: quarterFrom, untilUs: dayFrom },
          { source: 'day', fromUs: dayFrom, untilUs: dayUntil },
          { source: 'quarter', fromUs: dayUntil, untilUs: quarterUntil },
          { source: 'new', fromUs: quarterFrom, untilUs: quarterUntil },
          { source: 'traces', fromUs: quarterUntil, untilUs },
        ]
  if (hours) {
    const whole = dayFrom >= dayUntil
    parts.push(
      { source: 'hour', fromUs, untilUs: whole ? untilUs : dayFrom },
      { source: 'hour', fromUs: whole ? untilUs : dayUntil, untilUs },
    )
  }
  return parts.filter((part) => part.fromUs < part.untilUs)
}
