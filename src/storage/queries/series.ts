import { type RawBuilder, sql } from 'kysely'
import { type OffsetChange, UTC, timeZoneOf } from '../../time/time-zone.ts'
import type { Bucket, MeasureOptions } from '../contract/analytics.ts'
import type { TimeRange } from '../contract/trace-filter.ts'
import { DAY_US, HOUR_US } from '../rollups/rollup-delta.ts'
import { QueryError } from '../storage-error.ts'

/**
 * Assigns the moments of a series to its buckets. A place is the SQL value for a moment: its UTC hour, or its day in the time zone,
 * as microseconds of local time. Buckets are named by their first place.
 */
export interface Series {
  /** Whether a UTC day lies in one bucket as a whole. */
  readonly wholeDays: boolean
  /** SQL of a moment's place. */
  place(time: RawBuilder<unknown>): RawBuilder<unknown>
  /** SQL of a place's bucket; absent when places are buckets. */
  readonly bucket?: (place: RawBuilder<unknown>) => RawBuilder<unknown>
  bucketOf(place: number): number
  /** When a bucket begins, epoch microseconds. */
  startUs(bucket: number): number
}

/** Monday, 5 January 1970. */
const FIRST_MONDAY_US = 4 * DAY_US
const WEEK_US = 7 * DAY_US

const HOURS: Series = {
  wholeDays: false,
  place: (time) => sql`${time} - ${time} % ${sql.lit(HOUR_US)}`,
  bucketOf: (place) => place,
  startUs: (bucket) => bucket,
}

/** @returns `undefined` for sums that are no series @throws QueryError for a time zone that there is not */
export function seriesOf({ bucket, timeZone }: MeasureOptions, range: TimeRange): Series | undefined {
  if (bucket === undefined) return undefined
  if (bucket === 'hour') return HOURS
  const zone = timeZone === undefined ? UTC : timeZoneOf(timeZone)
  if (!zone) throw new QueryError(`there is no time zone "${timeZone}"`)
  const changes = within(zone.changes(), range)
  const isUtc = changes.every(({ offsetUs }) => offsetUs === 0)
  return {
    wholeDays: isUtc,
    place(time) {
      if (isUtc) return sql`${time} - ${time} % ${sql.lit(DAY_US)}`
      const local = sql`(${time} + ${offsetAt(time, changes)})`
      return sql`${local} - ${local} % ${sql.lit(DAY_US)}`
    },
    ...BUCKETS[bucket],
    startUs: (first) => zone.startOfDay(first / DAY_US),
  }
}

/** Weeks and months of a day. */
const BUCKETS: Readonly<Record<Exclude<Bucket, 'hour'>, Pick<Series, 'bucket' | 'bucketOf'>>> = {
  day: { bucketOf: (day) => day },
  week: {
    bucket: (day) => sql`${day} - (${day} - ${sql.lit(FIRST_MONDAY_US)}) % ${sql.lit(WEEK_US)}`,
    bucketOf: (day) => day - ((day - FIRST_MONDAY_US) % WEEK_US),
  },
  month: {
    bucket: (day) => sql`${day} - ${dayOfMonth(sql`(${day} / ${sql.lit(DAY_US)})`)} * ${sql.lit(DAY_US)}`,
    bucketOf: (day) => day - (new Date(day / 1000).getUTCDate() - 1) * DAY_US,
  },
}

/**
 * SQL of the day of a month, from 0, in integer arithmetic, which every database understands.
 *
 * @param days since 1970-01-01
 * @see https://howardhinnant.github.io/date_algorithms.html#civil_from_days
 */
function dayOfMonth(days: RawBuilder<unknown>): RawBuilder<unknown> {
  const dayOfEra = sql`((${days} + 719468) % 146097)`
  const yearOfEra = sql`((${dayOfEra} - ${dayOfEra} / 1460 + ${dayOfEra} / 36524 - ${dayOfEra} / 146096) / 365)`
  const dayOfYear = sql`(${dayOfEra} - (365 * ${yearOfEra} + ${yearOfEra} / 4 - ${yearOfEra} / 100))`
  return sql`(${dayOfYear} - (153 * ((5 * ${dayOfYear} + 2) / 153) + 2) / 5)`
}

/** The changes that matter to a range: the last before it, and those within. */
function within(
  changes: readonly OffsetChange[],
  { fromUs = 0, toUs = Infinity }: TimeRange,
): OffsetChange[] {
  return changes.filter(
    (change, i) => (i === 0 || change.fromUs <= toUs) && (changes[i + 1]?.fromUs ?? Infinity) > fromUs,
  )
}

/** SQL of the offset at a moment: halves the changes until one is left. */
function offsetAt(time: RawBuilder<unknown>, changes: readonly OffsetChange[]): RawBuilder<unknown> {
  if (changes.length === 1) return sql`${sql.lit(changes[0]!.offsetUs)}`
  const middle = changes.length >> 1
  return sql`CASE WHEN ${time} < ${sql.lit(changes[middle]!.fromUs)} THEN ${offsetAt(time, changes.slice(0, middle))}
    ELSE ${offsetAt(time, changes.slice(middle))} END`
}
