import type { Provider } from '@pydantic/genai-prices'

/**
 * A list of prices, checked: the bundled one, the one beside it, or one of the operator's own. Its providers and models have the
 * shapes of genai-prices; USD per million tokens, or for the units of a key.
 */
export interface PriceTable {
  readonly name: string
  readonly version: string
  /** Day of its prices, `YYYY-MM-DD`. */
  readonly date: string
  readonly providers: readonly Provider[]
}

/** Input below which no price has a bracket, so that bills may be added without changing what they cost. */
export const LEAST_BRACKET = 32_000

/** A list of the operator's own, read from `pricing.file`. */
export interface FiledTable {
  readonly table: PriceTable
  /** SHA-256 of the file's bytes, in hexadecimal: it tells whether the file has changed. */
  readonly sha256: string
  /** What of the file is not read, each with its place. */
  readonly warnings: readonly string[]
}

/** How receipts and commands name a list: `genai-prices@0.1.8`, `house@2026-11-30+3fa1b2c4`. */
export function tableLabel({ name, version }: Omit<PriceTable, 'providers'>): string {
  return `${name}@${version}`
}
