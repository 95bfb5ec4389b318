import type { PriceTable } from './price-table.ts'
import { tableLabel } from './price-table.ts'

/** Days after which a price list is too old to trust. Providers change prices every few weeks. */
export const STALE_DAYS = 60

const DAY_MS = 86_400_000

/** How old a price list is. */
export interface ListAge {
  /** Its label. */
  readonly list: string
  /** `YYYY-MM-DD` */
  readonly date: string
  /** Whole days since then. 0 for a future date. */
  readonly days: number
  readonly stale: boolean
}

/** How old a list is. @param now epoch milliseconds */
export function listAge(table: PriceTable, now: number): ListAge {
  const days = Math.max(0, Math.floor((now - Date.parse(table.date)) / DAY_MS))
  return { list: tableLabel(table), date: table.date, days, stale: days > STALE_DAYS }
}

/**
 * The latest moment, not after a list's first day, with the current weekday and hour. So prices that apply only at
 * some hours do not look changed.
 *
 * @param now epoch milliseconds
 */
export function sameHourThen(table: PriceTable, now: number): number {
  const week = 7 * DAY_MS
  const weeks = Math.ceil((now - Date.parse(table.date)) / week)
  return now - Math.max(0, weeks) * week
}
