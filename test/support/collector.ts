import { gunzipSync } from 'node:zlib'
import { join } from 'node:path'
import protobuf from 'protobufjs'

/** A span as it was received. Ids in hexadecimal, times in nanoseconds. */
export interface ReceivedSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId: string
  readonly traceState: string
  readonly name: string
  readonly kind: string
  readonly start: bigint
  readonly end: bigint
  readonly attributes: Readonly<Record<string, unknown>>
  readonly events: readonly {
    readonly name: string
    readonly attributes: Readonly<Record<string, unknown>>
  }[]
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[]
  readonly status: { readonly code?: string; readonly message?: string }
}

/** A point of a metric. */
export interface ReceivedPoint {
  readonly attributes: Readonly<Record<string, unknown>>
  /** The sum of a histogram. */
  readonly value: number
  readonly count?: number
  readonly bounds?: readonly number[]
}

interface RawValue {
  readonly stringValue?: string
  readonly boolValue?: boolean
  readonly intValue?: string | number
  readonly doubleValue?: number
  readonly arrayValue?: { readonly values?: readonly RawValue[] }
}

interface RawAttribute {
  readonly key: string
  readonly value: RawValue
}

interface RawResource {
  readonly attributes?: readonly RawAttribute[]
}

type RawId = Uint8Array | string

interface RawSpan {
  readonly traceId: RawId
  readonly spanId: RawId
  readonly parentSpanId?: RawId
  readonly traceState?: string
  readonly name: string
  readonly kind: string | number
  readonly startTimeUnixNano: string
  readonly endTimeUnixNano: string
  readonly attributes?: readonly RawAttribute[]
  readonly events?: readonly { readonly name: string; readonly attributes?: readonly RawAttribute[] }[]
  readonly links?: readonly { readonly traceId: RawId; readonly spanId: RawId }[]
  readonly status?: { readonly code?: string; readonly message?: string }
}

interface RawPoint {
  readonly attributes?: readonly RawAttribute[]
  readonly asDouble?: number
  readonly asInt?: string | number
  readonly sum?: number
  readonly count?: string | number
  readonly explicitBounds?: readonly number[]
}

interface RawTraces {
  readonly resourceSpans: readonly {
    readonly resource: RawResource
    readonly scopeSpans: readonly { readonly spans: readonly RawSpan[] }[]
  }[]
}

interface RawMetric {
  readonly name: string
  readonly sum?: { readonly dataPoints?: readonly RawPoint[] }
  readonly gauge?: { readonly dataPoints?: readonly RawPoint[] }
  readonly histogram?: { readonly dataPoints?: readonly RawPoint[] }
}

interface RawMetrics {
  readonly resourceMetrics: readonly {
    readonly resource: RawResource
    readonly scopeMetrics: readonly { readonly metrics: readonly RawMetric[] }[]
  }[]
}

/** A collector that takes OTLP over HTTP and is strict about it: what the published definitions do not know is an error. */
export class Collector {
  readonly spans: ReceivedSpan[] = []
  readonly resources: Record<string, unknown>[] = []
  /** The latest points by metric. */
  readonly metrics = new Map<string, readonly ReceivedPoint[]>()
  readonly requests: { readonly path: string; readonly headers: Headers }[] = []
  /** What was wrong with what came. */
  readonly problems: string[] = []
  /** Everything that came, as text. */
  received = ''
  /** Answers so instead of taking anything. */
  refuses: number | undefined
  readonly #server: ReturnType<typeof Bun.serve>
  readonly #root = protobuf.loadSync(join(import.meta.dir, 'otlp.proto'))

  constructor() {
    this.#server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: (request) => this.#take(request) })
  }

  get url(): string {
    return this.#server.url.href.replace(/\/$/, '')
  }

  stop(): void {
    void this.#server.stop(true)
  }

  async #take(request: Request): Promise<Response> {
    const path = new URL(request.url).pathname
    this.requests.push({ path, headers: request.headers })
    const raw = Buffer.from(await request.arrayBuffer())
    if (this.refuses !== undefined) return new Response('', { status: this.refuses })
    const body = request.headers.get('content-encoding') === 'gzip' ? gunzipSync(raw) : raw
    this.received += body.toString('latin1')
    const json = request.headers.get('content-type') === 'application/json'
    if (path.endsWith('/v1/traces')) this.#traces(this.#read('ExportTraceServiceRequest', body, json))
    else if (path.endsWith('/v1/metrics'))
      this.#takeMetrics(this.#read('ExportMetricsServiceRequest', body, json))
    else this.problems.push(`unknown path ${path}`)
    return new Response(json ? '{}' : '', {
      headers: { 'content-type': json ? 'application/json' : 'application/x-protobuf' },
    })
  }

  #read(name: string, body: Buffer, json: boolean): unknown {
    const type = this.#root.lookupType(name)
    if (json) {
      const value = JSON.parse(body.toString()) as Record<string, unknown>
      const problem = type.verify(value)
      // Ids are hexadecimal in OTLP's JSON, where protobuf's has base64.
      if (problem && !/Id: buffer expected|UnixNano|asInt|count|bucketCounts/.test(problem))
        this.problems.push(problem)
      return value
    }
    check(type, body, (problem) => this.problems.push(problem))
    const message = type.decode(body)
    return type.toObject(message, { longs: String, enums: String, bytes: Buffer, defaults: false })
  }

  #traces(message: unknown): void {
    for (const { resource, scopeSpans } of (message as RawTraces).resourceSpans) {
      this.resources.push(attributesOf(resource.attributes))
      for (const { spans } of scopeSpans) for (const span of spans) this.spans.push(spanOf(span))
    }
  }

  #takeMetrics(message: unknown): void {
    for (const { resource, scopeMetrics } of (message as RawMetrics).resourceMetrics) {
      this.resources.push(attributesOf(resource.attributes))
      for (const { metrics } of scopeMetrics) {
        for (const { name, sum, gauge, histogram } of metrics) {
          const points = (sum ?? gauge ?? histogram)?.dataPoints ?? []
          this.metrics.set(name, points.map(pointOf))
        }
      }
    }
  }
}

/** Goes over a message as it is on the wire: decoding alone drops what it does not know. */
function check(type: protobuf.Type, bytes: Uint8Array, tell: (problem: string) => void): void {
  const reader = protobuf.Reader.create(bytes)
  while (reader.pos < reader.len) {
    const tag = reader.uint32()
    const field = type.fieldsById[tag >>> 3]
    if (!field) {
      tell(`${type.name} has no field ${tag >>> 3}`)
      return
    }
    field.resolve()
    if (field.resolvedType instanceof protobuf.Type) check(field.resolvedType, reader.bytes(), tell)
    else reader.skipType(tag & 7)
  }
}

function spanOf(span: RawSpan): ReceivedSpan {
  return {
    traceId: hex(span.traceId),
    spanId: hex(span.spanId),
    parentSpanId: hex(span.parentSpanId),
    traceState: span.traceState ?? '',
    name: span.name,
    kind: typeof span.kind === 'number' ? (KINDS[span.kind] ?? '') : span.kind,
    start: BigInt(span.startTimeUnixNano),
    end: BigInt(span.endTimeUnixNano),
    attributes: attributesOf(span.attributes),
    events: (span.events ?? []).map((event) => ({
      name: event.name,
      attributes: attributesOf(event.attributes),
    })),
    links: (span.links ?? []).map((link) => ({ traceId: hex(link.traceId), spanId: hex(link.spanId) })),
    status: span.status ?? {},
  }
}

const KINDS = ['SPAN_KIND_UNSPECIFIED', 'SPAN_KIND_INTERNAL', 'SPAN_KIND_SERVER', 'SPAN_KIND_CLIENT']

function pointOf(point: RawPoint): ReceivedPoint {
  const value = Number(point.asDouble ?? point.asInt ?? point.sum ?? 0)
  return {
    attributes: attributesOf(point.attributes),
    value,
    ...(point.count === undefined ? {} : { count: Number(point.count), bounds: point.explicitBounds ?? [] }),
  }
}

function attributesOf(list: readonly RawAttribute[] | undefined): Record<string, unknown> {
  return Object.fromEntries((list ?? []).map(({ key, value }) => [key, valueOf(value)]))
}

function valueOf(value: RawValue | undefined): unknown {
  if (value?.arrayValue) return (value.arrayValue.values ?? []).map((one) => valueOf(one))
  if (value?.intValue !== undefined) return Number(value.intValue)
  return value?.stringValue ?? value?.doubleValue ?? value?.boolValue ?? ''
}

function hex(id: Uint8Array | string | undefined): string {
  if (id === undefined) return ''
  return typeof id === 'string' ? id : Buffer.from(id).toString('hex')
}
