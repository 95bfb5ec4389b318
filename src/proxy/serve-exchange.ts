import { requirePermission, requireProviderCredential } from '../access/authorize.ts'
import { GatewayError, type GatewayErrorCode } from '../errors.ts'
import type { ClientAddresses } from '../http/client-address.ts'
import type { RequestTarget } from '../http/request-target.ts'
import type { Outcome } from '../traces/exchange.ts'
import { forward } from './forward.ts'
import { OpenExchange, type CloseAfter } from './open-exchange.ts'
import type { ProxyContext } from './proxy-context.ts'
import type { Target } from './upstream.ts'

/** One shows credentials that were put in on the way, the other asks for a tunnel. */
const NEVER_FORWARDED = ['TRACE', 'CONNECT']

/**
 * A request's way, from arrival to record. Six steps in plain calls, each of which needs what an earlier one found:
 *
 * 1. target — which upstream the router found for the path (done by the caller: it is what makes this an exchange)
 * 2. authenticate — a page's origin and the host that it names; gateway key → caller
 * 3. authorize — the route's permission, a provider credential
 * 4. admit — not stopping, not a loop, not too large; the caller's rules and limits (`admit.ts`), as soon as they can be held
 * 5. inspect — only when a policy must see the content (`inspect.ts`); else it passes untouched
 * 6. forward — upstream ⇄ client, observed as it passes
 *
 * Every way out ends in `OpenExchange.end`, which records the exchange: answered, refused, failed or abandoned.
 */
export async function serveExchange(
  request: Request,
  requestTarget: RequestTarget,
  target: Target,
  addresses: ClientAddresses,
  closeAfter: CloseAfter,
  context: ProxyContext,
): Promise<Response> {
  const exchange = new OpenExchange(request, requestTarget, target, addresses.client, false, context)
  try {
    admitCaller(exchange, requestTarget, addresses, context)
    return await forward(request, exchange, addresses.connection, closeAfter, context)
  } catch (error) {
    return failExchange(exchange, error, context)
  }
}

/** Steps 2 to 4, shared by HTTP and WebSocket exchanges. @throws GatewayError when the exchange is refused */
export function admitCaller(
  exchange: OpenExchange,
  { readings, fault }: RequestTarget,
  addresses: ClientAddresses,
  context: ProxyContext,
): void {
  const { keyring, gatewayKeyField, browsers } = context.settings
  const { upstream } = exchange.target
  browsers.requireHost(keyring !== undefined, addresses)
  const origin = browsers.requireOrigin(
    keyring ? 'provider with key' : 'provider',
    exchange.fields,
    addresses,
  )
  if (origin !== undefined) exchange.letRead(origin)
  if (keyring) {
    const identity = keyring.authenticate(exchange.fields, gatewayKeyField, exchange.startedAtUs / 1000)
    exchange.identify(identity)
    requirePermission(identity, 'proxy:write')
    // Of a path that others read as another one, no rule can say anything.
    if (fault === '')
      identity.compiledRules.requireTarget(upstream.name, readings.plain, exchange.clientAddress)
    if (!upstream.bringsCredential)
      requireProviderCredential(exchange.fields, upstream.credentialField, exchange.queryKey)
    exchange.mark('authenticatedUs')
    if (identity.stored) context.keyUsed(identity)
  }
  if (NEVER_FORWARDED.includes(exchange.method)) {
    throw new GatewayError('method_not_allowed', `${exchange.method} is not forwarded`)
  }
  if (fault !== '') throw new GatewayError('bad_request', fault)
  if (context.draining) throw new GatewayError('shutting_down', 'gateway is shutting down')
  if (exchange.fields['via']?.includes(context.via)) {
    throw new GatewayError('loop_detected', 'request has already passed this gateway')
  }
  const length = Number(exchange.fields['content-length'] ?? 0)
  // The server joins repeated fields, even equal ones (`3, 3`). That is no number, and the content would be left out.
  if (Number.isNaN(length)) throw new GatewayError('bad_request', 'a request has one Content-Length field')
  const most = exchange.limits.maxRequestBytes(upstream.name)
  if (most > 0) exchange.maxBodyBytes = Math.min(most, exchange.maxBodyBytes || most)
  const { maxBodyBytes } = exchange
  if (maxBodyBytes > 0 && length > maxBodyBytes) {
    throw new GatewayError('request_body_too_large', `request body exceeds ${maxBodyBytes} bytes`)
  }
}

/** Answers for an exchange that did not get as far as the upstream's answer. */
export function failExchange(exchange: OpenExchange, error: unknown, context: ProxyContext): Response {
  if (error instanceof GatewayError) {
    return exchange.refuse(error, outcomeOf(error.code))
  }
  context.log('ERROR', 'internal error', {
    ...exchange.logFields,
    path: exchange.shownPath(),
    error: error instanceof Error ? (error.stack ?? error.message) : String(error),
  })
  return exchange.refuse(new GatewayError('internal_error', 'internal server error'), 'upstream_failed')
}

/** How an exchange ended that was answered by the gateway itself. */
function outcomeOf(code: GatewayErrorCode): Outcome {
  if (code === 'client_aborted') return 'client_aborted'
  return code.startsWith('upstream_') ? 'upstream_failed' : 'refused'
}
