import type { Config } from './config/config.ts'
import type { OpenExchange } from './proxy/open-exchange.ts'
import type { ProxySettings, TokenRates } from './proxy/proxy-context.ts'
import type { Caller } from './traces/exchange.ts'
import type { ModelRates } from './usage/price-list.ts'

/** Finds the rates of a model for an exchange; `undefined` when no price is known. */
export type FindRates = (exchange: OpenExchange, model: string) => ModelRates | undefined

/** Prices for policies that ask for them before a request: megabytes that the serving thread loads only then. */
export class PriceLookup {
  #pricing: Config['pricing'] | undefined
  #find: FindRates | undefined

  async open({ pricing }: Config): Promise<FindRates> {
    if (this.#find && this.#pricing === pricing) return this.#find
    const { PriceList } = await import('./usage/price-list.ts')
    const prices = new PriceList(pricing)
    const find: FindRates = ({ target, caller, wire }, model) =>
      prices.find({
        provider: target.upstream.name,
        upstreamUrl: target.upstream.url,
        dialect: target.upstream.dialect,
        api: wire.api,
        organizationId: caller.organizationId,
        workspaceId: caller.workspaceId,
        model,
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
  return (exchange, model, nowMs) => {
    const { caller, wire } = exchange
    const providers = known.get(caller) ?? new Map<string, Map<string, Known>>()
    const models = providers.get(wire.provider) ?? new Map<string, Known>()
    if (models.size === 0) known.set(caller, providers.set(wire.provider, models))
    // A model may cost something else in another operation.
    const name = `${wire.api}\n${model}`
    const before = models.get(name)
    if (before && nowMs < before.untilMs) return before.rates
    if (models.size >= MAX_REMEMBERED) models.clear()
    const rates = tokenRates(find(exchange, model))
    models.set(name, { rates, untilMs: nowMs + REMEMBER_MS })
    return rates
  }
}

function tokenRates(rates: ModelRates | undefined): TokenRates | 'unknown' {
  const nano = (bucket: 'input_uncached' | 'output_text'): number => (rates?.rate(bucket, 0) ?? 0) * 1000
  return rates ? { input: nano('input_uncached'), output: nano('output_text') } : 'unknown'
}
