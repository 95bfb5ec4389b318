import { ANONYMOUS, UNRECOGNISED, type Identity } from '../../access/keyring.ts'
import type { SpanFields } from '../../audit/audit-trail.ts'
import type { ChosenCredential } from '../../credentials/chosen-credential.ts'
import type { GatewayErrorCode } from '../../errors.ts'
import { corsFields } from '../../http/cors-fields.ts'
import { correlationIdOf, CORRELATION_FIELD } from '../../http/correlation-id.ts'
import type { CallerLimits } from '../../limits/policies/caller-limits.ts'
import type { Ticket } from '../../limits/ticket.ts'
import { isFree, type Operation } from '../../providers/operation.ts'
import type { DialectName } from '../../providers/dialects/dialects.ts'
import { dialectOf, judgedMethod, operationOf } from '../../providers/registry.ts'
import type { Caller, ContentFacts, ExchangeSpan, Outcome, WireFacts } from '../../traces/exchange.ts'
import { queryCredential } from '../../traces/provider-credential.ts'
import { randomHex, injectTraceParent } from '../../wire/trace-context.ts'
import type { PathReadings } from '../../wire/url/path-readings.ts'
import type { ProxyContext } from '../proxy-context.ts'
import type { RequestFacts } from '../request/request-facts.ts'
import type { Target as RoutedTarget, TargetPlan } from '../targets/target.ts'
import { Clock } from '../upstream/deadlines.ts'
import type { CredentialPlaces } from '../../traces/credential-places.ts'
import { type Target, urlOf } from '../upstream/upstream.ts'
import type { Arrival } from './arrival.ts'
import { contentFacts, type ExchangeFacts } from './exchange-facts.ts'
import { ContentHashes } from './content-hashes.ts'
import { heldTooMuch } from './held-content.ts'
import { OpenAttempt } from './open-attempt.ts'
import type { PolicyNotes } from './policy-notes.ts'

/** Field with the id under which the exchange will be stored. */
const TRACE_ID_FIELD = 'x-ongoingai-trace-id'

/** Of the name of a model, so much is recorded, as of names in paths. Callers make them up. */
const MAX_RECORDED_MODEL = 256

const NO_CONTENT: ContentFacts = { mediaType: '', codings: '' }

/** Publishes an exchange that has ended. Called once for each. */
export type Publish = (
  exchange: OpenExchange,
  outcome: Outcome,
  errorCode: GatewayErrorCode | '',
  context: ProxyContext,
) => void

/**
 * A running exchange: what is known of it so far, and its one end. However many things go wrong at once, `end` publishes it exactly once.
 */
export class OpenExchange implements ExchangeFacts {
  readonly id = Bun.randomUUIDv7().replaceAll('-', '')
  readonly startedAt = performance.now()
  readonly startedAtUs = Date.now() * 1000
  readonly arrival: Arrival
  readonly method: string
  readonly path: string
  readonly readings: PathReadings
  query: string
  queryKey: string
  fields: Readonly<Record<string, string>>
  target: Target
  wire: WireFacts
  readonly operation: Operation
  asked: RequestFacts | undefined
  readonly correlationId: string
  /** The gateway's own fields on every response. */
  ownFields: Readonly<Record<string, string>>
  readonly requestFacts: ContentFacts
  /** Ends what is asked of the upstream now. */
  abort = new AbortController()
  readonly clock: Clock
  /** Address of the client, without port; empty when unknown. */
  readonly clientAddress: string
  caller: Caller
  /** `undefined` while gateway keys are off, and before the caller has been recognised. */
  identity: Identity | undefined
  /** The token by which the caller was recognised, in memory only; empty for none. */
  gatewayKey = ''
  /** A gateway key stood where the provider's key goes. */
  keyInProviderField = false
  limits: CallerLimits
  /** What it was admitted with. */
  ticket: Ticket | undefined
  /** How long it waited for room in a budget. */
  limitWaitUs = 0
  /** Largest content it may have; 0 for no limit. */
  maxBodyBytes: number
  /** In the order in which they were made. */
  readonly attempts: OpenAttempt[] = []
  /** What the client got; 0 until it gets a response. */
  status = 0
  responseFields: Readonly<Record<string, string | readonly string[]>> = {}
  responseFacts = NO_CONTENT
  requestContent: Uint8Array | undefined
  responseContent: Uint8Array | undefined
  requestBytes = 0
  responseBytes = 0
  responseChunks = 0
  streaming = false
  readonly free: boolean
  /** A subscription is to pay for the request, as far as is known before its response. */
  subscription: boolean
  /** The targets that its model may be asked at; `undefined` when it goes where its route says. */
  plan: TargetPlan | undefined
  /** The target of `plan` that was chosen, until it is reported. */
  chosen: RoutedTarget | undefined
  /** By what its target is kept (`TargetQuestion`); empty for none. */
  session = ''
  /** The name of a model that was resolved; empty for none. */
  askedModel = ''
  /** Members of its content that the call at its last target removes, adds or changes. */
  changedMembers: readonly string[] = []
  /** Hashes of its contents; absent unless they are wanted, and for WebSockets. */
  readonly hashes: ContentHashes | undefined
  /** The policies that see its content, by what they note. */
  policies: readonly { readonly notes: PolicyNotes }[] = []
  /** Its span; absent while telemetry is off. */
  readonly span: Mutable<ExchangeSpan> | undefined
  /** Why the exchange was broken off from our side, if it was. */
  brokenBy: GatewayErrorCode | undefined
  /** An unauthenticated request beyond the flood threshold: counted, not recorded. */
  unrecorded = false
  readonly #context: ProxyContext
  readonly #publish: Publish
  #keptOpen = false
  #heldBytes = 0
  #ended = false

  constructor(arrival: Arrival, context: ProxyContext, publish: Publish) {
    const { request, requestTarget, target, addresses, upgrade } = arrival
    this.arrival = arrival
    this.#context = context
    this.#publish = publish
    this.clientAddress = addresses.client
    this.caller = context.settings.keyring ? UNRECOGNISED : ANONYMOUS
    this.limits = context.settings.limitsOf(undefined)
    this.maxBodyBytes = context.settings.maxBodyBytes
    this.method = request.method
    this.path = requestTarget.path
    this.readings = arrival.modelRoute ? target.readings : requestTarget.readings
    this.query = requestTarget.query
    this.queryKey = queryCredential(requestTarget.query)
    this.fields = request.headers.toJSON()
    this.target = target
    const { upstream } = target
    this.subscription = arrival.modelRoute ? false : this.#mayBePaidBySubscription()
    const method = judgedMethod(this.method, this.query, this.fields)
    this.operation = operationOf(method, target.readings, upgrade)
    this.wire = { provider: upstream.name, api: this.operation.api?.name ?? '' }
    this.free = isFree(this.operation)
    this.correlationId = correlationIdOf(this.fields, this.id)
    this.ownFields = { [CORRELATION_FIELD]: this.correlationId, [TRACE_ID_FIELD]: this.id }
    this.requestFacts = contentFacts(this.fields)
    this.clock = new Clock(upstream.timeouts, upstream.connection, this.startedAt, (code) =>
      this.breakOff(code),
    )
    this.hashes = context.settings.hashContents && !upgrade ? new ContentHashes() : undefined
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

  /** It goes to this target from now on. */
  retarget(target: Target): void {
    const { upstream } = target
    this.target = target
    this.wire = { provider: upstream.name, api: this.wire.api }
    this.subscription = this.#mayBePaidBySubscription()
    this.clock.retarget(upstream.timeouts, upstream.connection)
  }

  /** The dialect of the gateway's own errors. */
  get dialect(): DialectName {
    const { modelRoute } = this.arrival
    return modelRoute?.dialect ?? dialectOf(this.target.readings, this.target.upstream.dialect)
  }

  /** The route, as reports group by it. */
  get route(): string {
    return this.arrival.modelRoute?.path ?? `${this.target.upstream.prefix}/*`
  }

  /** Pages of an origin may read the response. */
  letRead(origin: string): void {
    this.ownFields = { ...this.ownFields, ...corsFields(origin) }
  }

  /** Takes over who the caller is. @param gatewayKey its token */
  identify(identity: Identity, gatewayKey: string): void {
    this.identity = identity
    this.gatewayKey = gatewayKey
    this.caller = identity.caller
    this.limits = this.#context.settings.limitsOf(identity)
  }

  /** Takes over the request without gateway keys where the provider's key goes. */
  withoutKey({ fields, query }: CredentialPlaces): void {
    this.keyInProviderField = true
    this.fields = fields
    if (query !== this.query) {
      const { upstream, path } = this.target
      this.query = query
      this.queryKey = queryCredential(query)
      this.target = { ...this.target, url: urlOf(upstream, path, query) }
    }
    this.subscription = this.#mayBePaidBySubscription()
  }

  /** Keeps the client's connection until the end, however quiet it is: the exchange has time-outs of its own. */
  keepOpen(): void {
    if (this.#ended) return
    this.#keptOpen = true
    this.arrival.closeAfter(0)
  }

  /**
   * A request is sent to the target now. With `propagateTrace` its `traceparent` names the client span of this very request.
   *
   * @param fields to send
   * @param held the credential that the gateway put in; `undefined` for the caller's own
   * @param sentBytes of its content; -1 when it is that of the client, or streams
   */
  beginAttempt(fields: Record<string, string>, sentBytes: number, held: ChosenCredential | undefined): void {
    const { span, chosen } = this
    const atUs = this.elapsedUs()
    const attempt = new OpenAttempt(
      {
        provider: this.target.upstream.name,
        target: chosen?.name,
        model: chosen?.model?.slice(0, MAX_RECORDED_MODEL),
        credential: held?.name,
      },
      atUs,
    )
    attempt.sentBytes = sentBytes
    this.attempts.push(attempt)
    if (!span) return
    span.sentUs = atUs
    if (!this.#context.settings.propagateTrace) return
    span.clientSpanId = randomHex(8)
    injectTraceParent(fields, span.context, span.clientSpanId)
  }

  /** The upstream's response has begun. */
  takeHead(status: number, fields: Readonly<Record<string, string | readonly string[]>>): void {
    const attempt = this.attempts.at(-1)!
    attempt.responded(status, this.elapsedUs())
    this.responseFields = fields
    this.responseFacts = contentFacts(fields)
    if (attempt.about.credential !== undefined) return
    this.target.upstream.subscriptions.responded(this.fields, this.queryKey, { status, fields }, Date.now())
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

  /** Reserves more when the response outgrows its estimate. */
  outgrown(): void {
    const { ticket } = this
    if (ticket && this.responseBytes > ticket.growAt) ticket.grow(this.responseBytes)
  }

  /** Whether it has ended. */
  get ended(): boolean {
    return this.#ended
  }

  /** Members of every log line about the exchange. */
  get logFields(): Record<string, unknown> {
    return { correlation_id: this.correlationId, ...this.spanFields }
  }

  /** Its span, as logs and the audit trail name it; empty when the span is not exported. */
  get spanFields(): SpanFields {
    if (!this.span?.context.sampled) return {}
    return { trace_id: this.span.context.traceId, span_id: this.span.context.spanId }
  }

  /** A part of the exchange has ended. */
  mark(part: 'authenticatedUs' | 'admittedUs' | 'inspectedUs'): void {
    if (this.span) this.span[part] = this.elapsedUs()
  }

  /** The request's path, or a part of it, as logs and the audit trail may show it. */
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

  /** As far as the caller's own credential tells. The gateway's are no subscriptions. */
  #mayBePaidBySubscription(): boolean {
    const { subscriptions, credentials } = this.target.upstream
    if (credentials?.use === 'gateway') return false
    return subscriptions.pays(this.fields, this.queryKey, this.startedAtUs / 1000)
  }

  /** Breaks the exchange off: aborts the upstream, which then also ends what the client gets. */
  breakOff(code: GatewayErrorCode): void {
    this.brokenBy ??= code
    this.abort.abort()
  }

  /** The attempt has failed, and another one begins: what broke it off does not concern the next. */
  beginAgain(): void {
    this.brokenBy = undefined
    this.abort = new AbortController()
    this.clock.startAgain()
    if (!this.#ended) this.#context.deadlines.watch(this.clock)
  }

  /** Ends the exchange and publishes it. Only the first call counts. */
  end(outcome: Outcome, errorCode: GatewayErrorCode | '' = ''): void {
    if (this.#ended) return
    this.#ended = true
    this.letGo()
    // The time-out stays with the connection, so it is set again for the next request. A WebSocket has none.
    if (this.#keptOpen && this.status !== 101) this.arrival.closeAfter(this.#context.keepAliveSeconds)
    this.#context.open.delete(this)
    this.#context.deadlines.forget(this.clock)
    this.#publish(this, outcome, errorCode, this.#context)
  }
}

type Mutable<T> = { -readonly [name in keyof T]: T[name] }
