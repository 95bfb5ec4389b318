/** When prices for some hours of the day apply. Lists can name only the hours (`time_of_date`), not the days. */
interface PeakHours {
  readonly vendor: string
  readonly models: RegExp
  /** Epoch milliseconds before which the hours did not apply. */
  readonly from: number
  /** Epoch milliseconds from which they apply from Monday to Friday only. */
  readonly weekdaysFrom: number
  readonly source: string
}

const PEAK_HOURS: readonly PeakHours[] = [
  {
    vendor: 'deepseek',
    models: /^deepseek-(?:v4|flash)/,
    from: Date.parse('2026-08-17T00:00:00Z'),
    weekdaysFrom: Date.parse('2026-08-23T00:00:00Z'),
    source: 'https://api-docs.deepseek.com/quick_start/pricing, read 2026-08-23 and 2026-09-18',
  },
]

/**
 * Whether a list's prices for hours of the day apply on the day of a request.
 *
 * Days are those of UTC: DeepSeek means the days of Beijing, and its hours (01:00 to 10:00 UTC) lie on the same day
 * in both.
 *
 * @param at epoch milliseconds
 */
export function hoursCount(vendor: string, model: string, at: number): boolean {
  const rule = PEAK_HOURS.find((one) => one.vendor === vendor && one.models.test(model))
  if (!rule) return true
  if (at < rule.from) return false
  const day = new Date(at).getUTCDay()
  return at < rule.weekdaysFrom || (day >= 1 && day <= 5)
}
