import type { Group, MeasuredRow } from '../storage/contract/analytics.ts'
import type { TraceFilter } from '../storage/contract/trace-filter.ts'
import type { TraceReader, TraceSummary } from '../storage/contract/traces.ts'
import { formatSecond } from '../time/rfc3339.ts'
import type { TimeZone } from '../time/time-zone.ts'
import type { PriceAge } from './price-age.ts'

/** Sessions that a report names. */
const SESSIONS = 10

/** Points that a curve has at least; ranges that have fewer days are shown by hour. */
const MIN_DAYS = 3

const HOUR_US = 3_600_000_000

/** Everything a report shows. */
export interface ReportData {
  readonly generatedAt: string
  readonly filter: TraceFilter
  readonly limit: number
  /** Some sums of an earlier version count where their hour begins, which the range cuts. */
  readonly approximate: boolean
  /** Driver and, for SQLite, path as configured. */
  readonly storage: { readonly driver: string; readonly path?: string }
  readonly prices: PriceAge
  readonly totals: MeasuredRow
  /** Most tokens first. */
  readonly providers: readonly MeasuredRow[]
  /** Most requests first, with percentiles. */
  readonly models: readonly MeasuredRow[]
  /** By hash, most requests first. */
  readonly keys: readonly MeasuredRow[]
  /** By id of the gateway key, most requests first; requests without one are left out. */
  readonly gatewayKeys: readonly MeasuredRow[]
  /** Names of gateway keys by id; an id without one is a key that was revoked or has none. */
  readonly keyNames: ReadonlyMap<string, string>
  /** All exchanges together, with percentiles. */
  readonly latency: MeasuredRow
  /** The busiest, most requests first. */
  readonly sessions: readonly MeasuredRow[]
  readonly moreSessions: boolean
  /** Newest first. */
  readonly recent: readonly TraceSummary[]
}

/** Curves over time, for the report that draws them. */
export interface ReportCurves {
  /** Where days begin. */
  readonly zone: TimeZone
  readonly bucket: 'hour' | 'day'
  readonly total: readonly MeasuredRow[]
  readonly models: readonly MeasuredRow[]
  readonly keys: readonly MeasuredRow[]
}

/** Reads all sections of a report from the store. */
export async function collectReport(
  reader: TraceReader,
  filter: TraceFilter,
  limit: number,
  { storage, prices, keyNames }: Pick<ReportData, 'storage' | 'prices' | 'keyNames'>,
): Promise<ReportData> {
  const groups = (group: Group, percentiles = false): Promise<readonly MeasuredRow[]> =>
    reader.measure(filter, { group, percentiles }).then(({ rows }) => rows)
  const [all, providers, models, keys, gatewayKeys, sessions, recent] = await Promise.all([
    reader.measure(filter, { percentiles: true }),
    groups('provider'),
    groups('model', true),
    groups('api_key'),
    groups('key'),
    reader.measure(filter, { group: 'session', limit: SESSIONS }),
    reader.listTraces(filter, { limit, order: 'newest' }),
  ])
  const totals = all.rows[0]!
  const byTokens = (a: MeasuredRow, b: MeasuredRow): number =>
    b.totalTokens - a.totalTokens || b.costNanoUsd - a.costNanoUsd || (a.group < b.group ? -1 : 1)
  const byTime = (a: TraceSummary, b: TraceSummary): number =>
    b.startedAtUs - a.startedAtUs || (a.id > b.id ? -1 : 1)
  return {
    generatedAt: formatSecond(Date.now() * 1000),
    filter,
    limit,
    approximate: all.approximate === true,
    storage,
    prices,
    totals,
    providers: [...providers].sort(byTokens),
    models,
    keys,
    gatewayKeys: gatewayKeys.filter(({ group }) => group !== ''),
    keyNames,
    latency: totals,
    sessions: sessions.rows,
    moreSessions: sessions.more,
    recent: [...recent.items].sort(byTime),
  }
}

/** Reads the curves: by day, or by hour if there are too few days. */
export async function collectCurves(
  reader: TraceReader,
  filter: TraceFilter,
  zone: TimeZone,
): Promise<ReportCurves> {
  const timeZone = zone.name
  const days = await reader.measure(filter, { bucket: 'day', timeZone, percentiles: true })
  const first = days.rows[0]?.bucketStartUs ?? 0
  const last = days.rows.at(-1)?.bucketStartUs ?? 0
  const bucket = last - first >= MIN_DAYS * 24 * HOUR_US ? 'day' : 'hour'
  const of = (group: Group): Promise<readonly MeasuredRow[]> =>
    reader.measure(filter, { bucket, timeZone, group, limit: 6 }).then(({ rows }) => rows)
  const [total, models, keys] = await Promise.all([
    bucket === 'day'
      ? days.rows
      : reader.measure(filter, { bucket, percentiles: true }).then(({ rows }) => rows),
    of('model'),
    of('api_key'),
  ])
  return { zone, bucket, total, models, keys }
}
