import type { OpenExchange } from '../exchange/open-exchange.ts'
import type { ProxyContext } from '../proxy-context.ts'
import { factsForTarget } from '../request/facts-for-target.ts'
import type { Target, TargetPlan } from './target.ts'

/** The exchange goes to a target of its plan from now on: limits, prices and the record go by it. */
export function takeTarget(
  exchange: OpenExchange,
  plan: TargetPlan,
  target: Target,
  context: ProxyContext,
): void {
  const { asked, askedModel, arrival } = exchange
  exchange.chosen = target
  if (asked) exchange.asked = factsForTarget(asked, target.model ?? askedModel, plan.rewrite)
  const inPath = plan.rewrite === 'path.model' ? target.model : undefined
  if (arrival.modelRoute || inPath !== undefined) retarget(exchange, target.provider, inPath, context)
}

/** Which targets the rules of the caller's key allow; `undefined` for all. */
export function usableFor({ identity }: OpenExchange): ((target: Target) => boolean) | undefined {
  return identity && (({ provider }) => identity.compiledRules.allowsProvider(provider))
}

/** Lets the exchange go to a provider. @param inPath model to be written into the path; `undefined` to leave it */
export function retarget(
  exchange: OpenExchange,
  provider: string,
  inPath: string | undefined,
  { settings: { upstreams, models } }: ProxyContext,
): void {
  const { modelRoute, target } = exchange.arrival
  if (!modelRoute) {
    exchange.retarget(upstreams.withModel(target, inPath!, exchange.query))
    return
  }
  const servedAt = models.servedAt(provider, modelRoute.dialect)!
  exchange.retarget(upstreams.at(provider, target, exchange.query, servedAt, inPath))
}
