import type { OfferedModel } from '../../providers/dialects/dialect.ts'
import type { Caller } from '../../traces/exchange.ts'
import type { Upstream } from '../upstream/upstream.ts'

/** A provider, as price lists know it. */
export type CatalogProvider = Pick<Upstream, 'name' | 'url' | 'dialect'>

/** What price lists say about models. */
export interface ModelCatalog {
  /** Names of the models of a provider that have a price. */
  namesAt(provider: CatalogProvider): readonly string[]
  /** What is known about a model. @param caller may have prices of its own */
  detailsOf(provider: CatalogProvider, model: string, caller: Caller): OfferedModel['details']
}
