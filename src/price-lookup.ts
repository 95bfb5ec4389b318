import type { Config } from './config/config.ts'
import type { OpenExchange } from './proxy/open-exchange.ts'
import type { ProxySettings, TokenRates } from './proxy/proxy-context.ts'
import type { Caller } from './traces/exchange.ts'
import type { ModelNames } from './usage/model-names.ts'
import type { ModelRates } from './usage/model-rates.ts'
import { UNITS } from './usage/usage.ts'

/** Finds the rates of a model for an exchange; `undefined` when no price is known. */
export type FindRates = (exchange: OpenExchange, names: ModelNames) => ModelRates | undefined

/** Prices for policies that ask for them before a request: megabytes that the serving thread loads only then. */
export class PriceLookup {
  #pricing: Config['pricing'] | undefined
  #find: FindRates | undefined

  async open({ pricing }: Config): Promise<FindRates> {
    if (this.#find && this.#pricing === pricing) return this.#find
    const { PriceList } = await import('./usage/price-list.ts')
    const prices = new PriceList(pricing)
    const find: FindRates = ({ target, caller, wire }, names) =>
      prices.find({
        provider: target.upstream.name,
        upstreamUrl: target.upstream.url,
        dialect: target.upstream.dialect,
        api: wire.api,
        organizationId: caller.organizationId,
        workspaceId: caller.workspaceId,
        keyId: caller.keyId,
        names,
        at: Date.now(),
      })
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

/** APIs whose answers have no tokens: a price without an output rate is whole for them. */
const WRITE_NO_TEXT: readonly string[] = [
  'embeddings',
  'cohere_embed',
  'embed_content',
  'ollama_embed',
  'predict',
  'rerank',
]

function tokenRates(rates: ModelRates | undefined, writes: boolean): TokenRates | 'unknown' {
  if (!rates) return 'unknown'
  const nano = (bucket: 'input_uncached' | 'output_text'): number | undefined => {
    const rate = rates.rate(bucket, 0)
    return rate && rate.usdPerMillion * 1000
  }
  const [input, output] = [nano('input_uncached'), nano('output_text')]
  // An own price that leaves one out does not make it free. A model of a list is billed in other units then.
  if (rates.list === 'override' && (input === undefined || (writes && output === undefined))) {
    if (!UNITS.some((unit) => rates.unit(unit))) return 'unknown'
  }
  return { input: input ?? 0, output: output ?? 0 }
}
