import { GatewayError } from '../../errors.ts'
import { brokenInPolicy } from '../exchange/broken.ts'
import type { OpenExchange } from '../exchange/open-exchange.ts'
import type { RequestBody } from '../exchange/request-body.ts'
import { isSigned } from '../upstream/attempt-credential.ts'
import type { IncomingRequest } from './incoming-request.ts'

/**
 * Shows the request to its policies, one after the other.
 *
 * @returns the content to send; `undefined` for none. A promise only when it must be waited for
 * @throws GatewayError when one of them refuses the request
 */
export function applyPolicies(
  exchange: OpenExchange,
  incoming: IncomingRequest,
): RequestBody | undefined | Promise<RequestBody> {
  const { policies, hasContent } = incoming
  for (const policy of policies) policy.judgeTarget?.(hasContent)
  if (!hasContent) return undefined
  // A signature covers the content, and is sent before it.
  const signed = isSigned(exchange, exchange.target.upstream)
  return signed || policies.some(({ request }) => request)
    ? applyToContent(exchange, incoming, signed)
    : incoming.pass()
}

/** @param signed the content must be held, because its signature is sent before it */
async function applyToContent(
  exchange: OpenExchange,
  incoming: IncomingRequest,
  signed: boolean,
): Promise<RequestBody> {
  const body = await incoming.hold()
  if (body.kind !== 'held') {
    if (signed) throw new GatewayError('request_body_too_large', 'request body is too large to be signed')
    return body
  }
  let { bytes } = body
  try {
    for (const { request } of incoming.policies) {
      if (!request) continue
      bytes = await request.apply(bytes)
      if (request.needs === 'all') exchange.mark('inspectedUs')
    }
  } catch (error) {
    throw brokenInPolicy(exchange, error)
  }
  return { kind: 'held', bytes }
}
