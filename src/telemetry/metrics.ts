import type { Counter, Histogram, Meter } from '@opentelemetry/api'
import type { Exchange, ExchangeSpan } from '../traces/exchange.ts'
import type { Trace } from '../traces/trace.ts'
import { ExchangeLabels, statusLabel } from './exchange-labels.ts'
import { GenAiMetrics } from './gen-ai-metrics.ts'
import { observeSources, type MetricSources } from './observed-metrics.ts'

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
const FLUSH_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1]
const SIZES = [0, 5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10000]
const OVERHEAD_SECONDS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1]

const TOKEN_TYPES = ['input', 'output', 'cache_read', 'cache_creation', 'reasoning'] as const
const DECISIONS = ['passed', 'redacted', 'blocked', 'denied'] as const

/** The labels of counters before the first request. */
const NOBODY = {
  provider: 'unknown',
  model: 'unknown',
  org_id: 'unknown',
  workspace_id: 'unknown',
  route: '/',
  status_code: 200,
}

/** The gateway's metrics: contract, GenAI conventions, and its own. Every counter is there from the start, at 0. */
export class GatewayMetrics {
  readonly #labels = new ExchangeLabels()
  readonly #instruments: Instruments

  constructor(meter: Meter, sources: MetricSources, latestGenAi: boolean) {
    this.#instruments = instruments(meter, latestGenAi)
    beginAtZero(this.#instruments)
    observeSources(meter, sources)
  }

  /** Counts a finished exchange. */
  exchange(exchange: Exchange, span: ExchangeSpan, trace: Trace): void {
    const scope = { ...this.#labels.scope(exchange, trace) }
    const withStatus = { ...scope, status_code: statusLabel(exchange.status) }
    const seconds = exchange.completedUs / 1e6
    this.#instruments.proxyRequests.add(1, withStatus)
    this.#instruments.proxySeconds.record(seconds, scope)
    const { provider, model } = scope
    this.#instruments.outcomes.add(1, { outcome: trace.outcome, error_code: trace.errorCode })
    for (const { provider: asked, target, cause } of exchange.attempts)
      this.#instruments.attempts.add(1, { target: this.#labels.target(target ?? asked), cause })
    if (exchange.attempts.length > 0) {
      this.#instruments.providerRequests.add(1, withStatus)
      this.#instruments.providerSeconds.record((exchange.completedUs - span.sentUs) / 1e6, scope)
      this.#instruments.overhead.record(exchange.attempts[0]!.startedUs / 1e6, { provider })
      const failed = exchange.status >= 400 || trace.outcome === 'upstream_failed'
      this.#instruments.genAi.exchange(
        exchange,
        span,
        trace,
        model,
        failed ? this.#labels.error(trace) : undefined,
      )
    }
    const counted = { provider, model, org_id: scope.org_id, workspace_id: scope.workspace_id }
    for (const [type, count] of [
      ['input', trace.inputTokens],
      ['output', trace.outputTokens],
      ['cache_read', trace.cacheReadInputTokens],
      ['cache_creation', trace.cacheCreationInputTokens],
      ['reasoning', trace.reasoningTokens],
    ] as const) {
      if (count > 0) this.#instruments.tokens.add(count, { ...counted, type })
    }
    if (trace.costStatus === 'included') {
      this.#instruments.included.add(1, counted)
      this.#instruments.listPrice.add((trace.listPriceNanoUsd ?? 0) / 1e9, counted)
    } else if (trace.costNanoUsd === null) {
      if (trace.totalTokens > 0) this.#instruments.unknownCost.add(1, counted)
    } else if (trace.costNanoUsd > 0) this.#instruments.cost.add(trace.costNanoUsd / 1e9, counted)
    this.#redaction(exchange, trace)
  }

  /** Counts a write of a batch. */
  write(durationUs: number, count: number): void {
    this.#instruments.flushSeconds.record(durationUs / 1e6)
    this.#instruments.flushSize.record(count)
  }

  #redaction({ inspection }: Exchange, { metadata }: Trace): void {
    const counts = metadata['redaction_counts']
    if (typeof counts === 'object' && counts !== null) {
      for (const [detector, count] of Object.entries(counts))
        this.#instruments.finds.add(Number(count), { detector })
    }
    for (const side of ['request', 'response'] as const) {
      const decision = inspection?.[side]?.decision
      if (decision) this.#instruments.decisions.add(1, { side, decision })
    }
  }
}

/** What is counted and measured of exchanges. */
type Instruments = ReturnType<typeof instruments>

function instruments(meter: Meter, latestGenAi: boolean) {
  const counter = (name: string, description: string, unit = ''): Counter =>
    meter.createCounter(name, { description, unit })
  const histogram = (
    name: string,
    description: string,
    unit: string,
    explicitBucketBoundaries: number[],
  ): Histogram => meter.createHistogram(name, { description, unit, advice: { explicitBucketBoundaries } })
  return {
    providerRequests: counter('ongoingai.provider.request_total', 'Count of upstream provider requests.'),
    providerSeconds: histogram(
      'ongoingai.provider.request_duration_seconds',
      'Upstream provider request duration.',
      's',
      SECONDS,
    ),
    proxyRequests: counter('ongoingai.proxy.request_total', 'Count of proxy requests with tenant scoping.'),
    proxySeconds: histogram(
      'ongoingai.proxy.request_duration_seconds',
      'Proxy request duration with tenant scoping.',
      's',
      SECONDS,
    ),
    overhead: histogram(
      'ongoingai.gateway.overhead_seconds',
      'Time a request spent in the gateway before its upstream was asked.',
      's',
      OVERHEAD_SECONDS,
    ),
    attempts: counter(
      'ongoingai.target.attempts_total',
      'Requests sent to targets, by the cause of their end.',
    ),
    outcomes: counter(
      'ongoingai.exchange.outcomes_total',
      'Exchanges by how they ended and by their error code.',
    ),
    tokens: counter(
      'ongoingai.tokens_total',
      'Tokens by type; input includes what was read from and written to caches, output includes reasoning.',
    ),
    cost: counter('ongoingai.cost_usd_total', 'Cost in USD of exchanges whose cost is known or estimated.'),
    unknownCost: counter('ongoingai.cost_unknown_total', 'Exchanges with tokens whose cost is not known.'),
    included: counter(
      'ongoingai.cost_included_total',
      'Exchanges that a subscription paid for; they are not in the cost.',
    ),
    listPrice: counter(
      'ongoingai.cost_included_list_usd_total',
      'What exchanges that a subscription paid for come to at list prices, in USD.',
    ),
    genAi: new GenAiMetrics(meter, latestGenAi),
    flushSeconds: histogram(
      'ongoingai.trace.flush_duration_seconds',
      'Time to flush a batch of traces to storage.',
      's',
      FLUSH_SECONDS,
    ),
    flushSize: histogram('ongoingai.trace.flush_batch_size', 'Number of traces per flush batch.', '', SIZES),
    finds: counter('ongoingai.redaction.finds_total', 'What redaction found, by detector.'),
    decisions: counter('ongoingai.redaction.decisions_total', 'What was decided of content on its way.'),
  }
}

/** Lets every counter be there from the start, at 0. */
function beginAtZero(counters: Instruments): void {
  for (const requests of [counters.proxyRequests, counters.providerRequests]) requests.add(0, NOBODY)
  counters.outcomes.add(0, { outcome: 'completed', error_code: '' })
  for (const type of TOKEN_TYPES) counters.tokens.add(0, { type })
  counters.cost.add(0, {})
  for (const costs of [counters.unknownCost, counters.included, counters.listPrice]) costs.add(0, {})
  for (const side of ['request', 'response']) {
    for (const decision of DECISIONS) counters.decisions.add(0, { side, decision })
  }
  for (const detector of ['email', 'phone', 'ssn', 'token_like', 'credit_card', 'iban', 'field_name'])
    counters.finds.add(0, { detector })
}
