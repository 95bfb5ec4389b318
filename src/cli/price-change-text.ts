import type { PriceChange } from '../usage/price-changes.ts'
import type { RateSheet } from '../usage/model-rates.ts'
import { priceText } from './price-text.ts'
import { textTable } from './text-table.ts'

/** Models that are named at most of each kind; the rest is counted. */
const NAMED = 30

/** What a new list changes, for people: how many models are new, changed and gone, and their new prices. */
export function priceChangesText(changes: readonly PriceChange[]): string {
  const fresh = changes.filter(({ before }) => !before)
  const gone = changes.filter(({ after }) => !after)
  const changed = changes.filter(({ before, after }) => before && after)
  const section = (title: string, rows: readonly PriceChange[], heads: string[]): string => {
    if (rows.length === 0) return `${title}: none\n`
    const more = rows.length > NAMED ? `and ${rows.length - NAMED} more\n` : ''
    const cells = rows
      .slice(0, NAMED)
      .map(({ vendor, model, before, after }) => [
        vendor,
        model,
        ...(before && after
          ? [differences(before.prices, after.prices)]
          : [ratesText((after ?? before)!.prices)]),
      ])
    return `${title}: ${rows.length}\n${textTable([['PROVIDER', 'MODEL', ...heads], ...cells])}${more}`
  }
  return [
    section('New models', fresh, ['PRICES']),
    section('Changed prices', changed, ['CHANGES']),
    section('Models that have no price any more', gone, ['PRICES']),
  ].join('\n')
}

function ratesText(prices: RateSheet['prices']): string {
  return Object.entries(prices)
    .map(([key, price]) => `${shortKey(key)} ${priceText(price)}`)
    .join('; ')
}

/** Every rate that is another one, as `input 2 → 4`. */
function differences(before: RateSheet['prices'], after: RateSheet['prices']): string {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])]
    .map((key) => [shortKey(key), priceText(before[key]), priceText(after[key])])
    .filter(([, was, is]) => was !== is)
    .map(([key, was, is]) => `${key} ${was} → ${is}`)
    .join('; ')
}

/** Most prices are per million tokens. Only the others show their unit. */
function shortKey(key: string): string {
  return key.replace(/_mtok$/, '')
}
