import type { ModelPrice } from '@pydantic/genai-prices'

/** A price in USD, with its brackets. */
export function priceText(price: ModelPrice[string]): string {
  if (price === undefined) return '-'
  if (typeof price === 'number') return String(price)
  return [String(price.base), ...price.tiers.map((tier) => `${tier.price} above ${tier.start}`)].join(', ')
}
