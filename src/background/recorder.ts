import type { KeyList, KeyUse } from '../access/key-store.ts'
import type { AuditEvent } from '../audit/audit-event.ts'
import { ShownPaths } from '../redaction/shown-paths.ts'
import type { Scrape } from '../telemetry/prometheus-text.ts'
import type { Vitals } from '../telemetry/vitals.ts'
import { WorkerClient } from '../threads/worker-client.ts'
import { CoalescingTimer } from '../time/coalescing-timer.ts'
import { patientTimer } from '../time/patient-timer.ts'
import type {
  Caller,
  Contents,
  ContentTap,
  Exchange,
  ObservedContent,
  ObservedMessage,
  PricedExchange,
} from '../traces/exchange.ts'
import { readPath } from '../wire/url/path-readings.ts'
import { type PipelineDiagnostics, pipelineDiagnostics } from './diagnostics.ts'
import { type FinishedExchange, packExchanges } from './exchange-batch.ts'
import { ExchangeQueue } from './exchange-queue.ts'
import type { RecorderEnd } from './journal-at-end.ts'
import { unpackPriced } from './priced-batch.ts'
import { ObservedOutbox } from './observed-outbox.ts'
import type { RecorderReply, RecorderRequest, RecorderSettings } from './protocol.ts'
import { type Settled, unpackSettled } from './settled-batch.ts'
import { TotalsAcrossThreads } from './totals-across-threads.ts'

/** Exchanges are handed over together: at most so many, at most so late. */
const OUTBOX_EXCHANGES = 64
const OUTBOX_MS = 2

/** Audit events that wait for the recorder thread at most. */
const AUDIT_WAITING = 10_000

/** Waiting times before a recorder thread that died is started again. */
const RESTART_MS = [0, 100, 500, 2000]

/** How long a stopping thread may be silent until it counts as stuck; less once it is flushed. */
const SILENT_MS = 10_000
const SILENT_WHEN_FLUSHED_MS = 1500

/** How long a working thread may take to stop, and how often that is checked. */
const STOPPING_MS = 60_000
const LOOK_MS = 50

/** How long Prometheus waits for the recorder thread. */
const SCRAPE_MS = 5000

/** Where the recorder's own messages go. */
export type RecorderLog = (
  level: 'INFO' | 'WARN' | 'ERROR',
  message: string,
  fields: Readonly<Record<string, unknown>> | string,
) => void

/** Who listens to the recorder. */
export interface RecorderListeners {
  /** Costs of exchanges whose reservations wait for them. */
  readonly priced: (bills: readonly PricedExchange[]) => void
  /** An exchange whose reservation waits was dropped: its cost will never be known. */
  readonly dropped: (ticket: number) => void
  /** The store responds; with its keys if they have changed. */
  readonly keys: (list: KeyList | undefined) => void
}

/**
 * The serving thread's end of the recorder: hands exchanges over by message, never waits, and keeps each until the
 * recorder thread says that it is safe. A thread that dies is started again and gets what was not safe yet.
 */
export class Recorder {
  readonly #thread: WorkerClient<RecorderRequest, RecorderReply>
  readonly #log: RecorderLog
  readonly #listeners: RecorderListeners
  readonly #queue = new ExchangeQueue(() => this.#settings.queueMaxBytes)
  readonly #totals = new TotalsAcrossThreads()
  #settings: RecorderSettings
  #paths: ShownPaths
  #auditWaiting: AuditEvent[] = []
  #outbox: FinishedExchange[] = []
  /** Exchanges that were refused, until the thread hears of them. */
  #refused: string[] = []
  readonly #observed = new ObservedOutbox({
    accept: (bytes) => this.#thread.running && this.#queue.observe(bytes),
    post: (batch) =>
      void this.#thread.post(batch, [batch.bytes.buffer as ArrayBuffer, batch.chunks.buffer as ArrayBuffer]),
  })
  readonly #outboxTimer = new CoalescingTimer(() => this.#send())
  #restarts = 0
  /** Who waits for the first thread to open its store; absent once it has, or could not. */
  #starting:
    | { readonly ready: (keys: KeyList | undefined) => void; readonly failed: (error: Error) => void }
    | undefined
  #stopping: Promise<RecorderEnd> | undefined
  #flushed = false
  /** The thread has done all there was to do at the end. */
  #ended = false
  /** When the thread was heard last. */
  #heardAt = 0
  #scrapes = 0
  readonly #scraping = new Map<number, (scrape: Scrape | undefined) => void>()

  /** @param workerUrl the recorder thread's program */
  constructor(settings: RecorderSettings, log: RecorderLog, listeners: RecorderListeners, workerUrl: string) {
    this.#listeners = listeners
    this.#settings = settings
    this.#paths = new ShownPaths(settings.redaction)
    this.#log = log
    this.#thread = new WorkerClient({
      url: workerUrl,
      replied: (reply) => this.#take(reply),
      died: (reason) => this.#died(reason),
    })
  }

  /**
   * Starts the thread and waits until its store is open. Rejects with the reason when it cannot be.
   *
   * @returns the gateway keys of the store; `undefined` when they are not wanted, or could not be read
   */
  start(): Promise<KeyList | undefined> {
    return new Promise((resolve, reject) => {
      this.#starting = { ready: resolve, failed: reject }
      this.#spawn()
    })
  }

  /**
   * Takes a finished exchange. Its content is left out when the queue is half full, and the exchange is refused,
   * counted and logged once per episode, when it is full.
   */
  record(exchange: Exchange, contents: Contents): void {
    const finished = this.#queue.add(exchange, contents)
    if (!finished) return this.#drop(exchange)
    this.#outbox.push(finished)
    if (this.#outbox.length >= OUTBOX_EXCHANGES) this.#send()
    else this.#outboxTimer.arm(OUTBOX_MS)
    return undefined
  }

  /** Begins to copy streamed content. Copies are given up when the recorder is too far behind, or is restarting. */
  observe(content: ObservedContent): ContentTap {
    return this.#observed.open(content)
  }

  /** Shows a WebSocket message. @returns false when the recorder is too far behind, or is restarting; then it is not read */
  observeMessage(message: ObservedMessage): boolean {
    if (!this.#thread.running || !this.#queue.observe(message.text.length)) return false
    this.#thread.post(message)
    return true
  }

  /** Changes what can be changed while running: prices, redaction, capture. */
  configure(settings: RecorderSettings): void {
    const { storage, journalPath, journalMaxBytes } = this.#settings
    this.#settings = { ...settings, storage, journalPath, journalMaxBytes }
    this.#paths = new ShownPaths(settings.redaction)
    this.#thread.post({ kind: 'configure', settings: this.#settings })
  }

  /** Adds events to the audit trail. While the recorder is being started again they wait. */
  audit(events: readonly AuditEvent[]): void {
    if (this.#thread.post({ kind: 'audit', events })) return
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
    this.#thread.post({ kind: 'used', keys })
  }

  /** Reports how the serving thread is. */
  vitals(vitals: Omit<Vitals, QueueVitals>): void {
    const { accepted, bytes, maxBytes } = this.#queue.counts()
    this.#thread.post({
      kind: 'vitals',
      vitals: {
        ...vitals,
        accepted,
        dropped: this.#queue.drops(),
        queueDepth: this.diagnostics().queue_depth,
        queueBytes: bytes,
        queueMaxBytes: maxBytes,
        recorderRestarts: this.#restarts,
      },
    })
  }

  /** Metrics for Prometheus; `undefined` when the thread has none, or does not respond. */
  scrape(openMetrics: boolean): Promise<Scrape | undefined> {
    const id = ++this.#scrapes
    return new Promise((resolve) => {
      const callOff = patientTimer(SCRAPE_MS, () => this.#answerScrape(id, undefined))
      this.#scraping.set(id, (scrape) => {
        callOff()
        resolve(scrape)
      })
      this.#thread.post({ kind: 'scrape', id, openMetrics })
    })
  }

  #answerScrape(id: number, scrape: Scrape | undefined): void {
    this.#scraping.get(id)?.(scrape)
    this.#scraping.delete(id)
  }

  diagnostics(): PipelineDiagnostics {
    return pipelineDiagnostics({ ...this.#queue.counts(), restarts: this.#restarts }, this.#totals.now)
  }

  /** The same for some tenants. The pressure is that of the whole queue, because it decides what is dropped. */
  tenantDiagnostics(
    isShown: (tenant: Pick<Caller, 'organizationId' | 'workspaceId'>) => boolean,
  ): PipelineDiagnostics {
    const { queue_pressure_state, queue_high_watermark_pressure_state } = this.diagnostics()
    const own = this.#queue.tenants.diagnostics(isShown, this.#queue.bounds)
    return { ...own, queue_pressure_state, queue_high_watermark_pressure_state }
  }

  /** Lets the thread store or journal everything and ends it. A thread that cannot leaves that to this one; nothing is given up. */
  stop(): Promise<RecorderEnd> {
    return (this.#stopping ??= this.#stop())
  }

  /** Shortens a running `stop`: it no longer waits for the store or for long work. */
  flush(): void {
    this.#flushed = true
    this.#thread.post({ kind: 'flush' })
  }

  async #stop(): Promise<RecorderEnd> {
    this.#send()
    this.#heardAt = performance.now()
    const until = this.#heardAt + STOPPING_MS
    this.#thread.post({ kind: 'stop' })
    if (this.#flushed) this.#thread.post({ kind: 'flush' })
    while (this.#thread.running && !this.#ended && performance.now() < until) {
      if (this.#flushed && this.#queue.size === 0) break
      const silentMs = this.#flushed ? SILENT_WHEN_FLUSHED_MS : SILENT_MS
      if (performance.now() - this.#heardAt > silentMs) break
      await Bun.sleep(LOOK_MS)
    }
    this.#thread.end()
    const exchanges = this.#queue.exchanges.map(({ exchange }) => exchange)
    if (exchanges.length + this.#auditWaiting.length === 0) return { kind: 'stored' }
    // Loaded only here: it builds traces, so it has the price list, which is megabytes.
    const { journalAuditEvents, journalExchanges } = await import('./journal-at-end.ts')
    journalAuditEvents(this.#settings, this.#auditWaiting, this.#log)
    return journalExchanges(this.#settings, exchanges, this.#log)
  }

  #spawn(): void {
    this.#thread.start({ kind: 'configure', settings: this.#settings })
    if (this.#auditWaiting.length > 0) this.audit(this.#auditWaiting.splice(0))
    // What the last thread may not have made safe. Storing is idempotent, so a second time does no harm.
    this.#outbox = [...this.#queue.exchanges]
    this.#send()
  }

  #take(reply: RecorderReply): void {
    if (this.#stopping) this.#heardAt = performance.now()
    switch (reply.kind) {
      case 'failed':
        return this.#failed(reply.message)
      case 'ready':
        this.#totals.take(reply.totals)
        this.#starting?.ready(reply.keys)
        this.#starting = undefined
        return
      case 'settled':
        return this.#settled(unpackSettled(reply))
      case 'replayed':
        return this.#queue.tenants.replayed(reply.counts)
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
        return this.#queue.observed(reply.bytes)
      case 'log':
        this.#log(reply.level, reply.message, reply.fields)
        return
      case 'stopped':
        this.#totals.take(reply.totals)
        this.#ended = true
        return
      case 'alive':
        return
      default:
        reply satisfies never
    }
  }

  #settled({ ids, fate, totals }: Settled): void {
    this.#queue.settle(ids, fate)
    this.#totals.take(totals)
  }

  /** The thread could not open its store. */
  #failed(message: string): void {
    this.#thread.end()
    if (!this.#starting) return this.#respawnLater()
    this.#starting.failed(new Error(message))
    this.#starting = undefined
    return undefined
  }

  #died(reason: string): void {
    if (this.#stopping) return
    this.#totals.threadDied()
    this.#observed.threadDied()
    this.#queue.observed()
    this.#log('ERROR', 'recorder thread died; starting it again', {
      error: reason,
      unsettled: this.#queue.size,
      restarts: this.#restarts + 1,
    })
    this.#respawnLater()
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
    if (this.#outbox.length + this.#refused.length === 0 || !this.#thread.running) return
    // The content of an exchange is read before its end.
    this.#observed.flush()
    if (this.#refused.length > 0) this.#thread.post({ kind: 'refused', ids: this.#refused })
    this.#refused = []
    if (this.#outbox.length === 0) return
    const batch = packExchanges(this.#outbox)
    this.#outbox = []
    this.#thread.post(batch, [batch.contents.buffer as ArrayBuffer])
  }

  #drop(exchange: Exchange): void {
    if (exchange.ticket > 0) this.#listeners.dropped(exchange.ticket)
    // A thread that starts later has read nothing of it.
    if (this.#thread.running) this.#refused.push(exchange.id)
    this.#outboxTimer.arm(OUTBOX_MS)
    const first = this.#queue.refuse(exchange)
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
    if (!first) return
    this.#log('WARN', 'trace queue is full; dropping trace', {
      correlation_id: exchange.correlationId,
      path,
      status: exchange.status,
    })
  }
}

/** What the recorder adds to the vitals of the serving thread. */
type QueueVitals = 'accepted' | 'dropped' | 'queueDepth' | 'queueBytes' | 'queueMaxBytes' | 'recorderRestarts'
