const FORM =
  /^(\d{4})-(\d\d)-(\d\d)[ T](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?\s?(Z|[+-]\d\d:?\d\d)?(?:\s[A-Za-z+-]\S*)?$/

/**
 * Epoch microseconds of a time as the Go gateway or its databases write it: RFC 3339, `YYYY-MM-DD HH:MM:SS[.frac]±HH:MM`,
 * `YYYY-MM-DD HH:MM:SS[.frac] ±HHMM ABBR`, or without a zone, which means UTC. Finer fractions are cut. `undefined` for anything else.
 */
export function parseGoTime(text: string): number | undefined {
  const match = FORM.exec(text.trim())
  if (!match) return undefined
  const [, year, month, day, hour, minute, second, fraction = '', zone = 'Z'] = match
  const offset = zone === 'Z' ? 'Z' : `${zone.slice(0, 3)}:${zone.slice(-2)}`
  const ms = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}${offset}`)
  if (Number.isNaN(ms) || Number(year) < 1970) return undefined
  return ms * 1000 + Number(fraction.padEnd(6, '0').slice(0, 6))
}
