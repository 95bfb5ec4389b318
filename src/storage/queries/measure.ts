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
import { dimensionsOf, plan, type Bucket, type Group, type Part, type Plan } from '../rollups/question.ts'
import { DAY_US, HOUR_US } from '../rollups/roll-up.ts'
import type { Tables, TracesTable } from '../schema.ts'
import { QuestionError } from '../storage-error.ts'
import type { Measured, MeasuredRow, MeasureOptions, ReadScope, TraceFilter } from '../storage.ts'
import { readRolledUpSeq } from './counters.ts'
import { endingWithin, filtered, inScope, ofScope, tracesOf, type TracesQuery } from './tables.ts'

/** Rows that one answer may have. */
const MAX_ROWS = 100_000

const REQUESTS = MEASURE_LIST.find(({ name }) => name === 'requests')!

/** What the parts of one question have in common. */
interface Question {
  readonly database: Kysely<Tables>
  readonly scope: ReadScope | undefined
  readonly filter: TraceFilter
  readonly group: Group | undefined
  readonly bucket: Bucket | undefined
  readonly plan: Plan
  /** Longest exchange there was, in microseconds; 0 where no traces of a range are read. */
  readonly longestUs: number
  /** Last trace that the rollups hold, in the order of arrival. */
  readonly rolledUpSeq: number
  /** Groups that count; all when absent. */
  readonly groups?: readonly string[]
}

/** Answers a question of sums: from the rollups where they serve, from the traces elsewhere. */
export async function measure(
  database: Kysely<Tables>,
  scope: ReadScope | undefined,
  filter: TraceFilter,
  options: MeasureOptions,
): Promise<Measured> {
  const { group, bucket, limit } = options
  const planned = plan(filter, group, bucket)
  if (options.maxTraces !== undefined && planned.parts.every(({ source }) => source === 'traces')) {
    await refuseLarge(database, scope, filter, group, options.maxTraces)
  }
  const readsTraces = planned.parts.some(({ source }) => source === 'traces')
  let question: Question = {
    database,
    scope,
    filter,
    group,
    bucket,
    plan: planned,
    longestUs: readsTraces ? await longestOf(database, scope) : 0,
    rolledUpSeq: await readRolledUpSeq(database),
  }
  let more = false
  if (group !== undefined && limit !== undefined) {
    // By day and by requests alone, whatever is asked: only who has the most of them matters here.
    const ranking = { ...question, bucket: undefined, plan: plan(filter, group, undefined) }
    const ranked = await sums(ranking, [REQUESTS], limit + 1)
    more = ranked.length > limit
    if (more) question = { ...question, groups: ranked.slice(0, limit).map((row) => row.group) }
  }
  const rows = await sums(question, MEASURE_LIST)
  if (!options.percentiles) return { rows, more }
  const histograms = await readHistograms(question)
  const withPercentiles = rows.map((row) => {
    const histogram = histograms.get(nameOf(row.group, row.bucketStartUs)) ?? new LatencyHistogram()
    // A bucket's lowest value may lie below the smallest latency there was.
    const [p50 = 0, p95 = 0, p99 = 0] = histogram
      .percentiles([0.5, 0.95, 0.99])
      .map((ms) => Math.max(ms, row.minLatencyMs))
    return { ...row, percentiles: { p50, p95, p99 } }
  })
  return { rows: withPercentiles, more }
}

/**
 * Combined dimensions are answered from the traces: as many are read as the rarest of them has, which the rollups know.
 *
 * @throws QuestionError when those are too many
 */
async function refuseLarge(
  database: Kysely<Tables>,
  scope: ReadScope | undefined,
  filter: TraceFilter,
  group: Group | undefined,
  most: number,
): Promise<void> {
  const { fromUs = 0, toUs = Infinity } = filter
  let least = Infinity
  for (const [dimension, value] of [...dimensionsOf(filter, group), ['', undefined] as const]) {
    let query = rollupsOf(database, scope, filter, { parts: [], dimension, value })
      .where(sql<boolean>`span = 24`)
      .where('start_us', '>', fromUs - DAY_US)
    if (toUs !== Infinity) query = query.where('start_us', '<=', toUs)
    const { traces } = await query
      .select(sql<number>`COALESCE(SUM(requests), 0)`.as('traces'))
      .executeTakeFirstOrThrow()
    least = Math.min(least, Number(traces))
  }
  if (least <= most) return
  throw new QuestionError(
    `the question combines what is not summed up together and would read ${least} traces; ask for a shorter range`,
  )
}

/** Longest exchange of a scope, in microseconds. */
export async function longestOf(database: Kysely<Tables>, scope: ReadScope | undefined): Promise<number> {
  const rolledUpSeq = await readRolledUpSeq(database)
  const all = { database, scope, filter: {}, group: undefined, bucket: undefined, longestUs: 0, rolledUpSeq }
  const [row] = await sums({ ...all, plan: plan({}, undefined, undefined) }, MEASURE_LIST)
  return row?.maxDurationUs ?? 0
}

/** Sums by group and bucket; measures that are not wanted are 0. */
async function sums(
  question: Question,
  wanted: typeof MEASURE_LIST,
  limit = MAX_ROWS + 1,
): Promise<MeasuredRow[]> {
  const { group, bucket } = question
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
  const keys = [
    ...(group === undefined ? [] : [sql.ref('group_name')]),
    ...(bucket === undefined ? [] : [sql.ref('bucket_us')]),
  ]
  const order =
    bucket === undefined
      ? [sql`requests DESC`, sql`group_name`]
      : [sql`bucket_us`, ...(group === undefined ? [] : [sql`group_name`])]
  const { rows } = await sql<Record<string, unknown>>`
    SELECT ${sql.join([...keys, ...joined])}
    FROM ${union.as('parts')}
    ${question.groups ? sql`WHERE group_name IN (${sql.join(question.groups)})` : sql``}
    ${keys.length > 0 ? sql`GROUP BY ${sql.join(keys)} ORDER BY ${sql.join(order)}` : sql``}
    LIMIT ${sql.lit(limit)}`.execute(question.database)
  if (rows.length > MAX_ROWS) {
    throw new QuestionError(
      `the answer would have more than ${MAX_ROWS} items; ask for a larger bucket, a shorter range or fewer groups`,
    )
  }
  return rows.map((row) => {
    const measures = Object.fromEntries(
      MEASURE_LIST.map(({ name, column }) => [name, Number(row[column] ?? 0)]),
    )
    return {
      ...(measures as unknown as Measures),
      group: group === undefined ? '' : String(row['group_name']),
      bucketStartUs: bucket === undefined ? 0 : Number(row['bucket_us']),
    }
  })
}

/** Latencies by group and bucket, added up from the rollups' histograms and the traces of broken hours. */
async function readHistograms(question: Question): Promise<Map<string, LatencyHistogram>> {
  const histograms = new Map<string, LatencyHistogram>()
  const histogramOf = (row: { group_name: string; bucket_us: number }): LatencyHistogram => {
    const name = nameOf(row.group_name, Number(row.bucket_us))
    let histogram = histograms.get(name)
    if (!histogram) histograms.set(name, (histogram = new LatencyHistogram()))
    return histogram
  }
  const chosen = question.groups ? sql`WHERE group_name IN (${sql.join(question.groups)})` : sql``
  for (const part of question.plan.parts) {
    if (isOfTraces(part)) {
      const { rows } = await sql<{
        group_name: string
        bucket_us: number
        latency_ms: number
        traces: number
      }>`
        SELECT group_name, bucket_us, latency_ms, COUNT(*) AS traces
        FROM ${tracePart(question, part, [sql.ref('traces.latency_ms').as('latency_ms')]).as('part')}
        ${chosen} GROUP BY group_name, bucket_us, latency_ms`.execute(question.database)
      for (const row of rows) histogramOf(row).add(Number(row.latency_ms), Number(row.traces))
    } else {
      const { rows } = await sql<{ group_name: string; bucket_us: number; latencies: Uint8Array }>`
        SELECT * FROM ${rollupPart(question, part, [sql.ref('latencies').as('latencies')]).as('part')} ${chosen}`.execute(
        question.database,
      )
      for (const row of rows) histogramOf(row).addEncoded(row.latencies)
    }
  }
  return histograms
}

function nameOf(group: string, bucketStartUs: number): string {
  return `${bucketStartUs} ${group}`
}

/** Rows of one part: `group_name`, `bucket_us`, and the columns that were asked for. */
type PartQuery = SelectQueryBuilder<Tables, never, { group_name: string; bucket_us: number }>

type Columns = readonly AliasedRawBuilder<unknown, string>[]

function isOfTraces({ source }: Part): boolean {
  return source === 'traces' || source === 'new'
}

function rollupPart(question: Question, { source, fromUs, untilUs }: Part, columns: Columns): PartQuery {
  const { database, scope, filter, group, bucket } = question
  let query = rollupsOf(database, scope, filter, question.plan).where(sql<boolean>`span = ${sql.lit(source)}`)
  if (fromUs > 0) query = query.where('start_us', '>=', fromUs)
  if (untilUs !== Infinity) query = query.where('start_us', '<', untilUs)
  return query.select([
    rollupGroup(group).as('group_name'),
    bucketOf(bucket, sql.ref('start_us')).as('bucket_us'),
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
  const planned = plan(conditions, undefined, undefined)
  const narrow = planned.dimension !== '' || filter.provider !== undefined || filter.model !== undefined
  if (!narrow || planned.parts.some(({ source }) => source === 'traces')) return undefined
  const { first, last } = await rollupsOf(database, scope, filter, planned)
    .where(sql<boolean>`span = 24`)
    .select([sql<number | null>`MIN(start_us)`.as('first'), sql<number | null>`MAX(start_us)`.as('last')])
    .executeTakeFirstOrThrow()
  return first === null || last === null ? 'none' : { fromUs: first, toUs: last + DAY_US - 1 }
}

function tracePart(question: Question, { source, fromUs, untilUs }: Part, columns: Columns): PartQuery {
  const { database, scope, filter, group, bucket, longestUs } = question
  const until = untilUs === Infinity ? {} : { toUs: untilUs - 1 }
  const range = { fromUs, ...until }
  const start =
    source === 'new' ? newTraces(database, scope, question.rolledUpSeq) : tracesOf(database, scope)
  let query = filtered(start, { ...filter, ...range })
  if (source === 'traces') query = endingWithin(query, range, longestUs)
  const name = traceGroup(group)
  if (group !== undefined && !ALWAYS.has(group))
    query = query.where(sql<boolean>`COALESCE(${name}, '') <> ''`)
  return query.select([
    name.as('group_name'),
    bucketOf(bucket, sql.ref('traces.started_at_us')).as('bucket_us'),
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

/** Monday, 5 January 1970. */
const FIRST_MONDAY_US = 4 * DAY_US

function bucketOf(bucket: Bucket | undefined, time: RawBuilder<unknown>): RawBuilder<unknown> {
  if (bucket === undefined) return sql`0`
  if (bucket === 'week') {
    return sql`${time} - (${time} - ${sql.lit(FIRST_MONDAY_US)}) % ${sql.lit(7 * DAY_US)}`
  }
  return sql`${time} - ${time} % ${sql.lit(bucket === 'hour' ? HOUR_US : DAY_US)}`
}
