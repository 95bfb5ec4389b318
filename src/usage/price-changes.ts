import type { ModelPrice, Provider, TieredPrices } from '@pydantic/genai-prices'
import { findModel } from './price-list.ts'
import { tableLabel, type PriceTable } from './price-table.ts'
import { pricesAt } from './prices-at.ts'

/** A model's price in a list. */
interface Listed {
  /** Label of the list. */
  readonly list: string
  readonly prices: ModelPrice
}

/** A model whose price a new list changes. `before` or `after` is absent if no list has a price. */
export interface PriceChange {
  readonly vendor: string
  readonly model: string
  readonly before?: Listed
  readonly after?: Listed
}

/**
 * How prices change when one set of lists replaces another, for every model in the operator's list, before or after.
 *
 * @param before lists in lookup order, the operator's own first
 * @param at epoch milliseconds
 */
export function priceChanges(
  before: readonly PriceTable[],
  after: readonly PriceTable[],
  at: number,
): readonly PriceChange[] {
  const own = [before[0]!, after[0]!].flatMap(({ providers }) => providers)
  const names = new Map(
    own.flatMap(({ id: vendor, models }) =>
      models.map(({ id }) => [`${vendor}\n${id}`, { vendor, model: id }]),
    ),
  )
  return [...names.values()].flatMap(({ vendor, model }) => {
    const [was, is] = [listed(before, vendor, model, at), listed(after, vendor, model, at)]
    if (samePrices(was?.prices, is?.prices)) return []
    return [{ vendor, model, ...(was ? { before: was } : {}), ...(is ? { after: is } : {}) }]
  })
}

function listed(
  tables: readonly PriceTable[],
  vendor: string,
  model: string,
  at: number,
): Listed | undefined {
  for (const table of tables) {
    const provider = table.providers.find(({ id }) => id === vendor)
    const prices = provider && pricesOf(provider, model, table.providers, at)
    if (prices) return { list: tableLabel(table), prices }
  }
  return undefined
}

/** By the list's own name for the model. A family name (`gpt-4o*`) matches no model and is looked up unchanged. */
function pricesOf(
  provider: Provider,
  name: string,
  providers: readonly Provider[],
  at: number,
): ModelPrice | undefined {
  const same = provider.models.find(({ id }) => id === name)
  if (same) return pricesAt(provider.id, same, at)
  const found = findModel(provider, name, providers)
  return found && pricesAt(found.provider.id, found.model, at)
}

/** Whether two prices are the same. A missing price differs from every price. */
export function samePrices(a: ModelPrice | undefined, b: ModelPrice | undefined): boolean {
  return Bun.deepEquals(plain(a), plain(b))
}

/** Prices as plain values, without absent members, so that brackets of different classes compare. */
function plain(prices: ModelPrice | undefined): object | undefined {
  const shown = (price: number | TieredPrices | undefined): unknown =>
    typeof price === 'object' ? { base: price.base, tiers: price.tiers } : price
  return (
    prices &&
    Object.fromEntries(
      Object.entries(prices)
        .filter(([, price]) => price !== undefined)
        .map(([key, price]) => [key, shown(price)]),
    )
  )
}
