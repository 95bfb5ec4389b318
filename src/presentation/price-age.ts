import type { Config } from '../config/config.ts'
import type { SeenModel } from '../storage/contract/trace-maintenance.ts'
import type { TraceReader } from '../storage/contract/traces.ts'
import { listAge, sameHourThen, type ListAge } from '../usage/list-age.ts'
import { samePrices } from '../usage/price-changes.ts'
import { listedPrice, PriceList } from '../usage/price-list.ts'
import { BUNDLED, tablesInOrder } from '../usage/price-tables.ts'
import { nameForms, nameMatching } from '../usage/model-names.ts'
import { queryOf } from './price-query.ts'

/** How old the price list is, and which used models it does not price since its date. */
export interface PriceAge extends ListAge {
  /** Models with another price than the list had: from a newer list, or from a later day. Each is named once. */
  readonly changed: readonly string[]
  /** Models without a price. */
  readonly unknown: readonly string[]
}

/**
 * Judges the price list by what a store has seen since its date, tenants taken together. It reads sums, not traces.
 *
 * @param now epoch milliseconds
 */
export async function priceAgeOf(reader: TraceReader, config: Config, now: number): Promise<PriceAge> {
  const fromUs = Date.parse((config.pricing.list?.table ?? BUNDLED).date) * 1000
  const providers = (await reader.measure({ fromUs }, { group: 'provider' })).rows
  const seen = await Promise.all(
    providers.map(async ({ group: provider }) => {
      const { rows } = await reader.measure({ fromUs, provider }, { group: 'model' })
      return rows
        .filter(({ totalTokens, group }) => totalTokens > 0 && group !== '')
        .map(({ group: model, requests: traces, lastCreatedAtUs: lastAtUs, inputTokens, outputTokens }) => ({
          provider,
          model,
          requestedModel: '',
          organizationId: '',
          workspaceId: '',
          traces,
          lastAtUs,
          inputTokens,
          outputTokens,
        }))
    }),
  )
  return priceAge(config, seen.flat(), now)
}

/**
 * Judges the operator's list, or the bundled one if there is none.
 *
 * @param seen the models of the store
 * @param now epoch milliseconds
 */
export function priceAge(config: Config, seen: readonly SeenModel[], now: number): PriceAge {
  const own = config.pricing.list?.table
  const table = own ?? BUNDLED
  const since = Date.parse(table.date) * 1000
  const prices = new PriceList({ ...config.pricing, unknownModel: 'allow' })
  const [changed, unknown] = [new Set<string>(), new Set<string>()]
  for (const model of seen) {
    if (model.lastAtUs < since) continue
    const query = { ...queryOf(config, model), at: now }
    const forms = nameForms(query.names)
    const rates = prices.find(query)
    const is = listedPrice(tablesInOrder(own), query)
    // A price of the operator's own is in no list, and may be for one tenant.
    const isOwn = config.pricing.overrides.some((override) => nameMatching(override.model, forms))
    if (!rates && !isOwn) unknown.add(model.model)
    else if (is && is.list === rates?.list) {
      const was = listedPrice([table], { ...query, at: sameHourThen(table, now) })
      if (!samePrices(was?.prices, is.prices)) changed.add(model.model)
    }
  }
  return { ...listAge(table, now), changed: [...changed], unknown: [...unknown] }
}
