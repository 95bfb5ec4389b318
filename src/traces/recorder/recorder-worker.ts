import { appendFileSync, closeSync } from 'node:fs'
import { join } from 'node:path'
import { makePrivateFolder, openPrivateFile } from '../../private-files.ts'
import { openStorage, recorderStorage } from '../../storage/open-storage.ts'
import type { Storage } from '../../storage/storage.ts'
import { Redaction } from '../../redaction/redaction.ts'
import { PriceList } from '../../usage/price-list.ts'
import { buildTrace, modelOf } from '../build-trace.ts'
import type { ContentReading } from '../content-reading.ts'
import type { ReceiptLine } from '../../usage/cost.ts'
import type {
  Contents,
  Exchange,
  PricedExchange,
  RecorderReply,
  RecorderRequest,
  RecorderSettings,
} from '../exchange.ts'
import { encodingNeeded } from '../metering.ts'
import type { Telemetry as TelemetryClass } from '../../telemetry/telemetry.ts'
import type { Trace } from '../trace.ts'
import { AuditWriter } from './audit-writer.ts'
import { unpackExchanges } from './exchange-batch.ts'
import { ExchangeReader } from './exchange-reader.ts'
import { Journal } from './journal.ts'
import { KeyWatch } from './key-watch.ts'
import { packPriced } from './priced-batch.ts'
import { RequestLog } from './request-log.ts'
import { TokenCounting } from './token-counting.ts'
import { encodeTrace } from './trace-codec.ts'
import { TraceWriter } from './trace-writer.ts'
import { Upkeep } from './upkeep.ts'

// The recorder thread: owns reading, pricing, the journal and the database. It has one door, the messages.

declare const self: Worker

/** How long what exchanges came to waits for others. */
const PRICED_MS = 20

/** Audit events that wait for the store. */
const AUDIT_JOURNAL_BYTES = 64 * 1024 * 1024

let recorder: Promise<RecorderThread | undefined> | undefined

self.onmessage = (event: MessageEvent<RecorderRequest>) => {
  const request = event.data
  if (recorder) void recorder.then((thread) => thread?.take(request))
  else if (request.kind === 'configure') recorder = open(request.settings)
}

/** Opens the store; what comes meanwhile waits behind it, in order. */
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
    const library = settings.telemetry.enabled ? await import('../../telemetry/telemetry.ts') : undefined
    return new RecorderThread(settings, storage, library?.Telemetry)
  } catch (error) {
    reply({ kind: 'failed', message: error instanceof Error ? error.message : String(error) })
    return undefined
  }
}

function reply(message: RecorderReply): void {
  self.postMessage(message)
}

class RecorderThread {
  #settings: RecorderSettings
  #prices: PriceList
  #redaction: Redaction
  readonly #storage: Storage
  readonly #reader: ExchangeReader
  readonly #writer: TraceWriter
  readonly #upkeep: Upkeep
  readonly #counting = new TokenCounting()
  /** Exchanges whose content is still being decoded elsewhere. */
  readonly #unfinished = new Set<Promise<void>>()
  #lookedBytes = 0
  readonly #requests = new RequestLog((lines, leftOut) => reply({ kind: 'completed', lines, leftOut }))
  readonly #telemetry: TelemetryClass | undefined
  #priced: PricedExchange[] = []
  readonly #audit: AuditWriter
  readonly #keys: KeyWatch

  constructor(settings: RecorderSettings, storage: Storage, Telemetry: typeof TelemetryClass | undefined) {
    this.#settings = settings
    this.#telemetry =
      Telemetry &&
      new Telemetry(settings.telemetry, {
        totals: () => this.#totals(),
        store: settings.storage.driver,
        log: (level, message, fields) => reply({ kind: 'log', level, message, fields }),
      })
    this.#prices = new PriceList(settings.pricing)
    this.#redaction = new Redaction(settings.redaction)
    this.#storage = storage
    this.#reader = new ExchangeReader(() => (this.#settings.captureBodies ? this.#settings.bodyMaxSize : 0))
    this.#writer = new TraceWriter({
      storage: () => this.#storage,
      journal: new Journal(settings.journalPath, settings.journalMaxBytes),
      quarantine: (trace, reason) => quarantine(settings.journalPath, trace, reason),
      flushIntervalMs: () => this.#settings.flushIntervalMs,
      maxPendingBytes: () => this.#settings.queueMaxBytes,
      settled: (ids) => reply({ kind: 'settled', ids, totals: this.#totals() }),
      ...(this.#telemetry ? { wrote: (write) => this.#telemetry!.wrote(write) } : {}),
      log: (level, message, fields) => reply({ kind: 'log', level, message, fields }),
    })
    this.#upkeep = new Upkeep({
      storage,
      retention: () => this.#settings.retention,
      log: (level, message, fields) => reply({ kind: 'log', level, message, fields }),
    })
    this.#audit = new AuditWriter({
      store: () => storage.auditTrail(),
      journal: new Journal(join(settings.journalPath, 'audit'), AUDIT_JOURNAL_BYTES),
      log: (level, message, fields) => reply({ kind: 'log', level, message, fields }),
    })
    this.#keys = new KeyWatch({
      directory: storage.directory(),
      wanted: () => this.#settings.watchKeys,
      seen: (list) => reply({ kind: 'keys', list }),
    })
    reply({ kind: 'ready', totals: this.#totals() })
  }

  take(request: RecorderRequest): void {
    switch (request.kind) {
      case 'observed': {
        const decoding = this.#reader.observe(request)
        const { length } = request.bytes
        if (decoding) void decoding.then(() => this.#looked(length))
        else this.#looked(length)
        return
      }
      case 'message':
        this.#reader.message(request)
        this.#looked(request.text.length)
        return
      case 'exchanges':
        for (const { exchange, contents } of unpackExchanges(request)) this.#end(exchange, contents)
        return
      case 'configure':
        this.#settings = request.settings
        this.#prices = new PriceList(request.settings.pricing)
        this.#redaction = new Redaction(request.settings.redaction)
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
      default:
        request satisfies never
    }
  }

  #end(exchange: Exchange, contents: Contents): void {
    const reading = this.#reader.end(exchange, contents)
    if (reading instanceof Promise)
      return this.#later(reading.then((content) => this.#record(exchange, content)))
    return this.#record(exchange, reading)
  }

  /** Records an exchange; one whose tokens must be counted comes to it by and by. */
  #record(exchange: Exchange, content: ContentReading): void {
    const encoding = encodingNeeded(exchange, content, modelOf(exchange, content))
    if (encoding) return this.#counting.add(encoding, () => this.#write(exchange, content))
    return this.#write(exchange, content)
  }

  #write(exchange: Exchange, content: ContentReading): void {
    const trace = buildTrace(exchange, content, {
      ...this.#settings,
      redaction: this.#redaction,
      findRates: (question) => this.#prices.find(question),
      countTokens: (encoding, text) => this.#counting.count(encoding, text),
    })
    this.#writer.add(trace)
    this.#telemetry?.exchange(exchange, trace)
    this.#requests.add(exchange, trace)
    if (exchange.ticket > 0) this.#tellPriced(exchange, trace)
  }

  /** Told together, for a message costs as much as a request; and soon, for money is reserved until then. */
  #tellPriced({ ticket, status }: Exchange, trace: Trace): void {
    if (this.#priced.length === 0) setTimeout(() => this.#flushPriced(), PRICED_MS)
    this.#priced.push({
      ticket,
      costNanoUsd: trace.costNanoUsd,
      outputNanoUsd: outputNanoUsd(trace.costNanoUsd ?? 0, trace.detail.cost.lines),
      inputTokens: trace.inputTokens,
      outputTokens: trace.outputTokens,
      whole: trace.outcome === 'completed' && status < 400,
    })
  }

  #flushPriced(): void {
    if (this.#priced.length > 0) reply({ kind: 'priced', ...packPriced(this.#priced.splice(0)) })
  }

  #later(work: Promise<void>): void {
    const done: Promise<void> = work.finally(() => this.#unfinished.delete(done))
    this.#unfinished.add(done)
  }

  #totals(): ReturnType<TraceWriter['totals']> {
    return this.#writer.totals(this.#reader.givenUp)
  }

  /** Told in sums, so that a busy stream does not cost a message for every piece. */
  #looked(bytes: number): void {
    this.#lookedBytes += bytes
    if (this.#lookedBytes === bytes) setTimeout(() => this.#tellLooked(), 5)
    else if (this.#lookedBytes > 1_048_576) this.#tellLooked()
  }

  #tellLooked(): void {
    if (this.#lookedBytes === 0) return
    reply({ kind: 'looked', bytes: this.#lookedBytes })
    this.#lookedBytes = 0
  }

  async #scrape(id: number, openMetrics: boolean): Promise<void> {
    const scrape = await this.#telemetry?.scrape(openMetrics)
    reply({ kind: 'scraped', id, text: scrape?.text, mediaType: scrape?.mediaType ?? '' })
  }

  async #stop(): Promise<void> {
    this.#counting.hurry()
    while (this.#unfinished.size > 0) await Promise.all(this.#unfinished)
    await this.#counting.finished()
    this.#flushPriced()
    this.#requests.flush()
    await this.#upkeep.stop()
    await this.#keys.stop()
    await this.#audit.close()
    await this.#writer.close()
    await this.#storage.close()
    await this.#telemetry?.close()
    reply({ kind: 'stopped', totals: this.#totals() })
  }
}

/** Of a receipt, what was not for input tokens: about, for only expectations are made of it. */
function outputNanoUsd(costNanoUsd: number, lines: readonly ReceiptLine[]): number {
  let input = 0
  for (const line of lines) {
    if (!('tokens' in line) || line.bucket.startsWith('output') || line.bucket === 'reasoning') continue
    input += line.tokens * line.usd_per_million * 1000 * (line.factor ?? 1)
  }
  return Math.max(0, costNanoUsd - Math.round(input))
}

/** One line per refused trace, beside the journal; it can be read, repaired and replayed by hand. */
function quarantine(folder: string, trace: Trace, reason: string): void {
  makePrivateFolder(folder)
  const line = `{"reason":${JSON.stringify(reason)},"trace":${Buffer.from(encodeTrace(trace)).toString('utf8')}}\n`
  const file = openPrivateFile(join(folder, 'quarantine.jsonl'), 'a')
  try {
    appendFileSync(file, line)
  } finally {
    closeSync(file)
  }
}
