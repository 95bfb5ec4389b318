import { requirePermission, requireProviderCredential } from '../../access/authorize.ts'
import type { OpenExchange } from '../exchange/open-exchange.ts'
import type { ProxyContext } from '../proxy-context.ts'

/**
 * Checks the caller's permission and its key's rules about targets. The request must have a credential for the provider. Rules about models
 * wait for the content (`admit.ts`).
 *
 * @throws GatewayError when one of them refuses the request
 */
export function authorize(exchange: OpenExchange, { keyUsed }: ProxyContext): void {
  const { identity, target, readings } = exchange
  if (!identity) return
  const { upstream } = target
  requirePermission(identity, 'proxy:write')
  identity.compiledRules.requireTarget(upstream.name, readings.plain, exchange.clientAddress)
  if (!upstream.bringsCredential && !upstream.credentials) {
    const place = exchange.keyInProviderField ? 'provider_field' : 'header'
    requireProviderCredential(exchange.fields, upstream, exchange.queryKey, place)
  }
  exchange.mark('authenticatedUs')
  if (identity.stored) keyUsed(identity)
}
