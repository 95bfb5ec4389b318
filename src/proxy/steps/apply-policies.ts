import { GatewayError } from '../../errors.ts'
import { brokenInPolicy } from '../exchange/broken.ts'
import type { OpenExchange } from '../exchange/open-exchange.ts'
import type { RequestBody } from '../exchange/request-body.ts'
import { isSigned } from '../upstream/attempt-credential.ts'
import type { IncomingRequest } from './incoming-request.ts'

/**
 * Shows the request to its policies, one after the other.
 *
 * @returns the content to send; `undefined` for none
 * @throws GatewayError when one of them refuses the request
 */
export async function applyPolicies(
  exchange: OpenExchange,
  incoming: IncomingRequest,
): Promise<RequestBody | undefined> {
  const { policies, hasContent } = incoming
  for (const policy of policies) policy.judgeTarget?.(hasContent)
  if (!hasContent) return undefined
  // A signature covers the content, and is sent before it.
  const signed = isSigned(exchange, exchange.target.upstream)
  if (!signed && !policies.some(({ request }) => request)) return incoming.pass()
  const body = await incoming.hold()
  if (body.kind !== 'held') {
    if (signed) throw new GatewayError('request_body_too_large', 'request body is too large to be signed')
    return body
  }
  let { bytes } = body
  try {
    for (const { request } of policies) {
      if (!request) continue
      bytes = await request.apply(bytes)
      if (request.needs === 'all') exchange.mark('inspectedUs')
    }
  } catch (error) {
    throw brokenInPolicy(exchange, error)
  }
  return { kind: 'held', bytes }
}
