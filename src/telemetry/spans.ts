import {
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  type Attributes,
  type HrTime,
  type Link,
  type SpanContext,
  type SpanStatus,
} from '@opentelemetry/api'
import type { Resource } from '@opentelemetry/resources'
import type { ReadableSpan } from '@opentelemetry/sdk-trace'
import { wireApiNamed } from '../providers/registry.ts'
import type { Attempt, Exchange, ExchangeSpan } from '../traces/exchange.ts'
import type { Trace } from '../traces/trace.ts'
import { callAttributes } from './call-attributes.ts'
import { errorTypeOf } from './exchange-labels.ts'
import { telemetryNameOf } from '../providers/dialects/vendors.ts'
import { scrub } from './scrub.ts'
import { randomHex } from '../wire/trace-context.ts'

const { INTERNAL, SERVER, CLIENT } = SpanKind
const { ERROR, UNSET } = SpanStatusCode
const SCOPE = { name: 'ongoingai.gateway' }

/** Longest value of an attribute. */
const MAX_VALUE = 256

/** Errors by which a gateway key was turned away, and how the contract calls that. */
const DENIED: Readonly<Record<string, string>> = {
  missing_gateway_key: 'unauthorized',
  invalid_gateway_key: 'unauthorized',
  permission_denied: 'forbidden',
  not_allowed_for_key: 'forbidden',
  missing_provider_credential: 'forbidden',
}

/** What spans are made with. */
export interface SpanMaker {
  readonly resource: Resource
  /** The newest names of the GenAI conventions. */
  readonly latestGenAi: boolean
}

/** The spans of a finished exchange, its own first. Every attribute is one of a list, and values are scrubbed. */
export function exchangeSpans(
  exchange: Exchange,
  span: ExchangeSpan,
  trace: Trace,
  maker: SpanMaker,
): ReadableSpan[] {
  const { route, startedAtUs, completedUs, caller } = exchange
  const { traceId, spanId, traceState } = span.context
  const scope = clean({
    'gateway.provider': trace.provider,
    'gateway.model': trace.model,
    'gateway.org_id': caller.organizationId,
    'gateway.workspace_id': caller.workspaceId,
    'gateway.route': route,
  })
  const make = (made: Made): ReadableSpan => toSpan(made, traceId, traceState, maker.resource, startedAtUs)
  const child = (name: string, fromUs: number, toUs: number, more: Partial<Made> = {}): ReadableSpan =>
    make({ name, kind: INTERNAL, spanId: randomHex(8), parentSpanId: spanId, fromUs, toUs, ...more })
  const spans = [make(serverSpan(exchange, span, trace, scope))]
  const { authenticatedUs, admittedUs, inspectedUs } = span
  const denied = DENIED[trace.errorCode]
  if (authenticatedUs > 0 || denied !== undefined) {
    spans.push(
      child('gateway.auth', 0, authenticatedUs > 0 ? authenticatedUs : completedUs, {
        attributes: {
          ...scope,
          'gateway.auth.result': denied === undefined ? 'allow' : 'deny',
          ...(denied === undefined ? {} : { 'gateway.auth.deny_reason': denied }),
        },
        status: denied === undefined ? undefined : { code: ERROR, message: denied },
      }),
    )
  }
  if (admittedUs > 0)
    spans.push(child('gateway.admission', Math.max(0, authenticatedUs), admittedUs, { attributes: scope }))
  if (inspectedUs > 0 && exchange.inspection) {
    const { request } = exchange.inspection
    const attributes = { ...scope, ...(request ? { 'ongoingai.inspection.decision': request.decision } : {}) }
    spans.push(
      child('gateway.inspection', Math.max(0, admittedUs, authenticatedUs), inspectedUs, { attributes }),
    )
  }
  for (const attempt of exchange.attempts) if (attempt.failed) spans.push(child(...failedSpan(attempt)))
  if (exchange.attempts.length > 0) spans.push(child(...upstreamSpan(exchange, span, trace, maker)))
  spans.push(
    child('gateway.trace.enqueue', completedUs, Math.max(completedUs, Date.now() * 1000 - startedAtUs), {
      attributes: { ...scope, 'gateway.trace.enqueue.result': 'accepted' },
    }),
  )
  return spans
}

/** The span of the exchange itself. @param scope attributes that all its spans have */
function serverSpan(
  exchange: Exchange,
  { context: { spanId, parentSpanId } }: ExchangeSpan,
  trace: Trace,
  scope: Attributes,
): Made {
  const { method, route, completedUs, caller } = exchange
  const failed = exchange.status >= 500 || trace.outcome === 'upstream_failed'
  return {
    name: `${method} ${route}`,
    kind: SERVER,
    spanId,
    parentSpanId,
    remoteParent: true,
    fromUs: 0,
    toUs: completedUs,
    status: failed ? { code: ERROR, message: trace.errorCode } : undefined,
    attributes: {
      ...scope,
      ...clean({
        'http.request.method': method,
        'http.route': route,
        'url.path': trace.requestPath,
        'url.scheme': 'http',
        'user_agent.original': exchange.requestFields['user-agent'] ?? '',
        'gateway.correlation_id': exchange.correlationId,
        'gateway.key_id': caller.keyId,
        'gateway.role': caller.role,
        'ongoingai.trace_id': trace.id,
        'ongoingai.outcome': trace.outcome,
        'session.id': trace.sessionId,
        ...(failed || trace.errorCode !== '' ? { 'error.type': errorTypeOf(trace) } : {}),
      }),
      'http.response.status_code': exchange.status,
      'http.request.body.size': exchange.requestBytes,
      'http.response.body.size': exchange.responseBytes,
      ...costOf(trace),
    },
    events:
      trace.errorCode === ''
        ? []
        : [{ name: 'exception', atUs: completedUs, attributes: { 'exception.type': trace.errorCode } }],
  }
}

/** An attempt that another one followed. */
function failedSpan({
  provider,
  target,
  cause,
  status,
  startedUs,
  endedUs,
  failed,
}: Attempt): [name: string, fromUs: number, toUs: number, more: Partial<Made>] {
  const { host, port } = hostOf(failed?.upstreamUrl ?? '')
  return [
    `attempt ${scrub(target ?? provider)}`.slice(0, MAX_VALUE),
    startedUs,
    endedUs,
    {
      kind: CLIENT,
      attributes: {
        ...clean({
          'gen_ai.provider.name': telemetryNameOf(provider),
          'server.address': host,
          'ongoingai.target': target ?? provider,
          'ongoingai.attempt.cause': cause,
          'error.type': cause,
        }),
        ...(port > 0 ? { 'server.port': port } : {}),
        ...(status > 0 ? { 'http.response.status_code': status } : {}),
      },
      status: { code: ERROR, message: cause },
    },
  ]
}

/** The call of the provider, in the names of the GenAI conventions. */
function upstreamSpan(
  exchange: Exchange,
  { sentUs, clientSpanId }: ExchangeSpan,
  trace: Trace,
  { latestGenAi }: SpanMaker,
): [name: string, fromUs: number, toUs: number, more: Partial<Made>] {
  const operation = wireApiNamed(trace.api)?.operation
  const model = trace.requestedModel || trace.model
  const { host, port } = hostOf(exchange.upstreamUrl)
  const failed = exchange.status >= 400 || trace.outcome === 'upstream_failed'
  const usage = trace.totalTokens > 0
  const attributes: Attributes = {
    ...clean({
      'gen_ai.operation.name': operation ?? '',
      'gen_ai.provider.name': telemetryNameOf(trace.provider),
      'gen_ai.request.model': trace.requestedModel,
      'gen_ai.response.model': operation === undefined ? '' : trace.model,
      'gen_ai.conversation.id': trace.sessionId,
      'http.request.method': exchange.method,
      'server.address': host,
      ...(failed ? { 'error.type': errorTypeOf(trace) } : {}),
    }),
    ...(port > 0 ? { 'server.port': port } : {}),
    ...(exchange.upstreamFirstByteUs >= 0 ? { 'http.response.status_code': exchange.status } : {}),
    ...(exchange.streaming ? { 'gen_ai.request.stream': true } : {}),
    ...(trace.finishReason === '' ? {} : { 'gen_ai.response.finish_reasons': [scrub(trace.finishReason)] }),
    ...callAttributes(trace.modelCall ?? {}, latestGenAi),
    ...(trace.timeToFirstTokenUs > 0
      ? { 'gen_ai.response.time_to_first_chunk': (trace.timeToFirstTokenUs - sentUs) / 1e6 }
      : {}),
    ...(usage
      ? {
          'gen_ai.usage.input_tokens': trace.inputTokens,
          'gen_ai.usage.output_tokens': trace.outputTokens,
          'gen_ai.usage.cache_read.input_tokens': trace.cacheReadInputTokens,
          [latestGenAi
            ? 'gen_ai.usage.cache_write.input_tokens'
            : 'gen_ai.usage.cache_creation.input_tokens']: trace.cacheCreationInputTokens,
          'gen_ai.usage.reasoning.output_tokens': trace.reasoningTokens,
          ...(latestGenAi ? modalitiesOf(trace) : {}),
          'ongoingai.usage_source': trace.usageSource,
        }
      : {}),
    ...costOf(trace),
  }
  const events =
    trace.timeToFirstTokenUs > 0
      ? [{ name: 'gen_ai.first_token', atUs: trace.timeToFirstTokenUs, attributes: {} }]
      : []
  const name =
    operation === undefined
      ? `proxy ${exchange.method} ${exchange.route}`
      : `${operation} ${scrub(model)}`.slice(0, MAX_VALUE)
  return [
    name,
    sentUs,
    exchange.completedUs,
    {
      kind: CLIENT,
      ...(clientSpanId === '' ? {} : { spanId: clientSpanId }),
      attributes,
      events,
      status: failed ? { code: ERROR, message: trace.errorCode } : undefined,
    },
  ]
}

/** Tokens by modality, as far as the provider reports it, without those that are 0. */
function modalitiesOf({ detail }: Trace): Attributes {
  const attributes: Attributes = {}
  for (const [name, count] of Object.entries(detail.usage.parts ?? {}))
    attributes[`gen_ai.usage.${name.replace('_', '.')}`] = count
  return attributes
}

/** A write of a batch: a trace of its own, with links to the exchanges that it wrote. */
export function writeSpan(
  write: {
    readonly startedAtUs: number
    readonly durationUs: number
    readonly count: number
    readonly failed: boolean
  },
  exchanges: readonly SpanContext[],
  { resource }: SpanMaker,
): ReadableSpan {
  const { startedAtUs, durationUs, count, failed } = write
  return toSpan(
    {
      name: 'gateway.trace.write',
      kind: INTERNAL,
      spanId: randomHex(8),
      parentSpanId: '',
      fromUs: 0,
      toUs: durationUs,
      attributes: { 'gateway.trace.write.batch_size': count },
      links: exchanges.map((context) => ({ context })),
      status: failed ? { code: ERROR, message: 'write failed' } : undefined,
    },
    randomHex(16),
    '',
    resource,
    startedAtUs,
  )
}

interface Made {
  readonly name: string
  readonly kind: SpanKind
  readonly spanId: string
  readonly parentSpanId: string
  readonly remoteParent?: boolean
  /** Offsets from the beginning, microseconds. */
  readonly fromUs: number
  readonly toUs: number
  readonly attributes?: Attributes
  readonly events?: readonly {
    readonly name: string
    readonly atUs: number
    readonly attributes: Attributes
  }[]
  readonly links?: Link[]
  readonly status?: SpanStatus | undefined
}

function toSpan(
  made: Made,
  traceId: string,
  traceState: string,
  resource: Resource,
  startUs: number,
): ReadableSpan {
  const context: SpanContext = {
    traceId,
    spanId: made.spanId,
    traceFlags: TraceFlags.SAMPLED,
    ...stateOf(traceState),
  }
  const end = Math.max(made.fromUs, made.toUs)
  return {
    name: made.name,
    kind: made.kind,
    spanContext: () => context,
    ...(made.parentSpanId === ''
      ? {}
      : {
          parentSpanContext: {
            traceId,
            spanId: made.parentSpanId,
            traceFlags: TraceFlags.SAMPLED,
            isRemote: made.remoteParent === true,
          },
        }),
    startTime: hrTime(startUs + made.fromUs),
    endTime: hrTime(startUs + end),
    duration: hrTime(end - made.fromUs),
    status: made.status ?? { code: UNSET },
    attributes: made.attributes ?? {},
    events: (made.events ?? []).map(({ name, atUs, attributes }) => ({
      name,
      time: hrTime(startUs + atUs),
      attributes,
      droppedAttributesCount: 0,
    })),
    links: made.links ?? [],
    ended: true,
    resource,
    instrumentationScope: SCOPE,
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  }
}

function stateOf(traceState: string): Partial<SpanContext> {
  if (traceState === '') return {}
  const state = scrub(traceState)
  return {
    traceState: {
      get: () => undefined,
      set: () => state as never,
      unset: () => state as never,
      serialize: () => state,
    },
  }
}

function hrTime(us: number): HrTime {
  const whole = Math.round(us)
  return [Math.floor(whole / 1e6), (whole % 1e6) * 1000]
}

/** Texts as attributes: scrubbed, bounded, without the empty ones. */
function clean(values: Readonly<Record<string, string>>): Attributes {
  const attributes: Attributes = {}
  for (const [name, value] of Object.entries(values)) {
    if (value !== '') attributes[name] = scrub(value).slice(0, MAX_VALUE)
  }
  return attributes
}

function costOf({ costNanoUsd, costStatus, listPriceNanoUsd }: Trace): Attributes {
  if (costNanoUsd === null) return {}
  return {
    'ongoingai.cost_usd': costNanoUsd / 1e9,
    'ongoingai.cost_status': costStatus,
    ...(listPriceNanoUsd === null ? {} : { 'ongoingai.list_price_usd': listPriceNanoUsd / 1e9 }),
  }
}

function hostOf(url: string): { host: string; port: number } {
  if (!URL.canParse(url)) return { host: '', port: 0 }
  const { hostname, port, protocol } = new URL(url)
  return { host: hostname, port: port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port) }
}
