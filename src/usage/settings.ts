import type { FiledTable } from './price-table.ts'
import type { UnitPriceName } from './unit-pricing.ts'

/** What the recorder must know to price an exchange. */
export interface PricingConfig {
  readonly unknownModel: 'allow' | 'assume' | 'block'
  readonly assumed: Rates
  readonly overrides: readonly PriceOverride[]
  /** The operator's own list. */
  readonly list?: FiledTable
}

/** A price of the operator's own; `model` may end in `*`. `from` and `to` are `YYYY-MM-DD` or empty; both days count. */
export interface PriceOverride extends Rates {
  readonly provider: string
  /** Tenant it is for; empty for every one. */
  readonly orgId: string
  readonly workspaceId: string
  /** Id of the gateway key it is for; empty for every one. */
  readonly keyId: string
  readonly model: string
  readonly from: string
  readonly to: string
  readonly free: boolean
  /** Share taken off the prices of the lists; negative for a surcharge. */
  readonly discount: number
  readonly brackets: readonly RateBracket[]
  readonly units: UnitPrices
  readonly tiers: readonly TierRates[]
}

/** USD per million tokens; negative where no rate is set. */
export interface Rates {
  readonly input: number
  readonly cacheRead: number
  readonly cacheReadAudio: number
  readonly cacheReadImage: number
  readonly cacheWrite: number
  readonly cacheWrite30m: number
  readonly cacheWrite1h: number
  readonly cacheWrite12h: number
  readonly inputAudio: number
  readonly inputImage: number
  readonly inputVideo: number
  readonly output: number
  readonly reasoning: number
  readonly outputAudio: number
  readonly outputImage: number
}

/** Prices of what is not billed by the token, in USD; negative where none is set. */
export type UnitPrices = Readonly<Record<UnitPriceName, number>>

/** Rates for requests with more input tokens than `above`. */
export interface RateBracket extends Rates {
  readonly above: number
}

/** Service tiers that an own price may speak of. */
export type OwnTierName = 'batch' | 'flex' | 'priority' | 'fast'

/** An own price of a service tier: a factor of the other rates (negative for none), or rates. */
export interface TierRates extends Rates {
  readonly name: OwnTierName
  readonly factor: number
}
