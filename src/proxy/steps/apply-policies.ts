import { brokenInPolicy } from '../exchange/broken.ts'
import type { OpenExchange } from '../exchange/open-exchange.ts'
import type { RequestBody } from '../exchange/request-body.ts'
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
  return policies.some(({ request }) => request) ? applyToContent(exchange, incoming) : incoming.pass()
}

async function applyToContent(exchange: OpenExchange, incoming: IncomingRequest): Promise<RequestBody> {
  const body = await incoming.hold()
  if (body.kind !== 'held') return body
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
