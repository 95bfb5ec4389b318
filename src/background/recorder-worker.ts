import { join } from 'node:path'
import type { KeyList } from '../access/key-store.ts'
import { CoalescingTimer } from '../time/coalescing-timer.ts'
import { withTimeout } from '../time/with-timeout.ts'
import { wireApiNamed } from '../providers/registry.ts'
import { openStorage, recorderStorage } from '../storage/open-storage.ts'
import type { Storage } from '../storage/contract/storage.ts'
import { modelOf } from '../traces/build-trace.ts'
import type { ContentReading } from '../traces/content-reading.ts'
import type { Encoding } from '../usage/estimate.ts'
import type { Contents, Exchange } from '../traces/exchange.ts'
import type { RecorderReply, RecorderRequest, RecorderSettings } from './protocol.ts'
import { interruptedTrace, unreadContent, withoutBodies } from '../traces/interrupted-trace.ts'
import { encodingNeeded } from '../traces/metering.ts'
import type { Telemetry as TelemetryClass } from '../telemetry/telemetry.ts'
import type { Trace } from '../traces/trace.ts'
import { AuditWriter } from './audit-writer.ts'
import { BuilderThread } from './builder-thread.ts'
import { unpackExchanges } from './exchange-batch.ts'
import { ExchangeReader } from './exchange-reader.ts'
import { Journal } from './journal.ts'
import type { JournalLog } from './journal-notes.ts'
import { KeyWatch } from './key-watch.ts'
import { PricedReport } from './priced-report.ts'
import { RequestLog } from './request-log.ts'
import { quarantine } from './quarantine.ts'
import { packSettled } from './settled-batch.ts'
import type { TraceBuilder } from './trace-builder.ts'
import { countByTenant } from './tenant-pipelines.ts'
import { TraceWriter } from './trace-writer.ts'
import { UnfinishedTraces } from './unfinished-traces.ts'
import { Maintenance } from './maintenance.ts'

// The recorder thread: owns reading, pricing, the journal and the database. It has one door, the messages.

declare const self: Worker

/** How long observed bytes wait to be reported together. */
const LOOKED_MS = 5

/** Content up to this size is redacted at once: asking another thread takes longer. So are so many bills priced. */
const AT_ONCE_BYTES = 32 * 1024
const AT_ONCE_BILLS = 1000

/** How long slow work may continue at the end. Then drafts are written. */
const STOPPING_MS = 8000

/** How long a flushing stop waits for the store. Then pending traces go to the journal. */
const HURRIED_STORE_MS = 500

/** How often the serving thread hears, at the end, that this one lives. */
const ALIVE_MS = 250

/** The builder thread's program. */
const BUILDER_WORKER = new URL('./builder-worker.ts', import.meta.url).href

/** How long the start waits for the keys of the store. */
const KEYS_MS = 1000

/** Audit events that wait for the store. */
const AUDIT_JOURNAL_BYTES = 64 * 1024 * 1024

let recorder: Promise<RecorderThread | undefined> | undefined

self.onmessage = (event: MessageEvent<RecorderRequest>) => {
  const request = event.data
  if (recorder) void recorder.then((thread) => thread?.take(request))
  else if (request.kind === 'configure') recorder = open(request.settings)
}

/** Opens the store. Messages that come meanwhile wait, in order. */
async function open(settings: RecorderSettings): Promise<RecorderThread | undefined> {
  try {
    const storage = await openStorage(recorderStorage(settings.storage), 'write', (path, users) =>
      reply({
        kind: 'log',
        level: 'WARN',
        message: 'waiting for the store: another process has locked it',
        fields: { path, ...(users.length > 0 ? { used_by: users } : {}) },
      }),
    )
    // Only a gateway whose telemetry is on carries its libraries.
    const library = settings.telemetry.enabled ? await import('../telemetry/telemetry.ts') : undefined
    const keys = settings.watchKeys ? await keysOf(storage) : undefined
    const thread = new RecorderThread(settings, storage, library?.Telemetry)
    reply({ kind: 'ready', totals: thread.totals(), ...(keys ? { keys } : {}) })
    // Only now, because the gateway is ready without the price list. Messages wait for it.
    const { TraceBuilder } = await import('./trace-builder.ts')
    thread.buildWith((current) => new TraceBuilder(current))
    return thread
  } catch (error) {
    reply({ kind: 'failed', message: error instanceof Error ? error.message : String(error) })
    return undefined
  }
}

/** The keys of a store; `undefined` if it does not say them soon. */
async function keysOf(storage: Storage): Promise<KeyList | undefined> {
  return withTimeout(storage.directory().activeKeys(), KEYS_MS).catch(() => undefined)
}

function reply(message: RecorderReply): void {
  self.postMessage(message)
}

/** An exchange whose trace takes long to make. */
interface SlowExchange {
  readonly exchange: Exchange
  /** Content that waits with it. */
  readonly bytes: number
  /** Its trace without more work. */
  readonly known: (why: string) => Trace
}

class RecorderThread {
  #settings: RecorderSettings
  /** Absent until `buildWith`, before which no message is taken. */
  #newBuilder: ((settings: RecorderSettings) => TraceBuilder) | undefined
  #builder: TraceBuilder | undefined
  readonly #builders: BuilderThread
  readonly #storage: Storage
  readonly #reader: ExchangeReader
  readonly #writer: TraceWriter
  readonly #maintenance: Maintenance
  /** Exchanges whose traces take long. */
  readonly #slow = new Map<string, SlowExchange>()
  readonly #unfinished: UnfinishedTraces
  #slowBytes = 0
  /** Wakes the end of the process when nothing is slow any more. */
  #wake = (): void => undefined
  /** The end must not wait any more. */
  readonly #flush = Promise.withResolvers<void>()
  #lookedBytes = 0
  readonly #lookedTimer = new CoalescingTimer(() => this.#reportObserved())
  readonly #requests = new RequestLog((lines, leftOut) => reply({ kind: 'completed', lines, leftOut }))
  readonly #telemetry: TelemetryClass | undefined
  readonly #priced = new PricedReport((batch) => reply({ kind: 'priced', ...batch }))
  readonly #audit: AuditWriter
  readonly #keys: KeyWatch

  constructor(settings: RecorderSettings, storage: Storage, Telemetry: typeof TelemetryClass | undefined) {
    this.#settings = settings
    this.#telemetry =
      Telemetry &&
      new Telemetry(settings.telemetry, {
        totals: () => this.totals(),
        store: settings.storage.driver,
        log: (level, message, fields) => reply({ kind: 'log', level, message, fields }),
      })
    this.#builders = new BuilderThread(settings, BUILDER_WORKER)
    this.#storage = storage
    const log: JournalLog = (level, message, fields) => reply({ kind: 'log', level, message, fields })
    const journal = new Journal(settings.journalPath, settings.journalMaxBytes, log)
    this.#unfinished = new UnfinishedTraces({
      journal,
      flushIntervalMs: () => this.#settings.flushIntervalMs,
      log,
    })
    this.#reader = new ExchangeReader(() => (this.#settings.captureBodies ? this.#settings.bodyMaxSize : 0))
    this.#writer = new TraceWriter({
      storage: () => this.#storage,
      journal,
      quarantine: (payload, reason) => quarantine(settings.journalPath, payload, reason),
      isComing: (id) => this.#unfinished.has(id),
      flushIntervalMs: () => this.#settings.flushIntervalMs,
      maxPendingBytes: () => this.#settings.queueMaxBytes,
      settled: (ids, fate) => {
        this.#unfinished.settled(ids)
        reply(packSettled({ ids, fate, totals: this.totals() }))
      },
      replayed: (traces) => reply({ kind: 'replayed', counts: countByTenant(traces) }),
      ...(this.#telemetry ? { wrote: (write) => this.#telemetry!.wrote(write) } : {}),
      log,
    })
    this.#maintenance = new Maintenance({
      storage,
      retention: () => this.#settings.retention,
      log,
    })
    const auditFolder = join(settings.journalPath, 'audit')
    this.#audit = new AuditWriter({
      store: () => storage.auditTrail(),
      journal: new Journal(auditFolder, AUDIT_JOURNAL_BYTES, log),
      isRefusal: (error) => error instanceof SyntaxError || storage.classify(error) === 'constraint',
      quarantine: (payload, reason) => quarantine(auditFolder, payload, reason),
      log,
    })
    this.#keys = new KeyWatch({
      directory: storage.directory(),
      wanted: () => this.#settings.watchKeys,
      seen: (list) => reply({ kind: 'keys', list }),
    })
  }

  /** Says how builders of traces are made; called once, before the first message. */
  buildWith(newBuilder: (settings: RecorderSettings) => TraceBuilder): void {
    this.#newBuilder = newBuilder
    this.#builder = newBuilder(this.#settings)
  }

  take(request: RecorderRequest): void {
    switch (request.kind) {
      case 'observed':
        this.#reader.observe(request, (bytes) => this.#looked(bytes))
        return
      case 'message':
        this.#reader.message(request)
        this.#looked(request.text.length)
        return
      case 'exchanges':
        for (const { exchange, contents } of unpackExchanges(request)) this.#end(exchange, contents)
        return
      case 'refused':
        for (const id of request.ids) this.#reader.forget(id)
        return
      case 'configure':
        this.#settings = request.settings
        this.#builder = this.#newBuilder!(request.settings)
        this.#builders.configure(request.settings)
        return
      case 'audit':
        this.#audit.add(request.events)
        return
      case 'used':
        this.#keys.used(request.keys)
        return
      case 'vitals':
        this.#telemetry?.vitals(request.vitals)
        return
      case 'scrape':
        void this.#scrape(request.id, request.openMetrics)
        return
      case 'stop':
        void this.#stop()
        return
      case 'flush':
        this.#flush.resolve()
        return
      default:
        request satisfies never
    }
  }

  /** Ends an exchange. A failure with its content costs only its content, and no other exchange. */
  #end(exchange: Exchange, contents: Contents): void {
    let reading: ContentReading | Promise<ContentReading>
    try {
      reading = this.#reader.end(exchange, contents)
    } catch (error) {
      return this.#withoutContent(exchange, nameOf(error))
    }
    if (!(reading instanceof Promise)) return this.#record(exchange, reading)
    this.#beginSlow(exchange, unreadContent(wireApiNamed(exchange.wire.api)), 'unread', 0)
    reading.then(
      (content) => this.#slow.has(exchange.id) && this.#record(exchange, content),
      (error: unknown) => this.#slow.has(exchange.id) && this.#withoutContent(exchange, nameOf(error)),
    )
    return undefined
  }

  /** Records an exchange: at once, or if that may take long, when the builder thread has built its trace. */
  #record(exchange: Exchange, content: ContentReading): void {
    let trace: Trace
    try {
      const encoding = encodingNeeded(exchange, content, modelOf(exchange, content))
      const bytes = (content.requestBody?.bytes.length ?? 0) + (content.responseBody?.bytes.length ?? 0)
      const quick = bytes <= AT_ONCE_BYTES && content.response.bills.length <= AT_ONCE_BILLS
      if (encoding || !quick) return this.#buildElsewhere(exchange, content, encoding, bytes)
      trace = this.#builder!.build(exchange, content)
    } catch (error) {
      return this.#withoutContent(exchange, nameOf(error))
    }
    return this.#finish(exchange, trace)
  }

  #buildElsewhere(
    exchange: Exchange,
    content: ContentReading,
    encoding: Encoding | undefined,
    bytes: number,
  ): void {
    this.#beginSlow(exchange, withoutBodies(content), 'read', bytes)
    if (this.#slowBytes > this.#settings.queueMaxBytes)
      return this.#giveUp(exchange.id, 'too much content waited to be looked through')
    this.#builders.build(exchange, content, encoding).then(
      (trace) => this.#slow.has(exchange.id) && this.#finish(exchange, trace),
      ({ message }: Error) => this.#slow.has(exchange.id) && this.#withoutContent(exchange, message),
    )
    return undefined
  }

  /** Makes a draft of a slow exchange safe until its trace is built. */
  #beginSlow(exchange: Exchange, content: ContentReading, read: 'read' | 'unread', bytes: number): void {
    const known = (why: string): Trace => interruptedTrace(this.#builder!.build(exchange, content), why, read)
    this.#unfinished.begin(exchange.id, () =>
      known('the gateway ended before its content was looked through'),
    )
    this.#slow.set(exchange.id, { exchange, bytes, known })
    this.#slowBytes += bytes
  }

  /** Writes the draft of an exchange whose trace takes too long. */
  #giveUp(id: string, why: string): void {
    const { exchange, known } = this.#slow.get(id)!
    let trace: Trace
    try {
      trace = known(why)
    } catch (error) {
      this.#finished(id)
      return this.#writer.drop(id, nameOf(error))
    }
    return this.#finish(exchange, trace)
  }

  /** The content of an exchange is no good to us. @param reason without anything of the content */
  #withoutContent(exchange: Exchange, reason: string): void {
    reply({
      kind: 'log',
      level: 'ERROR',
      message: 'the content of an exchange could not be looked through; it is recorded without',
      fields: { trace_id: exchange.id, error: reason },
    })
    if (!this.#slow.has(exchange.id))
      this.#beginSlow(exchange, unreadContent(wireApiNamed(exchange.wire.api)), 'unread', 0)
    this.#giveUp(exchange.id, `its content could not be looked through (${reason})`)
  }

  #finish(exchange: Exchange, trace: Trace): void {
    this.#finished(exchange.id)
    this.#writer.add(trace)
    this.#telemetry?.exchange(exchange, trace)
    this.#requests.add(exchange, trace)
    this.#priced.add(exchange, trace)
  }

  /** An exchange whose trace took long is no longer worked on. */
  #finished(id: string): void {
    const slow = this.#slow.get(id)
    if (!slow) return
    this.#slow.delete(id)
    this.#slowBytes -= slow.bytes
    if (this.#slow.size === 0) this.#wake()
  }

  totals(): ReturnType<TraceWriter['totals']> {
    return this.#writer.totals(this.#reader.givenUp)
  }

  /** Reported in sums, so that a busy stream does not cost a message for every piece. */
  #looked(bytes: number): void {
    this.#lookedBytes += bytes
    if (this.#lookedBytes > 1_048_576) this.#reportObserved()
    else this.#lookedTimer.arm(LOOKED_MS)
  }

  #reportObserved(): void {
    if (this.#lookedBytes === 0) return
    reply({ kind: 'looked', bytes: this.#lookedBytes })
    this.#lookedBytes = 0
  }

  async #scrape(id: number, openMetrics: boolean): Promise<void> {
    const scrape = await this.#telemetry?.scrape(openMetrics)
    reply({ kind: 'scraped', id, text: scrape?.text, mediaType: scrape?.mediaType ?? '' })
  }

  /** Ends with everything in the store or in the journal. The serving thread hears all the while that this one lives. */
  async #stop(): Promise<void> {
    const alive = setInterval(() => reply({ kind: 'alive' }), ALIVE_MS)
    await Promise.race([this.#slowDone(), this.#flush.promise, Bun.sleep(STOPPING_MS)])
    for (const id of this.#slow.keys())
      this.#giveUp(id, 'the gateway stopped before its content was looked through')
    this.#builders.close()
    this.#priced.flush()
    this.#requests.flush()
    // First what cannot be recovered.
    await Promise.race([this.#writer.close(), this.#flush.promise.then(() => Bun.sleep(HURRIED_STORE_MS))])
    this.#writer.abandon()
    reply(packSettled({ ids: [], fate: 'stored', totals: this.totals() }))
    await this.#maintenance.stop()
    await this.#keys.stop()
    await this.#audit.close()
    await this.#storage.close()
    await this.#telemetry?.close()
    clearInterval(alive)
    reply({ kind: 'stopped', totals: this.totals() })
  }

  /** Settles when nothing is slow any more. */
  #slowDone(): Promise<void> {
    if (this.#slow.size === 0) return Promise.resolve()
    return new Promise((resolve) => (this.#wake = resolve))
  }
}

/** An error without its message, which may hold content. */
function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : 'error'
}
