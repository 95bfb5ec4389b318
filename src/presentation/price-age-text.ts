import { STALE_DAYS } from '../usage/list-age.ts'
import type { PriceAge } from './price-age.ts'
import { visible } from './visible-text.ts'

/** Models that are named at most; the rest is counted. */
const NAMED = 10

/** The age of the list in one sentence, then what has changed since, for people. Names are made visible: callers choose those of models. */
export function priceAgeLines(age: PriceAge): string[] {
  const { list, date, days, stale, changed, unknown } = age
  const advice = stale
    ? `: older than ${STALE_DAYS} days; take over a newer one with \`ongoingai prices import\``
    : ''
  return [
    `price list: ${list} of ${date}, ${days} ${days === 1 ? 'day' : 'days'} old${advice}`,
    ...(changed.length > 0 ? [`used since, with another price than in that list: ${named(changed)}`] : []),
    ...(unknown.length > 0 ? [`used since, without a price: ${named(unknown)}`] : []),
  ].map(visible)
}

/** The same under names of the JSON contracts. */
export function priceAgeJson({ list, date, days, stale, changed, unknown }: PriceAge): object {
  return { list, date, age_days: days, stale, changed_models: changed, unknown_models: unknown }
}

function named(models: readonly string[]): string {
  const more = models.length > NAMED ? [`and ${models.length - NAMED} more`] : []
  return [...models.slice(0, NAMED), ...more].join(', ')
}
