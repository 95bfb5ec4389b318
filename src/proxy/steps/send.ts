import type { ChosenCredential } from '../../credentials/chosen-credential.ts'
import type { CredentialPool } from '../../credentials/credential-pool.ts'
import { GatewayError } from '../../errors.ts'
import { broken } from '../exchange/broken.ts'
import type { OpenExchange } from '../exchange/open-exchange.ts'
import type { RequestBody } from '../exchange/request-body.ts'
import type { ContentPolicy } from '../policies/content-policy.ts'
import type { ProxyContext } from '../proxy-context.ts'
import { resumed } from '../response/resumed.ts'
import { Tap } from '../response/tap.ts'
import { chooseCredential, outcomeOfStatus, retryAfterMs } from '../upstream/attempt-credential.ts'
import { sendHttp } from '../upstream/http.ts'
import { failureCode } from '../upstream/upstream-failure.ts'
import { upstreamRequest, type ContentHandling } from '../upstream/upstream-request.ts'
import { openWebSocket, type Handshake } from '../upstream/websocket.ts'
import { contentForTarget } from './content-for-target.ts'

/** Request content is observed up to this size. The model's name is near its beginning. */
const OBSERVED_REQUEST_BYTES = 8 * 1024 * 1024

/** Statuses by which a provider refuses a credential, or what it may do. */
const REFUSALS: ReadonlySet<number> = new Set([401, 403])

/** How the upstream responded: over HTTP, or to the handshake of a WebSocket. */
export type Sent = { readonly kind: 'http'; readonly response: Response } | Handshake

/**
 * Sends the request to its target.
 *
 * @throws GatewayError when there is no response to pass on
 */
export async function send(
  exchange: OpenExchange,
  given: RequestBody | undefined,
  policies: readonly ContentPolicy[],
  context: ProxyContext,
): Promise<Sent> {
  const body = given && contentForTarget(given, exchange)
  const attempt = { exchange, body, policies, context }
  const { credentials } = exchange.target.upstream
  const held = chooseCredential(
    exchange,
    exchange.target.upstream,
    Date.now(),
    undefined,
    exchange.chosen?.name,
  )
  const sent = await sendOnce(attempt, held)
  if (!held || !credentials) return sent
  // A caller could take a credential out for everybody with a call that no key of its kind may make.
  if (exchange.wire.api === '' && REFUSALS.has(statusOf(sent))) return sent
  report(attempt, credentials, held, sent)
  // Content that streams has been passed on already.
  if (statusOf(sent) !== 401 || (body && body.kind !== 'held')) return sent
  const renewed = await credentials.renewed(held, Date.now())
  if (!renewed) return sent
  exchange.replaceAttempt(401)
  discard(sent)
  const again = await sendOnce(attempt, renewed)
  report(attempt, credentials, renewed, again)
  return again
}

/** One request with its content, as it is sent. */
interface Attempt {
  readonly exchange: OpenExchange
  readonly body: RequestBody | undefined
  readonly policies: readonly ContentPolicy[]
  readonly context: ProxyContext
}

/** @param held a credential of the gateway; `undefined` for the caller's own */
async function sendOnce(
  { exchange, body, policies, context }: Attempt,
  held: ChosenCredential | undefined,
): Promise<Sent> {
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
  const content = body && contentOf(body, exchange, context)
  exchange.beginAttempt(request.fields, held?.name)
  try {
    return upgrade
      ? await openWebSocket(request, clock, abort.signal)
      : { kind: 'http', response: await sendHttp(request, content, abort.signal) }
  } catch (error) {
    throw failed(exchange, error, context)
  }
}

/** Tells the pool how the provider took a credential. */
function report(
  { exchange, context }: Attempt,
  credentials: CredentialPool,
  held: ChosenCredential,
  sent: Sent,
): void {
  const status = statusOf(sent)
  const outcome = outcomeOfStatus(status)
  if (outcome === undefined) return
  const nowMs = Date.now()
  const untilMs = status === 429 ? retryAfterMs(fieldOf(sent, 'retry-after'), nowMs) : undefined
  const target = exchange.chosen?.name ?? ''
  credentials.report(held, outcome, nowMs, { target, ...(untilMs === undefined ? {} : { untilMs }) })
  if (outcome === 'ok' || outcome === 'rate') return
  context.log('WARN', 'provider refused a credential of the gateway', {
    ...exchange.logFields,
    provider: exchange.target.upstream.name,
    credential: held.name,
    status,
  })
}

function statusOf(sent: Sent): number {
  return sent.kind === 'http' ? sent.response.status : (sent.response.statusCode ?? 0)
}

function fieldOf(sent: Sent, name: string): string | null | undefined {
  return sent.kind === 'http' ? sent.response.headers.get(name) : sent.response.headers[name]?.toString()
}

/** A response that nobody gets. */
function discard(sent: Sent): void {
  if (sent.kind === 'http') void sent.response.body?.cancel()
  else sent.response.destroy()
}

function responseHandling(policies: readonly ContentPolicy[]): ContentHandling['response'] {
  let handling: ContentHandling['response'] = 'untouched'
  for (const { response } of policies) {
    if (response?.needs === 'all') return 'complete'
    if (response) handling = 'readable'
  }
  return handling
}

/** The failure, after it was logged. */
function failed(exchange: OpenExchange, error: unknown, context: ProxyContext): GatewayError {
  const failure =
    error instanceof GatewayError
      ? error
      : broken(exchange, error, failureCode(error), 'upstream request failed')
  if (exchange.brokenBy !== 'client_aborted') {
    context.log('ERROR', 'proxy request failed', {
      ...exchange.logFields,
      provider_prefix: exchange.target.upstream.prefix,
      path: exchange.shownPath(exchange.target.path),
      error_code: failure.code,
      error: error instanceof Error ? error.message : String(error),
    })
  }
  return failure
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
  const { clock, maxBodyBytes } = exchange
  const tap = new Tap(exchange.id, 'request', exchange.wire, exchange.requestFacts, (piece) =>
    context.sink.observe(piece),
  )
  for await (const chunk of chunks) {
    exchange.requestBytes += chunk.length
    if (maxBodyBytes > 0 && exchange.requestBytes > maxBodyBytes) {
      exchange.breakOff('request_body_too_large')
      return
    }
    yield chunk
    clock.enter('request')
    if (exchange.wire.api !== '' && exchange.requestBytes <= OBSERVED_REQUEST_BYTES) tap.take(chunk, 0)
  }
  tap.flush()
  clock.enter('first_byte')
}
