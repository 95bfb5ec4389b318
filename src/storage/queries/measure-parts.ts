import {
  type AliasedRawBuilder,
  type Kysely,
  type RawBuilder,
  type SelectQueryBuilder,
  type Selectable,
  sql,
} from 'kysely'
import type { ReadScope } from '../../access/key-store.ts'
import type { Group } from '../contract/analytics.ts'
import type { TraceFilter } from '../contract/trace-filter.ts'
import type { Groups, Part, Plan } from '../rollups/query.ts'
import { HOUR_US, SPANS, type Span } from '../rollups/rollup-delta.ts'
import type { Tables, TracesTable } from '../schema.ts'
import type { Series } from './series.ts'
import { type TracesQuery, endingWithin, filtered, inScope, ofScope, tracesOf } from './tables.ts'

/** A query of sums, as all its parts see it. */
export interface MeasureQuery {
  readonly database: Kysely<Tables>
  readonly scope: ReadScope | undefined
  readonly filter: TraceFilter
  readonly groups: Groups
  /** Absent when the sums are no series. */
  readonly series: Series | undefined
  /** Groups are in the order of their requests, most first; else in that of their names. */
  readonly ranked: boolean
  readonly plan: Plan
  /** Longest stored exchange, in microseconds; 0 when no traces of a range are read. */
  readonly longestUs: number
  /** Last trace that the rollups hold, in the order of arrival. */
  readonly rolledUpSeq: number
  /** Groups that count, as the rows name them; all when absent. */
  readonly chosen?: readonly (readonly [group: string, secondGroup: string])[]
}

/** What every row of a part has. */
export interface PartRow {
  readonly group_name: string
  readonly second_name: string
  /** Place in the series. */
  readonly bucket_us: number
}

/** Rows of one part: those of every part, and the requested columns. */
type PartQuery = SelectQueryBuilder<Tables, never, PartRow>

type Columns = readonly AliasedRawBuilder<unknown, string>[]

/** Whether a part reads traces one by one. */
export function isOfTraces({ source }: Part): boolean {
  return source === 'traces' || source === 'new'
}

/** Rows of a part that reads rollups. */
export function rollupPart(
  query: MeasureQuery,
  { source, fromUs, untilUs }: Part,
  columns: Columns,
): PartQuery {
  const { database, scope, filter, groups, series } = query
  const { code } = SPANS[source as Span]
  let rows = rollupsOf(database, scope, filter, query.plan).where(sql<boolean>`span = ${sql.lit(code)}`)
  if (fromUs > 0) rows = rows.where('start_us', '>=', fromUs)
  if (untilUs !== Infinity) rows = rows.where('start_us', '<', untilUs)
  return rows.select([
    rollupGroup(groups[0]).as('group_name'),
    rollupGroup(groups[1]).as('second_name'),
    placeIn(series, sql.ref('start_us')).as('bucket_us'),
    ...columns,
  ]) as unknown as PartQuery
}

/** Rollups of every width that a query reads, without its range. */
export function rollupsOf(
  database: Kysely<Tables>,
  scope: ReadScope | undefined,
  filter: TraceFilter,
  { dimension, value }: Plan,
): SelectQueryBuilder<Tables, 'rollups', object> {
  let query = database.selectFrom('rollups').where('dimension', '=', dimension)
  if (scope) query = query.where(inScope('rollups', scope))
  if (value !== undefined) query = query.where('value', '=', value)
  if (filter.provider !== undefined) query = query.where('provider', '=', filter.provider)
  if (filter.model !== undefined) query = query.where('model', '=', filter.model)
  return query
}

/** Rows of a part that reads traces. */
export function tracePart(
  query: MeasureQuery,
  { source, fromUs, untilUs }: Part,
  columns: Columns,
): PartQuery {
  const {
    database,
    scope,
    filter,
    groups,
    series,
    longestUs,
    plan: { parts },
  } = query
  const until = untilUs === Infinity ? {} : { toUs: untilUs - 1 }
  const range = { fromUs, ...until }
  const start = source === 'new' ? newTraces(database, scope, query.rolledUpSeq) : tracesOf(database, scope)
  let rows = filtered(start, { ...filter, ...range })
  if (source === 'traces') {
    rows = endingWithin(rows, range, longestUs)
    if (parts.some((part) => part.source === 'hour')) rows = rows.where(notInHour(query.rolledUpSeq))
  }
  const [name, second] = [traceGroup(groups[0]), traceGroup(groups[1])]
  for (const [group, value] of [
    [groups[0], name],
    [groups[1], second],
  ] as const) {
    if (group !== undefined && !ALWAYS.has(group))
      rows = rows.where(sql<boolean>`COALESCE(${value}, '') <> ''`)
  }
  return rows.select([
    name.as('group_name'),
    second.as('second_name'),
    placeIn(series, sql.ref('traces.started_at_us')).as('bucket_us'),
    ...columns,
  ]) as unknown as PartQuery
}

/**
 * Traces that came since the last roll-up. They are few, and found by the order of arrival alone: the limit, which none reaches,
 * keeps planners from looking for the tenant's or the model's first.
 */
export function newTraces(
  database: Kysely<Tables>,
  scope: ReadScope | undefined,
  rolledUpSeq: number,
): TracesQuery {
  const since = (): SelectQueryBuilder<Tables, 'traces', Selectable<TracesTable>> =>
    database
      .selectFrom('traces')
      .selectAll()
      .where('traces.seq', '>', rolledUpSeq)
      .limit(sql<number>`9223372036854775807`)
  return ofScope(database.selectFrom(since().as('traces')), scope)
}

/** Groups that every trace is in, be it one without a name. */
const ALWAYS: ReadonlySet<Group> = new Set(['provider', 'model', 'workspace', 'route', 'key'])

function rollupGroup(group: Group | undefined): RawBuilder<unknown> {
  if (group === undefined) return sql`''`
  if (group === 'provider' || group === 'model') return sql.ref(group)
  return group === 'workspace' ? sql`organization_id || '/' || workspace_id` : sql.ref('value')
}

function traceGroup(group: Group | undefined): RawBuilder<unknown> {
  switch (group) {
    case undefined:
      return sql`''`
    case 'provider':
    case 'model':
    case 'client':
    case 'end_user':
      return sql.ref(`traces.${group}`)
    case 'workspace':
      return sql`traces.organization_id || '/' || traces.workspace_id`
    case 'route':
      return sql.ref('traces.request_path')
    case 'key':
      return sql.ref('traces.gateway_key_id')
    case 'api_key':
      return sql.ref('traces.api_key_hash')
    case 'session':
      return sql.ref('traces.session_id')
    default:
      return sql`(SELECT trace_tags.value FROM trace_tags WHERE trace_tags.seq = traces.seq AND trace_tags.key = ${group.slice('tag.'.length)})`
  }
}

function placeIn(series: Series | undefined, time: RawBuilder<unknown>): RawBuilder<unknown> {
  return series ? series.place(time) : sql`0`
}

/** Whether a trace is not part of an hourly sum, which counts it where the hour begins. */
function notInHour(rolledUpSeq: number): RawBuilder<boolean> {
  return sql<boolean>`(traces.seq > ${rolledUpSeq} OR NOT EXISTS (SELECT 1 FROM rollups
    WHERE span = ${sql.lit(SPANS.hour.code)} AND dimension = '' AND value = ''
      AND rollups.organization_id = traces.organization_id AND rollups.workspace_id = traces.workspace_id
      AND start_us = traces.started_at_us - traces.started_at_us % ${sql.lit(HOUR_US)}
      AND rollups.provider = traces.provider AND rollups.model = traces.model))`
}
