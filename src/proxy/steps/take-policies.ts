import { GatewayError } from '../../errors.ts'
import type { OpenExchange } from '../exchange/open-exchange.ts'
import { choosePolicies } from '../policies/choose-policies.ts'
import type { RedactionPorts } from '../policies/redaction-run.ts'
import type { ProxyContext } from '../proxy-context.ts'
import { type IncomingRequest, requestTooLarge } from './incoming-request.ts'

/**
 * Chooses the policies that see a request's content, and the size that it may have: both depend on its provider.
 *
 * @throws GatewayError when it is too large, or a policy forbids it
 */
export function takePolicies(exchange: OpenExchange, incoming: IncomingRequest, context: ProxyContext): void {
  const most = exchange.limits.maxRequestBytes(exchange.target.upstream.name)
  if (most > 0) exchange.maxBodyBytes = Math.min(most, exchange.maxBodyBytes || most)
  const { maxBodyBytes } = exchange
  if (maxBodyBytes > 0 && Math.max(incoming.length, exchange.requestBytes) > maxBodyBytes)
    throw requestTooLarge(maxBodyBytes)
  const policies = choosePolicies(exchange, context.settings.inspection, redactionPorts(exchange, context))
  incoming.policies = policies
  exchange.policies = policies
  if (!exchange.arrival.upgrade) return
  for (const { webSocketRefusal } of policies) {
    if (webSocketRefusal !== undefined) throw new GatewayError('websocket_not_offered', webSocketRefusal)
  }
}

function redactionPorts(exchange: OpenExchange, context: ProxyContext): RedactionPorts | undefined {
  const { inspector } = context.settings
  if (!inspector?.redaction.scopes.guards) return undefined
  return {
    inspector,
    get signal() {
      return exchange.abort.signal
    },
    warn: (message, fields) => context.log('WARN', message, { ...exchange.logFields, ...fields }),
    shownPath: () => exchange.shownPath(),
  }
}
