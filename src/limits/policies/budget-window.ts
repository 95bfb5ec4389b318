import type { BudgetTerms } from './policy.ts'

/** Spending is kept by quarter hours: every time zone's midnight is the beginning of one. */
export const SLOT_MS = 15 * 60_000

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

/** Longest distance between a date's midnight in UTC and in any zone. */
const ZONE_MS = 15 * HOUR_MS

/** A period of a budget, in epoch milliseconds. */
export interface BudgetWindow {
  readonly startMs: number
  /** When the budget starts again. For rolling periods, the next time at which some of it may return. `Infinity` for `total`. */
  readonly endMs: number
}

/** The beginning of the quarter hour that a time lies in. */
export function slotOf(ms: number): number {
  return ms - (((ms % SLOT_MS) + SLOT_MS) % SLOT_MS)
}

/** The period of a budget that a time lies in. */
export function budgetWindow(
  { period, rollingHours, timeZone }: Pick<BudgetTerms, 'period' | 'rollingHours' | 'timeZone'>,
  nowMs: number,
): BudgetWindow {
  if (period === 'total') return { startMs: 0, endMs: Infinity }
  if (period === 'rolling') {
    // Whole slots, including the current one. So never shorter than set, and at most one slot longer.
    const slot = slotOf(nowMs)
    return { startMs: slot - rollingHours * HOUR_MS, endMs: slot + SLOT_MS }
  }
  const date = localDate(nowMs, timeZone)
  const day = new Date(Date.UTC(date.year, date.month - 1, date.day))
  const [from, until] = calendarBounds(period, day)
  return { startMs: firstInstant(from, timeZone), endMs: firstInstant(until, timeZone) }
}

/** First day of a period and of the next one, each as midnight of its date in UTC. */
function calendarBounds(period: 'day' | 'week' | 'month', day: Date): [number, number] {
  if (period === 'day') return [day.getTime(), day.getTime() + DAY_MS]
  if (period === 'week') {
    const monday = day.getTime() - ((day.getUTCDay() + 6) % 7) * DAY_MS
    return [monday, monday + 7 * DAY_MS]
  }
  const [year, month] = [day.getUTCFullYear(), day.getUTCMonth()]
  return [Date.UTC(year, month, 1), Date.UTC(year, month + 1, 1)]
}

/** The first slot with this date or a later one in a zone: midnight, or the next slot where clocks skip midnight. */
function firstInstant(dateMs: number, timeZone: string): number {
  for (let ms = dateMs - ZONE_MS; ; ms += SLOT_MS) {
    const { year, month, day } = localDate(ms, timeZone)
    if (Date.UTC(year, month - 1, day) >= dateMs) return ms
  }
}

function localDate(ms: number, timeZone: string): { year: number; month: number; day: number } {
  const [month, day, year] = formatter(timeZone).format(ms).split('/').map(Number)
  return { year: year!, month: month!, day: day! }
}

const FORMATTERS = new Map<string, Intl.DateTimeFormat>()

function formatter(timeZone: string): Intl.DateTimeFormat {
  let known = FORMATTERS.get(timeZone)
  if (!known) {
    known = new Intl.DateTimeFormat('en-US', {
      timeZone,
      calendar: 'gregory',
      numberingSystem: 'latn',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
    })
    FORMATTERS.set(timeZone, known)
  }
  return known
}
