/** RFC 3339 in UTC with up to six fractional digits, trailing zeros dropped. */
export function formatTime(epochUs: number): string {
  const seconds = Math.floor(epochUs / 1_000_000)
  const micros = epochUs - seconds * 1_000_000
  const whole = new Date(seconds * 1000).toISOString().slice(0, 19)
  if (micros === 0) return `${whole}Z`
  return `${whole}.${String(micros).padStart(6, '0').replace(/0+$/, '')}Z`
}

/** RFC 3339 in UTC to the second; what is finer is cut. */
export function formatSecond(epochUs: number): string {
  return formatTime(Math.floor(epochUs / 1_000_000) * 1_000_000)
}

const RFC3339 = /^(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?(Z|[+-]\d{2}:\d{2})$/

/** Epoch microseconds of an RFC 3339 time; finer fractions are cut. `undefined` for anything else. */
export function parseTime(text: string): number | undefined {
  const match = RFC3339.exec(text)
  if (!match) return undefined
  const [, date, time, fraction = '', zone] = match
  const ms = Date.parse(`${date}T${time}${zone}`)
  if (Number.isNaN(ms) || Number(time!.slice(0, 2)) > 23) return undefined
  // `2026-02-30` would roll over to March.
  if (new Date(Date.parse(`${date}T00:00:00Z`)).toISOString().slice(0, 10) !== date) return undefined
  return ms * 1000 + Number(fraction.padEnd(6, '0').slice(0, 6))
}

/** Epoch microseconds of an RFC 3339 time, or of the first moment in UTC of a day (`YYYY-MM-DD`). `undefined` for anything else. */
export function parseTimeOrDay(text: string): number | undefined {
  return parseTime(/^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T00:00:00Z` : text)
}
