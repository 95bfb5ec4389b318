import type { Provider } from '@pydantic/genai-prices'

/** A list of prices: data with a name, a version and a date, never fetched. */
export interface PriceTable {
  readonly name: string
  readonly version: string
  /** Day of its prices, `YYYY-MM-DD`. */
  readonly date: string
  readonly providers: readonly Provider[]
}

/** Input below which no price has a bracket, so that bills may be added without changing what they cost. */
export const LEAST_BRACKET = 32_000

/** How receipts and commands name a list: `genai-prices@0.1.8`. */
export function tableLabel({ name, version }: PriceTable): string {
  return `${name}@${version}`
}
