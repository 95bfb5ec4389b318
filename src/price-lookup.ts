import type { Config } from './config/config.ts'
import type { OpenExchange } from './proxy/open-exchange.ts'
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
    const find: FindRates = ({ target, caller }, model) =>
      prices.find({
        provider: target.upstream.name,
        upstreamUrl: target.upstream.url,
        dialect: target.upstream.dialect,
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
