import { clientFields } from '../../http/fields.ts'
import { broken } from '../exchange/broken.ts'
import { BUFFERED_BYTES } from '../exchange/buffered-bytes.ts'
import type { OpenExchange } from '../exchange/open-exchange.ts'
import type { ContentPolicy, ResponseHead } from '../policies/content-policy.ts'
import type { ProxyContext } from '../proxy-context.ts'
import { STREAM_FRAMINGS } from '../targets/stream-beginning.ts'
import { beginResponse, declaresStream, forgetBytes, judgeWhole } from './held-response.ts'
import { observedResponse, type BeginBody } from './observed-response.ts'
import { responsePolicies, type ResponsePolicies } from './response-policies.ts'

/** A response that begins, or one whose content was read already. */
export interface ReceivedResponse {
  readonly kind: 'http'
  readonly response: Response
  /** All of its content; `undefined` while it is still in the response. */
  readonly content?: ArrayBuffer | undefined
}

/** The head that the client gets. */
interface ClientHead {
  readonly status: number
  readonly statusText: string
  readonly headers: Headers
}

/**
 * Passes an upstream's response on, byte for byte, as it comes. Once the client has a status, failures can only break the stream.
 *
 * @returns a promise only when content must be waited for
 * @throws GatewayError when the response cannot be passed on
 */
export function relayHttp(
  { response, content }: ReceivedResponse,
  exchange: OpenExchange,
  policies: readonly ContentPolicy[],
  context: ProxyContext,
): Response | Promise<Response> {
  const fields = response.headers.toJSON()
  exchange.takeHead(response.status, fields)
  const client = {
    status: response.status,
    statusText: response.statusText,
    headers: clientFields(response.headers, fields, exchange.ownFields),
  }
  exchange.clock.enter('body')
  const body = content ? null : response.body
  if ((body === null && !content) || exchange.method === 'HEAD') {
    exchange.status = response.status
    exchange.end('completed')
    return new Response(null, client)
  }
  const { responseFacts: facts } = exchange
  exchange.streaming = STREAM_FRAMINGS.has(facts.mediaType) || streamsArray(exchange, response.status)
  const head = { status: response.status, fields, facts }
  const seeing = responsePolicies(policies)
  const rest = (): ReadableStream<Uint8Array> => body ?? new Response(content).body!
  if (seeing.seeAll) return passSeen(rest(), head, client, exchange, seeing, context)
  const length = Number(fields['content-length'] ?? -1)
  // Without a media type the server would add one, unless the content is streamed.
  if (
    length >= 0 &&
    length <= BUFFERED_BYTES &&
    facts.mediaType !== 'text/event-stream' &&
    facts.mediaType !== ''
  ) {
    return content ? passWhole(content, client, exchange) : readWhole(response, client, exchange)
  }
  const begin: BeginBody = () => ({ body: rest(), filters: seeing.filters(head, undefined) })
  return passStream(begin, client, exchange, seeing, context)
}

async function readWhole(response: Response, client: ClientHead, exchange: OpenExchange): Promise<Response> {
  let content: ArrayBuffer
  try {
    content = await response.arrayBuffer()
  } catch (error) {
    throw broken(exchange, error, 'upstream_aborted', 'upstream request failed')
  }
  return passWhole(content, client, exchange)
}

function passWhole(content: ArrayBuffer, client: ClientHead, exchange: OpenExchange): Response {
  exchange.status = client.status
  exchange.responseContent = new Uint8Array(content)
  exchange.responseBytes = content.byteLength
  exchange.end('completed')
  return new Response(content, client)
}

/** Passes a response on that a policy, or placeholders to be put back, must see. */
async function passSeen(
  content: ReadableStream<Uint8Array>,
  head: ResponseHead,
  client: ClientHead,
  exchange: OpenExchange,
  policies: ResponsePolicies,
  context: ProxyContext,
): Promise<Response> {
  const { headers } = client
  if (declaresStream(head, exchange, policies)) {
    forgetBytes(headers)
    return passStream(
      () => beginResponse(content, head, exchange, policies),
      client,
      exchange,
      policies,
      context,
    )
  }
  const begun = await beginResponse(content, head, exchange, policies)
  if (!begun.whole) {
    if (begun.filters.length > 0) forgetBytes(headers)
    return passStream(() => begun, client, exchange, policies, context)
  }
  const judged = await judgeWhole(begun, head, exchange, policies)
  if (!('changed' in judged)) {
    return passStream(() => ({ body: judged, filters: [] }), client, exchange, policies, context)
  }
  if (judged.changed) forgetBytes(headers)
  headers.delete('content-length')
  exchange.status = head.status
  exchange.hashes?.whole('relayed', judged.content)
  exchange.end('completed')
  return new Response(judged.content as Uint8Array<ArrayBuffer>, client)
}

/** Passes a response on as it comes. @param begin shows what it is, when its client begins to read */
function passStream(
  begin: BeginBody,
  client: ClientHead,
  exchange: OpenExchange,
  policies: ResponsePolicies,
  context: ProxyContext,
): Response {
  exchange.status = client.status
  exchange.clock.last()
  // Its client left before the response came, so it will never be read.
  if (exchange.brokenBy === 'client_aborted') exchange.end('client_aborted')
  return new Response(observedResponse(begin, exchange, policies, context), client)
}

/** Gemini streams one JSON array unless the request wants events. */
function streamsArray({ target, responseFacts }: OpenExchange, status: number): boolean {
  return (
    target.path.endsWith(':streamGenerateContent') &&
    responseFacts.mediaType === 'application/json' &&
    status < 400
  )
}
