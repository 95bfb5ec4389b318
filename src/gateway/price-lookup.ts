import type { Config } from '../config/config.ts'
import type { TokenRates } from '../limits/admission/bounds.ts'
import type { ModelCatalog } from '../proxy/model-list/model-catalog.ts'
import type { ProxySettings } from '../proxy/proxy-context.ts'
import type { Upstream } from '../proxy/upstream/upstream.ts'
import type { Caller } from '../traces/exchange.ts'
import type { ModelNames } from '../usage/model-names.ts'
import type { ModelRates } from '../usage/model-rates.ts'
import { UNITS, type Bucket } from '../usage/usage.ts'

/** The rates of a model, and its context window if a list has it; that lookup is slow. */
interface KnownPrice {
  readonly rates: ModelRates
  readonly contextWindow: () => number | undefined
}

/** Who is asked for a price, and for whom. */
interface PricedFacts {
  readonly target: { readonly upstream: Pick<Upstream, 'name' | 'url' | 'dialect'> }
  readonly caller: Caller
  /** Its wire API; empty for the ordinary price. */
  readonly wire: { readonly api: string }
}

/** Matches the rates of a model for an exchange; `undefined` when no price is known. */
export type FindRates = (exchange: PricedFacts, names: ModelNames) => KnownPrice | undefined

/** Prices for policies that need them before a request: megabytes that the serving thread loads only then. */
export class PriceLookup {
  #pricing: Config['pricing'] | undefined
  #find: FindRates | undefined
  #names: ModelCatalog['namesAt'] | undefined

  /** What the lists say about models, for those who ask which there are. */
  async catalog(config: Config): Promise<ModelCatalog> {
    const find = await this.open(config)
    return {
      namesAt: this.#names!,
      detailsOf: (upstream, model, caller) => {
        const known = find({ target: { upstream }, caller, wire: { api: '' } }, { requested: model })
        if (!known) return {}
        const [input, output] = [known.rates.rate('input_uncached', 0), known.rates.rate('output_text', 0)]
        const window = known.contextWindow()
        return {
          ...(window === undefined ? {} : { context_window: window }),
          ...(input === undefined ? {} : { input_usd_per_million: input.usdPerMillion }),
          ...(output === undefined ? {} : { output_usd_per_million: output.usdPerMillion }),
        }
      },
    }
  }

  async open({ pricing }: Config): Promise<FindRates> {
    if (this.#find && this.#pricing === pricing) return this.#find
    const { PriceList } = await import('../usage/price-list.ts')
    const prices = new PriceList(pricing)
    this.#names = (upstream) => prices.modelNames(upstream, Date.now())
    const find: FindRates = ({ target, caller, wire }, names) => {
      const query = {
        provider: target.upstream.name,
        upstreamUrl: target.upstream.url,
        dialect: target.upstream.dialect,
        api: wire.api,
        organizationId: caller.organizationId,
        workspaceId: caller.workspaceId,
        keyId: caller.keyId,
        names,
        at: Date.now(),
      }
      const rates = prices.find(query)
      return rates && { rates, contextWindow: () => prices.contextWindow(query) }
    }
    this.#pricing = pricing
    this.#find = find
    return find
  }
}

/** Prices change by the day; to find one takes longer than everything else that a limit needs. */
const REMEMBER_MS = 60_000
const MAX_REMEMBERED = 200

/** Remembers for a minute what a token of a provider's model costs a caller, in nano-USD. */
export function rememberedRates(find: FindRates): NonNullable<ProxySettings['ratesOf']> {
  interface Known {
    readonly rates: TokenRates | 'unknown'
    readonly untilMs: number
  }
  const known = new WeakMap<Caller, Map<string, Map<string, Known>>>()
  return (exchange, names, nowMs) => {
    const { caller, wire } = exchange
    const providers = known.get(caller) ?? new Map<string, Map<string, Known>>()
    const models = providers.get(wire.provider) ?? new Map<string, Known>()
    if (models.size === 0) known.set(caller, providers.set(wire.provider, models))
    const { path = '', requested = '' } = names
    // A model may cost something else in another operation.
    const key = `${wire.api}\n${path.length} ${path}${requested}`
    const before = models.get(key)
    if (before && nowMs < before.untilMs) return before.rates
    if (models.size >= MAX_REMEMBERED) models.clear()
    const rates = tokenRates(find(exchange, names), !WRITE_NO_TEXT.includes(wire.api))
    models.set(key, { rates, untilMs: nowMs + REMEMBER_MS })
    return rates
  }
}

/** APIs whose responses have no tokens: a price without an output rate is complete for them. */
const WRITE_NO_TEXT: readonly string[] = [
  'embeddings',
  'cohere_embed',
  'embed_content',
  'ollama_embed',
  'predict',
  'rerank',
]

/** Buckets of a request and of its response: the highest rate among them bounds what a token can cost. */
const INPUT_BUCKETS = [
  'input_uncached',
  'cache_write',
  'cache_write_5m',
  'cache_write_30m',
  'cache_write_1h',
  'cache_write_12h',
  'input_audio',
  'input_image',
  'input_video',
] as const
const OUTPUT_BUCKETS = ['output_text', 'reasoning', 'output_audio', 'output_image'] as const

/** Units that bill a request instead of tokens. Searches of tools are billed in addition. */
const OTHER_UNITS = [
  'search_units',
  'requests',
  'text_messages',
  'images',
  'pages',
  'audio_seconds',
  'billable_characters',
] as const

function tokenRates(known: KnownPrice | undefined, writes: boolean): TokenRates | 'unknown' {
  if (!known) return 'unknown'
  const { rates } = known
  const nano = (bucket: Bucket, inputTokens = 0): number | undefined => {
    const rate = rates.rate(bucket, inputTokens)
    return rate && rate.usdPerMillion * 1000
  }
  const [input, output] = [nano('input_uncached'), nano('output_text')]
  const whole = input !== undefined && (!writes || output !== undefined)
  // An own price without a rate does not make it free. A listed model without one is billed in other units.
  if (rates.list === 'override' && !whole && !UNITS.some((unit) => rates.unit(unit))) return 'unknown'
  // Brackets of long context cost more, so the largest input has the highest rate.
  const highest = (buckets: readonly Bucket[]): number =>
    Math.max(...buckets.flatMap((bucket) => [nano(bucket) ?? 0, nano(bucket, Infinity) ?? 0]))
  const byTokens = whole && !OTHER_UNITS.some((unit) => (rates.unit(unit)?.usd ?? 0) > 0)
  const contextWindow = known.contextWindow()
  return {
    input: input ?? 0,
    output: output ?? 0,
    ...(byTokens ? { most: { input: highest(INPUT_BUCKETS), output: highest(OUTPUT_BUCKETS) } } : {}),
    ...(contextWindow === undefined ? {} : { contextWindow }),
  }
}
