import { isDenial, isUnrecognised } from '../../audit/audit-trail.ts'
import { GatewayError, type GatewayErrorCode } from '../../errors.ts'
import { refusal } from '../../http/refusal.ts'
import { LimitRefusal } from '../../limits/admission/limit-refusal.ts'
import type { Outcome } from '../../traces/exchange.ts'
import type { OpenExchange } from '../exchange/open-exchange.ts'
import type { ProxyContext } from '../proxy-context.ts'

/** Ends an exchange without a response of its upstream: responds itself, in the dialect of its route. */
export function refuse(exchange: OpenExchange, error: unknown, context: ProxyContext): Response {
  const known = error instanceof GatewayError ? error : unforeseen(exchange, error, context)
  const response = refusal(known, exchange.dialect, exchange.ownFields)
  exchange.status = response.status
  exchange.responseFields = response.headers.toJSON()
  if (isDenial(known.code) && !deny(exchange, known, context) && isUnrecognised(known.code)) {
    exchange.unrecorded = true
  }
  exchange.end(outcomeOf(known.code), known.code)
  return response
}

/** An unexpected error is our bug: it is logged in full, and the client gets no details. */
function unforeseen(exchange: OpenExchange, error: unknown, context: ProxyContext): GatewayError {
  context.log('ERROR', 'internal error', {
    ...exchange.logFields,
    path: exchange.shownPath(),
    error: error instanceof Error ? (error.stack ?? error.message) : String(error),
  })
  return new GatewayError('internal_error', 'internal server error')
}

/** @returns whether it has an audit event of its own */
function deny(exchange: OpenExchange, error: GatewayError, { audit }: ProxyContext): boolean {
  return audit.denied({
    code: error.code,
    status: error.status,
    correlationId: exchange.correlationId,
    path: exchange.shownPath(),
    clientAddress: exchange.clientAddress,
    caller: exchange.caller,
    resource: 'proxy',
    resourceAction: 'forward',
    provider: exchange.wire.provider,
    requiredPermission: 'proxy:write',
    limitCode: error instanceof LimitRefusal ? error.contractCode || error.standing.name : '',
    span: exchange.spanFields,
  })
}

function outcomeOf(code: GatewayErrorCode): Outcome {
  if (code === 'client_aborted') return 'client_aborted'
  return code.startsWith('upstream_') || code === 'internal_error' ? 'upstream_failed' : 'refused'
}
