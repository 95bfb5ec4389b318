import {
  calcPrice,
  findProvider,
  waitForUpdate,
  type ModelInfo,
  type ModelPrice,
  type Provider,
} from '@pydantic/genai-prices'
import type { Dialect, PriceOverride, PricingConfig, Rates } from '../config/config.ts'
import { matchScore } from './model-match.ts'
import { SUPPLEMENT, SUPPLEMENT_LIST } from './supplement.ts'
import type { Bucket, Unit } from './usage.ts'

/** Name and version of the bundled list, as receipts show it. */
const BUNDLED_LIST = 'genai-prices@0.1.8'

/** The bundled lists, by the names that receipts show. */
export const PRICE_LISTS: readonly string[] = [BUNDLED_LIST, SUPPLEMENT_LIST]

/** All providers of the bundled list. The promise is settled from the start: nothing is ever fetched. */
const PROVIDERS: readonly Provider[] = (await waitForUpdate()) ?? []

/** Price of a number of units, in USD. */
export interface UnitPrice {
  readonly usd: number
  readonly per: number
}

/** Rates of one model at one time. */
export interface ModelRates {
  /** Which list the rates are from: a bundled one, `override`, or `assumed`. */
  readonly list: string
  /** The bundled list's name for the provider; empty for none. */
  readonly vendor: string
  /** The list's name for the model. */
  readonly model: string
  /**
   * USD per million tokens, given the size of the whole input: brackets of long context differ. `undefined` where the list
   * has none: tokens without a rate are never free.
   */
  rate(bucket: Bucket, inputTokens: number): number | undefined
  /** Price of what is billed in other units; `undefined` where the list has none. */
  unit(unit: Unit): UnitPrice | undefined
  /** Least amount of a unit that is billed for one request; 0 for no minimum. */
  minimum(unit: Unit): number
}

/** Whose exchange is priced, where and when. */
export interface PriceQuestion {
  /** Provider's name in the configuration. */
  readonly provider: string
  /** Its base URL, by which the bundled list knows most providers. */
  readonly upstreamUrl: string
  readonly dialect: Dialect
  readonly organizationId: string
  readonly workspaceId: string
  readonly model: string
  /** Epoch milliseconds; prices have start dates and times of day. */
  readonly at: number
}

/** How a bucket falls back where a list has no rate of its own for it. */
const KEYS: Readonly<Record<Bucket, readonly string[]>> = {
  input_uncached: ['input_mtok'],
  cache_read: ['cache_read_mtok', 'input_mtok'],
  cache_read_audio: ['cache_audio_read_mtok', 'cache_read_mtok', 'input_audio_mtok', 'input_mtok'],
  cache_read_image: ['cache_image_read_mtok', 'cache_read_mtok', 'input_image_mtok', 'input_mtok'],
  cache_write: ['cache_write_mtok', 'input_mtok'],
  cache_write_5m: ['cache_write_mtok', 'input_mtok'],
  cache_write_30m: ['cache_write_mtok', 'input_mtok'],
  cache_write_1h: ['cache_write_1h_mtok', 'cache_write_mtok', 'input_mtok'],
  cache_write_12h: ['cache_write_mtok', 'input_mtok'],
  input_audio: ['input_audio_mtok', 'input_mtok'],
  input_image: ['input_image_mtok', 'input_mtok'],
  input_video: ['input_video_mtok', 'input_mtok'],
  output_text: ['output_mtok'],
  reasoning: ['output_reasoning_mtok', 'output_mtok'],
  output_audio: ['output_audio_mtok', 'output_mtok'],
  output_image: ['output_image_mtok', 'output_mtok'],
}

/** Keys of the lists for other units, and how many units a price is for. */
const UNIT_KEYS: Readonly<Record<Unit, readonly [string, number]>> = {
  web_searches: ['web_searches_kcount', 1000],
  file_searches: ['storage_searches_kcount', 1000],
  search_units: ['search_units_kcount', 1000],
  requests: ['requests_kcount', 1000],
  text_messages: ['input_text_messages_kcount', 1000],
  images: ['images_count', 1],
  pages: ['input_document_kpages', 1000],
  audio_seconds: ['input_audio_hours', 3600],
  billable_characters: ['characters_mcount', 1_000_000],
}

/** The bundled list's names of providers that are commonly called otherwise. */
const VENDORS: Readonly<Record<string, string>> = {
  gemini: 'google',
  vertex: 'google',
  'vertex-ai': 'google',
  xai: 'x-ai',
  grok: 'x-ai',
  bedrock: 'aws',
  'bedrock-mantle': 'aws',
  voyage: 'voyageai',
  moonshot: 'moonshotai',
  'azure-openai': 'azure',
}

/** Dialects that one vendor invented: a provider of any name that speaks them is priced as that vendor's. */
const DIALECT_VENDORS: Readonly<Partial<Record<Dialect, string>>> = {
  anthropic: 'anthropic',
  gemini: 'google',
  mistral: 'mistral',
  cohere: 'cohere',
  azure: 'azure',
}

const CACHE_LIMIT = 2000

/**
 * Prices by provider and model: the operator's overrides, then the bundled lists, then the assumed rates.
 *
 * Bundled lists are data with dates and sources and are never fetched. Matching takes tens of microseconds, so what was
 * found is kept per provider, tenant, model and minute.
 */
export class PriceList {
  readonly #pricing: PricingConfig
  readonly #perTenant: boolean
  readonly #found = new Map<string, ModelRates | undefined>()

  constructor(pricing: PricingConfig) {
    this.#pricing = pricing
    this.#perTenant = pricing.overrides.some(({ orgId, workspaceId }) => orgId !== '' || workspaceId !== '')
  }

  /** Finds the rates of a model. @returns `undefined` when no list has it: its cost is unknown, never 0 */
  find(question: PriceQuestion): ModelRates | undefined {
    const { provider, upstreamUrl, model, organizationId, workspaceId } = question
    const tenant = this.#perTenant ? `${organizationId}\n${workspaceId}` : ''
    const key = `${provider}\n${upstreamUrl}\n${model}\n${tenant}\n${Math.floor(question.at / 60_000)}`
    if (this.#found.has(key)) return this.#found.get(key)
    const rates =
      this.#override(question) ?? localRates(question) ?? bundledRates(question) ?? this.#assumed(question)
    if (this.#found.size >= CACHE_LIMIT) this.#found.clear()
    this.#found.set(key, rates)
    return rates
  }

  #override(question: PriceQuestion): ModelRates | undefined {
    let best: PriceOverride | undefined
    for (const override of this.#pricing.overrides) {
      if (overrideApplies(override, question) && (!best || specificity(override) >= specificity(best))) {
        best = override
      }
    }
    return best && fixedRates('override', vendorOf(question)?.id ?? '', best.model, best.free ? FREE : best)
  }

  #assumed(question: PriceQuestion): ModelRates | undefined {
    if (this.#pricing.unknownModel !== 'assume') return undefined
    return fixedRates('assumed', vendorOf(question)?.id ?? '', question.model, this.#pricing.assumed)
  }
}

const FREE: Rates = { input: 0, cacheRead: 0, cacheWrite: 0, cacheWrite1h: 0, output: 0 }

/** Whether an operator's price names a model, exactly or by a prefix that ends in `*`. */
export function matchesModel({ model: pattern }: PriceOverride, model: string): boolean {
  return pattern.endsWith('*') ? model.startsWith(pattern.slice(0, -1)) : model === pattern
}

/** Whether an operator's price is for such an exchange. */
export function overrideApplies(
  override: PriceOverride,
  question: Omit<PriceQuestion, 'upstreamUrl' | 'dialect'>,
): boolean {
  const { provider, organizationId, workspaceId, model, at } = question
  const named = (wanted: string, is: string): boolean => wanted === '' || wanted === is
  return (
    named(override.provider, provider) &&
    named(override.orgId, organizationId) &&
    named(override.workspaceId, workspaceId) &&
    matchesModel(override, model) &&
    (override.from === '' || Date.parse(`${override.from}T00:00:00Z`) <= at)
  )
}

/** A tenant beats exact, exact beats prefix, longer beats shorter, a named provider beats any, later beats earlier. */
function specificity({ model, provider, from, orgId, workspaceId }: PriceOverride): number {
  const tenant = (orgId === '' ? 0 : 1) + (workspaceId === '' ? 0 : 1)
  const exact = model.endsWith('*') ? 0 : 1
  const start = from === '' ? 0 : Date.parse(`${from}T00:00:00Z`) / 1e14
  return tenant * 1e8 + exact * 1e6 + model.length * 10 + (provider === '' ? 0 : 1) + start
}

function fixedRates(list: string, vendor: string, model: string, rates: Rates): ModelRates {
  const { input, output } = { input: Math.max(rates.input, 0), output: Math.max(rates.output, 0) }
  const cacheWrite = rates.cacheWrite >= 0 ? rates.cacheWrite : input
  const by: Partial<Record<Bucket, number>> = {
    cache_read: rates.cacheRead >= 0 ? rates.cacheRead : input,
    cache_write: cacheWrite,
    cache_write_5m: cacheWrite,
    cache_write_30m: cacheWrite,
    cache_write_1h: rates.cacheWrite1h >= 0 ? rates.cacheWrite1h : cacheWrite,
    cache_write_12h: cacheWrite,
    output_text: output,
    reasoning: output,
    output_audio: output,
    output_image: output,
  }
  return {
    list,
    vendor,
    model,
    rate: (bucket) => by[bucket] ?? input,
    // A model that is free is free of fees too; other prices say nothing of them.
    unit: (unit) => (rates === FREE ? { usd: 0, per: UNIT_KEYS[unit][1] } : undefined),
    minimum: () => 0,
  }
}

/** Models that Ollama runs itself are billed by nobody; those it passes on to its cloud are named so. */
function localRates({ dialect, model }: PriceQuestion): ModelRates | undefined {
  return dialect === 'ollama' && !/[:-]cloud$/.test(model) ? fixedRates('local', '', model, FREE) : undefined
}

/** The bundled list's provider: by URL, by name, by the dialect that it invented. */
function vendorOf({ upstreamUrl, provider, dialect }: PriceQuestion): Provider | undefined {
  return (
    findProvider({ providerApiUrl: upstreamUrl }) ??
    PROVIDERS.find(({ id }) => id === (VENDORS[provider] ?? provider)) ??
    findProvider({ providerId: provider }) ??
    PROVIDERS.find(({ id }) => id === DIALECT_VENDORS[dialect])
  )
}

function bundledRates(question: PriceQuestion): ModelRates | undefined {
  const vendor = vendorOf(question)
  if (!vendor) return undefined
  const found = findModel(vendor, question.model)
  if (found) {
    const { provider, model } = found
    return listRates(BUNDLED_LIST, provider.id, model.id, pricesAt(provider, model, question.at))
  }
  const more = SUPPLEMENT.find((price) => price.vendor === vendor.id && price.model === question.model)
  return more && listRates(SUPPLEMENT_LIST, vendor.id, more.model, more.prices)
}

/** Tokens that a model can hold, as the bundled list has it, whoever's prices hold; `undefined` where it does not say. */
export function contextWindowOf(question: PriceQuestion): number | undefined {
  const vendor = vendorOf(question)
  return vendor && findModel(vendor, question.model)?.model.context_window
}

/** The entry of a price list for a model, by the name as it is, then without the date of its snapshot. */
export function findModel(
  vendor: Provider,
  name: string,
): { provider: Provider; model: ModelInfo } | undefined {
  const plain = name
    .trim()
    .toLowerCase()
    .replace(/^models\//, '')
  const undated = plain.replace(/-(?:20\d{2}-\d{2}-\d{2}|20\d{6})$/, '')
  const fallbacks = (vendor.fallback_model_providers ?? []).flatMap((id) =>
    PROVIDERS.filter((provider) => provider.id === id),
  )
  for (const candidate of undated === plain ? [plain] : [plain, undated]) {
    for (const provider of [vendor, ...fallbacks]) {
      const model = bestMatch(provider.models, candidate)
      if (model) return { provider, model }
    }
  }
  return undefined
}

function bestMatch(models: readonly ModelInfo[], name: string): ModelInfo | undefined {
  let best: ModelInfo | undefined
  let bestScore = -1
  for (const model of models) {
    const score = matchScore(model.match, name)
    if (score !== undefined && score > bestScore) [best, bestScore] = [model, score]
  }
  return best
}

/** The prices that hold at a time; the list's own code knows its start dates and times of day. */
function pricesAt(provider: Provider, model: ModelInfo, at: number): ModelPrice {
  if (!Array.isArray(model.prices)) return model.prices
  const only = { ...provider, models: [{ ...model, match: { equals: 'it' } }] }
  return calcPrice({}, 'it', { provider: only, timestamp: new Date(at) })!.model_price
}

function listRates(list: string, vendor: string, model: string, prices: ModelPrice): ModelRates {
  return {
    list,
    vendor,
    model,
    rate(bucket, inputTokens) {
      const key = KEYS[bucket].find((name) => prices[name] !== undefined)
      const price = key === undefined ? undefined : prices[key]
      if (price === undefined || typeof price === 'number') return price
      // A bracket holds for the whole request once its input is larger than the bracket's start.
      let rate = price.base
      for (const tier of price.tiers) if (inputTokens > tier.start) rate = tier.price
      return rate
    },
    unit(unit) {
      const [key, per] = UNIT_KEYS[unit]
      const usd = prices[key]
      return typeof usd === 'number' ? { usd, per } : undefined
    },
    // Groq bills a transcription as ten seconds at least.
    minimum: (unit) => (unit === 'audio_seconds' && vendor === 'groq' ? 10 : 0),
  }
}

/** A model of the bundled lists, for people. */
export interface ListedModel {
  readonly vendor: string
  readonly model: string
  readonly list: string
  readonly prices: ModelPrice
  readonly comment: string
}

/** Every model of the bundled lists at a time, in the order of the lists. @param at epoch milliseconds */
export function listedModels(at: number): readonly ListedModel[] {
  const bundled = PROVIDERS.flatMap((provider) =>
    provider.models.map((model) => ({
      vendor: provider.id,
      model: model.id,
      list: BUNDLED_LIST,
      prices: pricesAt(provider, model, at),
      comment: model.price_comments ?? '',
    })),
  )
  const more = SUPPLEMENT.map(({ vendor, model, prices, source }) => ({
    vendor,
    model,
    list: SUPPLEMENT_LIST,
    prices,
    comment: source,
  }))
  return [...bundled, ...more]
}
