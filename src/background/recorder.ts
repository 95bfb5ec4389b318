import type { KeyList, KeyUse } from '../access/key-store.ts'
import type { AuditEvent } from '../audit/audit-event.ts'
import { wireApiNamed } from '../providers/registry.ts'
import { ShownPaths } from '../redaction/shown-paths.ts'
import type { Scrape } from '../telemetry/prometheus-text.ts'
import type { RecorderTotals } from '../telemetry/recorder-totals.ts'
import type { Vitals } from '../telemetry/vitals.ts'
import { CoalescingTimer } from '../time/coalescing-timer.ts'
import { patientTimer } from '../time/patient-timer.ts'
import type {
  Caller,
  Contents,
  Exchange,
  Observed,
  ObservedMessage,
  PricedExchange,
} from '../traces/exchange.ts'
import { interruptedTrace, unreadContent } from '../traces/interrupted-trace.ts'
import { readPath } from '../wire/url/path-readings.ts'
import { type PipelineDiagnostics, pipelineDiagnostics } from './diagnostics.ts'
import { DropCounts } from './drop-counts.ts'
import { type FinishedExchange, packExchanges } from './exchange-batch.ts'
import { Journal } from './journal.ts'
import { unpackPriced } from './priced-batch.ts'
import type { RecorderReply, RecorderRequest, RecorderSettings } from './protocol.ts'
import { TenantPipelines } from './tenant-pipelines.ts'
import { TraceBuilder } from './trace-builder.ts'
import { encodeTrace } from './trace-codec.ts'
import { join } from 'node:path'

/** What one exchange takes in the queue besides its content. */
const RECORD_BYTES = 2048

/** Exchanges are handed over together: at most so many, at most so late. */
const OUTBOX_EXCHANGES = 64
const OUTBOX_MS = 2

/** Audit events that wait for the recorder thread at most. */
const AUDIT_WAITING = 10_000

/** Waiting times before a recorder thread that died is started again. */
const RESTART_MS = [0, 100, 500, 2000]

/** How long nothing may be heard of a thread that stops, until it counts as stuck; less once it must hurry. */
const SILENT_MS = 10_000
const SILENT_IN_HURRY_MS = 1500

/** How long a thread may take to stop although it is at work, and how often that is looked at. */
const STOPPING_MS = 60_000
const LOOK_MS = 50

/** How long Prometheus waits for the recorder thread. */
const SCRAPE_MS = 5000

const NO_CONTENTS: Contents = { request: undefined, response: undefined }

const NO_TOTALS: RecorderTotals = {
  recovered: 0,
  stored: 0,
  spilled: 0,
  replayed: 0,
  quarantined: 0,
  writeDropped: 0,
  journalRecords: 0,
  journalBytes: 0,
  observationsGivenUp: 0,
  lastWriteDropAt: 0,
  lastWriteDropOperation: '',
  writeFailuresByClass: {},
}

/** Where the recorder's own messages go. */
export type RecorderLog = (
  level: 'INFO' | 'WARN' | 'ERROR',
  message: string,
  fields: Readonly<Record<string, unknown>> | string,
) => void

/** How the recorder ended. */
export type RecorderEnd =
  | { readonly kind: 'stored' }
  /** The thread did not get so far: what was known of these exchanges is in the journal, and the next start stores it. */
  | { readonly kind: 'journalled'; readonly records: number }
  /** Nor could it be journalled. */
  | { readonly kind: 'lost'; readonly records: number; readonly reason: string }

/** Who wants to hear from the recorder. */
export interface RecorderListeners {
  /** What exchanges came to that somebody waits for. */
  readonly priced: (bills: readonly PricedExchange[]) => void
  /** One that somebody waits for was dropped, so nobody will ever tell. */
  readonly dropped: (ticket: number) => void
  /** The store answers; its keys where they have changed. */
  readonly keys: (list: KeyList | undefined) => void
}

/**
 * The serving thread's end of the recorder: hands exchanges over by message, never waits, and keeps each until the
 * recorder thread says that it is safe. A thread that dies is started again and gets what was not safe yet.
 */
export class Recorder {
  readonly #workerUrl: string
  readonly #log: RecorderLog
  readonly #listeners: RecorderListeners
  #settings: RecorderSettings
  #paths: ShownPaths
  #worker: Worker | undefined
  #totals = NO_TOTALS
  /** Totals of threads that died. */
  #before = NO_TOTALS
  /** Records that they left in the journal, and how many the thread of now has taken over. */
  #inherited = 0
  #takenOver = 0
  readonly #tenants = new TenantPipelines()
  readonly #unsettled = new Map<string, { finished: FinishedExchange; bytes: number }>()
  #auditWaiting: AuditEvent[] = []
  #outbox: FinishedExchange[] = []
  readonly #outboxTimer = new CoalescingTimer(() => this.#send())
  #bytes = 0
  #observedBytes = 0
  #accepted = 0
  #dropped = 0
  #lastDropAt = 0
  #dropping = false
  #depthHighWatermark = 0
  #bytesHighWatermark = 0
  #restarts = 0
  #stopping: Promise<RecorderEnd> | undefined
  #hurried = false
  /** The thread has done all there was to do at the end. */
  #ended = false
  /** When the thread was heard last. */
  #heardAt = 0
  #scrapes = 0
  readonly #scraping = new Map<number, (scrape: Scrape | undefined) => void>()
  readonly #drops = new DropCounts()

  /** @param workerUrl the recorder thread's program */
  constructor(settings: RecorderSettings, log: RecorderLog, listeners: RecorderListeners, workerUrl: string) {
    this.#listeners = listeners
    this.#settings = settings
    this.#paths = new ShownPaths(settings.redaction)
    this.#log = log
    this.#workerUrl = workerUrl
  }

  /** Starts the thread and waits until its store is open. Rejects with the reason when it cannot be. */
  start(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#spawn(resolve, (message) => reject(new Error(message)))
    })
  }

  /**
   * Takes a finished exchange. Its content is left out when the queue is half full, and the exchange is refused,
   * counted and logged once per episode, when it is full.
   */
  record(exchange: Exchange, contents: Contents): void {
    const content = (contents.request?.length ?? 0) + (contents.response?.length ?? 0)
    const room = this.#settings.queueMaxBytes - this.#bytes - this.#observedBytes
    if (room < RECORD_BYTES) return this.#drop(exchange)
    const full = content > 0 && room < this.#settings.queueMaxBytes / 2 + content
    const finished = { exchange, contents: full ? NO_CONTENTS : contents }
    const bytes = RECORD_BYTES + (full ? 0 : content)
    this.#accepted += 1
    this.#dropping = false
    this.#bytes += bytes
    this.#unsettled.set(exchange.id, { finished, bytes })
    this.#tenants.accepted(exchange.caller, bytes)
    this.#depthHighWatermark = Math.max(this.#depthHighWatermark, this.#unsettled.size)
    this.#bytesHighWatermark = Math.max(this.#bytesHighWatermark, this.#bytes)
    this.#outbox.push(finished)
    if (this.#outbox.length >= OUTBOX_EXCHANGES) this.#send()
    else this.#outboxTimer.arm(OUTBOX_MS)
    return undefined
  }

  /**
   * Shows a piece of streamed content to the recorder, which takes it over.
   *
   * @returns false when the recorder is too far behind, or is being started again; the piece is not looked at then
   */
  observe(piece: Observed | ObservedMessage): boolean {
    const size = piece.kind === 'observed' ? piece.bytes.length : piece.text.length
    const worker = this.#worker
    if (!worker || this.#bytes + this.#observedBytes + size > this.#settings.queueMaxBytes / 2) return false
    this.#observedBytes += size
    if (piece.kind === 'observed') worker.postMessage(piece, [piece.bytes.buffer as ArrayBuffer])
    else this.#post(piece)
    return true
  }

  /** Changes what can be changed while running: prices, redaction, capture. */
  configure(settings: RecorderSettings): void {
    const { storage, journalPath, journalMaxBytes } = this.#settings
    this.#settings = { ...settings, storage, journalPath, journalMaxBytes }
    this.#paths = new ShownPaths(settings.redaction)
    this.#post({ kind: 'configure', settings: this.#settings })
  }

  /** Adds events to the audit trail. While the recorder is being started again they wait. */
  audit(events: readonly AuditEvent[]): void {
    if (this.#worker) return this.#post({ kind: 'audit', events })
    const kept = events.slice(0, AUDIT_WAITING - this.#auditWaiting.length)
    this.#auditWaiting.push(...kept)
    // They are in the log all the same.
    if (kept.length < events.length)
      this.#log('ERROR', 'audit events were dropped', {
        failed_count: events.length - kept.length,
        error: 'the recorder thread does not run, and too many wait for it',
      })
    return undefined
  }

  /** Notes uses of gateway keys. */
  used(keys: readonly KeyUse[]): void {
    this.#post({ kind: 'used', keys })
  }

  /** Tells how the serving thread is. */
  vitals(vitals: Omit<Vitals, QueueVitals>): void {
    const { queue_depth: queueDepth } = this.diagnostics()
    this.#post({
      kind: 'vitals',
      vitals: {
        ...vitals,
        accepted: this.#accepted,
        dropped: this.#drops.list(),
        queueDepth,
        queueBytes: this.#bytes + this.#observedBytes,
        queueMaxBytes: this.#settings.queueMaxBytes,
        recorderRestarts: this.#restarts,
      },
    })
  }

  /** Metrics for Prometheus; `undefined` when the thread has none, or does not answer. */
  scrape(openMetrics: boolean): Promise<Scrape | undefined> {
    const id = ++this.#scrapes
    return new Promise((resolve) => {
      const callOff = patientTimer(SCRAPE_MS, () => this.#answerScrape(id, undefined))
      this.#scraping.set(id, (scrape) => {
        callOff()
        resolve(scrape)
      })
      this.#post({ kind: 'scrape', id, openMetrics })
    })
  }

  #answerScrape(id: number, scrape: Scrape | undefined): void {
    this.#scraping.get(id)?.(scrape)
    this.#scraping.delete(id)
  }

  diagnostics(): PipelineDiagnostics {
    return pipelineDiagnostics(
      {
        accepted: this.#accepted,
        dropped: this.#dropped,
        lastDropAt: this.#lastDropAt,
        depthHighWatermark: this.#depthHighWatermark,
        bytes: this.#bytes + this.#observedBytes,
        bytesHighWatermark: this.#bytesHighWatermark,
        maxBytes: this.#settings.queueMaxBytes,
        recordBytes: RECORD_BYTES,
        restarts: this.#restarts,
      },
      this.#totals,
    )
  }

  /** The same of some tenants alone. The pressure is that of the whole queue, for it decides what is dropped. */
  tenantDiagnostics(
    isShown: (tenant: Pick<Caller, 'organizationId' | 'workspaceId'>) => boolean,
  ): PipelineDiagnostics {
    const { queue_pressure_state, queue_high_watermark_pressure_state } = this.diagnostics()
    const queue = { maxBytes: this.#settings.queueMaxBytes, recordBytes: RECORD_BYTES }
    const own = this.#tenants.diagnostics(isShown, queue)
    return { ...own, queue_pressure_state, queue_high_watermark_pressure_state }
  }

  /** Lets the thread store or journal everything and ends it. A thread that cannot leaves that to this one; nothing is given up. */
  stop(): Promise<RecorderEnd> {
    return (this.#stopping ??= this.#stop())
  }

  /** Shortens a `stop` that is under way: nothing waits for the store or for long work any more. */
  flush(): void {
    this.#hurried = true
    this.#post({ kind: 'flush' })
  }

  async #stop(): Promise<RecorderEnd> {
    this.#send()
    this.#heardAt = performance.now()
    const until = this.#heardAt + STOPPING_MS
    this.#post({ kind: 'stop' })
    if (this.#hurried) this.#post({ kind: 'flush' })
    while (this.#worker && !this.#ended && performance.now() < until) {
      if (this.#hurried && this.#unsettled.size === 0) break
      const silentMs = this.#hurried ? SILENT_IN_HURRY_MS : SILENT_MS
      if (performance.now() - this.#heardAt > silentMs) break
      await Bun.sleep(LOOK_MS)
    }
    this.#worker?.terminate()
    this.#worker = undefined
    this.#journalAudit()
    return this.#journal()
  }

  /** Writes the audit events that no thread has taken. */
  #journalAudit(): void {
    if (this.#auditWaiting.length === 0) return
    const journal = new Journal(join(this.#settings.journalPath, 'audit'), Infinity, this.#log)
    try {
      journal.append(this.#auditWaiting.map((event) => Buffer.from(JSON.stringify(event))))
      journal.close()
    } catch (error) {
      this.#log('ERROR', 'audit events were dropped', {
        failed_count: this.#auditWaiting.length,
        error: error instanceof Error ? error.message : String(error),
      })
    }
  }

  /** Writes what is known here of the exchanges that the thread has not made safe. The next start stores it. */
  #journal(): RecorderEnd {
    const { journalPath, journalMaxBytes } = this.#settings
    const exchanges = [...this.#unsettled.values()].map(({ finished }) => finished.exchange)
    const records = exchanges.length
    try {
      if (records === 0) return { kind: 'stored' }
      const builder = new TraceBuilder(this.#settings)
      const journal = new Journal(journalPath, journalMaxBytes, this.#log)
      const payloads = exchanges.map((exchange) => {
        const trace = builder.build(exchange, unreadContent(wireApiNamed(exchange.wire.api)))
        return encodeTrace(
          interruptedTrace(trace, 'the recorder did not get to it before the gateway ended', 'unread'),
        )
      })
      journal.keepUnfinished(payloads)
      journal.close()
      return { kind: 'journalled', records }
    } catch (error) {
      return { kind: 'lost', records, reason: error instanceof Error ? error.message : String(error) }
    }
  }

  #spawn(ready?: () => void, failed?: (message: string) => void): void {
    const worker = new Worker(this.#workerUrl)
    this.#worker = worker
    worker.onmessage = (event: MessageEvent<RecorderReply>) => {
      const reply = event.data
      if (this.#stopping) this.#heardAt = performance.now()
      if (reply.kind === 'failed') {
        this.#worker = undefined
        worker.terminate()
        failed?.(reply.message)
        if (!failed) this.#respawnLater()
        return
      }
      if (reply.kind === 'ready') ready?.()
      this.#take(reply)
    }
    worker.addEventListener('error', (event) => this.#died(worker, event.message))
    worker.addEventListener('close', () => this.#died(worker, 'the thread ended'))
    worker.postMessage({ kind: 'configure', settings: this.#settings } satisfies RecorderRequest)
    if (this.#auditWaiting.length > 0) this.audit(this.#auditWaiting.splice(0))
    // What the last thread may not have made safe. Storing is idempotent, so a second time does no harm.
    this.#outbox = [...this.#unsettled.values()].map(({ finished }) => finished)
    this.#send()
  }

  #take(reply: Exclude<RecorderReply, { kind: 'failed' }>): void {
    switch (reply.kind) {
      case 'ready':
        this.#totals = this.#sinceStart(reply.totals)
        return
      case 'settled':
        for (const id of reply.ids) {
          const settled = this.#unsettled.get(id)
          if (!settled) continue
          this.#bytes -= settled.bytes
          this.#unsettled.delete(id)
          this.#tenants.settled(settled.finished.exchange.caller, settled.bytes, reply.fate)
        }
        this.#totals = this.#sinceStart(reply.totals)
        return
      case 'replayed':
        return this.#tenants.replayed(reply.counts)
      case 'priced':
        this.#listeners.priced(unpackPriced(reply))
        return
      case 'keys':
        this.#listeners.keys(reply.list)
        return
      case 'completed':
        for (const fields of reply.lines) this.#log('INFO', 'request complete', fields)
        if (reply.leftOut > 0)
          this.#log('INFO', 'requests complete, without a line each', { requests: reply.leftOut })
        return
      case 'scraped':
        this.#answerScrape(
          reply.id,
          reply.text === undefined ? undefined : { text: reply.text, mediaType: reply.mediaType },
        )
        return
      case 'looked':
        this.#observedBytes = Math.max(0, this.#observedBytes - reply.bytes)
        return
      case 'log':
        this.#log(reply.level, reply.message, reply.fields)
        return
      case 'stopped':
        this.#totals = this.#sinceStart(reply.totals)
        this.#ended = true
        return
      case 'alive':
        return
      default:
        reply satisfies never
    }
  }

  /** Adds what threads that died had counted. What the new one takes over of their journal has been accepted before. */
  #sinceStart(totals: RecorderTotals): RecorderTotals {
    this.#takenOver = totals.recovered
    if (this.#restarts === 0) return totals
    return sum(this.#before, { ...totals, recovered: Math.max(0, totals.recovered - this.#inherited) })
  }

  #died(worker: Worker, reason: string): void {
    if (this.#worker !== worker) return
    this.#worker = undefined
    if (this.#stopping) return
    // Records in the journal outlive the thread; the next one finds and counts them itself.
    this.#inherited = Math.max(0, this.#inherited - this.#takenOver) + this.#totals.journalRecords
    this.#takenOver = 0
    this.#before = { ...this.#totals, journalRecords: 0, journalBytes: 0 }
    this.#observedBytes = 0
    this.#log('ERROR', 'recorder thread died; starting it again', {
      error: reason,
      unsettled: this.#unsettled.size,
      restarts: this.#restarts + 1,
    })
    this.#respawnLater()
    return undefined
  }

  #respawnLater(): void {
    const wait = RESTART_MS[Math.min(this.#restarts, RESTART_MS.length - 1)]!
    this.#restarts += 1
    setTimeout(() => {
      if (!this.#stopping) this.#spawn()
    }, wait)
  }

  #send(): void {
    this.#outboxTimer.cancel()
    if (this.#outbox.length === 0 || !this.#worker) return
    const batch = packExchanges(this.#outbox)
    this.#outbox = []
    this.#worker.postMessage(batch, [batch.contents.buffer as ArrayBuffer])
  }

  #post(request: RecorderRequest): void {
    this.#worker?.postMessage(request)
  }

  #drop(exchange: Exchange): void {
    if (exchange.ticket > 0) this.#listeners.dropped(exchange.ticket)
    this.#dropped += 1
    this.#tenants.refused(exchange.caller)
    this.#lastDropAt = Date.now()
    this.#drops.add(exchange)
    const { caller, wire } = exchange
    const route = readPath(exchange.path).loose
    const path = this.#paths.shown(exchange.path, { ...caller, provider: wire.provider, route })
    this.#log('INFO', 'request complete', {
      correlation_id: exchange.correlationId,
      record_id: exchange.id,
      method: exchange.method,
      path,
      status: exchange.status,
      latency_ms: Math.round(exchange.completedUs / 1000),
      outcome: exchange.outcome,
      ...(exchange.errorCode === '' ? {} : { error_code: exchange.errorCode }),
      provider: exchange.wire.provider,
    })
    if (this.#dropping) return
    this.#dropping = true
    this.#log('WARN', 'trace queue is full; dropping trace', {
      correlation_id: exchange.correlationId,
      path,
      status: exchange.status,
    })
  }
}

/** What the recorder adds to the vitals of the serving thread. */
type QueueVitals = 'accepted' | 'dropped' | 'queueDepth' | 'queueBytes' | 'queueMaxBytes' | 'recorderRestarts'

function sum(a: RecorderTotals, b: RecorderTotals): RecorderTotals {
  const failures = { ...a.writeFailuresByClass }
  for (const [kind, count] of Object.entries(b.writeFailuresByClass))
    failures[kind] = (failures[kind] ?? 0) + count
  return {
    recovered: a.recovered + b.recovered,
    stored: a.stored + b.stored,
    spilled: a.spilled + b.spilled,
    replayed: a.replayed + b.replayed,
    quarantined: a.quarantined + b.quarantined,
    writeDropped: a.writeDropped + b.writeDropped,
    journalRecords: b.journalRecords,
    journalBytes: b.journalBytes,
    observationsGivenUp: a.observationsGivenUp + b.observationsGivenUp,
    lastWriteDropAt: Math.max(a.lastWriteDropAt, b.lastWriteDropAt),
    lastWriteDropOperation: b.lastWriteDropOperation || a.lastWriteDropOperation,
    writeFailuresByClass: failures,
  }
}
