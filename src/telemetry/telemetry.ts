import { diag, DiagLogLevel, type SpanContext } from '@opentelemetry/api'
import { OTLPMetricExporter as JsonMetricExporter } from '@opentelemetry/exporter-metrics-otlp-http'
import { OTLPMetricExporter as ProtoMetricExporter } from '@opentelemetry/exporter-metrics-otlp-proto'
import { OTLPTraceExporter as JsonTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { OTLPTraceExporter as ProtoTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto'
import { detectResources, envDetector, resourceFromAttributes, type Resource } from '@opentelemetry/resources'
import { MeterProvider, MetricReader, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics'
import { BatchSpanProcessor, type SpanExporter } from '@opentelemetry/sdk-trace'
import type { Exchange } from '../traces/exchange.ts'
import type { RecorderTotals } from './recorder-totals.ts'
import type { Trace } from '../traces/trace.ts'
import { GatewayMetrics } from './metrics.ts'
import { prometheusText, type Scrape } from './prometheus-text.ts'
import { scrub } from './scrub.ts'
import type { TelemetrySettings } from './settings.ts'
import { exchangeSpans, writeSpan, type SpanMaker } from './spans.ts'
import type { Vitals } from './vitals.ts'

/** How long the collector may take at the end. */
const SHUTDOWN_MS = 5000

/** Spans that wait for the collector at most; an exchange has five or so. */
const QUEUED_SPANS = 8192

/** Exchanges that a write's span is linked to at most. @see https://opentelemetry.io/docs/specs/otel/trace/sdk/#span-limits */
const MAX_LINKS = 128

/** Exchanges whose spans are remembered until they are written. */
const MAX_UNWRITTEN = 10_000

/** What telemetry needs around it. */
export interface TelemetryPorts {
  readonly totals: () => RecorderTotals
  readonly store: string
  readonly log: (level: 'INFO' | 'WARN', message: string, fields: Readonly<Record<string, unknown>>) => void
}

/** A write of a batch to the store. */
export interface BatchWrite {
  /** Epoch microseconds. */
  readonly startedAtUs: number
  readonly durationUs: number
  readonly ids: readonly string[]
  readonly failed: boolean
}

/**
 * Makes spans and metrics from the record, for a collector and for Prometheus. A collector that does not respond costs the memory of its
 * queue, and one line in the log per episode.
 */
export class Telemetry {
  readonly #maker: SpanMaker
  readonly #spans: BatchSpanProcessor | undefined
  readonly #meters: MeterProvider | undefined
  readonly #metrics: GatewayMetrics | undefined
  readonly #scraped: ScrapeReader | undefined
  readonly #unwritten = new Map<string, SpanContext>()
  #vitals: Vitals | undefined

  constructor(settings: TelemetrySettings, ports: TelemetryPorts) {
    const resource = resourceOf(settings)
    this.#maker = { resource, latestGenAi: settings.latestGenAi }
    const json = settings.protocol === 'http/json'
    const timeoutMillis = settings.exportTimeoutMs
    reportFailures(ports)
    if (settings.metrics || settings.prometheus) {
      const readers: MetricReader[] = []
      if (settings.metrics) {
        const url =
          process.env['OTEL_EXPORTER_OTLP_METRICS_ENDPOINT']?.trim() || `${settings.endpoint}/v1/metrics`
        const exporter = json
          ? new JsonMetricExporter({ url, timeoutMillis })
          : new ProtoMetricExporter({ url, timeoutMillis })
        const exportIntervalMillis = settings.metricIntervalMs
        const exportTimeoutMillis = Math.min(timeoutMillis, exportIntervalMillis)
        readers.push(
          new PeriodicExportingMetricReader({ exporter, exportIntervalMillis, exportTimeoutMillis }),
        )
      }
      if (settings.prometheus) readers.push((this.#scraped = new ScrapeReader()))
      this.#meters = new MeterProvider({ resource, readers })
      this.#metrics = new GatewayMetrics(
        this.#meters.getMeter('ongoingai.gateway'),
        { vitals: () => this.#vitals, totals: ports.totals, store: ports.store },
        settings.latestGenAi,
      )
    }
    if (settings.traces) {
      const url =
        process.env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT']?.trim() || `${settings.endpoint}/v1/traces`
      const exporter: SpanExporter = json
        ? new JsonTraceExporter({ url, timeoutMillis })
        : new ProtoTraceExporter({ url, timeoutMillis })
      this.#spans = new BatchSpanProcessor({
        exporter,
        maxQueueSize: numberOf('OTEL_BSP_MAX_QUEUE_SIZE', QUEUED_SPANS),
        maxExportBatchSize: numberOf('OTEL_BSP_MAX_EXPORT_BATCH_SIZE', 512),
        scheduledDelayMillis: numberOf('OTEL_BSP_SCHEDULE_DELAY', 5000),
        exportTimeoutMillis: numberOf('OTEL_BSP_EXPORT_TIMEOUT', 30_000),
        ...(this.#meters ? { selfObsMeterProvider: this.#meters } : {}),
      })
    }
  }

  /** An exchange has been recorded. */
  exchange(exchange: Exchange, trace: Trace): void {
    const { span } = exchange
    if (!span) return
    this.#metrics?.exchange(exchange, span, trace)
    if (!this.#spans || !span.context.sampled) return
    const spans = exchangeSpans(exchange, span, trace, this.#maker)
    for (const made of spans) this.#spans.onEnd(made)
    // Traces in the journal are not reported as written.
    if (this.#unwritten.size >= MAX_UNWRITTEN) this.#unwritten.delete(this.#unwritten.keys().next().value!)
    this.#unwritten.set(exchange.id, spans[0]!.spanContext())
  }

  /** A batch has been written, or could not be. */
  wrote({ startedAtUs, durationUs, ids, failed }: BatchWrite): void {
    this.#metrics?.write(durationUs, ids.length)
    if (!this.#spans) return
    const linked: SpanContext[] = []
    for (const id of ids) {
      const context = this.#unwritten.get(id)
      if (!context) continue
      this.#unwritten.delete(id)
      if (linked.length < MAX_LINKS) linked.push(context)
    }
    if (linked.length > 0) {
      this.#spans.onEnd(
        writeSpan({ startedAtUs, durationUs, count: ids.length, failed }, linked, this.#maker),
      )
    }
  }

  /** Figures of the serving thread. */
  vitals(vitals: Vitals): void {
    this.#vitals = vitals
  }

  /** Metrics as Prometheus wants them; `undefined` when it is not served. */
  async scrape(openMetrics: boolean): Promise<Scrape | undefined> {
    const { resourceMetrics } = (await this.#scraped?.collect()) ?? {}
    return resourceMetrics && prometheusText(resourceMetrics, openMetrics)
  }

  /** Gives the collector the rest, for a while. */
  async close(): Promise<void> {
    const all = Promise.allSettled([this.#meters?.shutdown(), this.#spans?.shutdown()])
    await Promise.race([all, Bun.sleep(SHUTDOWN_MS)])
  }
}

/** A number of the environment, as OpenTelemetry names it; the default if it is not a number. */
function numberOf(variable: string, otherwise: number): number {
  const value = Number(process.env[variable]?.trim() || Number.NaN)
  return Number.isFinite(value) && value > 0 ? value : otherwise
}

/** Collects on request. */
class ScrapeReader extends MetricReader {
  protected override onShutdown(): Promise<void> {
    return Promise.resolve()
  }

  protected override onForceFlush(): Promise<void> {
    return Promise.resolve()
  }
}

/** The resource: the environment's attributes, overridden by the gateway's name and version. */
function resourceOf({ serviceName, serviceVersion }: TelemetrySettings): Resource {
  const own = resourceFromAttributes({
    'service.name': serviceName,
    'service.version': serviceVersion,
    'service.instance.id': crypto.randomUUID(),
  })
  return detectResources({ detectors: [envDetector] }).merge(own)
}

/** How long a failing collector is not spoken of again. */
const EPISODE_MS = 60_000

/** The libraries report failures here. The first of an episode goes to the log. */
function reportFailures({ log }: TelemetryPorts): void {
  let reportedAt = -Infinity
  const report = (...words: unknown[]): void => {
    const now = performance.now()
    const again = now - reportedAt < EPISODE_MS
    reportedAt = now
    if (again) return
    log('WARN', 'telemetry cannot be exported', {
      error: scrub(words.map((word) => messageOf(word)).join(' ')).slice(0, 500),
    })
  }
  const nothing = (): void => undefined
  diag.setLogger(
    { error: report, warn: report, info: nothing, debug: nothing, verbose: nothing },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  )
}

function messageOf(word: unknown): string {
  if (typeof word === 'string') return word
  return word instanceof Error ? word.message : (JSON.stringify(word) ?? '')
}
