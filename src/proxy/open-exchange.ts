import { ANONYMOUS, UNRECOGNISED, type Identity } from '../access/keyring.ts'
import type { AuditAction } from '../audit/audit-event.ts'
import { isDenial, isUnrecognised, type SpanFields } from '../audit/audit-trail.ts'
import { GatewayError, type GatewayErrorCode } from '../errors.ts'
import { corsFields } from '../http/cors-fields.ts'
import { correlationIdOf, CORRELATION_FIELD } from '../http/correlation-id.ts'
import type { PathReadings } from '../wire/url/path-readings.ts'
import type { RequestTarget } from '../http/request-target.ts'
import { refusal } from '../http/refusal.ts'
import type { Ticket } from '../limits/ticket.ts'
import { LimitRefusal } from '../limits/admission/limit-refusal.ts'
import type { CallerLimits } from '../limits/policies/caller-limits.ts'
import { isFree, type Operation } from '../providers/operation.ts'
import { dialectOf, operationOf } from '../providers/registry.ts'
import { modelOfTarget } from '../providers/target-models.ts'
import { randomHex, injectTraceParent } from '../wire/trace-context.ts'
import { queryCredential } from '../traces/provider-credential.ts'
import type {
  Caller,
  ContentFacts,
  Exchange,
  ExchangeSpan,
  InspectionRecord,
  Outcome,
  SideInspection,
  WireFacts,
} from '../traces/exchange.ts'
import type { Guard } from './guard.ts'
import { Clock } from './deadlines.ts'
import type { ProxyContext } from './proxy-context.ts'
import type { RequestFacts } from './request-facts.ts'
import type { Target } from './upstream.ts'

/** Tells the listener after how many silent seconds to close the client's connection; 0 for never. */
export type CloseAfter = (seconds: number) => void

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
  /** The path as it is judged. */
  readonly readings: PathReadings
  readonly query: string
  readonly queryKey: string
  readonly fields: Readonly<Record<string, string>>
  readonly target: Target
  readonly wire: WireFacts
  /** Which row of the table of operations it asks for. */
  readonly operation: Operation
  /** What it asks for, once that was read. */
  asked: RequestFacts | undefined
  readonly correlationId: string
  /** Fields of ours on every answer. */
  ownFields: Readonly<Record<string, string>>
  readonly requestFacts: ContentFacts
  readonly abort = new AbortController()
  readonly clock: Clock
  /** Address of the client, without port; empty when unknown. */
  readonly clientAddress: string
  caller: Caller
  /** `undefined` while gateway keys are off, and before the caller has been recognised. */
  identity: Identity | undefined
  limits: CallerLimits
  /** What it was let pass with. */
  ticket: Ticket | undefined
  /** How long it waited for room in a budget. */
  limitWaitUs = 0
  /** Largest content it may have; 0 for no limit. */
  maxBodyBytes: number
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
  /** A subscription is to pay for the request, as far as can be told before its answer. */
  readonly subscription: boolean
  /** The request was changed so that the stream reports its usage. */
  injected = false
  /** The policy that looks at its content on its way, if one does. */
  guard: Guard | undefined
  /** What that policy has decided. */
  readonly inspection: InspectionRecord = {}
  /** What placeholders in the request stand for, so that they can be put back in the answer. */
  restore: ReadonlyMap<string, string> | undefined
  /** Where it stands in a trace; absent while telemetry is off. */
  readonly span: Mutable<ExchangeSpan> | undefined
  /** Why the exchange was broken off from our side, if it was. */
  brokenBy: GatewayErrorCode | undefined
  readonly #context: ProxyContext
  #closeAfter: CloseAfter | undefined
  #heldBytes = 0
  #ended = false
  /** An unauthenticated request beyond the flood threshold: counted, not recorded. */
  #ofMany = false

  constructor(
    request: Request,
    { path, query, readings }: RequestTarget,
    target: Target,
    clientAddress: string,
    upgrade: boolean,
    context: ProxyContext,
  ) {
    this.#context = context
    this.clientAddress = clientAddress
    this.caller = context.settings.keyring ? UNRECOGNISED : ANONYMOUS
    this.limits = context.settings.limitsOf(undefined)
    this.maxBodyBytes = context.settings.maxBodyBytes
    this.method = request.method
    this.path = path
    this.readings = readings
    this.queryKey = queryCredential(query)
    this.fields = request.headers.toJSON()
    this.target = target
    this.subscription = target.upstream.subscriptions.pays(
      this.fields,
      this.queryKey,
      this.startedAtUs / 1000,
    )
    this.operation = operationOf(request.method, target.readings, upgrade)
    this.wire = { provider: target.upstream.name, api: this.operation.api?.name ?? '' }
    this.free = isFree(this.operation)
    this.query = query
    this.correlationId = correlationIdOf(this.fields)
    this.ownFields = { [CORRELATION_FIELD]: this.correlationId, [TRACE_ID_FIELD]: this.id }
    this.requestFacts = contentFacts(this.fields)
    this.clock = new Clock(target.upstream.timeouts, target.upstream.connection, this.startedAt, (code) =>
      this.breakOff(code),
    )
    this.span = context.traces && {
      context: context.traces.begin(this.fields),
      authenticatedUs: 0,
      admittedUs: 0,
      inspectedUs: 0,
      sentUs: 0,
      clientSpanId: '',
    }
    context.open.add(this)
  }

  /** Pages of an origin may read the answer. */
  letRead(origin: string): void {
    this.ownFields = { ...this.ownFields, ...corsFields(origin) }
  }

  /** Takes over who the caller is. */
  identify(identity: Identity): void {
    this.identity = identity
    this.caller = identity.caller
    this.limits = this.#context.settings.limitsOf(identity)
  }

  /** Keeps the client's connection until the end, however quiet it is: the exchange has time-outs of its own. */
  keepOpen(closeAfter: CloseAfter): void {
    if (this.#ended) return
    this.#closeAfter = closeAfter
    closeAfter(0)
  }

  /** The upstream's answer has begun. */
  takeHead(status: number, fields: Readonly<Record<string, string | readonly string[]>>): void {
    this.responseFields = fields
    this.responseFacts = contentFacts(fields)
    this.target.upstream.subscriptions.answered(this.fields, this.queryKey, { status, fields }, Date.now())
  }

  /** Counts request content that is held from now until the end. @throws GatewayError `held_bytes_exceeded` */
  hold(bytes: number): void {
    const { held, settings } = this.#context
    if (this.#ended) return
    if (!held.take(bytes, settings.maxHeldBytes)) throw heldTooMuch()
    this.#heldBytes += bytes
  }

  /** Request content that was held has been passed on. */
  letGo(): void {
    this.#context.held.give(this.#heldBytes)
    this.#heldBytes = 0
  }

  /** Reserves more where the answer has outgrown what was expected of it. */
  outgrown(): void {
    const { ticket } = this
    if (ticket && this.responseBytes > ticket.growAt) ticket.grow(this.responseBytes)
  }

  /** Whether it has ended. */
  get ended(): boolean {
    return this.#ended
  }

  /** What log lines of the exchange say of it. */
  get logFields(): Record<string, unknown> {
    return { correlation_id: this.correlationId, ...this.#spanFields }
  }

  /** Its span, as logs and the audit trail name it; empty when the span is not exported. */
  get #spanFields(): SpanFields {
    if (!this.span?.context.sampled) return {}
    return { trace_id: this.span.context.traceId, span_id: this.span.context.spanId }
  }

  /** A part of the exchange has ended. */
  mark(part: 'authenticatedUs' | 'admittedUs' | 'inspectedUs'): void {
    if (this.span) this.span[part] = this.elapsedUs()
  }

  /** The upstream is asked now. With `propagateTrace` its `traceparent` names the client span of this very call. @param fields to send */
  beginCall(fields: Record<string, string>): void {
    this.attempts += 1
    const { span } = this
    if (!span) return
    span.sentUs = this.elapsedUs()
    if (!this.#context.settings.propagateTrace) return
    span.clientSpanId = randomHex(8)
    injectTraceParent(fields, span.context, span.clientSpanId)
  }

  /** The request's path, or a part of it, as logs and the audit trail may tell it. */
  shownPath(path = this.path): string {
    const { caller, wire } = this
    return this.#context.settings.paths.shown(path, {
      ...caller,
      provider: wire.provider,
      route: this.readings.loose,
    })
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
    const response = refusal(
      error,
      dialectOf(this.target.readings, this.target.upstream.dialect),
      this.ownFields,
    )
    this.status = response.status
    this.responseFields = response.headers.toJSON()
    if (isDenial(error.code) && !this.#deny(error) && isUnrecognised(error.code)) this.#ofMany = true
    this.end(outcome, error.code)
    return response
  }

  /** @returns whether it is told by itself */
  #deny(error: GatewayError): boolean {
    return this.#context.audit.denied({
      code: error.code,
      status: error.status,
      correlationId: this.correlationId,
      path: this.shownPath(),
      clientAddress: this.clientAddress,
      caller: this.caller,
      resource: 'proxy',
      resourceAction: 'forward',
      provider: this.wire.provider,
      requiredPermission: 'proxy:write',
      limitCode: error instanceof LimitRefusal ? error.contractCode || error.standing.name : '',
      span: this.#spanFields,
    })
  }

  /** Publishes the exchange. Only the first call counts. */
  end(outcome: Outcome, errorCode?: GatewayErrorCode): void {
    if (this.#ended) return
    this.#ended = true
    this.letGo()
    // The time-out stays with the connection, so it is set anew for the next request; a WebSocket has none.
    if (this.status !== 101) this.#closeAfter?.(this.#context.keepAliveSeconds)
    this.#context.open.delete(this)
    this.#context.deadlines.forget(this.clock)
    // Requests without a valid key must not fill the disk.
    if (this.#ofMany) return
    const completedUs = this.elapsedUs()
    if (this.status === 0) this.status = 499
    const { ticket } = this
    const awaitedAs =
      ticket?.end({
        sent: this.attempts > 0,
        answered: this.upstreamFirstByteUs >= 0,
        requestBytes: this.requestBytes,
        responseBytes: this.responseBytes,
        atMs: this.startedAt + completedUs / 1000,
      }) ?? 0
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
      subscription: this.subscription,
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
      routeModel: this.wire.api === '' ? '' : modelOfTarget(this.readings, this.query),
      injected: this.injected,
      free: this.free,
      requestBytes: this.requestBytes,
      responseBytes: this.responseBytes,
      responseChunks: this.responseChunks,
      streaming: this.streaming,
      request: this.requestFacts,
      response: this.responseFacts,
      // What never reached an upstream cost nothing.
      spend: this.attempts === 0 ? null : (ticket?.spend ?? this.#context.limits.unlimited(this.limits)),
      ticket: awaitedAs,
      limitWaitUs: this.limitWaitUs,
      ...(this.guard ? { inspection: this.inspection } : {}),
      route: `${this.target.upstream.prefix}/*`,
      ...(this.span ? { span: this.span } : {}),
    }
    if (this.guard) this.#auditInspection(this.guard)
    this.#context.sink.record(exchange, { request: this.requestContent, response: this.responseContent })
  }

  /** Tells the audit trail what a policy did to the content; that it let it pass is told by the trace alone. */
  #auditInspection({ mode, policyId }: Guard): void {
    const target = this.shownPath()
    for (const side of ['request', 'response'] as const) {
      const decided = this.inspection[side]
      if (!decided || decided.decision === 'passed') continue
      this.#context.audit.record({
        actor: this.caller.keyId === '' ? 'anonymous' : this.caller.keyId,
        action: AUDITED[decided.decision],
        organizationId: this.caller.organizationId,
        workspaceId: this.caller.workspaceId,
        target,
        outcome: decided.decision === 'redacted' ? 'success' : 'deny',
        reason: decided.reason ?? '',
        status: this.status,
        correlationId: this.correlationId,
        clientAddress: this.clientAddress,
        detail: { side, mode: mode.name, policy: policyId, counts: decided.counts, ...this.#spanFields },
      })
    }
  }
}

/** The refusal of content that there is no room for. */
export function heldTooMuch(): GatewayError {
  const message = 'the gateway holds as much request content as it may (server.max_held_bytes); try again'
  return new GatewayError('held_bytes_exceeded', message)
}

type Mutable<T> = { -readonly [name in keyof T]: T[name] }

/** What the audit trail calls a decision. */
const AUDITED: Readonly<Record<Exclude<SideInspection['decision'], 'passed'>, AuditAction>> = {
  redacted: 'content.redact',
  blocked: 'content.block',
  denied: 'content.deny',
}

/** Media type and content codings of a message. @param fields lower-case names */
function contentFacts(
  fields: Readonly<Record<string, string | readonly string[] | undefined>>,
): ContentFacts {
  const type = String(fields['content-type'] ?? '')
  const semicolon = type.indexOf(';')
  return {
    mediaType: (semicolon < 0 ? type : type.slice(0, semicolon)).trim().toLowerCase(),
    codings: String(fields['content-encoding'] ?? '').toLowerCase(),
  }
}
