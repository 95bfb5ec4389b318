import type { Keyring } from '../../access/keyring.ts'
import { GatewayError } from '../../errors.ts'
import { placeOfCall } from '../../providers/dialects/place-of-call.ts'
import { withoutCredentials } from '../../traces/credential-places.ts'
import { providerCredential } from '../../traces/provider-credential.ts'
import type { OpenExchange } from '../exchange/open-exchange.ts'
import type { ProxyContext } from '../proxy-context.ts'
import { factsForTarget } from '../request/facts-for-target.ts'
import { pathWithModel } from '../targets/rewrite-model.ts'
import type { Target, TargetPlan } from '../targets/target.ts'

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

/**
 * Which targets can be used now. The settings must still have them: they may have changed since the plan was made. Where the gateway's
 * credentials are sent, there must be one.
 *
 * @param used names of credentials that the request has tried, by provider
 */
export function usableFor(
  { plan, arrival: { modelRoute }, fields, queryKey }: OpenExchange,
  { settings: { upstreams, models, keyring } }: ProxyContext,
  used?: ReadonlyMap<string, ReadonlySet<string>>,
): (target: Target) => boolean {
  return (target) => {
    const { name, provider } = target
    if (plan?.alias !== undefined && !models.offers(plan.alias, target)) return false
    if (modelRoute && models.servedAt(provider, modelRoute.dialect) === undefined) return false
    const upstream = upstreams.named(provider)
    if (!upstream) return false
    const { credentials, bringsCredential, credentialField } = upstream
    if (credentials?.use !== 'gateway') {
      // A request that has none is refused at its first target, with what to do about it.
      if (!used || !keyring || bringsCredential) return true
      if (providerCredential(fields, credentialField, queryKey) !== '') return true
      if (!credentials) return false
    }
    return credentials.hasAvailable(Date.now(), used?.get(provider), name)
  }
}

/**
 * Lets the exchange go to a provider.
 *
 * @param inPath model to be written into the path; `undefined` to leave it
 * @throws GatewayError `no_target_for_api` when the provider does not take the call
 */
export function retarget(
  exchange: OpenExchange,
  provider: string,
  inPath: string | undefined,
  { settings: { upstreams, models, keyring } }: ProxyContext,
): void {
  const { modelRoute, target } = exchange.arrival
  if (!modelRoute) {
    exchange.retarget(upstreams.withModel(target, inPath!, exchange.query))
    return
  }
  const place = placeOfCall(models.servedAt(provider, modelRoute.dialect)!, {
    path: inPath === undefined ? target.path : pathWithModel(target.path, inPath),
    model: exchange.chosen?.model ?? exchange.askedModel,
    streaming: exchange.asked?.streaming ?? false,
  })
  if (!place) throw new GatewayError('no_target_for_api', `${provider} does not take ${target.path}`)
  exchange.retarget(upstreams.at(provider, target, exchange.query, place))
  if (keyring) takeKeyOut(exchange, keyring)
}

/** A gateway key in the provider's own field is never forwarded. Which field that is was not known when the caller was identified. */
function takeKeyOut(exchange: OpenExchange, keyring: Keyring): void {
  const { credentialField } = exchange.target.upstream
  if (credentialField === '' || exchange.fields[credentialField] === undefined) return
  const rest = withoutCredentials(exchange, credentialField, (credential) => keyring.knows(credential))
  if (rest !== exchange) exchange.withoutKey(rest)
}
