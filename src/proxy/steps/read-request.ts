import { GatewayError } from '../../errors.ts'
import { attendClient } from '../exchange/attend-client.ts'
import type { OpenExchange } from '../exchange/open-exchange.ts'
import type { ProxyContext } from '../proxy-context.ts'
import { IncomingRequest } from './incoming-request.ts'
import { takePolicies } from './take-policies.ts'

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
  const incoming = new IncomingRequest(exchange, readLength(exchange))
  // On a model route they depend on the target.
  if (!arrival.modelRoute) takePolicies(exchange, incoming, context)
  if (incoming.hasContent && WITHOUT_CONTENT.includes(method)) {
    throw new GatewayError('bad_request', `a ${method} request with content is not supported`)
  }
  if (arrival.upgrade) attendClient(exchange)
  else {
    // Listening for the client's leaving costs more than most exchanges last; a stream and a slow response need it.
    exchange.clock.lasting = () => attendClient(exchange)
  }
  context.deadlines.watch(exchange.clock)
  return incoming
}

/** The declared length of the content. @throws GatewayError when it is no number */
function readLength({ fields }: OpenExchange): number | undefined {
  const declared = fields['content-length']
  const length = Number(declared ?? 0)
  // The server joins repeated fields, even equal ones (`3, 3`). That is not a number, and the content would be lost.
  if (Number.isNaN(length)) throw new GatewayError('bad_request', 'a request has one Content-Length field')
  return declared === undefined ? undefined : length
}
