import type { PriceOverride, Rates, UnitPrices } from '../../src/usage/settings.ts'
import { UNIT_PRICING } from '../../src/usage/unit-pricing.ts'

/** No rate at all. */
export const NO_RATES: Rates = {
  input: -1,
  cacheRead: -1,
  cacheReadAudio: -1,
  cacheReadImage: -1,
  cacheWrite: -1,
  cacheWrite30m: -1,
  cacheWrite1h: -1,
  cacheWrite12h: -1,
  inputAudio: -1,
  inputImage: -1,
  inputVideo: -1,
  output: -1,
  reasoning: -1,
  outputAudio: -1,
  outputImage: -1,
}

/** No unit price at all. */
const NO_UNIT_PRICES = Object.fromEntries(
  Object.values(UNIT_PRICING).map(({ name }) => [name, -1]),
) as UnitPrices

/** An own price; a test says only what matters to it. */
export function ownPrice(values: Partial<PriceOverride>): PriceOverride {
  return {
    ...NO_RATES,
    provider: '',
    orgId: '',
    workspaceId: '',
    keyId: '',
    model: '',
    from: '',
    to: '',
    free: false,
    discount: 0,
    brackets: [],
    units: NO_UNIT_PRICES,
    tiers: [],
    ...values,
  }
}
