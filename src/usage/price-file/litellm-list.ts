import type { ModelInfo, ModelPrice, Provider } from '@pydantic/genai-prices'
import { LEAST_BRACKET } from '../price-table.ts'
import { bracketed } from './brackets.ts'
import type { Findings } from './findings.ts'
import { MOST_MODELS, MOST_NAME } from './list-bounds.ts'
import { checkedRate } from './price-keys.ts'

type Members = Readonly<Record<string, unknown>>

/** LiteLLM's members for USD per unit, the bundled list's keys for them, and units of one price. */
const RATES: ReadonlyMap<string, readonly [string, number]> = new Map(
  Object.entries<readonly [string, number]>({
    input_cost_per_token: ['input_mtok', 1e6],
    output_cost_per_token: ['output_mtok', 1e6],
    output_cost_per_reasoning_token: ['output_reasoning_mtok', 1e6],
    cache_read_input_token_cost: ['cache_read_mtok', 1e6],
    cache_creation_input_token_cost: ['cache_write_mtok', 1e6],
    cache_creation_input_token_cost_above_1hr: ['cache_write_1h_mtok', 1e6],
    input_cost_per_audio_token: ['input_audio_mtok', 1e6],
    output_cost_per_audio_token: ['output_audio_mtok', 1e6],
    cache_read_input_audio_token_cost: ['cache_audio_read_mtok', 1e6],
    input_cost_per_image_token: ['input_image_mtok', 1e6],
    output_cost_per_image_token: ['output_image_mtok', 1e6],
    cache_read_input_image_token_cost: ['cache_image_read_mtok', 1e6],
    output_cost_per_image: ['images_count', 1],
    input_cost_per_query: ['search_units_kcount', 1000],
    input_cost_per_character: ['characters_mcount', 1e6],
    file_search_cost_per_1k_calls: ['storage_searches_kcount', 1],
    ocr_cost_per_page: ['input_document_kpages', 1000],
  }),
)

/** Prices that depend on something the gateway cannot see. Such models are left out, so that no list prices them wrongly. */
const LEFT_OUT = ['off_peak_pricing', 'pricing_periods', 'tiered_pricing']

/** Tier prices, which are factors here, and other names of prices that are read. */
const KNOWN_UNREAD = /_(?:priority|flex|batches)$|^input_cost_per_token_cache_hit$/

/** LiteLLM's names of providers, and the bundled list's. */
const VENDORS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    gemini: 'google',
    bedrock: 'aws',
    bedrock_converse: 'aws',
    xai: 'x-ai',
    together_ai: 'together',
    fireworks_ai: 'fireworks',
    azure_ai: 'azure',
    azure_text: 'azure',
    'text-completion-openai': 'openai',
    cohere_chat: 'cohere',
    voyage: 'voyageai',
    moonshot: 'moonshotai',
  }),
)

/** Entries that are no models. */
const NO_MODELS = ['sample_spec', 'fallback_generalizations']

/**
 * Reads LiteLLM's `model_prices_and_context_window.json`: a member for each model, prices in USD per token or unit.
 * Unknown members with a cost are doubts. All others are ignored. A model with prices by the hour, by a period or by
 * small brackets is left out.
 *
 * @see https://docs.litellm.ai/docs/proxy/model_cost_map
 */
export function readLitellm(value: Members, findings: Findings): readonly Provider[] {
  const entries = Object.entries(value).filter(([name]) => !NO_MODELS.includes(name))
  if (entries.length === 0) findings.wrong('list', 'there are no models')
  if (entries.length > MOST_MODELS) findings.wrong('list', `more than ${MOST_MODELS} models`)
  findings.throwIfWrong()
  const vendors = new Map<string, Map<string, ModelInfo>>()
  const unread = new Map<string, number>()
  for (const [name, entry] of entries) {
    const read = readEntry(name, entry, unread, findings)
    if (!read) continue
    const models = vendors.get(read.vendor) ?? new Map<string, ModelInfo>()
    vendors.set(read.vendor, models)
    const before = models.get(read.model.id)
    if (!before) models.set(read.model.id, read.model)
    else if (!Bun.deepEquals(before.prices, read.model.prices))
      findings.doubtful(
        name,
        `has another price than the same model before it (${read.vendor} ${read.model.id}), which counts`,
      )
  }
  for (const [member, count] of unread) findings.doubtful(member, `is not read (${count} models have it)`)
  findings.throwIfWrong()
  if (vendors.size === 0) findings.wrong('list', 'there are no prices that can be read')
  return [...vendors].map(([id, models]) => ({ id, name: id, api_pattern: '', models: [...models.values()] }))
}

function readEntry(
  name: string,
  entry: unknown,
  unread: Map<string, number>,
  findings: Findings,
): { readonly vendor: string; readonly model: ModelInfo } | undefined {
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) {
    findings.wrong(name, 'must be an object')
    return undefined
  }
  const members = entry as Members
  const provider = members['litellm_provider']
  if (
    typeof provider !== 'string' ||
    provider === '' ||
    name.length > MOST_NAME ||
    provider.length > MOST_NAME
  ) {
    findings.wrong(name, `needs litellm_provider, and names of at most ${MOST_NAME} characters`)
    return undefined
  }
  const { prices, leftOut } = readRates(name, members, unread, findings)
  if (leftOut !== undefined) {
    unread.set(
      `${leftOut}: the model is left out`,
      (unread.get(`${leftOut}: the model is left out`) ?? 0) + 1,
    )
    return undefined
  }
  if (Object.keys(prices).length === 0) return undefined
  const id = name.startsWith(`${provider}/`) ? name.slice(provider.length + 1) : name
  return { vendor: vendorOf(provider), model: { id, match: { equals: id }, prices } }
}

function vendorOf(provider: string): string {
  return VENDORS.get(provider) ?? (provider.startsWith('vertex_ai') ? 'google' : provider)
}

function readRates(
  name: string,
  members: Members,
  unread: Map<string, number>,
  findings: Findings,
): { readonly prices: ModelPrice; readonly leftOut?: string } {
  const prices: ModelPrice = {}
  const brackets = new Map<string, { start: number; price: number }[]>()
  for (const [member, value] of Object.entries(members)) {
    if (LEFT_OUT.includes(member)) return { prices, leftOut: member }
    // Most members are no prices. Every price has the word in its name.
    if (value === null || !member.includes('cost') || KNOWN_UNREAD.test(member)) continue
    const [, plain = member, thousands] = /^(.*)_above_(\d{1,6})k_tokens$/.exec(member) ?? []
    const known = RATES.get(plain)
    if (!known) {
      unread.set(member, (unread.get(member) ?? 0) + 1)
      continue
    }
    const [key, per] = known
    const place = `${name}.${member}`
    // A price per token, scaled to a million, has noise in its last digits.
    const usd = typeof value === 'number' ? Number((value * per).toPrecision(12)) : value
    const rate = checkedRate(key, usd, place, findings)
    if (rate === undefined) continue
    if (thousands === undefined) prices[key] = rate
    else brackets.set(key, [...(brackets.get(key) ?? []), { start: Number(thousands) * 1000, price: rate }])
  }
  for (const [key, tiers] of brackets) {
    if (tiers.some(({ start }) => start < LEAST_BRACKET))
      return { prices, leftOut: 'a bracket below 32k tokens' }
    const base = prices[key]
    if (typeof base === 'number') prices[key] = bracketed(base, tiers, `${name}.${key}`, findings)
    else findings.wrong(`${name}.${key}`, 'has a price for large requests and none for small ones')
  }
  return { prices }
}
