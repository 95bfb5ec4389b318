import type { ModelPrice } from '@pydantic/genai-prices'
import type { NamedModel } from './model-names.ts'
import { timesFactor } from './money.ts'
import { RATE_RULES, ruleApplies } from './rate-rules.ts'
import { UNIT_PRICING } from './unit-pricing.ts'
import { BUCKETS, UNITS, type Bucket, type Unit } from './usage.ts'

/** The origin of a price that is not from the receipt's own list. */
export interface Origin {
  /** Name and version of the list. */
  readonly list: string
  /** The operator's discount on this list's price, as a share. Negative for a surcharge. */
  readonly discount?: number
  /** Why it is not certain that this list's price is the model's. */
  readonly doubt?: string
}

/** A rate for one bucket. */
export interface Rate {
  readonly usdPerMillion: number
  /** Name of the published rule that derives it from another rate. */
  readonly rule?: string
  /** Why it is not certain: the other rate that stands in. */
  readonly reason?: string
  readonly origin?: Origin
}

/** Price of a number of units, in USD. */
export interface UnitPrice {
  readonly usd: number
  readonly per: number
  readonly origin?: Origin
}

/** An own price's terms for a service tier. */
export interface OwnTier {
  /** Factor on the rates. 1 if the tier has its own rates. */
  readonly factor: number
  readonly rates: ModelRates
}

/** Which name of an exchange led to its price. Member names are those of the JSON contract. */
export interface MatchedName extends NamedModel {
  /** The list's name for the model, or the own price's. */
  readonly entry: string
}

/** Rates of one model at one time. */
export interface ModelRates {
  /** The origin of the rates: a bundled list, `override`, `local`, or `assumed`. */
  readonly list: string
  /** The bundled list's name for the provider; empty for none. */
  readonly vendor: string
  /** The list's name for the model. */
  readonly model: string
  /**
   * The rate of a bucket, given the size of the whole input, because long-context brackets differ. `undefined` if the
   * list has none and no other rate can stand in. Tokens without a rate are never free.
   */
  rate(bucket: Bucket, inputTokens: number): Rate | undefined
  /** Price of a unit other than tokens. `undefined` if the list has none. */
  unit(unit: Unit): UnitPrice | undefined
  /** Smallest billed amount of a unit per request. 0 for no minimum. */
  minimum(unit: Unit): number
  /** The operator's own terms for a tier. Absent or `undefined` if the provider's apply. */
  tier?(named: { serviceTier?: string | undefined; speed?: string | undefined }): OwnTier | undefined
  /** The name that matched. Absent when none did. */
  readonly matched?: MatchedName
  /** Why it is not certain that these are the model's rates; absent when it is. */
  readonly doubt?: string
}

/** A list's prices of one model at one time, by the bundled list's keys and some of ours. */
export interface RateSheet {
  readonly list: string
  readonly vendor: string
  readonly model: string
  readonly prices: ModelPrice
  /** Prices that are from another list, by key. */
  readonly origins?: ReadonlyMap<string, Origin>
  readonly matched?: MatchedName
  readonly doubt?: string
  /** Input size up to which these prices apply. Absent for any. */
  readonly maxInputTokens?: number
}

/** The key of each bucket's own rate. `cache_write` is the write with the provider's usual lifetime. */
export const BUCKET_KEYS: Readonly<Record<Bucket, string>> = {
  input_uncached: 'input_mtok',
  cache_read: 'cache_read_mtok',
  cache_read_audio: 'cache_audio_read_mtok',
  cache_read_image: 'cache_image_read_mtok',
  cache_write: 'cache_write_mtok',
  cache_write_5m: 'cache_write_mtok',
  cache_write_30m: 'cache_write_30m_mtok',
  cache_write_1h: 'cache_write_1h_mtok',
  cache_write_12h: 'cache_write_12h_mtok',
  input_audio: 'input_audio_mtok',
  input_image: 'input_image_mtok',
  input_video: 'input_video_mtok',
  output_text: 'output_mtok',
  reasoning: 'output_reasoning_mtok',
  output_audio: 'output_audio_mtok',
  output_image: 'output_image_mtok',
}

/**
 * Which rate stands in for a missing one without a published rule. The cost is then an estimate. Audio has no
 * stand-in, because it costs up to sixteen times as much as text. Input and output have none either.
 */
const STAND_INS: Readonly<Partial<Record<Bucket, readonly Bucket[]>>> = {
  cache_read: ['input_uncached'],
  cache_read_audio: ['input_audio'],
  cache_read_image: ['input_image', 'input_uncached'],
  cache_write: ['input_uncached'],
  cache_write_5m: ['input_uncached'],
  cache_write_30m: ['cache_write', 'input_uncached'],
  cache_write_1h: ['cache_write', 'input_uncached'],
  cache_write_12h: ['cache_write', 'input_uncached'],
  input_image: ['input_uncached'],
  input_video: ['input_uncached'],
  reasoning: ['output_text'],
}

/**
 * The rates of a sheet. A bucket has its own rate, else one by a published rule, else a stand-in with the reason. No
 * rate stands in silently.
 */
export function ratesOf(sheet: RateSheet): ModelRates {
  const { list, vendor, model, prices, origins, matched, doubt, maxInputTokens = Infinity } = sheet
  const own = (key: string, inputTokens: number): Rate | undefined => {
    const origin = origins?.get(key)
    // An operator's own rate has no such bound.
    const bounded = origins === undefined || origin !== undefined
    if (bounded && inputTokens > maxInputTokens) return undefined
    const usdPerMillion = priceFor(prices[key], inputTokens)
    if (usdPerMillion === undefined) return undefined
    const reason = origin?.doubt === undefined ? {} : { reason: origin.doubt }
    return { usdPerMillion, ...reason, ...(origin ? { origin } : {}) }
  }
  const rateOf = (bucket: Bucket, inputTokens: number): Rate | undefined => {
    const rate = own(BUCKET_KEYS[bucket], inputTokens)
    if (rate) return rate
    for (const rule of RATE_RULES) {
      if (!rule.buckets.includes(bucket) || !ruleApplies(rule, vendor, model)) continue
      const from = own(rule.from, inputTokens)
      if (from) {
        return { ...from, usdPerMillion: timesFactor(from.usdPerMillion, rule.factor), rule: rule.name }
      }
    }
    for (const other of STAND_INS[bucket] ?? []) {
      const standIn = own(BUCKET_KEYS[other], inputTokens)
      if (standIn) {
        const why = `no price for ${bucket} of model ${model}; that of ${other} was used`
        return { ...standIn, reason: standIn.reason === undefined ? why : `${standIn.reason}; ${why}` }
      }
    }
    return undefined
  }
  // Below the first bracket the size changes nothing, and nearly all requests are there.
  const ordinary = leastBracket(sheet)
  const known = new Map<Bucket, Rate | undefined>()
  return {
    list,
    vendor,
    model,
    ...(matched ? { matched } : {}),
    ...(doubt === undefined ? {} : { doubt }),
    rate(bucket, inputTokens) {
      if (inputTokens > ordinary) return rateOf(bucket, inputTokens)
      const before = known.get(bucket)
      if (before !== undefined || known.has(bucket)) return before
      const rate = rateOf(bucket, inputTokens)
      known.set(bucket, rate)
      return rate
    },
    unit(unit) {
      const { key, per } = UNIT_PRICING[unit]
      const usd = prices[key]
      const origin = origins?.get(key)
      return typeof usd === 'number' ? { usd, per, ...(origin ? { origin } : {}) } : undefined
    },
    // Groq bills at least ten seconds for a transcription.
    minimum: (unit) => (unit === 'audio_seconds' && vendor === 'groq' ? 10 : 0),
  }
}

/** A bracket applies to the whole request if its input is larger than the bracket's start. */
function priceFor(price: ModelPrice[string], inputTokens: number): number | undefined {
  if (price === undefined || typeof price === 'number') return price
  let rate = price.base
  for (const tier of price.tiers) if (inputTokens > tier.start) rate = tier.price
  return rate
}

/** Largest input to which no bracket of a sheet applies. */
function leastBracket({ prices, maxInputTokens = Infinity }: RateSheet): number {
  let least = maxInputTokens
  for (const price of Object.values(prices)) {
    if (typeof price !== 'object') continue
    for (const { start } of price.tiers) least = Math.min(least, start)
  }
  return least
}

/** A sheet on which everything costs nothing. */
export function freeSheet(list: string, vendor: string, model: string): RateSheet {
  const keys = [
    ...BUCKETS.map((bucket) => BUCKET_KEYS[bucket]),
    ...UNITS.map((unit) => UNIT_PRICING[unit].key),
  ]
  return { list, vendor, model, prices: Object.fromEntries(keys.map((key) => [key, 0])) }
}
