import { GatewayError } from '../../errors.ts'
import type { OpenExchange } from '../exchange/open-exchange.ts'
import type { RequestBody } from '../exchange/request-body.ts'
import type { ProxyContext } from '../proxy-context.ts'
import { mayTryAgain, sendAttempts } from '../attempts/send-attempts.ts'
import { sendOnce, type Sending, type Sent } from '../attempts/send-once.ts'
import { admitAgain } from './admit.ts'
import { applyPolicies } from './apply-policies.ts'
import type { IncomingRequest } from './incoming-request.ts'
import { takePolicies } from './take-policies.ts'

/**
 * Sends the request to its target; if that fails and the request has others, to them.
 *
 * @throws GatewayError when there is no response to pass on
 */
export async function send(
  exchange: OpenExchange,
  body: RequestBody | undefined,
  incoming: IncomingRequest,
  context: ProxyContext,
): Promise<Sent> {
  const again: Sending['again'] = async () => {
    exchange.clock.enter('request')
    takePolicies(exchange, incoming, context)
    await admitAgain(exchange, incoming, context)
    const left = await applyPolicies(exchange, incoming)
    return { body: left, policies: incoming.policies }
  }
  const sending: Sending = { exchange, body, policies: incoming.policies, context, again }
  try {
    return await (mayTryAgain(exchange) ? sendAttempts(sending) : sendOnce(sending, undefined))
  } catch (error) {
    if (error instanceof GatewayError) logFailure(exchange, error, context)
    throw error
  } finally {
    if (context.settings.routing.expose) exposeTarget(exchange)
  }
}

/** Adds the number of attempts, and the target of the last one, to what the client gets. */
function exposeTarget(exchange: OpenExchange): void {
  const { attempts, ownFields } = exchange
  const { target, provider } = attempts.at(-1)?.about ?? { provider: '' }
  exchange.ownFields = {
    ...ownFields,
    'x-ongoingai-attempts': String(attempts.length),
    // Names of models may hold what fields may not.
    'x-ongoingai-target': (target ?? provider).replaceAll(/[^\x21-\x7e]/g, '?'),
  }
}

function logFailure(
  exchange: OpenExchange,
  { code, message, cause }: GatewayError,
  context: ProxyContext,
): void {
  if (exchange.brokenBy === 'client_aborted') return
  context.log('ERROR', 'proxy request failed', {
    ...exchange.logFields,
    provider_prefix: exchange.target.upstream.prefix,
    path: exchange.shownPath(exchange.target.path),
    error_code: code,
    error: cause instanceof Error ? cause.message : message,
  })
}
