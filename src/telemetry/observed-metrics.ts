import type { Meter, ObservableResult } from '@opentelemetry/api'
import type { RecorderTotals } from './recorder-totals.ts'
import type { Vitals } from './vitals.ts'

const LIMIT_CODES = [
  'rate_limit_exceeded',
  'token_limit_exceeded',
  'concurrency_limit_exceeded',
  'budget_exceeded',
  'request_body_too_large',
]

/** What is read when metrics are collected. */
export interface MetricSources {
  readonly vitals: () => Vitals | undefined
  readonly totals: () => RecorderTotals
  readonly store: string
}

/** Observes sums and levels of other parts: they are read when metrics are collected. */
export function observeSources(meter: Meter, sources: MetricSources): void {
  const observers: Observers = {
    sum: (name, description, give) => meter.createObservableCounter(name, { description }).addCallback(give),
    level: (name, description, unit, of) =>
      meter.createObservableGauge(name, { description, unit }).addCallback((result) => {
        const value = of()
        if (value !== undefined) result.observe(value)
      }),
  }
  observeTraces(observers, sources)
  observeQueue(observers, sources)
  observeLimits(observers, sources)
  observeShares(meter, sources)
  observeTargets(meter, sources)
  observeProcess(observers, sources)
}

interface Observers {
  readonly sum: (name: string, description: string, give: (result: ObservableResult) => void) => void
  readonly level: (name: string, description: string, unit: string, of: () => number | undefined) => void
}

function observeTraces({ sum }: Observers, { vitals, totals, store }: MetricSources): void {
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
}

function observeQueue({ level }: Observers, { vitals, totals }: MetricSources): void {
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
}

function observeLimits({ sum }: Observers, { vitals }: MetricSources): void {
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
}

function observeShares(meter: Meter, { vitals }: MetricSources): void {
  meter
    .createObservableGauge('ongoingai.budget.spent_ratio', {
      description: 'Of the budgets of a policy, the largest share that is spent.',
    })
    .addCallback((result) => {
      for (const [policy, share] of Object.entries(vitals()?.budgetsSpent ?? {}))
        result.observe(share, { policy })
    })
}

/** The states of a target; the one that it has is 1, the others 0. */
const TARGET_STATES = ['available', 'cooling', 'open', 'half_open'] as const

function observeTargets(meter: Meter, { vitals }: MetricSources): void {
  meter
    .createObservableGauge('ongoingai.target.state', {
      description: 'State of each configured target: 1 for the one that it has.',
    })
    .addCallback((result) => {
      for (const [target, state] of Object.entries(vitals()?.targetStates ?? {}))
        for (const one of TARGET_STATES) result.observe(one === state ? 1 : 0, { target, state: one })
    })
}

function observeProcess({ sum, level }: Observers, { vitals }: MetricSources): void {
  sum('ongoingai.recorder.restarts_total', 'Restarts of the recorder thread.', (result) =>
    result.observe(vitals()?.recorderRestarts ?? 0),
  )
  sum('ongoingai.log.lines_dropped_total', 'Log lines that could not be written.', (result) =>
    result.observe(vitals()?.logLinesDropped ?? 0),
  )
  sum('process.cpu.time', 'Processor time of the process, in seconds.', (result) => {
    const now = vitals()
    result.observe(now?.cpuUser ?? 0, { 'cpu.mode': 'user' })
    result.observe(now?.cpuSystem ?? 0, { 'cpu.mode': 'system' })
  })
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
