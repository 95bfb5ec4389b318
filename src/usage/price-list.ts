import {
  calcPrice,
  findProvider,
  waitForUpdate,
  type ModelInfo,
  type ModelPrice,
  type Provider,
} from '@pydantic/genai-prices'
import type { Dialect, PricingConfig } from '../config/config.ts'
import { matchScore } from './model-match.ts'
import { freeSheet, ratesOf, type ModelRates, type RateSheet } from './model-rates.ts'
import { assumedRates, bestOverride, overrideRates, type OverrideQuestion } from './overrides.ts'
import { tableLabel, type PriceTable } from './price-table.ts'
import { SUPPLEMENT, SUPPLEMENT_LIST } from './supplement.ts'

/** The bundled list. The promise is settled from the start: nothing is ever fetched. */
const BUNDLED: PriceTable = {
  name: 'genai-prices',
  version: '0.1.8',
  date: '2026-09-23',
  providers: (await waitForUpdate()) ?? [],
}

/** The bundled lists, by the names that receipts show. */
export const PRICE_LISTS: readonly string[] = [tableLabel(BUNDLED), SUPPLEMENT_LIST]

/** Whose exchange is priced, where and when. */
export interface PriceQuestion extends OverrideQuestion {
  /** The provider's base URL, by which the bundled list knows most providers. */
  readonly upstreamUrl: string
  readonly dialect: Dialect
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
  readonly #perCaller: boolean
  readonly #found = new Map<string, ModelRates | undefined>()

  constructor(pricing: PricingConfig) {
    this.#pricing = pricing
    this.#perCaller = pricing.overrides.some(
      ({ orgId, workspaceId, keyId }) => orgId + workspaceId + keyId !== '',
    )
  }

  /** Finds the rates of a model. @returns `undefined` when no list has it: its cost is unknown, never 0 */
  find(question: PriceQuestion): ModelRates | undefined {
    const { provider, upstreamUrl, model, organizationId, workspaceId, keyId } = question
    const caller = this.#perCaller ? `${organizationId}\n${workspaceId}\n${keyId}` : ''
    const key = `${provider}\n${upstreamUrl}\n${model}\n${caller}\n${Math.floor(question.at / 60_000)}`
    if (this.#found.has(key)) return this.#found.get(key)
    const rates = this.#rates(question)
    if (this.#found.size >= CACHE_LIMIT) this.#found.clear()
    this.#found.set(key, rates)
    return rates
  }

  #rates(question: PriceQuestion): ModelRates | undefined {
    const { overrides, unknownModel, assumed } = this.#pricing
    const listed = localRates(question) ?? bundledRates(question)
    const own = bestOverride(overrides, question)
    const names = { vendor: vendorOf(question)?.id ?? '', model: question.model }
    const rates = own ? overrideRates(own, listed, names) : listed && ratesOf(listed)
    if (rates) return rates
    return unknownModel === 'assume' ? assumedRates(assumed, names.vendor, names.model) : undefined
  }
}

/** Models that Ollama runs itself are billed by nobody; those it passes on to its cloud are named so. */
function localRates({ dialect, model }: PriceQuestion): RateSheet | undefined {
  return dialect === 'ollama' && !/[:-]cloud$/.test(model) ? freeSheet('local', '', model) : undefined
}

/** The bundled list's provider: by URL, by name, by the dialect that it invented. */
function vendorOf({ upstreamUrl, provider, dialect }: PriceQuestion): Provider | undefined {
  return (
    findProvider({ providerApiUrl: upstreamUrl }) ??
    BUNDLED.providers.find(({ id }) => id === (VENDORS[provider] ?? provider)) ??
    findProvider({ providerId: provider }) ??
    BUNDLED.providers.find(({ id }) => id === DIALECT_VENDORS[dialect])
  )
}

function bundledRates(question: PriceQuestion): RateSheet | undefined {
  const vendor = vendorOf(question)
  if (!vendor) return undefined
  const found = listRates(BUNDLED, vendor, question.model, question.at)
  if (found) return found
  const more = SUPPLEMENT.find((price) => price.vendor === vendor.id && price.model === question.model)
  return more && { list: SUPPLEMENT_LIST, vendor: vendor.id, model: more.model, prices: more.prices }
}

/** What a list says of a model of one of its providers at a time, in epoch milliseconds. */
function listRates(table: PriceTable, vendor: Provider, name: string, at: number): RateSheet | undefined {
  const found = findModel(vendor, name, table.providers)
  if (!found) return undefined
  const { provider, model } = found
  const prices = pricesAt(provider, model, at)
  // Some entries name a model without a price.
  if (Object.keys(prices).length === 0) return undefined
  return { list: tableLabel(table), vendor: provider.id, model: model.id, prices }
}

/** The entry of a price list for a model, by the name as it is, then without the date of its snapshot. */
export function findModel(
  vendor: Provider,
  name: string,
  providers: readonly Provider[],
): { provider: Provider; model: ModelInfo } | undefined {
  const plain = name
    .trim()
    .toLowerCase()
    .replace(/^models\//, '')
  const undated = plain.replace(/-(?:20\d{2}-\d{2}-\d{2}|20\d{6})$/, '')
  const fallbacks = (vendor.fallback_model_providers ?? []).flatMap((id) =>
    providers.filter((provider) => provider.id === id),
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
  const bundled = BUNDLED.providers.flatMap((provider) =>
    provider.models.map((model) => ({
      vendor: provider.id,
      model: model.id,
      list: tableLabel(BUNDLED),
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
