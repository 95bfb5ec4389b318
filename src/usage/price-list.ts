import { calcPrice, findProvider, type ModelPrice } from '@pydantic/genai-prices'
import type { PriceOverride, PricingConfig, Rates } from '../config/config.ts'
import type { Bucket } from './usage.ts'

/** Name and version of the bundled list, as receipts show it. */
const BUNDLED_LIST = 'genai-prices@0.1.8'

/** USD per million tokens of one model at one time. */
export interface ModelRates {
  /** Which list the rates are from: the bundled one, `override`, or `assumed`. */
  readonly list: string
  /** The list's name for the model. */
  readonly model: string
  /** USD per million tokens, given the size of the whole input: brackets of long context differ. */
  rate(bucket: Bucket, inputTokens: number): number
  /** USD per thousand web searches; absent when the list has none. */
  readonly webSearchesPerThousand?: number
}

/** How a bucket falls back where a list has no rate of its own for it. */
const KEYS: Readonly<Record<Bucket, readonly string[]>> = {
  input_uncached: ['input_mtok'],
  cache_read: ['cache_read_mtok', 'input_mtok'],
  cache_write: ['cache_write_mtok', 'input_mtok'],
  cache_write_5m: ['cache_write_mtok', 'input_mtok'],
  cache_write_1h: ['cache_write_1h_mtok', 'cache_write_mtok', 'input_mtok'],
  input_audio: ['input_audio_mtok', 'input_mtok'],
  input_image: ['input_image_mtok', 'input_mtok'],
  output_text: ['output_mtok'],
  reasoning: ['output_mtok'],
  output_audio: ['output_audio_mtok', 'output_mtok'],
  output_image: ['output_image_mtok', 'output_mtok'],
}

const CACHE_LIMIT = 2000

/**
 * Prices by provider and model: the operator's overrides, then the bundled list, then the assumed rates.
 *
 * The bundled list is data with dates and sources and is never fetched. Matching it takes tens of microseconds,
 * so what was found is kept per provider, model and hour.
 */
export class PriceList {
  readonly #pricing: PricingConfig
  readonly #found = new Map<string, ModelRates | undefined>()

  constructor(pricing: PricingConfig) {
    this.#pricing = pricing
  }

  /**
   * Finds the rates of a model.
   *
   * @param provider name in the configuration
   * @param upstreamUrl the provider's base URL, by which the bundled list knows most providers
   * @param at epoch milliseconds; prices have start dates
   * @returns `undefined` when no list has the model: its cost is unknown, never 0
   */
  find(provider: string, upstreamUrl: string, model: string, at: number): ModelRates | undefined {
    const hour = Math.floor(at / 3_600_000)
    const key = `${provider}\n${upstreamUrl}\n${model}\n${hour}`
    if (this.#found.has(key)) return this.#found.get(key)
    const rates =
      this.#override(provider, model, at) ?? bundled(provider, upstreamUrl, model, at) ?? this.#assumed(model)
    if (this.#found.size >= CACHE_LIMIT) this.#found.clear()
    this.#found.set(key, rates)
    return rates
  }

  #override(provider: string, model: string, at: number): ModelRates | undefined {
    let best: PriceOverride | undefined
    for (const override of this.#pricing.overrides) {
      if (override.provider !== '' && override.provider !== provider) continue
      if (!matches(override.model, model)) continue
      if (override.from !== '' && Date.parse(`${override.from}T00:00:00Z`) > at) continue
      if (!best || specificity(override) >= specificity(best)) best = override
    }
    if (!best) return undefined
    return fixedRates('override', best.model, best.free ? FREE : best)
  }

  #assumed(model: string): ModelRates | undefined {
    if (this.#pricing.unknownModel !== 'assume') return undefined
    return fixedRates('assumed', model, this.#pricing.assumed)
  }
}

const FREE: Rates = { input: 0, cacheRead: 0, cacheWrite: 0, cacheWrite1h: 0, output: 0 }

function matches(pattern: string, model: string): boolean {
  return pattern.endsWith('*') ? model.startsWith(pattern.slice(0, -1)) : model === pattern
}

/** Exact beats prefix, longer beats shorter, a named provider beats any, a later start beats an earlier. */
function specificity({ model, provider, from }: PriceOverride): number {
  const exact = model.endsWith('*') ? 0 : 1
  const start = from === '' ? 0 : Date.parse(`${from}T00:00:00Z`) / 1e14
  return exact * 1e6 + model.length * 10 + (provider === '' ? 0 : 1) + start
}

function fixedRates(list: string, model: string, rates: Rates): ModelRates {
  const { input, output } = { input: Math.max(rates.input, 0), output: Math.max(rates.output, 0) }
  const cacheWrite = rates.cacheWrite >= 0 ? rates.cacheWrite : input
  const by: Partial<Record<Bucket, number>> = {
    cache_read: rates.cacheRead >= 0 ? rates.cacheRead : input,
    cache_write: cacheWrite,
    cache_write_5m: cacheWrite,
    cache_write_1h: rates.cacheWrite1h >= 0 ? rates.cacheWrite1h : cacheWrite,
    output_text: output,
    reasoning: output,
    output_audio: output,
    output_image: output,
  }
  return { list, model, rate: (bucket) => by[bucket] ?? input }
}

function bundled(provider: string, upstreamUrl: string, model: string, at: number): ModelRates | undefined {
  const known = findProvider({ providerApiUrl: upstreamUrl }) ?? findProvider({ providerId: provider })
  if (!known) return undefined
  const found = calcPrice({ input_tokens: 1, output_tokens: 1 }, model, {
    provider: known,
    timestamp: new Date(at),
  })
  if (!found) return undefined
  const prices = found.model_price
  const searches = prices['web_searches_kcount']
  return {
    list: BUNDLED_LIST,
    model: found.model.id,
    rate: (bucket, inputTokens) => bundledRate(prices, bucket, inputTokens),
    ...(typeof searches === 'number' ? { webSearchesPerThousand: searches } : {}),
  }
}

function bundledRate(prices: ModelPrice, bucket: Bucket, inputTokens: number): number {
  for (const key of KEYS[bucket]) {
    const price = prices[key]
    if (price === undefined) continue
    if (typeof price === 'number') return price
    // A bracket holds for the whole request once its input is larger than the bracket's start.
    let rate = price.base
    for (const tier of price.tiers) if (inputTokens > tier.start) rate = tier.price
    return rate
  }
  return 0
}
