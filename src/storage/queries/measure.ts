import type { ReadScope } from '../../access/key-store.ts'
import type { MeasureOptions, Measured } from '../contract/analytics.ts'
import type { TraceFilter } from '../contract/trace-filter.ts'
import { LatencyHistogram } from '../rollups/latency-histogram.ts'
import { MEASURE_LIST } from '../rollups/measures.ts'
import { type Groups, dimensionsOf, plan } from '../rollups/query.ts'
import { DAY_US, HOUR_US, SPANS } from '../rollups/rollup-delta.ts'
import type { Tables } from '../schema.ts'
import { QueryError } from '../storage-error.ts'
import { readRolledUpSeq } from './counters.ts'
import { nameOf, readHistograms } from './latency-percentiles.ts'
import { type MeasureQuery, rollupsOf } from './measure-parts.ts'
import { seriesOf } from './series.ts'
import { sums } from './sums.ts'
import { longestOf } from './trace-extent.ts'
import { type Kysely, sql } from 'kysely'

const REQUESTS = MEASURE_LIST.find(({ name }) => name === 'requests')!

/** Sums over traces: from the rollups where possible, else from the traces. */
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
  let query: MeasureQuery = {
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
    // By day and by requests alone: only the groups with the most requests matter here.
    const ranking = {
      ...query,
      series: undefined,
      ranked: true,
      plan: plan(filter, groups, { days: true, hours }),
    }
    const ranked = await sums(ranking, [REQUESTS], options.limit + 1)
    more = ranked.length > options.limit
    if (more) {
      query = {
        ...query,
        chosen: ranked.slice(0, options.limit).map((row) => [row.group, row.secondGroup]),
      }
    }
  }
  const rows = await sums(query, MEASURE_LIST)
  const approximate = (await cutsHours(query)) ? { approximate: true as const } : {}
  if (!options.percentiles) return { rows, more, ...approximate }
  const histograms = await readHistograms(query)
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
}: MeasureQuery): Promise<boolean> {
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
 * Combined dimensions are summed from the traces: as many are read as the rarest of them has, which the rollups know.
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
