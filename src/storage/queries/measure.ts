import {
  sql,
  type AliasedRawBuilder,
  type Kysely,
  type RawBuilder,
  type Selectable,
  type SelectQueryBuilder,
} from 'kysely'
import { LatencyHistogram } from '../rollups/latency-histogram.ts'
import { MEASURE_LIST, type Measures } from '../rollups/measures.ts'
import { dimensionsOf, plan, type Group, type Groups, type Part, type Plan } from '../rollups/query.ts'
import { DAY_US, HOUR_US, SPANS, type Span } from '../rollups/roll-up.ts'
import type { Tables, TracesTable } from '../schema.ts'
import { QueryError } from '../storage-error.ts'
import type { Measured, MeasuredRow, MeasureOptions } from '../contract/analytics.ts'
import type { ReadScope } from '../contract/tenant.ts'
import type { TraceFilter } from '../contract/trace-filter.ts'
import { readRolledUpSeq } from './counters.ts'
import { seriesOf, type Series } from './series.ts'
import { endingWithin, filtered, inScope, ofScope, tracesOf, type TracesQuery } from './tables.ts'

/** Rows that one answer may have. */
const MAX_ROWS = 100_000

/** Sums that are no series read whole days. */
const WHOLE_DAYS = { days: true, hours: false }

const REQUESTS = MEASURE_LIST.find(({ name }) => name === 'requests')!

/** What the parts of one question have in common. */
interface Question {
  readonly database: Kysely<Tables>
  readonly scope: ReadScope | undefined
  readonly filter: TraceFilter
  readonly groups: Groups
  /** Absent when the sums are no series. */
  readonly series: Series | undefined
  /** Groups are in the order of their requests, most first; else in that of their names. */
  readonly ranked: boolean
  readonly plan: Plan
  /** Longest exchange there was, in microseconds; 0 where no traces of a range are read. */
  readonly longestUs: number
  /** Last trace that the rollups hold, in the order of arrival. */
  readonly rolledUpSeq: number
  /** Groups that count, as the rows name them; all when absent. */
  readonly chosen?: readonly (readonly [group: string, secondGroup: string])[]
}

/** Answers a question of sums: from the rollups where they serve, from the traces elsewhere. */
export async function measure(
  database: Kysely<Tables>,
  scope: ReadScope | undefined,
  filter: TraceFilter,
  options: MeasureOptions,
): Promise<Measured> {
  const groups = [options.group, options.secondGroup].filter((group) => group !== undefined)
  const series = seriesOf(options, filter)
  const hours = await hasHours(database)
  const planned = plan(filter, groups, { days: series?.wholeDays ?? true, hours })
  const rolledUp = planned.parts.some(({ source }) => source === 'quarter' || source === 'day')
  if (options.maxTraces !== undefined && !rolledUp) {
    await refuseLarge(database, scope, filter, groups, options.maxTraces)
  }
  const readsTraces = planned.parts.some(({ source }) => source === 'traces')
  let question: Question = {
    database,
    scope,
    filter,
    groups,
    series,
    ranked: groups.length === 1,
    plan: planned,
    longestUs: readsTraces ? await longestOf(database, scope) : 0,
    rolledUpSeq: await readRolledUpSeq(database),
  }
  let more = false
  if (groups.length > 0 && options.limit !== undefined) {
    // By day and by requests alone, whatever is asked: only who has the most of them matters here.
    const ranking = {
      ...question,
      series: undefined,
      ranked: true,
      plan: plan(filter, groups, { days: true, hours }),
    }
    const ranked = await sums(ranking, [REQUESTS], options.limit + 1)
    more = ranked.length > options.limit
    if (more) {
      question = {
        ...question,
        chosen: ranked.slice(0, options.limit).map((row) => [row.group, row.secondGroup]),
      }
    }
  }
  const rows = await sums(question, MEASURE_LIST)
  const approximate = (await cutsHours(question)) ? { approximate: true as const } : {}
  if (!options.percentiles) return { rows, more, ...approximate }
  const histograms = await readHistograms(question)
  const withPercentiles = rows.map((row) => {
    const histogram = histograms.get(nameOf(row)) ?? new LatencyHistogram()
    // A bucket's lowest value may lie below the smallest latency there was.
    const [p50 = 0, p95 = 0, p99 = 0] = histogram
      .percentiles([0.5, 0.95, 0.99])
      .map((ms) => Math.max(ms, row.minLatencyMs))
    return { ...row, percentiles: { p50, p95, p99 } }
  })
  return { rows: withPercentiles, more, ...approximate }
}

/** Whether there are hours that an earlier version summed up. */
async function hasHours(database: Kysely<Tables>): Promise<boolean> {
  const row = await database
    .selectFrom('rollups')
    .select('span')
    .where('span', '=', SPANS.hour.code)
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}

/** Whether an hour that counts where it begins, or does not count, lies in the range or in a bucket in part alone. */
async function cutsHours({
  database,
  scope,
  filter,
  series,
  plan: { parts, ...rest },
}: Question): Promise<boolean> {
  if (parts.every(({ source }) => source !== 'hour')) return false
  const { fromUs = 0, toUs = Infinity } = filter
  const hours = (): ReturnType<typeof rollupsOf> =>
    rollupsOf(database, scope, filter, { parts, ...rest })
      .where('span', '=', SPANS.hour.code)
      .where('start_us', '>', fromUs - HOUR_US)
  const ends = [fromUs, toUs + 1].filter((us) => us !== Infinity && us % HOUR_US !== 0)
  for (const endUs of ends) {
    const cut = await hours()
      .where('start_us', '>', endUs - HOUR_US)
      .where('start_us', '<', endUs)
      .select('start_us')
      .limit(1)
      .executeTakeFirst()
    if (cut) return true
  }
  if (!series || series.wholeDays) return false
  const begin = series.place(sql.ref('start_us'))
  const end = series.place(sql`(start_us + ${sql.lit(HOUR_US - 1)})`)
  const until = toUs === Infinity ? sql<boolean>`1 = 1` : sql<boolean>`start_us <= ${toUs}`
  const cut = await hours()
    .where(until)
    .where(sql<boolean>`${begin} <> ${end}`)
    .select([sql<number>`${begin}`.as('begin_us'), sql<number>`${end}`.as('end_us')])
    .distinct()
    .execute()
  return cut.some((hour) => series.bucketOf(Number(hour.begin_us)) !== series.bucketOf(Number(hour.end_us)))
}

/**
 * Combined dimensions are answered from the traces: as many are read as the rarest of them has, which the rollups know.
 *
 * @throws QueryError when those are too many
 */
async function refuseLarge(
  database: Kysely<Tables>,
  scope: ReadScope | undefined,
  filter: TraceFilter,
  groups: Groups,
  most: number,
): Promise<void> {
  const { fromUs = 0, toUs = Infinity } = filter
  let least = Infinity
  for (const [dimension, value] of [...dimensionsOf(filter, groups), ['', undefined] as const]) {
    let query = rollupsOf(database, scope, filter, { parts: [], dimension, value })
      .where('span', '=', SPANS.day.code)
      .where('start_us', '>', fromUs - DAY_US)
    if (toUs !== Infinity) query = query.where('start_us', '<=', toUs)
    const { traces } = await query
      .select(sql<number>`COALESCE(SUM(requests), 0)`.as('traces'))
      .executeTakeFirstOrThrow()
    least = Math.min(least, Number(traces))
  }
  if (least <= most) return
  throw new QueryError(
    `the question combines what is not summed up together and would read ${least} traces; ask for a shorter range`,
  )
}

/** Longest exchange of a scope, in microseconds. */
export async function longestOf(database: Kysely<Tables>, scope: ReadScope | undefined): Promise<number> {
  const rolledUpSeq = await readRolledUpSeq(database)
  const all = {
    database,
    scope,
    filter: {},
    groups: [],
    series: undefined,
    ranked: false,
    longestUs: 0,
    rolledUpSeq,
  }
  const [row] = await sums({ ...all, plan: plan({}, [], WHOLE_DAYS) }, MEASURE_LIST)
  return row?.maxDurationUs ?? 0
}

/** Columns of a row's groups. */
const GROUP_COLUMNS = ['group_name', 'second_name'] as const

/** Sums by group and bucket; measures that are not wanted are 0. */
async function sums(
  question: Question,
  wanted: typeof MEASURE_LIST,
  limit = MAX_ROWS + 1,
): Promise<MeasuredRow[]> {
  const { groups, series, ranked } = question
  const parts = question.plan.parts.map((part) =>
    isOfTraces(part)
      ? tracePart(
          question,
          part,
          wanted.map(({ sql: text, column }) => sql.raw(text).as(column)),
        )
      : rollupPart(
          question,
          part,
          wanted.map(({ column }) => sql.ref(column).as(column)),
        ),
  )
  const union = parts.reduce((all, part) => all.unionAll(part))
  const joined = wanted.map(
    ({ column, joining }) =>
      sql`COALESCE(${sql.raw(joining.toUpperCase())}(${sql.ref(column)}), 0) AS ${sql.ref(column)}`,
  )
  const names = GROUP_COLUMNS.slice(0, groups.length).map((column) => sql.ref(column))
  const keys = series ? [...names, sql.ref('bucket_us')] : names
  const grouping = keys.length > 0 ? sql`GROUP BY ${sql.join(keys)}` : sql``
  let summed = sql`SELECT ${sql.join([...keys, ...joined])} FROM ${union.as('parts')} ${chosenOf(question)} ${grouping}`
  if (series?.bucket) {
    // By day first: there are fewer days than rows.
    const bucket = sql`${series.bucket(sql.ref('bucket_us'))} AS bucket_us`
    const buckets = sql`SELECT ${sql.join([...names, bucket, ...joined])} FROM (${summed}) AS days`
    summed = sql`${buckets} GROUP BY ${sql.join(keys.map((_, i) => sql.lit(i + 1)))}`
  }
  const order = [...(series ? [sql.ref('bucket_us')] : ranked ? [sql`requests DESC`] : []), ...names]
  const { rows } = await sql<Record<string, unknown>>`
    SELECT * FROM (${summed}) AS summed
    ${order.length > 0 ? sql`ORDER BY ${sql.join(order)}` : sql``}
    LIMIT ${sql.lit(limit)}`.execute(question.database)
  if (rows.length > MAX_ROWS) {
    throw new QueryError(
      `the answer would have more than ${MAX_ROWS} items; ask for a larger bucket, a shorter range or fewer groups`,
    )
  }
  const starts = new Map<number, number>()
  return rows.map((row) => {
    const measures = Object.fromEntries(
      MEASURE_LIST.map(({ name, column }) => [name, Number(row[column] ?? 0)]),
    )
    const bucket = Number(row['bucket_us'])
    if (series && !starts.has(bucket)) starts.set(bucket, series.startUs(bucket))
    return {
      ...(measures as unknown as Measures),
      group: groups.length > 0 ? String(row['group_name']) : '',
      secondGroup: groups.length > 1 ? String(row['second_name']) : '',
      bucketStartUs: starts.get(bucket) ?? 0,
    }
  })
}

/** Leaves out the groups that do not count. */
function chosenOf({ groups, chosen }: Question): RawBuilder<unknown> {
  if (!chosen) return sql``
  if (groups.length === 1) return sql`WHERE group_name IN (${sql.join(chosen.map(([name]) => name))})`
  const pairs = chosen.map(([name, second]) => sql`(${name}, ${second})`)
  return sql`WHERE (group_name, second_name) IN (VALUES ${sql.join(pairs)})`
}

/** Latencies by group and bucket, added up from the rollups' histograms and the traces of broken quarter hours. */
async function readHistograms(question: Question): Promise<Map<string, LatencyHistogram>> {
  const { series } = question
  const histograms = new Map<string, LatencyHistogram>()
  const starts = new Map<number, number>()
  const startOf = (place: number): number => {
    let start = starts.get(place)
    if (start === undefined) starts.set(place, (start = series?.startUs(series.bucketOf(place)) ?? 0))
    return start
  }
  const histogramOf = (row: PartRow): LatencyHistogram => {
    const bucketStartUs = startOf(Number(row.bucket_us))
    const name = nameOf({ group: row.group_name, secondGroup: row.second_name, bucketStartUs })
    let histogram = histograms.get(name)
    if (!histogram) histograms.set(name, (histogram = new LatencyHistogram()))
    return histogram
  }
  const chosen = chosenOf(question)
  for (const part of question.plan.parts) {
    if (isOfTraces(part)) {
      const { rows } = await sql<PartRow & { latency_ms: number; traces: number }>`
        SELECT group_name, second_name, bucket_us, latency_ms, COUNT(*) AS traces
        FROM ${tracePart(question, part, [sql.ref('traces.latency_ms').as('latency_ms')]).as('part')}
        ${chosen} GROUP BY group_name, second_name, bucket_us, latency_ms`.execute(question.database)
      for (const row of rows) histogramOf(row).add(Number(row.latency_ms), Number(row.traces))
    } else {
      const { rows } = await sql<PartRow & { latencies: Uint8Array }>`
        SELECT * FROM ${rollupPart(question, part, [sql.ref('latencies').as('latencies')]).as('part')} ${chosen}`.execute(
        question.database,
      )
      for (const row of rows) histogramOf(row).addEncoded(row.latencies)
    }
  }
  return histograms
}

function nameOf({
  group,
  secondGroup,
  bucketStartUs,
}: Pick<MeasuredRow, 'group' | 'secondGroup' | 'bucketStartUs'>): string {
  return JSON.stringify([bucketStartUs, group, secondGroup])
}

/** What every row of a part has. */
interface PartRow {
  readonly group_name: string
  readonly second_name: string
  /** Place in the series. */
  readonly bucket_us: number
}

/** Rows of one part: those of every part, and the columns that were asked for. */
type PartQuery = SelectQueryBuilder<Tables, never, PartRow>

type Columns = readonly AliasedRawBuilder<unknown, string>[]

function isOfTraces({ source }: Part): boolean {
  return source === 'traces' || source === 'new'
}

function rollupPart(question: Question, { source, fromUs, untilUs }: Part, columns: Columns): PartQuery {
  const { database, scope, filter, groups, series } = question
  const { code } = SPANS[source as Span]
  let query = rollupsOf(database, scope, filter, question.plan).where(sql<boolean>`span = ${sql.lit(code)}`)
  if (fromUs > 0) query = query.where('start_us', '>=', fromUs)
  if (untilUs !== Infinity) query = query.where('start_us', '<', untilUs)
  return query.select([
    rollupGroup(groups[0]).as('group_name'),
    rollupGroup(groups[1]).as('second_name'),
    placeIn(series, sql.ref('start_us')).as('bucket_us'),
    ...columns,
  ]) as unknown as PartQuery
}

/** Rollups of every width that a question reads, without its range. */
function rollupsOf(
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

/**
 * The days on which traces of a filter started, as the rollups know it: from the first to the end of the last, or `none`.
 *
 * @returns `undefined` where they do not know, or the filter leaves nothing out
 */
export async function daysOf(
  database: Kysely<Tables>,
  scope: ReadScope | undefined,
  filter: TraceFilter,
): Promise<{ readonly fromUs: number; readonly toUs: number } | 'none' | undefined> {
  const { fromUs: _from, toUs: _to, ...conditions } = filter
  const planned = plan(conditions, [], WHOLE_DAYS)
  const narrow = planned.dimension !== '' || filter.provider !== undefined || filter.model !== undefined
  if (!narrow || planned.parts.some(({ source }) => source === 'traces')) return undefined
  const { first, last } = await rollupsOf(database, scope, filter, planned)
    .where('span', '=', SPANS.day.code)
    .select([sql<number | null>`MIN(start_us)`.as('first'), sql<number | null>`MAX(start_us)`.as('last')])
    .executeTakeFirstOrThrow()
  return first === null || last === null ? 'none' : { fromUs: first, toUs: last + DAY_US - 1 }
}

function tracePart(question: Question, { source, fromUs, untilUs }: Part, columns: Columns): PartQuery {
  const {
    database,
    scope,
    filter,
    groups,
    series,
    longestUs,
    plan: { parts },
  } = question
  const until = untilUs === Infinity ? {} : { toUs: untilUs - 1 }
  const range = { fromUs, ...until }
  const start =
    source === 'new' ? newTraces(database, scope, question.rolledUpSeq) : tracesOf(database, scope)
  let query = filtered(start, { ...filter, ...range })
  if (source === 'traces') {
    query = endingWithin(query, range, longestUs)
    if (parts.some((part) => part.source === 'hour')) query = query.where(notInHour(question.rolledUpSeq))
  }
  const [name, second] = [traceGroup(groups[0]), traceGroup(groups[1])]
  for (const [group, value] of [
    [groups[0], name],
    [groups[1], second],
  ] as const) {
    if (group !== undefined && !ALWAYS.has(group))
      query = query.where(sql<boolean>`COALESCE(${value}, '') <> ''`)
  }
  return query.select([
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

/** Whether a trace is in no sum of an hour, which counts it where the hour begins. */
function notInHour(rolledUpSeq: number): RawBuilder<boolean> {
  return sql<boolean>`(traces.seq > ${rolledUpSeq} OR NOT EXISTS (SELECT 1 FROM rollups
    WHERE span = ${sql.lit(SPANS.hour.code)} AND dimension = '' AND value = ''
      AND rollups.organization_id = traces.organization_id AND rollups.workspace_id = traces.workspace_id
      AND start_us = traces.started_at_us - traces.started_at_us % ${sql.lit(HOUR_US)}
      AND rollups.provider = traces.provider AND rollups.model = traces.model))`
}
