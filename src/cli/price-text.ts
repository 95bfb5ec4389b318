import type { ListedPrice } from '../usage/price-list.ts'

/** A price in USD, with its brackets. */
export function priceText(price: ListedPrice['prices'][string]): string {
  if (price === undefined) return '-'
  if (typeof price === 'number') return String(price)
  return [String(price.base), ...price.tiers.map((tier) => `${tier.price} above ${tier.start}`)].join(', ')
}
