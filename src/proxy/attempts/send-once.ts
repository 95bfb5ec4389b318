import { awsSignature } from '../../credentials/aws-signature.ts'
import type { ChosenCredential } from '../../credentials/chosen-credential.ts'
import { GatewayError } from '../../errors.ts'
import { broken } from '../exchange/broken.ts'
import type { OpenExchange } from '../exchange/open-exchange.ts'
import type { RequestBody } from '../exchange/request-body.ts'
import type { ContentPolicy } from '../policies/content-policy.ts'
import type { ProxyContext } from '../proxy-context.ts'
import type { ReceivedResponse } from '../response/relay-http.ts'
import { resumed } from '../response/resumed.ts'
import { contentForTarget } from './content-for-target.ts'
import { sendHttp } from '../upstream/http.ts'
import { failureCode } from '../upstream/upstream-failure.ts'
import { upstreamRequest, type ContentHandling, type UpstreamRequest } from '../upstream/upstream-request.ts'
import { openWebSocket, type Handshake } from '../upstream/websocket.ts'

/** Request content is observed up to this size. The model's name is near its beginning. */
const OBSERVED_REQUEST_BYTES = 8 * 1024 * 1024

/** How the upstream responded: over HTTP, or to the handshake of a WebSocket. */
export type Sent = ReceivedResponse | Handshake

/** A request that is on its way: what it takes to send it, once or again. */
export interface Sending {
  readonly exchange: OpenExchange
  /** As the policies left it; `undefined` for none. */
  readonly body: RequestBody | undefined
  readonly policies: readonly ContentPolicy[]
  readonly context: ProxyContext
  /**
   * The exchange goes to another target now: its policies and limits judge the request anew.
   *
   * @returns the request as they left it
   * @throws GatewayError when one of them refuses it
   */
  readonly again: () => Promise<Pick<Sending, 'body' | 'policies'>>
}

/**
 * Sends the request to its target, once.
 *
 * @param held a credential of the gateway; `undefined` for the caller's own
 * @throws GatewayError when there is no response
 */
export async function sendOnce(
  { exchange, body: given, policies, context }: Sending,
  held: ChosenCredential | undefined,
): Promise<Sent> {
  const prepared = given && contentForTarget(given, exchange)
  const body = prepared?.body
  exchange.changedMembers = prepared?.changed ?? []
  const { addresses, upgrade } = exchange.arrival
  const { target, clock, abort } = exchange
  const { via, settings } = context
  const by = {
    clientAddress: addresses.connection,
    via,
    correlationId: settings.forwardCorrelationId ? exchange.correlationId : undefined,
  }
  const handling: ContentHandling = {
    changed: body?.kind === 'held' && body.bytes !== exchange.requestContent,
    response: responseHandling(policies),
  }
  const request = upstreamRequest(exchange, target, by, handling, upgrade, held)
  if (held?.signsFor) await sign(request, body, held)
  const content = body && contentOf(body, exchange, context)
  if (body?.kind === 'held') exchange.hashes?.whole('sent', body.bytes)
  exchange.beginAttempt(request.fields, body?.kind === 'held' ? body.bytes.length : -1, held)
  try {
    return upgrade
      ? await openWebSocket(request, clock, abort.signal)
      : { kind: 'http', response: await sendHttp(request, content, abort.signal) }
  } catch (error) {
    throw error instanceof GatewayError
      ? error
      : broken(exchange, error, failureCode(error), 'upstream request failed')
  }
}

/** Adds the signature of a request, whose content is held if it has any (`isSigned`). */
async function sign(
  { target: { url }, method, fields }: UpstreamRequest,
  body: RequestBody | undefined,
  { value, signsFor }: ChosenCredential,
): Promise<void> {
  const content = body?.kind === 'held' ? body.bytes : undefined
  const signed = { method, url, fields, content }
  Object.assign(fields, await awsSignature(value, signsFor!, signed, Date.now()))
}

function responseHandling(policies: readonly ContentPolicy[]): ContentHandling['response'] {
  let handling: ContentHandling['response'] = 'untouched'
  for (const { response } of policies) {
    if (response?.needs === 'all') return 'complete'
    if (response) handling = 'readable'
  }
  return handling
}

function contentOf(
  body: RequestBody,
  exchange: OpenExchange,
  context: ProxyContext,
): Uint8Array | AsyncIterable<Uint8Array> {
  switch (body.kind) {
    case 'held':
      exchange.clock.enter('first_byte')
      return body.bytes
    case 'streamed':
      exchange.clock.enter('request')
      exchange.clock.last()
      return observed(body.chunks, exchange, context)
    case 'replayable':
      exchange.clock.last()
      return observed(
        resumed(body.beginning, body.rest, () => exchange.letGo()),
        exchange,
        context,
      )
    default:
      return body satisfies never
  }
}

/** The request's content. Each chunk is passed on first and observed afterwards. */
async function* observed(
  chunks: AsyncIterable<Uint8Array>,
  exchange: OpenExchange,
  context: ProxyContext,
): AsyncGenerator<Uint8Array> {
  const { id, wire, requestFacts: facts, clock, maxBodyBytes } = exchange
  const tap = context.sink.observe({ id, side: 'request', wire, facts })
  for await (const chunk of chunks) {
    exchange.requestBytes += chunk.length
    if (maxBodyBytes > 0 && exchange.requestBytes > maxBodyBytes) {
      exchange.breakOff('request_body_too_large')
      return
    }
    yield chunk
    exchange.hashes?.chunk('request', chunk)
    clock.enter('request')
    if (exchange.wire.api !== '' && exchange.requestBytes <= OBSERVED_REQUEST_BYTES) tap.take(chunk, 0)
  }
  tap.end()
  clock.enter('first_byte')
}
