import type { ModelPrice } from '@pydantic/genai-prices'
import type { NamedModel } from './model-names.ts'
import { timesFactor } from './money.ts'
import { RATE_RULES, ruleApplies } from './rate-rules.ts'
import { UNIT_PRICING } from './unit-pricing.ts'
import { BUCKETS, UNITS, type Bucket, type Unit } from './usage.ts'

/** Where a price is from, if it is not the receipt's own list. */
export interface Origin {
  /** Name and version of the list. */
  readonly list: string
  /** Share that the operator takes off this list's price; negative for a surcharge. */
  readonly discount?: number
  /** Why it is not certain that this list's price is the model's. */
  readonly doubt?: string
}

/** A rate for one bucket. */
export interface Rate {
  readonly usdPerMillion: number
  /** Name of the published rule by which it follows from another rate. */
  readonly rule?: string
  /** Why it is not certain: the rate is another one's, and which. */
  readonly reason?: string
  readonly origin?: Origin
}

/** Price of a number of units, in USD. */
export interface UnitPrice {
  readonly usd: number
  readonly per: number
  readonly origin?: Origin
}

/** What an own price says of a service tier. */
export interface OwnTier {
  /** Factor of the rates; 1 where the tier has rates of its own. */
  readonly factor: number
  readonly rates: ModelRates
}

/** Which of an exchange's names led to its price. Names are those of the JSON contract. */
export interface MatchedName extends NamedModel {
  /** The list's name for the model, or the own price's. */
  readonly entry: string
}

/** Rates of one model at one time. */
export interface ModelRates {
  /** Which list the rates are from: a bundled one, `override`, `local`, or `assumed`. */
  readonly list: string
  /** The bundled list's name for the provider; empty for none. */
  readonly vendor: string
  /** The list's name for the model. */
  readonly model: string
  /**
   * The rate of a bucket, given the size of the whole input: brackets of long context differ. `undefined` where the list
   * has none and no other rate can stand for it: tokens without a rate are never free.
   */
  rate(bucket: Bucket, inputTokens: number): Rate | undefined
  /** Price of what is billed in other units; `undefined` where the list has none. */
  unit(unit: Unit): UnitPrice | undefined
  /** Least amount of a unit that is billed for one request; 0 for no minimum. */
  minimum(unit: Unit): number
  /** The operator's own terms for a tier; absent or `undefined` where there are none and the provider's hold. */
  tier?(named: { serviceTier?: string | undefined; speed?: string | undefined }): OwnTier | undefined
  /** The name by which it was found; absent when it was found by none. */
  readonly matched?: MatchedName
  /** Why it is not certain that these are the model's rates; absent when it is. */
  readonly doubt?: string
}

/** What a list says of one model at one time, by the bundled list's keys and some of ours. */
export interface RateSheet {
  readonly list: string
  readonly vendor: string
  readonly model: string
  readonly prices: ModelPrice
  /** Prices that are from another list, by key. */
  readonly origins?: ReadonlyMap<string, Origin>
  readonly matched?: MatchedName
  readonly doubt?: string
  /** Size of the input up to which these prices hold; absent for any. */
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
 * Which rate stands for a missing one where no rule is published; the cost is an estimate then. Sound has no stand-in: it
 * costs up to sixteen times as much as text. Input and output have none either.
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
 * The rates of a sheet: a bucket has a rate of its own, else one by a published rule, else another one's with the reason.
 * No rate is another's in silence.
 */
export function ratesOf(sheet: RateSheet): ModelRates {
  const { list, vendor, model, prices, origins, matched, doubt, maxInputTokens = Infinity } = sheet
  const own = (key: string, inputTokens: number): Rate | undefined => {
    const origin = origins?.get(key)
    // A rate of the operator's own, beside a list's, has no such bound.
    const bounded = origins === undefined || origin !== undefined
    if (bounded && inputTokens > maxInputTokens) return undefined
    const usdPerMillion = priceFor(prices[key], inputTokens)
    if (usdPerMillion === undefined) return undefined
    const reason = origin?.doubt === undefined ? {} : { reason: origin.doubt }
    return { usdPerMillion, ...reason, ...(origin ? { origin } : {}) }
  }
  return {
    list,
    vendor,
    model,
    ...(matched ? { matched } : {}),
    ...(doubt === undefined ? {} : { doubt }),
    rate(bucket, inputTokens) {
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
    },
    unit(unit) {
      const { key, per } = UNIT_PRICING[unit]
      const usd = prices[key]
      const origin = origins?.get(key)
      return typeof usd === 'number' ? { usd, per, ...(origin ? { origin } : {}) } : undefined
    },
    // Groq bills a transcription as ten seconds at least.
    minimum: (unit) => (unit === 'audio_seconds' && vendor === 'groq' ? 10 : 0),
  }
}

/** A bracket holds for the whole request once its input is larger than the bracket's start. */
function priceFor(price: ModelPrice[string], inputTokens: number): number | undefined {
  if (price === undefined || typeof price === 'number') return price
  let rate = price.base
  for (const tier of price.tiers) if (inputTokens > tier.start) rate = tier.price
  return rate
}

/** A sheet on which everything costs nothing. */
export function freeSheet(list: string, vendor: string, model: string): RateSheet {
  const keys = [
    ...BUCKETS.map((bucket) => BUCKET_KEYS[bucket]),
    ...UNITS.map((unit) => UNIT_PRICING[unit].key),
  ]
  return { list, vendor, model, prices: Object.fromEntries(keys.map((key) => [key, 0])) }
}
