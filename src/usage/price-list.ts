import { type ModelInfo, type ModelPrice, type Provider, findProvider } from '@pydantic/genai-prices'
import { isStatedFree } from './free-models.ts'
import { matchScore } from './model-match.ts'
import {
  type Lookup,
  type ModelNames,
  type NamedModel,
  lookupsOf,
  nameForms,
  nameMatching,
  namesInOrder,
  spellingsAsSaid,
  vendorsInNames,
} from './model-names.ts'
import { type ModelRates, type RateSheet, freeSheet, ratesOf } from './model-rates.ts'
import { OPERATION_LIST, OPERATION_PRICES, isPricedByOperation } from './operation-prices.ts'
import { type OverrideQuery, assumedRates, bestOverride, overrideRates } from './overrides.ts'
import { type PriceTable, tableLabel } from './price-table.ts'
import { BUNDLED, isBundled, tablesInOrder } from './price-tables.ts'
import { pricesAt } from './prices-at.ts'
import type { PricingConfig } from './settings.ts'
import { vendorNamed } from './vendor-names.ts'

/** Whose exchange is priced, where and when. */
export interface PriceQuery extends OverrideQuery {
  /** The provider's base URL, by which the bundled list knows most providers. */
  readonly upstreamUrl: string
  readonly dialect: string
  /** Name of the wire API, for operations that have prices of their own; absent when the model's ordinary price is asked for. */
  readonly api?: string
  readonly names: ModelNames
}

/** Dialects that one vendor invented: a provider of any name that speaks them is priced as that vendor's. */
const DIALECT_VENDORS: Readonly<Record<string, string>> = {
  anthropic: 'anthropic',
  gemini: 'google',
  mistral: 'mistral',
  cohere: 'cohere',
  azure: 'azure',
  bedrock: 'aws',
  vertex: 'google',
}

/** Addresses of one place that the bundled list does not know. */
const PLACE_VENDORS: readonly (readonly [RegExp, string])[] = [
  [/^https:\/\/[a-z]{2}\.api\.openai\.com(?:[:/]|$)/, 'openai'],
  [/^https:\/\/[a-z0-9-]+\.api\.x\.ai(?:[:/]|$)/, 'x-ai'],
  [/^https:\/\/bedrock-mantle\.[a-z0-9-]+\.api\.aws(?:[:/]|$)/, 'aws'],
]

const CACHE_LIMIT = 2000

/** A query that is for no caller. */
const NOBODY = { organizationId: '', workspaceId: '', keyId: '' }

/**
 * Prices by provider and model: the operator's overrides, then the lists, then the assumed rates.
 *
 * Bundled lists are data with dates and sources and are never fetched. Matching takes tens of microseconds, so
 * results are cached per provider, tenant, model and minute.
 */
export class PriceList {
  readonly #pricing: PricingConfig
  readonly #perCaller: boolean
  readonly #tables: readonly PriceTable[]
  readonly #found = new Map<string, ModelRates | undefined>()

  constructor(pricing: PricingConfig) {
    this.#pricing = pricing
    this.#tables = tablesInOrder(pricing.list?.table)
    this.#perCaller = pricing.overrides.some(
      ({ orgId, workspaceId, keyId }) => orgId + workspaceId + keyId !== '',
    )
  }

  /** Matches the rates of a model. @returns `undefined` when no list has it: its cost is unknown, never 0 */
  find(query: PriceQuery): ModelRates | undefined {
    const { provider, upstreamUrl, api = '', names, organizationId, workspaceId, keyId } = query
    const caller = this.#perCaller ? `${organizationId}\n${workspaceId}\n${keyId}` : ''
    const operation = isPricedByOperation(api) ? api : ''
    // Names may contain anything. Their lengths keep them distinct.
    const said = `${sized(names.answered)}${sized(names.requested)}${sized(names.path)}`
    const key = `${provider}\n${upstreamUrl}\n${operation}\n${said}\n${caller}\n${Math.floor(query.at / 60_000)}`
    const found = this.#found.get(key)
    if (found !== undefined || this.#found.has(key)) return found
    const rates = this.#rates(query)
    if (this.#found.size >= CACHE_LIMIT) this.#found.clear()
    this.#found.set(key, rates)
    return rates
  }

  /** The context window in tokens, from the first list that has one. Own prices do not change it. */
  contextWindow(query: PriceQuery): number | undefined {
    for (const { table, provider, name } of lookupsIn(this.#tables, vendorOf(query)?.id, query)) {
      const window = findModel(provider, name, table.providers)?.model.context_window
      if (window !== undefined) return window
    }
    return undefined
  }

  /** Names of the models of a provider that a list has a price for, in the order of the lists, each once. @param at epoch milliseconds */
  modelNames(
    { name, url, dialect }: { readonly name: string; readonly url: string; readonly dialect: string },
    at: number,
  ): readonly string[] {
    const query: PriceQuery = { ...NOBODY, provider: name, upstreamUrl: url, dialect, names: {}, at }
    const vendor = vendorOf(query)?.id
    const names = this.#tables.flatMap((table) => {
      const provider = providerIn(table, vendor, query)
      return (provider?.models ?? [])
        .filter((model) => Object.keys(pricesAt(provider!.id, model, at) ?? {}).length > 0)
        .map(({ id }) => id)
    })
    return [...new Set(names)]
  }

  #rates(query: PriceQuery): ModelRates | undefined {
    const { overrides, unknownModel, assumed } = this.#pricing
    const forms = nameForms(query.names)
    const seller = vendorOf(query)
    const vendor = seller?.id ?? ''
    const listed = freeRates(query, vendor) ?? listedPrice(this.#tables, query, seller)
    const own = bestOverride(overrides, query, forms)
    const model = namesInOrder(query.names)[0]?.name ?? ''
    const rates = own ? overrideRates(own, listed, { vendor, model }) : listed && ratesOf(listed)
    if (rates)
      return own ? { ...rates, matched: { ...nameMatching(own.model, forms)!, entry: own.model } } : rates
    return unknownModel === 'assume' ? assumedRates(assumed, vendor, model) : undefined
  }
}

function sized(name: string | undefined): string {
  return name === undefined ? '-' : `${name.length}:${name}`
}

/** Nobody bills models that Ollama runs locally. The names of its cloud models say so. Some providers give models away. */
function freeRates(
  { dialect, names, provider, upstreamUrl }: PriceQuery,
  vendor: string,
): RateSheet | undefined {
  const said = namesInOrder(names)
  const [first] = said
  if (!first) return undefined
  if (dialect === 'ollama') {
    const cloud = said.some(({ name }) => /[:-]cloud$/.test(name))
    return cloud ? undefined : foundBy(first, freeSheet('local', '', first.name))
  }
  if (!isStatedFree(vendor, first.name, provider, upstreamUrl)) return undefined
  return foundBy(first, freeSheet(tableLabel(BUNDLED), vendor, first.name))
}

/** The bundled list's provider: by URL, by name, or by its own dialect. */
function vendorOf({ upstreamUrl, provider, dialect }: PriceQuery): Provider | undefined {
  const atPlace = PLACE_VENDORS.find(([address]) => address.test(upstreamUrl))?.[1]
  return (
    BUNDLED.providers.find(({ id }) => id === atPlace) ??
    findProvider({ providerApiUrl: upstreamUrl }) ??
    BUNDLED.providers.find(({ id }) => id === vendorNamed(provider)) ??
    findProvider({ providerId: provider }) ??
    BUNDLED.providers.find(({ id }) => id === DIALECT_VENDORS[dialect])
  )
}

/** The prices of the first table that has the model at that time. */
export function listedPrice(
  tables: readonly PriceTable[],
  query: PriceQuery,
  vendor = vendorOf(query),
): RateSheet | undefined {
  if (query.api !== undefined && isPricedByOperation(query.api))
    return operationPrice(vendor?.id ?? '', query)
  const sheet = sheetOf(tables, vendor?.id, query)
  if (sheet || vendor) return sheet
  // A router that no list knows. The names may reveal the vendor of the model, but not the router's price.
  for (const id of vendorsInNames(query.names)) {
    const named = sheetOf(tables, id, query)
    if (!named) continue
    const doubt = `no price list has provider ${query.provider}; the price of ${id} was used`
    return { ...named, doubt: named.doubt === undefined ? doubt : `${doubt}; ${named.doubt}` }
  }
  return undefined
}

function sheetOf(
  tables: readonly PriceTable[],
  vendor: string | undefined,
  query: PriceQuery,
): RateSheet | undefined {
  for (const { table, provider, name, named, doubt } of lookupsIn(tables, vendor, query)) {
    const sheet = listRates(table, provider, name, query.at)
    if (sheet) return foundBy(named, sheet, doubt)
  }
  return undefined
}

/** The lookups of a model, in order: each table, each of its names. */
function* lookupsIn(
  tables: readonly PriceTable[],
  vendor: string | undefined,
  query: PriceQuery,
): Generator<Lookup & { readonly table: PriceTable; readonly provider: Provider }> {
  const { names, at } = query
  for (const table of tables) {
    const provider = providerIn(table, vendor, query)
    if (!provider) continue
    const said = isBundled(table) ? [] : spellingsAsSaid(names, provider.id)
    for (const lookup of [...said, ...lookupsOf(names, provider.id, at)]) yield { ...lookup, table, provider }
  }
}

/** A table's provider: by the bundled list's name for it, by the URL that the table knows, by the name in the settings. */
function providerIn(
  table: PriceTable,
  vendor: string | undefined,
  { upstreamUrl, provider }: PriceQuery,
): Provider | undefined {
  const { providers } = table
  const known = providers.find(({ id }) => id === vendor)
  if (known || table === BUNDLED) return known
  return (
    providers.find(({ api_pattern: pattern }) => pattern !== '' && new RegExp(pattern).test(upstreamUrl)) ??
    providers.find(({ id }) => id === provider)
  )
}

function foundBy(named: NamedModel, sheet: RateSheet, doubt?: string): RateSheet {
  const matched = { ...named, entry: sheet.model }
  return doubt === undefined ? { ...sheet, matched } : { ...sheet, matched, doubt }
}

/** A list's prices of a model of one of its providers at a time, in epoch milliseconds. */
function listRates(table: PriceTable, vendor: Provider, name: string, at: number): RateSheet | undefined {
  const found = findModel(vendor, name, table.providers)
  if (!found) return undefined
  const { provider, model } = found
  const prices = pricesAt(provider.id, model, at)
  // Some entries name a model without a price.
  if (!prices || Object.keys(prices).length === 0) return undefined
  return { list: tableLabel(table), vendor: provider.id, model: model.id, prices }
}

function operationPrice(vendor: string, { api, names, at }: PriceQuery): RateSheet | undefined {
  for (const { name, named, doubt } of lookupsOf(names, vendor, at)) {
    const price = OPERATION_PRICES.find(
      (one) => one.api === api && one.vendor === vendor && one.model === name,
    )
    if (!price) continue
    const { model, prices, maxInputTokens } = price
    return foundBy(named, { list: OPERATION_LIST, vendor, model, prices, maxInputTokens }, doubt)
  }
  return undefined
}

/** The entry of a price list for a model: by the unchanged name, then without the date of its snapshot. */
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

/** A model of the lists, for people. */
export interface ListedModel {
  readonly vendor: string
  readonly model: string
  readonly list: string
  readonly prices: ModelPrice
  readonly comment: string
}

/**
 * Every model of the lists at a time, in lookup order. A model in two lists appears twice. The first one applies.
 *
 * @param at epoch milliseconds
 */
export function listedModels(own: PriceTable | undefined, at: number): readonly ListedModel[] {
  const listed = tablesInOrder(own).flatMap((table) =>
    table.providers.flatMap(({ id, models }) =>
      models.flatMap((model) => {
        const prices = pricesAt(id, model, at)
        if (!prices) return []
        const comment = model.price_comments ?? ''
        return [{ vendor: id, model: model.id, list: tableLabel(table), prices, comment }]
      }),
    ),
  )
  const operations = OPERATION_PRICES.map(({ api, vendor, model, prices, source }) => ({
    vendor,
    model,
    list: OPERATION_LIST,
    prices,
    comment: `${api} only: ${source}`,
  }))
  return [...listed, ...operations]
}
