import type { Provider } from '@pydantic/genai-prices'

/**
 * A checked price list: the bundled one, its supplement, or the operator's own. Its providers and models have the
 * shapes of genai-prices; USD per million tokens, or for the units of a key.
 */
export interface PriceTable {
  readonly name: string
  readonly version: string
  /** Day of its prices, `YYYY-MM-DD`. */
  readonly date: string
  readonly providers: readonly Provider[]
}

/** Input below which no price has a bracket, so that bills can be added without changing their cost. */
export const LEAST_BRACKET = 32_000

/** The operator's own list, read from `pricing.file`. */
export interface FiledTable {
  readonly table: PriceTable
  /** SHA-256 of the file's bytes, in hexadecimal. Shows whether the file has changed. */
  readonly sha256: string
  /** The parts of the file that were not read, each with its place. */
  readonly warnings: readonly string[]
}

/** How receipts and commands name a list: `genai-prices@0.1.8`, `house@2026-11-30+3fa1b2c4`. */
export function tableLabel({ name, version }: Omit<PriceTable, 'providers'>): string {
  return `${name}@${version}`
}
