import { GatewayError, type GatewayErrorCode } from '../errors.ts'
import { clientFields, upstreamFields } from '../http/fields.ts'
import { admissionNeedsContent, admit } from './admit.ts'
import type { Outcome } from '../traces/exchange.ts'
import type { OpenExchange, CloseAfter } from './open-exchange.ts'
import { guardOf, guardRequest, guardTarget, tooLarge } from './guard.ts'
import {
  changeContent,
  inspectContent,
  inspectTarget,
  inspectUnseen,
  MAX_INSPECTED_BYTES,
  mustInspect,
} from './inspect.ts'
import type { ProxyContext } from './proxy-context.ts'
import { broken } from './broken.ts'
import { requireStatus } from './invalid-response.ts'
import { failureCode } from './upstream-failure.ts'
import {
  beginResponse,
  declaresStream,
  forgetBytes,
  mustSeeResponse,
  passJudged,
  type BegunResponse,
} from './judged-response.ts'
import { resumed } from './resumed.ts'
import { ended, filtersOf, noteStream, refusalIn, requirePassing, written } from './stream-filters.ts'
import { Tap } from './tap.ts'
import { piecesOf, Turns } from './turns.ts'

/** Content of a known length up to this is passed in one piece, at half the cost; everything else streams. */
const BUFFERED_BYTES = 256 * 1024

/** Request content is looked at up to this size; the model's name stands at its beginning. */
const OBSERVED_REQUEST_BYTES = 8 * 1024 * 1024

/** Media types of answers that come bit by bit. */
const STREAMED_TYPES = ['text/event-stream', 'application/x-ndjson', 'application/vnd.amazon.eventstream']

/** Methods whose request the HTTP client cannot give content. */
const WITHOUT_CONTENT = ['GET', 'HEAD']

/**
 * Sends a request to its upstream and passes the answer on, byte for byte, as it comes.
 *
 * @throws GatewayError when there is no answer to pass on
 */
export async function forward(
  request: Request,
  exchange: OpenExchange,
  clientAddress: string,
  closeAfter: CloseAfter,
  context: ProxyContext,
): Promise<Response> {
  const { fields, clock, abort } = exchange
  const { settings } = context
  // Listening for the client's leaving costs more than most exchanges last; a stream and a slow answer need it.
  clock.lasting = () => attendClient(request, exchange, closeAfter)
  context.deadlines.watch(clock)

  const length = fields['content-length'] === undefined ? -1 : Number(fields['content-length'])
  const hasContent = length > 0 || fields['transfer-encoding'] !== undefined
  let body: Uint8Array | AsyncIterable<Uint8Array> | undefined
  const mustSee = hasContent && admissionNeedsContent(exchange)
  const guard = guardOf(exchange, context)
  exchange.guard = guard
  if (!mustSee) {
    // Counters in memory answer at once, and a wait for nothing is a wait.
    const admitted = admit(exchange, undefined, hasContent ? length : 0, context)
    if (admitted) await admitted
  }
  if (guard) guardTarget(exchange, guard, context)
  if (hasContent) {
    if (WITHOUT_CONTENT.includes(exchange.method)) {
      throw new GatewayError('bad_request', `a ${exchange.method} request with content is not supported`)
    }
    clock.enter('request')
    const guarded = guard !== undefined && guard.request !== 'pass'
    if (mustSee || guarded || mustInspect(exchange, settings.inspection)) {
      const small = length > 0 && length <= BUFFERED_BYTES
      body = small
        ? await readWhole(request, exchange, length)
        : await readInspected(request, exchange, length, context)
      if (body instanceof Uint8Array) inspected(exchange, body, context)
      if (mustSee) {
        const admitted = admit(exchange, exchange.requestContent, exchange.requestBytes || length, context)
        if (admitted) await admitted
      }
      if (body instanceof Uint8Array) {
        if (guarded) {
          body = await guardRequest(exchange, body, guard, context)
          exchange.mark('inspectedUs')
        }
        body = changeContent(exchange, body, settings.inspection)
        clock.enter('first_byte')
      }
    } else if (length > 0 && length <= BUFFERED_BYTES) {
      body = exchange.requestContent = await readWhole(request, exchange, length)
      exchange.requestBytes = body.length
      clock.enter('first_byte')
    } else {
      clock.last()
      body = observedRequest(request.body!, exchange, context)
    }
  } else inspectTarget(exchange, settings.inspection)

  const headers = upstreamFields(fields, exchange.target.upstream.fields, {
    clientAddress,
    via: context.via,
    correlationId: settings.forwardCorrelationId ? exchange.correlationId : undefined,
  })
  if (body instanceof Uint8Array && body !== exchange.requestContent) {
    // The length is another now, and what was decoded to be looked into goes as it is.
    delete headers['content-length']
    if (exchange.inspection.request?.decision === 'redacted') delete headers['content-encoding']
  }
  const seesResponse = mustSeeResponse(exchange)
  // The answer must be readable on its way, and all of it must come.
  if (exchange.injected || seesResponse) headers['accept-encoding'] = 'identity'
  if (seesResponse) for (const name of ['range', 'if-range']) delete headers[name]
  exchange.beginCall(headers)
  const response = await fetchUpstream(exchange, context, {
    method: exchange.method,
    headers,
    body: body as Bun.BodyInit | undefined,
    signal: abort.signal,
    redirect: 'manual',
    decompress: false,
    // How long a connection may be silent is the exchange's own matter; the HTTP client would end it after five minutes.
    timeout: false,
    ...exchange.target.upstream.connection.fetchOptions,
  })
  return passOn(response, exchange, context)
}

async function readWhole(request: Request, exchange: OpenExchange, length: number): Promise<Uint8Array> {
  exchange.hold(length)
  try {
    return new Uint8Array(await request.arrayBuffer())
  } catch (error) {
    throw broken(exchange, error, 'bad_request', 'failed to read request body')
  }
}

/**
 * Holds the content for a policy that must see it. More of it than can be held passes as it comes, unless a policy refuses
 * what it cannot see.
 */
async function readInspected(
  request: Request,
  exchange: OpenExchange,
  length: number,
  context: ProxyContext,
): Promise<Uint8Array | AsyncIterable<Uint8Array>> {
  const { inspection } = context.settings
  const { guard } = exchange
  const guarded = guard !== undefined && guard.request !== 'pass'
  const most = guarded ? Math.min(guard.maxBytes, MAX_INSPECTED_BYTES) : MAX_INSPECTED_BYTES
  const body = request.body![Symbol.asyncIterator]()
  const pieces: Uint8Array[] = []
  let size = 0
  let whole = false
  try {
    while (!whole && Math.max(size, length) <= most) {
      const { done, value } = await body.next()
      whole = done === true
      if (!value) continue
      exchange.hold(value.length)
      pieces.push(value)
      size += value.length
    }
  } catch (error) {
    if (error instanceof GatewayError) throw error
    throw broken(exchange, error, 'bad_request', 'failed to read request body')
  }
  if (whole) return Buffer.concat(pieces)
  if (guarded) throw tooLarge(exchange, guard, context)
  inspectUnseen(exchange, inspection)
  exchange.clock.last()
  return observedRequest(
    resumed(pieces, body, () => exchange.letGo()),
    exchange,
    context,
  )
}

/** Takes over content that is held, and shows it to the policies. */
function inspected(exchange: OpenExchange, content: Uint8Array, context: ProxyContext): void {
  const { maxBodyBytes } = exchange
  if (maxBodyBytes > 0 && content.length > maxBodyBytes) {
    throw new GatewayError('request_body_too_large', `request body exceeds ${maxBodyBytes} bytes`)
  }
  exchange.requestContent = content
  exchange.requestBytes = content.length
  inspectContent(exchange, content, context.settings.inspection)
}

async function fetchUpstream(
  exchange: OpenExchange,
  context: ProxyContext,
  init: BunFetchRequestInit,
): Promise<Response> {
  try {
    const response = await fetch(exchange.target.url, init)
    requireStatus(response.status, exchange.target.url)
    return response
  } catch (error) {
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
    throw failure
  }
}

/** Passes the upstream's answer on. From here on the client has a status, so failures can only break the stream. */
async function passOn(response: Response, exchange: OpenExchange, context: ProxyContext): Promise<Response> {
  const { clock } = exchange
  exchange.upstreamFirstByteUs = exchange.elapsedUs()
  exchange.takeHead(response.status, response.headers.toJSON())
  const head = {
    status: response.status,
    statusText: response.statusText,
    headers: clientFields(response.headers, exchange.ownFields),
  }
  clock.enter('body')

  if (response.body === null || exchange.method === 'HEAD') {
    exchange.status = response.status
    exchange.end('completed')
    return new Response(null, head)
  }
  const length = Number(response.headers.get('content-length') ?? -1)
  const eventStream = exchange.responseFacts.mediaType === 'text/event-stream'
  exchange.streaming =
    STREAMED_TYPES.includes(exchange.responseFacts.mediaType) || streamsArray(exchange, response.status)
  if (mustSeeResponse(exchange)) return passSeen(response.body, head, exchange, context)
  // Without a media type the server would put in one of its own, unless the content is streamed.
  if (length >= 0 && length <= BUFFERED_BYTES && !eventStream && exchange.responseFacts.mediaType !== '') {
    let content: ArrayBuffer
    try {
      content = await response.arrayBuffer()
    } catch (error) {
      throw broken(exchange, error, 'upstream_aborted', 'upstream request failed')
    }
    exchange.status = response.status
    exchange.responseContent = new Uint8Array(content)
    exchange.responseBytes = content.byteLength
    exchange.end('completed')
    return new Response(content, head)
  }
  const { body } = response
  return passObserved(() => ({ body, filters: filtersOf(exchange) }), head, exchange, context)
}

/** Passes an answer on that a policy, or placeholders to be put back, must see. */
async function passSeen(
  content: ReadableStream<Uint8Array>,
  head: ResponseHead,
  exchange: OpenExchange,
  context: ProxyContext,
): Promise<Response> {
  const begin = (): Promise<BegunResponse> => beginResponse(content, exchange, context)
  if (declaresStream(exchange, head.status, context)) {
    forgetBytes(head.headers)
    return passObserved(begin, head, exchange, context)
  }
  const answer = await begin()
  if (answer.whole) {
    const passed = await passJudged(answer, head, exchange, context)
    return passed instanceof Response
      ? passed
      : passObserved(() => ({ body: passed, filters: [] }), head, exchange, context)
  }
  if (answer.filters.length > 0) forgetBytes(head.headers)
  return passObserved(() => answer, head, exchange, context)
}

/** Passes an answer on as it comes. @param begin tells what it is, when its client begins to read */
function passObserved(
  begin: BeginObserved,
  head: ResponseHead,
  exchange: OpenExchange,
  context: ProxyContext,
): Response {
  exchange.status = head.status
  exchange.clock.last()
  // Its client left before the answer came, so nobody will ever read it.
  if (exchange.brokenBy === 'client_aborted') exchange.end('client_aborted')
  return new Response(observedResponse(begin, exchange, context), head)
}

type ResponseHead = { readonly status: number; readonly statusText: string; readonly headers: Headers }

type Observed = Pick<BegunResponse, 'body' | 'filters'>
type BeginObserved = () => Observed | Promise<Observed>

/** Gemini streams one JSON array when it is not asked for events. */
function streamsArray({ target, responseFacts }: OpenExchange, status: number): boolean {
  return (
    target.path.endsWith(':streamGenerateContent') &&
    responseFacts.mediaType === 'application/json' &&
    status < 400
  )
}

/** The request's content, observed after it was handed on. */
async function* observedRequest(
  body: AsyncIterable<Uint8Array>,
  exchange: OpenExchange,
  context: ProxyContext,
): AsyncGenerator<Uint8Array> {
  const { clock, maxBodyBytes } = exchange
  const tap = new Tap(exchange.id, 'request', exchange.wire, exchange.requestFacts, (piece) =>
    context.sink.observe(piece),
  )
  for await (const chunk of body) {
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

/** The answer's content, observed after it was handed on; its end is the exchange's end. */
async function* observedResponse(
  begin: BeginObserved,
  exchange: OpenExchange,
  context: ProxyContext,
): AsyncGenerator<Uint8Array> {
  const { clock, wire } = exchange
  const tap = new Tap(exchange.id, 'response', wire, exchange.responseFacts, (piece) =>
    context.sink.observe(piece),
  )
  let filters: Observed['filters'] = []
  const turns = new Turns()
  let onItsWay: Uint8Array | undefined
  let atUs = 0
  let outcome: Outcome = 'client_aborted'
  let code: GatewayErrorCode | undefined
  try {
    const answer = begin()
    const observed = answer instanceof Promise ? await answer : answer
    filters = observed.filters
    for await (const chunk of observed.body) {
      clock.phaseAt = performance.now()
      atUs = (clock.phaseAt - exchange.startedAt) * 1000
      onItsWay = chunk
      exchange.responseBytes += chunk.length
      exchange.responseChunks += 1
      exchange.outgrown()
      if (filters.length === 0) yield chunk
      else {
        for (const piece of piecesOf(chunk)) {
          const passed = written(filters, piece)
          if (passed.length > 0) yield passed
          const turn = turns.next()
          if (turn) await turn
        }
      }
      tap.take(chunk, atUs)
      onItsWay = undefined
      requirePassing(filters)
    }
    const rest = filters.length > 0 ? await ended(filters) : EMPTY
    if (rest.length > 0) yield rest
    requirePassing(filters)
    outcome = 'completed'
    noteStream(exchange, filters)
  } catch (error) {
    if (error instanceof GatewayError && /^(?:response_|pii_)/.test(error.code)) {
      // The client has the answer's head already: the refusal is an event, and the last one.
      noteStream(exchange, filters, error)
      outcome = 'refused'
      code = error.code
      yield refusalIn(exchange, error)
      return
    }
    if (exchange.brokenBy !== 'client_aborted') {
      outcome = 'upstream_failed'
      code = exchange.brokenBy ?? 'upstream_aborted'
    }
    throw error
  } finally {
    // The client left while a chunk was on its way to it: the chunk was received, so it is counted.
    if (onItsWay) tap.take(onItsWay, atUs)
    tap.flush()
    exchange.end(outcome, code)
    exchange.abort.abort()
  }
}

const EMPTY = new Uint8Array(0)

/** Keeps the connection open, however quiet it is, and breaks the exchange off when the client leaves. */
function attendClient(request: Request, exchange: OpenExchange, closeAfter: CloseAfter): void {
  exchange.keepOpen(closeAfter)
  if (request.signal.aborted) clientLeft(exchange)
  else request.signal.addEventListener('abort', () => clientLeft(exchange))
}

/** How long an exchange whose client left may take to notice. */
const NOTICE_MS = 1000

function clientLeft(exchange: OpenExchange): void {
  exchange.breakOff('client_aborted')
  // A stream that nobody began to read is never told that it was given up.
  setTimeout(() => exchange.end('client_aborted'), NOTICE_MS).unref()
}
