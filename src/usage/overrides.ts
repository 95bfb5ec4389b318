import type { ModelPrice } from '@pydantic/genai-prices'
import type { OwnTierName, PriceOverride, Rates } from './settings.ts'
import { FEES } from './fees.ts'
import { nameMatching, type NameForm } from './model-names.ts'
import { freeSheet, ratesOf, type ModelRates, type Origin, type RateSheet } from './model-rates.ts'
import { timesFactor } from './money.ts'
import { UNIT_PRICING } from './unit-pricing.ts'
import { UNITS } from './usage.ts'

/** What decides whether an own price applies to an exchange. */
export interface OverrideQuery {
  /** Provider's name in the configuration. */
  readonly provider: string
  readonly organizationId: string
  readonly workspaceId: string
  /** Id of the gateway key; empty for none. */
  readonly keyId: string
  /** Epoch milliseconds. */
  readonly at: number
}

const DAY_MS = 86_400_000

/** Whether an operator's price applies to such an exchange. @param forms of its names */
export function overrideApplies(
  override: PriceOverride,
  query: OverrideQuery,
  forms: readonly NameForm[],
): boolean {
  const { provider, organizationId, workspaceId, keyId, at } = query
  const named = (wanted: string, is: string): boolean => wanted === '' || wanted === is
  return (
    named(override.provider, provider) &&
    named(override.orgId, organizationId) &&
    named(override.workspaceId, workspaceId) &&
    named(override.keyId, keyId) &&
    nameMatching(override.model, forms) !== undefined &&
    (override.from === '' || startOf(override.from) <= at) &&
    (override.to === '' || at < startOf(override.to) + DAY_MS)
  )
}

/** The own price that applies to an exchange. Of two equally specific ones, the later in the file wins. */
export function bestOverride(
  overrides: readonly PriceOverride[],
  query: OverrideQuery,
  forms: readonly NameForm[],
): PriceOverride | undefined {
  let best: PriceOverride | undefined
  for (const override of overrides) {
    if (!overrideApplies(override, query, forms)) continue
    if (!best || specificity(override) >= specificity(best)) best = override
  }
  return best
}

/** A key and a tenant beat exact, exact beats prefix, longer beats shorter, a named provider beats any, later beats earlier. */
function specificity({ model, provider, from, orgId, workspaceId, keyId }: PriceOverride): number {
  const caller = [orgId, workspaceId, keyId].filter((id) => id !== '').length
  const exact = model.endsWith('*') ? 0 : 1
  const start = from === '' ? 0 : startOf(from) / 1e14
  return caller * 1e8 + exact * 1e6 + model.length * 10 + (provider === '' ? 0 : 1) + start
}

function startOf(day: string): number {
  return Date.parse(`${day}T00:00:00Z`)
}

/** Keys of the rates in a sheet. */
const RATE_KEYS: Readonly<Record<keyof Rates, string>> = {
  input: 'input_mtok',
  cacheRead: 'cache_read_mtok',
  cacheReadAudio: 'cache_audio_read_mtok',
  cacheReadImage: 'cache_image_read_mtok',
  cacheWrite: 'cache_write_mtok',
  cacheWrite30m: 'cache_write_30m_mtok',
  cacheWrite1h: 'cache_write_1h_mtok',
  cacheWrite12h: 'cache_write_12h_mtok',
  inputAudio: 'input_audio_mtok',
  inputImage: 'input_image_mtok',
  inputVideo: 'input_video_mtok',
  output: 'output_mtok',
  reasoning: 'output_reasoning_mtok',
  outputAudio: 'output_audio_mtok',
  outputImage: 'output_image_mtok',
}

/** Units that are billed instead of tokens. The others are fees in addition. */
const INSTEAD_OF_TOKENS = UNITS.filter((unit) => !FEES.includes(unit))

/**
 * The rates of an own price: what it sets, and otherwise the list's rates less the discount. What neither has is
 * unknown. A unit price replaces the list's token rates.
 *
 * @param listed a list's prices of the model; `undefined` if none has it
 * @param otherwise names of provider and model if no list has it
 * @returns `undefined` when nothing has a price: a discount on a model that no list has
 */
export function overrideRates(
  override: PriceOverride,
  listed: RateSheet | undefined,
  otherwise: { readonly vendor: string; readonly model: string },
): ModelRates | undefined {
  const { vendor, model } = listed ?? otherwise
  if (override.free) return ratesOf(freeSheet('override', vendor, model))
  const prices: ModelPrice = {}
  const origins = new Map<string, Origin>()
  const { discount, units } = override
  const byThePiece = INSTEAD_OF_TOKENS.some((unit) => units[UNIT_PRICING[unit].name] >= 0)
  for (const [key, price] of Object.entries(listed?.prices ?? {})) {
    if (byThePiece && key.endsWith('_mtok')) continue
    prices[key] = discounted(price, 1 - discount)
    const doubt = listed!.doubt
    origins.set(key, {
      list: listed!.list,
      ...(discount === 0 ? {} : { discount }),
      ...(doubt === undefined ? {} : { doubt }),
    })
  }
  for (const [key, price] of ownPrices(override)) {
    prices[key] = price
    origins.delete(key)
  }
  if (Object.keys(prices).length === 0 && override.tiers.every(({ factor }) => factor >= 0)) return undefined
  const maxInputTokens = listed?.maxInputTokens
  const sheet: RateSheet = {
    list: 'override',
    vendor,
    model,
    prices,
    origins,
    ...(maxInputTokens === undefined ? {} : { maxInputTokens }),
  }
  return {
    ...ratesOf(sheet),
    tier({ serviceTier, speed }) {
      const name = tierName(serviceTier, speed)
      const tier = override.tiers.find((one) => one.name === name)
      if (!tier) return undefined
      if (tier.factor >= 0) return { factor: tier.factor, rates: ratesOf(sheet) }
      return { factor: 1, rates: tierRates(sheet, tier) }
    },
  }
}

/** Rates that stand alone: those under `pricing.assumed`. */
export function assumedRates(assumed: Rates, vendor: string, model: string): ModelRates {
  return ratesOf({ list: 'assumed', vendor, model, prices: Object.fromEntries(ownRates(assumed)) })
}

function discounted(price: ModelPrice[string], factor: number): ModelPrice[string] {
  if (price === undefined || factor === 1) return price
  if (typeof price === 'number') return timesFactor(price, factor)
  return {
    base: timesFactor(price.base, factor),
    tiers: price.tiers.map(({ start, price: usd }) => ({ start, price: timesFactor(usd, factor) })),
  }
}

/** What an own price sets, by the keys of a sheet. */
function ownPrices(override: PriceOverride): [string, ModelPrice[string]][] {
  const brackets = override.brackets.toSorted((a, b) => a.above - b.above)
  const bracketed = brackets.map(({ above, ...rates }) => ({ above, rates: new Map(ownRates(rates)) }))
  const prices: [string, ModelPrice[string]][] = ownRates(override).map(([key, base]) => {
    const tiers = bracketed.flatMap(({ above, rates }) => {
      const price = rates.get(key)
      return price === undefined ? [] : [{ start: above, price }]
    })
    return [key, tiers.length === 0 ? base : { base, tiers }]
  })
  for (const { name, key } of Object.values(UNIT_PRICING)) {
    const usd = override.units[name]
    if (usd >= 0) prices.push([key, usd])
  }
  return prices
}

/** The rates that are set. `output` includes reasoning unless that has its own rate. */
function ownRates(rates: Rates): [string, number][] {
  const set = { ...rates, reasoning: rates.reasoning >= 0 ? rates.reasoning : rates.output }
  return Object.entries(RATE_KEYS).flatMap(([name, key]) => {
    const usd = set[name as keyof Rates]
    return usd >= 0 ? [[key, usd] as [string, number]] : []
  })
}

/** A tier with its own rates. For a missing rate the standard rate stands in, and the cost is an estimate. */
function tierRates(standard: RateSheet, tier: Rates & { readonly name: OwnTierName }): ModelRates {
  const own = ratesOf({ ...standard, prices: Object.fromEntries(ownRates(tier)), origins: new Map() })
  const rates = ratesOf(standard)
  return {
    ...rates,
    rate(bucket, inputTokens) {
      const rate = own.rate(bucket, inputTokens)
      if (rate && rate.reason === undefined) return rate
      const usual = rates.rate(bucket, inputTokens)
      if (!usual) return undefined
      const why = `no ${tier.name} price for ${bucket} of model ${standard.model}; the standard one was used`
      return { ...usual, reason: usual.reason === undefined ? why : `${usual.reason}; ${why}` }
    },
  }
}

/** The tier that a response names, as own prices call it. */
function tierName(serviceTier: string | undefined, speed: string | undefined): OwnTierName | undefined {
  if (speed === 'fast') return 'fast'
  switch (serviceTier?.toLowerCase()) {
    case 'batch':
      return 'batch'
    case 'flex':
    case 'on_demand_flex':
      return 'flex'
    case 'priority':
    case 'on_demand_priority':
      return 'priority'
    case 'fast':
      return 'fast'
    default:
      return undefined
  }
}
