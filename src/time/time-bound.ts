import { parseTime } from './rfc3339.ts'
import type { TimeZone } from './time-zone.ts'

const DAY_US = 86_400_000_000

/** Microseconds of the units of a span. */
const UNITS: Readonly<Record<string, number>> = {
  m: 60_000_000,
  h: 3_600_000_000,
  d: DAY_US,
  w: 7 * DAY_US,
}

/** What a bound of a range may be, for messages. */
export const BOUND_FORMS =
  'RFC3339 or YYYY-MM-DD, or a span back from now: 90m, 24h, 7d, 4w, today, yesterday or month'

/** What decides where a bound lies that is no moment by itself. */
export interface Now {
  readonly nowUs: number
  /** Where days and months begin. */
  readonly zone: TimeZone
}

/**
 * Reads a bound of a range: an RFC 3339 time, a date, or a span back from now. A date and a named span (`today`, `yesterday`, `month`)
 * have two ends: as `from` they mean their beginning, as `to` their last microsecond.
 *
 * @returns epoch microseconds; `undefined` for anything else
 */
export function parseBound(text: string, bound: 'from' | 'to', { nowUs, zone }: Now): number | undefined {
  const ends = (first: number, next: number): number =>
    bound === 'from' ? zone.startOfDay(first) : zone.startOfDay(next) - 1
  const today = zone.dayOf(nowUs)
  switch (text.toLowerCase()) {
    case 'today':
      return ends(today, today + 1)
    case 'yesterday':
      return ends(today - 1, today)
    case 'month': {
      const date = new Date((today * DAY_US) / 1000)
      const first = (month: number): number => Date.UTC(date.getUTCFullYear(), month, 1) / (DAY_US / 1000)
      return ends(first(date.getUTCMonth()), first(date.getUTCMonth() + 1))
    }
  }
  const [, count, unit = ''] = /^(\d{1,9})([mhdw])$/i.exec(text) ?? []
  if (count !== undefined) return Math.max(0, nowUs - Number(count) * UNITS[unit.toLowerCase()]!)
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return parseTime(text)
  const day = parseTime(`${text}T00:00:00Z`)
  return day === undefined ? undefined : ends(day / DAY_US, day / DAY_US + 1)
}
