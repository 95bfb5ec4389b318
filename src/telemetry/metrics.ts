import type { Counter, Histogram, Meter, ObservableResult } from '@opentelemetry/api'
import type { Exchange, ExchangeSpan } from '../traces/exchange.ts'
import type { RecorderTotals } from './recorder-totals.ts'
import type { Trace } from '../traces/trace.ts'
import { ExchangeLabels, statusLabel } from './exchange-labels.ts'
import { GenAiMetrics } from './gen-ai-metrics.ts'
import type { Vitals } from './vitals.ts'

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
const FLUSH_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1]
const SIZES = [0, 5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10000]
const OVERHEAD_SECONDS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1]

const TOKEN_TYPES = ['input', 'output', 'cache_read', 'cache_creation', 'reasoning'] as const
const LIMIT_CODES = [
  'rate_limit_exceeded',
  'token_limit_exceeded',
  'concurrency_limit_exceeded',
  'budget_exceeded',
  'request_body_too_large',
]
const DECISIONS = ['passed', 'redacted', 'blocked', 'denied'] as const

/** Labels under which requests are counted while there are none. */
const NOBODY = {
  provider: 'unknown',
  model: 'unknown',
  org_id: 'unknown',
  workspace_id: 'unknown',
  route: '/',
  status_code: 200,
}

/** What is asked for when metrics are collected. */
export interface MetricSources {
  readonly vitals: () => Vitals | undefined
  readonly totals: () => RecorderTotals
  readonly store: string
}

/** The gateway's metrics: contract, GenAI conventions, and its own. Every counter is there from the start, at 0. */
export class GatewayMetrics {
  readonly #labels = new ExchangeLabels()
  readonly #providerRequests: Counter
  readonly #providerSeconds: Histogram
  readonly #proxyRequests: Counter
  readonly #proxySeconds: Histogram
  readonly #overhead: Histogram
  readonly #outcomes: Counter
  readonly #tokens: Counter
  readonly #cost: Counter
  readonly #unknownCost: Counter
  readonly #included: Counter
  readonly #listPrice: Counter
  readonly #genAi: GenAiMetrics
  readonly #flushSeconds: Histogram
  readonly #flushSize: Histogram
  readonly #finds: Counter
  readonly #decisions: Counter

  constructor(meter: Meter, sources: MetricSources, latestGenAi: boolean) {
    const counter = (name: string, description: string, unit = ''): Counter =>
      meter.createCounter(name, { description, unit })
    const histogram = (
      name: string,
      description: string,
      unit: string,
      explicitBucketBoundaries: number[],
    ): Histogram => meter.createHistogram(name, { description, unit, advice: { explicitBucketBoundaries } })
    this.#providerRequests = counter(
      'ongoingai.provider.request_total',
      'Count of upstream provider requests.',
    )
    this.#providerSeconds = histogram(
      'ongoingai.provider.request_duration_seconds',
      'Upstream provider request duration.',
      's',
      SECONDS,
    )
    this.#proxyRequests = counter(
      'ongoingai.proxy.request_total',
      'Count of proxy requests with tenant scoping.',
    )
    this.#proxySeconds = histogram(
      'ongoingai.proxy.request_duration_seconds',
      'Proxy request duration with tenant scoping.',
      's',
      SECONDS,
    )
    this.#overhead = histogram(
      'ongoingai.gateway.overhead_seconds',
      'Time a request spent in the gateway before its upstream was asked.',
      's',
      OVERHEAD_SECONDS,
    )
    this.#outcomes = counter(
      'ongoingai.exchange.outcomes_total',
      'Exchanges by how they ended and by their error code.',
    )
    this.#tokens = counter(
      'ongoingai.tokens_total',
      'Tokens by type; input includes what was read from and written to caches, output includes reasoning.',
    )
    this.#cost = counter(
      'ongoingai.cost_usd_total',
      'Cost in USD of exchanges whose cost is known or estimated.',
    )
    this.#unknownCost = counter(
      'ongoingai.cost_unknown_total',
      'Exchanges with tokens whose cost is not known.',
    )
    this.#included = counter(
      'ongoingai.cost_included_total',
      'Exchanges that a subscription paid for; they are not in the cost.',
    )
    this.#listPrice = counter(
      'ongoingai.cost_included_list_usd_total',
      'What exchanges that a subscription paid for come to at list prices, in USD.',
    )
    this.#genAi = new GenAiMetrics(meter, latestGenAi)
    this.#flushSeconds = histogram(
      'ongoingai.trace.flush_duration_seconds',
      'Time to flush a batch of traces to storage.',
      's',
      FLUSH_SECONDS,
    )
    this.#flushSize = histogram(
      'ongoingai.trace.flush_batch_size',
      'Number of traces per flush batch.',
      '',
      SIZES,
    )
    this.#finds = counter('ongoingai.redaction.finds_total', 'What redaction found, by detector.')
    this.#decisions = counter(
      'ongoingai.redaction.decisions_total',
      'What was decided of content on its way.',
    )
    for (const requests of [this.#proxyRequests, this.#providerRequests]) requests.add(0, NOBODY)
    this.#outcomes.add(0, { outcome: 'completed', error_code: '' })
    for (const type of TOKEN_TYPES) this.#tokens.add(0, { type })
    this.#cost.add(0, {})
    for (const costs of [this.#unknownCost, this.#included, this.#listPrice]) costs.add(0, {})
    for (const side of ['request', 'response']) {
      for (const decision of DECISIONS) this.#decisions.add(0, { side, decision })
    }
    for (const detector of ['email', 'phone', 'ssn', 'token_like', 'credit_card', 'iban', 'field_name'])
      this.#finds.add(0, { detector })
    observe(meter, sources)
  }

  /** Counts a finished exchange. */
  exchange(exchange: Exchange, span: ExchangeSpan, trace: Trace): void {
    const scope = { ...this.#labels.scope(exchange, trace) }
    const withStatus = { ...scope, status_code: statusLabel(exchange.status) }
    const seconds = exchange.completedUs / 1e6
    this.#proxyRequests.add(1, withStatus)
    this.#proxySeconds.record(seconds, scope)
    const { provider, model } = scope
    this.#outcomes.add(1, { outcome: trace.outcome, error_code: trace.errorCode })
    if (exchange.attempts.length > 0) {
      this.#providerRequests.add(1, withStatus)
      this.#providerSeconds.record((exchange.completedUs - span.sentUs) / 1e6, scope)
      this.#overhead.record(span.sentUs / 1e6, { provider })
      const failed = exchange.status >= 400 || trace.outcome === 'upstream_failed'
      this.#genAi.exchange(exchange, span, trace, model, failed ? this.#labels.error(trace) : undefined)
    }
    const counted = { provider, model, org_id: scope.org_id, workspace_id: scope.workspace_id }
    for (const [type, count] of [
      ['input', trace.inputTokens],
      ['output', trace.outputTokens],
      ['cache_read', trace.cacheReadInputTokens],
      ['cache_creation', trace.cacheCreationInputTokens],
      ['reasoning', trace.reasoningTokens],
    ] as const) {
      if (count > 0) this.#tokens.add(count, { ...counted, type })
    }
    if (trace.costStatus === 'included') {
      this.#included.add(1, counted)
      this.#listPrice.add((trace.listPriceNanoUsd ?? 0) / 1e9, counted)
    } else if (trace.costNanoUsd === null) {
      if (trace.totalTokens > 0) this.#unknownCost.add(1, counted)
    } else if (trace.costNanoUsd > 0) this.#cost.add(trace.costNanoUsd / 1e9, counted)
    this.#redaction(exchange, trace)
  }

  /** Counts a write of a batch. */
  write(durationUs: number, count: number): void {
    this.#flushSeconds.record(durationUs / 1e6)
    this.#flushSize.record(count)
  }

  #redaction({ inspection }: Exchange, { metadata }: Trace): void {
    const counts = metadata['redaction_counts']
    if (typeof counts === 'object' && counts !== null) {
      for (const [detector, count] of Object.entries(counts)) this.#finds.add(Number(count), { detector })
    }
    for (const side of ['request', 'response'] as const) {
      const decision = inspection?.[side]?.decision
      if (decision) this.#decisions.add(1, { side, decision })
    }
  }
}

/** What is asked for when metrics are collected: sums and levels that others keep. */
function observe(meter: Meter, { vitals, totals, store }: MetricSources): void {
  const sum = (name: string, description: string, give: (result: ObservableResult) => void): void =>
    meter.createObservableCounter(name, { description }).addCallback(give)
  const level = (name: string, description: string, unit: string, of: () => number | undefined): void =>
    meter.createObservableGauge(name, { description, unit }).addCallback((result) => {
      const value = of()
      if (value !== undefined) result.observe(value)
    })
  sum(
    'ongoingai.trace.enqueued_total',
    'Count of traces successfully enqueued to the async write queue.',
    (result) => result.observe(vitals()?.accepted ?? 0),
  )
  sum('ongoingai.trace.written_total', 'Count of traces successfully persisted to storage.', (result) =>
    result.observe(totals().stored),
  )
  sum(
    'ongoingai.trace.queue_dropped_total',
    'Count of traces dropped because the async trace queue was full.',
    (result) => {
      const dropped = vitals()?.dropped ?? []
      if (dropped.length === 0) result.observe(0)
      for (const [labels, count] of dropped) result.observe(count, { ...labels, model: 'unknown' })
    },
  )
  sum(
    'ongoingai.trace.write_failed_total',
    'Count of trace records dropped after storage write failures.',
    (result) => {
      const { writeDropped, lastWriteDropOperation } = totals()
      result.observe(writeDropped, {
        operation: lastWriteDropOperation || 'write_batch',
        error_class: 'store_and_journal',
        store,
      })
    },
  )
  sum(
    'ongoingai.trace.write_errors_total',
    'Count of failed writes to storage, by class; what failed went to the journal.',
    (result) => {
      const classes = Object.entries(totals().writeFailuresByClass)
      if (classes.length === 0) result.observe(0, { error_class: 'unavailable', store })
      for (const [kind, count] of classes) result.observe(count, { error_class: kind, store })
    },
  )
  sum(
    'ongoingai.trace.quarantined_total',
    'Count of traces that the store refused for what they are.',
    (result) => result.observe(totals().quarantined),
  )
  sum('ongoingai.trace.journal_spilled_total', 'Count of traces that went to the journal.', (result) =>
    result.observe(totals().spilled),
  )
  sum('ongoingai.recorder.restarts_total', 'Restarts of the recorder thread.', (result) =>
    result.observe(vitals()?.recorderRestarts ?? 0),
  )
  sum('ongoingai.log.lines_dropped_total', 'Log lines that could not be written.', (result) =>
    result.observe(vitals()?.logLinesDropped ?? 0),
  )
  sum('ongoingai.limits.refused_total', 'Requests refused by limits and budgets, by code.', (result) => {
    const refused = vitals()?.limitsRefused ?? {}
    for (const code of new Set([...LIMIT_CODES, ...Object.keys(refused)]))
      result.observe(refused[code] ?? 0, { code })
  })
  sum('ongoingai.limits.admitted_total', 'Requests let pass by limits and budgets.', (result) =>
    result.observe(vitals()?.limitsAdmitted ?? 0),
  )
  sum('ongoingai.limits.waited_total', 'Requests that waited for room in a budget.', (result) =>
    result.observe(vitals()?.limitsWaited ?? 0),
  )
  sum(
    'ongoingai.limits.backend_failures_total',
    'Times that what was counted could not be learnt.',
    (result) => result.observe(vitals()?.limitBackendFailures ?? 0),
  )
  sum(
    'ongoingai.limits.budget_warnings_total',
    'Warnings of budgets that are nearly or wholly spent.',
    (result) => result.observe(vitals()?.budgetWarnings ?? 0),
  )
  meter
    .createObservableGauge('ongoingai.budget.spent_ratio', {
      description: 'Of the budgets of a policy, the largest share that is spent.',
    })
    .addCallback((result) => {
      for (const [policy, share] of Object.entries(vitals()?.budgetsSpent ?? {}))
        result.observe(share, { policy })
    })
  sum('process.cpu.time', 'Processor time of the process, in seconds.', (result) => {
    const now = vitals()
    result.observe(now?.cpuUser ?? 0, { 'cpu.mode': 'user' })
    result.observe(now?.cpuSystem ?? 0, { 'cpu.mode': 'system' })
  })
  level(
    'ongoingai.trace.queue_depth',
    'Current number of traces waiting in the async write queue.',
    '',
    () => vitals()?.queueDepth,
  )
  level('ongoingai.trace.queue_capacity', 'Capacity of the async trace write queue.', '', () =>
    capacityOf(vitals()),
  )
  level(
    'ongoingai.trace.queue_bytes',
    'Memory of exchanges that are not yet safe.',
    'By',
    () => vitals()?.queueBytes,
  )
  level(
    'ongoingai.trace.journal_records',
    'Traces that wait in the journal.',
    '',
    () => totals().journalRecords,
  )
  level('ongoingai.trace.journal_bytes', 'Size of the journal.', 'By', () => totals().journalBytes)
  level('ongoingai.exchange.open', 'Exchanges under way.', '', () => vitals()?.openExchanges)
  level(
    'ongoingai.eventloop.delay_seconds',
    'How late a timer of the serving thread was at worst since the last collection.',
    's',
    () => vitals()?.eventLoopDelay,
  )
  level('process.memory.usage', 'Resident memory of the process.', 'By', () => vitals()?.rssBytes)
  level('process.heap.usage', 'Heap of the serving thread.', 'By', () => vitals()?.heapBytes)
  level('process.uptime', 'Time since the process began.', 's', () => vitals()?.uptime)
}

/** What one exchange takes in the queue at least. */
const RECORD_BYTES = 2048

function capacityOf(vitals: Vitals | undefined): number | undefined {
  return vitals && Math.floor(vitals.queueMaxBytes / RECORD_BYTES)
}
