import { type RawBuilder, sql } from 'kysely'
import type { MeasuredRow, Measures } from '../contract/analytics.ts'
import { MEASURE_LIST } from '../rollups/measures.ts'
import { QueryError } from '../storage-error.ts'
import { type MeasureQuery, isOfTraces, rollupPart, tracePart } from './measure-parts.ts'

/** Rows that one result may have. */
const MAX_ROWS = 100_000

/** Columns of a row's groups. */
const GROUP_COLUMNS = ['group_name', 'second_name'] as const

/** Sums by group and bucket; measures that are not wanted are 0. */
export async function sums(
  query: MeasureQuery,
  wanted: typeof MEASURE_LIST,
  limit = MAX_ROWS + 1,
): Promise<MeasuredRow[]> {
  const { groups, series, ranked } = query
  const parts = query.plan.parts.map((part) =>
    isOfTraces(part)
      ? tracePart(
          query,
          part,
          wanted.map(({ sql: text, column }) => sql.raw(text).as(column)),
        )
      : rollupPart(
          query,
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
  let summed = sql`SELECT ${sql.join([...keys, ...joined])} FROM ${union.as('parts')} ${chosenOf(query)} ${grouping}`
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
    LIMIT ${sql.lit(limit)}`.execute(query.database)
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
export function chosenOf({ groups, chosen }: MeasureQuery): RawBuilder<unknown> {
  if (!chosen) return sql``
  if (groups.length === 1) return sql`WHERE group_name IN (${sql.join(chosen.map(([name]) => name))})`
  const pairs = chosen.map(([name, second]) => sql`(${name}, ${second})`)
  return sql`WHERE (group_name, second_name) IN (VALUES ${sql.join(pairs)})`
}
