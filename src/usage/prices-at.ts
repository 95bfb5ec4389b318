import type { ConditionalPrice, ModelInfo, ModelPrice } from '@pydantic/genai-prices'
import { hoursCount } from './peak-hours.ts'

/**
 * The prices of a model that hold at a time: the last of its prices whose condition is met.
 *
 * @param vendor the list's name for the provider
 * @param at epoch milliseconds
 * @returns `undefined` before the first date from which the list has a price
 */
export function pricesAt(
  vendor: string,
  { id, prices }: Pick<ModelInfo, 'id' | 'prices'>,
  at: number,
): ModelPrice | undefined {
  if (!Array.isArray(prices)) return prices
  const first = prices[0]?.constraint
  if (first?.type === 'start_date' && !holds(first, at, false)) return undefined
  const byHours = hoursCount(vendor, id, at)
  return prices.findLast(({ constraint }) => holds(constraint, at, byHours))?.prices
}

function holds(constraint: ConditionalPrice['constraint'], at: number, byHours: boolean): boolean {
  if (!constraint) return true
  if (constraint.type === 'start_date') return at >= Date.parse(constraint.start_date)
  if (!byHours) return false
  const [start, end] = [secondOfDay(constraint.start_time), secondOfDay(constraint.end_time)]
  const second = (at / 1000) % 86_400
  return end < start ? second >= start || second < end : second >= start && second < end
}

/** Seconds since midnight of `HH:MM:SSZ`. */
function secondOfDay(time: string): number {
  return (Date.parse(`1970-01-01T${time}`) / 1000) % 86_400
}
