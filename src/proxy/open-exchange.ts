import { ANONYMOUS } from '../access/keyring.ts'
import { GatewayError, type GatewayErrorCode } from '../errors.ts'
import { correlationIdOf, CORRELATION_FIELD } from '../http/correlation-id.ts'
import type { RequestTarget } from '../http/request-target.ts'
import { refusal } from '../http/refusal.ts'
import { dialectOf, meteredRouteOf, modelOfTarget } from '../providers/registry.ts'
import type { Caller, ContentFacts, Exchange, Outcome, WireFacts } from '../traces/exchange.ts'
import { Clock } from './deadlines.ts'
import type { ProxyContext } from './proxy-context.ts'
import type { Target } from './upstream.ts'

/** Field that tells the client under which id its exchange will be stored. */
const TRACE_ID_FIELD = 'x-ongoingai-trace-id'

const NO_CONTENT: ContentFacts = { mediaType: '', codings: '' }

/**
 * An exchange under way: what is known of it so far, and its one end. However many things go wrong at once, `end`
 * publishes it exactly once.
 */
export class OpenExchange {
  readonly id = Bun.randomUUIDv7().replaceAll('-', '')
  readonly startedAt = performance.now()
  readonly startedAtUs = Date.now() * 1000
  readonly method: string
  readonly path: string
  readonly query: string
  readonly queryKey: string
  readonly fields: Readonly<Record<string, string>>
  readonly target: Target
  readonly wire: WireFacts
  readonly correlationId: string
  /** Fields of ours on every answer. */
  readonly ownFields: Readonly<Record<string, string>>
  readonly requestFacts: ContentFacts
  readonly abort = new AbortController()
  readonly clock: Clock
  caller: Caller = ANONYMOUS
  attempts = 0
  upstreamFirstByteUs = -1
  status = 0
  responseFields: Readonly<Record<string, string | readonly string[]>> = {}
  responseFacts = NO_CONTENT
  requestContent: Uint8Array | undefined
  responseContent: Uint8Array | undefined
  requestBytes = 0
  responseBytes = 0
  responseChunks = 0
  streaming = false
  /** Nothing is billed for such a request. */
  readonly free: boolean
  /** The request was changed so that the stream reports its usage. */
  injected = false
  /** Why the exchange was broken off from our side, if it was. */
  brokenBy: GatewayErrorCode | undefined
  readonly #context: ProxyContext
  #ended = false

  constructor(
    request: Request,
    { path, query }: RequestTarget,
    target: Target,
    upgrade: boolean,
    context: ProxyContext,
  ) {
    this.#context = context
    this.method = request.method
    this.path = path
    this.queryKey = query === '' ? '' : (/[?&]key=([^&]+)/.exec(query)?.[1] ?? '')
    this.fields = request.headers.toJSON()
    this.target = target
    const { api, free } = meteredRouteOf(request.method, target.path, upgrade)
    this.wire = { provider: target.upstream.name, api: api?.name ?? '' }
    this.free = free
    this.query = query
    this.correlationId = correlationIdOf(this.fields)
    this.ownFields = { [CORRELATION_FIELD]: this.correlationId, [TRACE_ID_FIELD]: this.id }
    this.requestFacts = contentFacts(this.fields)
    this.clock = new Clock(target.upstream.timeouts, target.upstream.origin, this.startedAt, (code) =>
      this.breakOff(code),
    )
    context.open.add(this)
  }

  /** Microseconds since the exchange began. */
  elapsedUs(): number {
    return (performance.now() - this.startedAt) * 1000
  }

  /** Breaks the exchange off from our side: the upstream is aborted, and what the client sees follows from that. */
  breakOff(code: GatewayErrorCode): void {
    this.brokenBy ??= code
    this.abort.abort()
  }

  /** Ends the exchange with an answer of ours, in the words of the route. */
  refuse(error: GatewayError, outcome: Outcome): Response {
    const response = refusal(error, dialectOf(this.target.path, this.target.upstream.dialect), this.ownFields)
    this.status = response.status
    this.responseFields = response.headers.toJSON()
    this.end(outcome, error.code)
    return response
  }

  /** Publishes the exchange. Only the first call counts. */
  end(outcome: Outcome, errorCode?: GatewayErrorCode): void {
    if (this.#ended) return
    this.#ended = true
    this.#context.open.delete(this)
    this.#context.deadlines.forget(this.clock)
    const completedUs = this.elapsedUs()
    if (this.status === 0) this.status = 499
    const exchange: Exchange = {
      id: this.id,
      correlationId: this.correlationId,
      startedAtUs: this.startedAtUs,
      completedUs,
      upstreamFirstByteUs: this.upstreamFirstByteUs,
      caller: this.caller,
      wire: this.wire,
      credentialField: this.target.upstream.credentialField,
      queryKey: this.queryKey,
      upstreamUrl: this.target.upstream.url,
      attempts: this.attempts,
      method: this.method,
      path: this.path,
      requestFields: this.fields,
      responseFields: this.responseFields,
      status: this.status,
      outcome,
      errorCode: errorCode ?? '',
      dialect: this.target.upstream.dialect,
      routeModel: this.wire.api === '' ? '' : modelOfTarget(this.path, this.query),
      injected: this.injected,
      free: this.free,
      requestBytes: this.requestBytes,
      responseBytes: this.responseBytes,
      responseChunks: this.responseChunks,
      streaming: this.streaming,
      request: this.requestFacts,
      response: this.responseFacts,
    }
    this.#context.sink.record(exchange, { request: this.requestContent, response: this.responseContent })
    this.#context.log('INFO', 'request complete', {
      correlation_id: this.correlationId,
      record_id: this.id,
      method: this.method,
      path: this.path,
      status: this.status,
      latency_ms: Math.round(completedUs / 1000),
      outcome,
      ...(errorCode === undefined ? {} : { error_code: errorCode }),
    })
  }
}

/** Media type and content codings of a message. @param fields lower-case names */
export function contentFacts(
  fields: Readonly<Record<string, string | readonly string[] | undefined>>,
): ContentFacts {
  const type = String(fields['content-type'] ?? '')
  const semicolon = type.indexOf(';')
  return {
    mediaType: (semicolon < 0 ? type : type.slice(0, semicolon)).trim().toLowerCase(),
    codings: String(fields['content-encoding'] ?? '').toLowerCase(),
  }
}
