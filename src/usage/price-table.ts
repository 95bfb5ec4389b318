import type { Provider } from '@pydantic/genai-prices'

/** A list of prices: data with a name, a version and a date, never fetched. */
export interface PriceTable {
  readonly name: string
  readonly version: string
  /** The day it was made: YYYY-MM-DD. */
  readonly date: string
  readonly providers: readonly Provider[]
}
