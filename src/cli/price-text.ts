import type { RateSheet } from '../usage/model-rates.ts'

/** A price in USD, with its brackets. */
export function priceText(price: RateSheet['prices'][string]): string {
  if (price === undefined) return '-'
  if (typeof price === 'number') return String(price)
  return [String(price.base), ...price.tiers.map((tier) => `${tier.price} above ${tier.start}`)].join(', ')
}
