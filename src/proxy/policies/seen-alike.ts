import type { OpenExchange } from '../exchange/open-exchange.ts'
import type { ProxyContext } from '../proxy-context.ts'
import type { Target } from '../targets/target.ts'

/**
 * Whether the policies that have seen a request would have let it pass to another target as it is: a provider may have redaction, a size
 * limit and prices of its own. What was shown to one policy was not shown to the other.
 */
export function seenAlike(
  exchange: OpenExchange,
  { provider, model }: Target,
  { settings: { inspector, inspection, upstreams } }: ProxyContext,
): boolean {
  const { caller, readings, target, limits, wire, requestBytes, askedModel } = exchange
  if (provider === target.upstream.name && model === exchange.asked?.model) return true
  const most = limits.maxRequestBytes(provider)
  if (most > 0 && requestBytes > most) return false
  if (inspector?.redaction.scopes.guards) {
    const { scopes } = inspector.redaction
    const route = readings.loose
    const before = scopes.resolve({ ...caller, provider: wire.provider, route })
    const after = scopes.resolve({ ...caller, provider, route })
    if (before.mode !== after.mode || before.policyId !== after.policyId) return false
  }
  const { hasPrice } = inspection
  if (!hasPrice || exchange.free) return true
  return hasPrice(
    { target: { upstream: upstreams.named(provider) }, caller, wire: { provider, api: wire.api } },
    { requested: model ?? askedModel },
  )
}
