import type { Config } from '../config/config.ts'
import type { SeenModel } from '../storage/contract/trace-maintenance.ts'
import type { PriceList } from '../usage/price-list.ts'

/** The query for the price of a model that the store has seen, at its newest use. */
export function queryOf({ providers }: Config, seen: SeenModel): Parameters<PriceList['find']>[0] {
  const provider = providers.find(({ name }) => name === seen.provider)
  return {
    provider: seen.provider,
    upstreamUrl: provider?.upstream ?? '',
    dialect: provider?.api ?? 'openai',
    organizationId: seen.organizationId,
    workspaceId: seen.workspaceId,
    keyId: '',
    names: { answered: seen.model, requested: seen.requestedModel },
    at: seen.lastAtUs / 1000,
  }
}
