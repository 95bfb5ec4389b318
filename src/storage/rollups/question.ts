import type { TraceFilter } from '../storage.ts'
import { DAY_US, HOUR_US, type Span } from './roll-up.ts'

/** What a question may be grouped by. `key` is the gateway key's id, `api_key` the hash of the provider's. */
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

/** Widths of a series' buckets: UTC hours, UTC days, weeks that begin on Monday. */
export type Bucket = 'hour' | 'day' | 'week'

/** Where one part of a range is read: `[fromUs, untilUs)`, epoch microseconds; `untilUs` is Infinity for no end. */
export interface Part {
  /** Rollups of an hour or a day; `traces` themselves; `new` traces alone, which the rollups do not hold yet. */
  readonly source: Span | 'traces' | 'new'
  readonly fromUs: number
  readonly untilUs: number
}

/** How a question is answered. */
export interface Plan {
  readonly parts: readonly Part[]
  /** Dimension of the rollups that are read; empty when none is needed. */
  readonly dimension: string
  /** Value of the dimension that counts; `undefined` for all. */
  readonly value: string | undefined
}

/**
 * Decides where a question is answered from. The rollups serve when it asks for one dimension at most besides tenant,
 * provider, model and time; then only the broken hours at both ends of the range, and what came since the last roll-up, are
 * read from the traces. Questions of one session go to the traces: an index finds the few that matter.
 */
export function plan(filter: TraceFilter, group: Group | undefined, bucket: Bucket | undefined): Plan {
  const fromUs = filter.fromUs ?? 0
  const untilUs = filter.toUs === undefined ? Infinity : filter.toUs + 1
  const asked = askedDimensions(filter)
  const dimension = groupDimension(group) ?? asked[0]?.[0] ?? ''
  const fits = asked.every(([name]) => name === dimension)
  if (!fits || asked.length > 1 || !rollable(filter)) {
    return { parts: [{ source: 'traces', fromUs, untilUs }], dimension: '', value: undefined }
  }
  return { parts: cut(fromUs, untilUs, bucket !== 'hour'), dimension, value: asked[0]?.[1] }
}

/** All dimensions that a question names, with the value it wants; `undefined` for the one it groups by. */
export function dimensionsOf(
  filter: TraceFilter,
  group: Group | undefined,
): [dimension: string, value: string | undefined][] {
  const grouped = groupDimension(group)
  return [
    ...askedDimensions(filter),
    ...(filter.sessionId === undefined ? [] : [['session', filter.sessionId] as [string, string]]),
    ...(grouped === undefined ? [] : [[grouped, undefined] as [string, undefined]]),
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

/** The dimension whose rollups hold the group; `undefined` for groups that all rollups have. */
function groupDimension(group: Group | undefined): string | undefined {
  if (group === undefined || group === 'provider' || group === 'model' || group === 'workspace')
    return undefined
  return group
}

/** Cuts a range into days, hours before and after them, and what is left at both ends. Empty parts are left out. */
function cut(fromUs: number, untilUs: number, days: boolean): Part[] {
  const within = (widthUs: number): [number, number] => [
    Math.ceil(fromUs / widthUs) * widthUs,
    untilUs === Infinity ? Infinity : Math.floor(untilUs / widthUs) * widthUs,
  ]
  const [hourFrom, hourUntil] = within(HOUR_US)
  if (hourFrom >= hourUntil) return [{ source: 'traces', fromUs, untilUs }]
  const [dayFrom, dayUntil] = days ? within(DAY_US) : [hourUntil, hourUntil]
  const hours: Part[] =
    dayFrom >= dayUntil
      ? [{ source: 1, fromUs: hourFrom, untilUs: hourUntil }]
      : [
          { source: 1, fromUs: hourFrom, untilUs: dayFrom },
          { source: 24, fromUs: dayFrom, untilUs: dayUntil },
          { source: 1, fromUs: dayUntil, untilUs: hourUntil },
        ]
  const parts: Part[] = [
    { source: 'traces', fromUs, untilUs: hourFrom },
    ...hours,
    { source: 'new', fromUs: hourFrom, untilUs: hourUntil },
    { source: 'traces', fromUs: hourUntil, untilUs },
  ]
  return parts.filter((part) => part.fromUs < part.untilUs)
}
