import { quote } from '../config/scalar.ts'
import type { TimeRange, TraceFilter } from '../storage/contract/trace-filter.ts'
import { BOUND_FORMS, parseBound } from '../time/time-bound.ts'
import { timeZoneOf, UTC, type TimeZone } from '../time/time-zone.ts'
import { TEXT_FILTERS } from './commands/trace-flags.ts'
import type { Arguments } from './flags.ts'

/** Reads the zone in which days begin. */
export function readTimeZoneFlag({ values }: Arguments): TimeZone | { readonly problem: string } {
  const name = (values.get('time-zone') ?? '').trim()
  const zone = name === '' ? UTC : timeZoneOf(name)
  return (
    zone ?? {
      problem: `invalid time-zone: ${quote(name)}; expected a name of the IANA database such as Europe/Berlin`,
    }
  )
}

/** Reads the flags of a range, which may be a span back from now. */
export function readRangeFlags(parsed: Arguments): TimeRange | { readonly problem: string } {
  const zone = readTimeZoneFlag(parsed)
  if ('problem' in zone) return zone
  const now = { nowUs: Date.now() * 1000, zone }
  const range: { fromUs?: number; toUs?: number } = {}
  for (const [name, bound] of [
    ['from', 'from'],
    ['since', 'from'],
    ['to', 'to'],
  ] as const) {
    const text = (parsed.values.get(name) ?? '').trim()
    if (text === '') continue
    const time = parseBound(text, bound, now)
    if (time === undefined) return { problem: `invalid ${name}: expected ${BOUND_FORMS}` }
    if (name === 'since' && range.fromUs !== undefined) {
      return { problem: '--since is the same as --from: give one of them' }
    }
    range[`${bound}Us`] = time
  }
  if (range.fromUs !== undefined && range.toUs !== undefined && range.toUs < range.fromUs) {
    return { problem: 'invalid range: to must be greater than or equal to from' }
  }
  return range
}

/** Reads range and filters. */
export function readFilterFlags(
  parsed: Arguments,
): { readonly filter: TraceFilter } | { readonly problem: string } {
  const { values } = parsed
  const range = readRangeFlags(parsed)
  if ('problem' in range) return range
  const tags = readTags(values.get('tag') ?? '')
  if (tags === undefined) return { problem: 'invalid tag: expected key=value, several with commas' }
  const texts = TEXT_FILTERS.map(([name, field]) => [field, (values.get(name) ?? '').trim()] as const)
  return {
    filter: {
      ...Object.fromEntries(texts.filter(([, value]) => value !== '')),
      ...(Object.keys(tags).length === 0 ? {} : { tags }),
      ...range,
    },
  }
}

/** Tags of the filter by their keys; `undefined` for a text that is not `key=value`. */
function readTags(text: string): Record<string, string> | undefined {
  const tags: Record<string, string> = {}
  for (const pair of text.split(',').filter((one) => one.trim() !== '')) {
    const equals = pair.indexOf('=')
    const key = pair.slice(0, Math.max(equals, 0)).trim()
    const value = pair.slice(equals + 1).trim()
    if (key === '' || value === '') return undefined
    tags[key] = value
  }
  return tags
}
