import { GatewayError } from '../../errors.ts'
import { attendClient } from '../exchange/attend-client.ts'
import type { OpenExchange } from '../exchange/open-exchange.ts'
import { choosePolicies } from '../policies/choose-policies.ts'
import type { RedactionPorts } from '../policies/redaction-run.ts'
import type { ProxyContext } from '../proxy-context.ts'
import { IncomingRequest, requestTooLarge } from './incoming-request.ts'

/** TRACE shows credentials that were added on the way, CONNECT opens a tunnel. */
const NEVER_FORWARDED = ['TRACE', 'CONNECT']

/** Methods whose request the HTTP client cannot give content. */
const WITHOUT_CONTENT = ['GET', 'HEAD']

/**
 * Reads the head of a request: what can be forwarded at all, how large it is, and which policies must see it. From here on its waits
 * are watched.
 *
 * @throws GatewayError for a request that is not forwarded, whatever its caller
 */
export function readRequest(exchange: OpenExchange, context: ProxyContext): IncomingRequest {
  const { method, fields, arrival } = exchange
  const { fault } = arrival.requestTarget
  if (NEVER_FORWARDED.includes(method)) {
    throw new GatewayError('method_not_allowed', `${method} is not forwarded`)
  }
  // No rule can judge a path that others read as another one.
  if (fault !== '') throw new GatewayError('bad_request', fault)
  if (context.draining) throw new GatewayError('shutting_down', 'gateway is shutting down')
  if (fields['via']?.includes(context.via)) {
    throw new GatewayError('loop_detected', 'request has already passed this gateway')
  }
  const length = readLength(exchange)
  const policies = choosePolicies(exchange, context.settings.inspection, redactionPorts(exchange, context))
  const incoming = new IncomingRequest(exchange, policies, length)
  if (incoming.hasContent && WITHOUT_CONTENT.includes(method)) {
    throw new GatewayError('bad_request', `a ${method} request with content is not supported`)
  }
  exchange.policies = policies
  if (arrival.upgrade) {
    for (const { webSocketRefusal } of policies) {
      if (webSocketRefusal !== undefined) throw new GatewayError('websocket_not_offered', webSocketRefusal)
    }
    attendClient(exchange)
  } else {
    // Listening for the client's leaving costs more than most exchanges last; a stream and a slow response need it.
    exchange.clock.lasting = () => attendClient(exchange)
  }
  context.deadlines.watch(exchange.clock)
  return incoming
}

/** The declared length of the content. @throws GatewayError when it is no number, or larger than it may be */
function readLength(exchange: OpenExchange): number | undefined {
  const declared = exchange.fields['content-length']
  const length = Number(declared ?? 0)
  // The server joins repeated fields, even equal ones (`3, 3`). That is not a number, and the content would be lost.
  if (Number.isNaN(length)) throw new GatewayError('bad_request', 'a request has one Content-Length field')
  const most = exchange.limits.maxRequestBytes(exchange.target.upstream.name)
  if (most > 0) exchange.maxBodyBytes = Math.min(most, exchange.maxBodyBytes || most)
  const { maxBodyBytes } = exchange
  if (maxBodyBytes > 0 && length > maxBodyBytes) throw requestTooLarge(maxBodyBytes)
  return declared === undefined ? undefined : length
}

function redactionPorts(exchange: OpenExchange, context: ProxyContext): RedactionPorts | undefined {
  const { inspector } = context.settings
  if (!inspector?.redaction.scopes.guards) return undefined
  return {
    inspector,
    signal: exchange.abort.signal,
    warn: (message, fields) => context.log('WARN', message, { ...exchange.logFields, ...fields }),
    shownPath: () => exchange.shownPath(),
  }
}
