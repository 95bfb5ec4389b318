import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import type { Server, ServerWebSocket } from 'bun'
import { eventually } from '../support/eventually.ts'
import { openGateway, type TestGateway } from '../support/gateway.ts'
import { contentOf, recordedExchanges, type Expected, type Recorded } from '../support/recorded.ts'
import { respond, stream, Upstream } from '../support/upstream.ts'

// Recorded responses of real providers, each sent whole, compressed and byte by byte.

const recorded = recordedExchanges()

/** Dialects of providers whose own is not OpenAI's. */
const DIALECTS: Readonly<Record<string, string>> = {
  anthropic: 'anthropic',
  azure: 'azure',
  cohere: 'cohere',
  gemini: 'gemini',
  mistral: 'mistral',
  ollama: 'ollama',
  vertex: 'gemini',
}

function providersAt(url: string): string {
  const names = [...new Set(recorded.map(({ provider }) => provider))]
  const lines = names.map(
    (name) => `  ${name}: {upstream: "${url}", prefix: "/p-${name}", api: ${DIALECTS[name] ?? 'openai'}}`,
  )
  return `providers:\n${lines.join('\n')}\n`
}

type Trace = Record<string, unknown> & {
  readonly usage: {
    readonly buckets: Record<string, number>
    readonly units?: Record<string, number>
    readonly parts?: Record<string, number>
    readonly bills?: readonly {
      model?: string
      apart?: string
      buckets: Record<string, number>
      units?: object
    }[]
    readonly notes?: readonly string[]
    readonly estimated_because?: string
    readonly service_tier?: string
    readonly speed?: string
    readonly inference_geo?: string
  }
  readonly cost: { readonly lines: readonly object[] }
}

function check(trace: Trace, expected: Expected): void {
  if (expected.model) expect(trace['model']).toBe(expected.model)
  if (!expected.metered) {
    expect([trace['usage_source'], trace['cost_status'], trace['estimated_cost_usd']]).toEqual([
      'none',
      'exact',
      0,
    ])
    return
  }
  if (expected.complete === false) expect(trace['cost_status']).not.toBe('exact')
  if (expected.usage === null) {
    expect(trace['usage_source']).not.toBe('reported')
    expect(trace['cost_status']).not.toBe('exact')
    return
  }
  // What came to its own end is never called cut.
  if (expected.complete !== false && trace['response_status'] !== 101)
    expect(trace.usage.estimated_because).toBeUndefined()
  checkUsage(trace, expected, expected.usage)
  if (expected.service_tier) expect(trace.usage.service_tier).toBe(expected.service_tier)
  if (expected.speed) expect(trace.usage.speed).toBe(expected.speed)
  if (expected.inference_geo) expect(trace.usage.inference_geo).toBe(expected.inference_geo)
  if (expected.provider_cost_usd !== undefined) {
    const charged = expected.provider_cost_usd + (expected.is_byok ? (expected.upstream_cost_usd ?? 0) : 0)
    expect(Math.round((trace['estimated_cost_usd'] as number) * 1e9)).toBe(Math.round(charged * 1e9))
  }
  for (const line of expected.lines ?? []) {
    if (line.in_usage) continue
    expect(
      trace.usage.bills?.some(
        ({ model, apart, buckets }) =>
          model === line.model &&
          apart !== undefined &&
          sum(buckets) === line.input_tokens + line.output_tokens,
      ),
    ).toBe(true)
  }
  const apart = trace.usage.bills?.filter((bill) => bill.apart === 'transcription') ?? []
  const transcriptions = expected.responses?.filter(({ kind }) => kind === 'transcription') ?? []
  // Transcriptions of the same model may be one bill.
  expect(seconds(apart.map(({ units }) => units))).toBe(seconds(transcriptions.map(({ units }) => units)))
}

function seconds(units: readonly (object | undefined)[]): number {
  return units.reduce<number>(
    (total, unit) => total + ((unit as { audio_seconds?: number })?.audio_seconds ?? 0),
    0,
  )
}

function sum(buckets: Readonly<Record<string, number>>): number {
  return Object.values(buckets).reduce((total, tokens) => total + tokens, 0)
}

function checkUsage(
  trace: Trace,
  { alternatives, requests }: Expected,
  usage: NonNullable<Expected['usage']>,
): void {
  const { buckets, parts = {}, units = {} } = trace.usage
  const of = (...names: string[]): number => names.reduce((total, name) => total + (buckets[name] ?? 0), 0)
  const seen: Record<string, unknown> = {
    input_tokens: trace['input_tokens'],
    cache_read: trace['cache_read_input_tokens'],
    cache_write: trace['cache_creation_input_tokens'],
    output_tokens: trace['output_tokens'],
    reasoning: trace['reasoning_tokens'],
    total: trace['total_tokens'],
    audio_in: parts['audio_input_tokens'] ?? 0,
    audio_out: parts['audio_output_tokens'] ?? 0,
    image_in: parts['image_input_tokens'] ?? 0,
    image_out: parts['image_output_tokens'] ?? 0,
  }
  // Only where the provider tells lifetimes apart.
  if (usage['cache_write_5m']) seen['cache_write_5m'] = of('cache_write_5m')
  if (usage['cache_write_1h']) seen['cache_write_1h'] = of('cache_write_1h')
  const wrong = Object.entries(seen).filter(
    ([field, value]) => ![usage[field] ?? 0, ...(alternatives?.[field] ?? [])].includes(value as number),
  )
  expect([wrong, usage]).toEqual([[], usage])
  for (const [unit, amount] of Object.entries(usage.units ?? {})) expect(units[unit]).toBe(amount)
  if (requests?.['web_search']) expect(units['web_searches']).toBe(requests['web_search'])
  // Buckets are disjoint: they come to the totals that are shown.
  expect(sum(buckets)).toBe(trace['total_tokens'] as number)
}

const overHttp = recorded.filter(({ response }) => response.framing !== 'websocket')
const overWebSocket = recorded.filter(({ response }) => response.framing === 'websocket')

describe('recorded responses', () => {
  let upstream: Upstream
  let gateway: TestGateway
  beforeAll(async () => {
    upstream = await Upstream.start(respond(200, {}, ''))
    gateway = await openGateway(`${providersAt(upstream.url)}tracing: {flush_interval_ms: 10}\n`)
  })
  afterAll(async () => {
    await gateway.stop()
    await upstream.stop()
  })

  for (const exchange of overHttp) {
    for (const way of ['whole', 'gzip', 'br', 'bytes'] as const) {
      test(`${exchange.name}, ${way}`, async () => {
        const { response } = exchange
        const body = contentOf(exchange)
        const sent = way === 'gzip' ? gzipSync(body) : way === 'br' ? brotliCompressSync(body) : body
        const type =
          response.headers['content-type'] ??
          (response.framing === 'sse' ? 'text/event-stream' : 'application/json')
        const fields = {
          ...response.headers,
          'content-type': type,
          ...(way === 'gzip' || way === 'br' ? { 'content-encoding': way } : {}),
        }
        upstream.play =
          way === 'bytes'
            ? stream(pieces(sent), { fields, status: response.status })
            : respond(response.status, fields, sent)
        const answered = await fetch(`${gateway.url}/p-${exchange.provider}${exchange.request.path}`, {
          ...requestOf(exchange),
          decompress: false,
        } as RequestInit)
        expect(Buffer.from(await answered.arrayBuffer()).equals(sent)).toBe(true)
        const id = answered.headers.get('x-ongoingai-trace-id')
        let trace: Record<string, unknown> = {}
        await eventually(async () => (trace = await gateway.detail(id))['id'] === id)
        check(trace as Trace, exchange.expected)
      })
    }
  }
})

/** One byte each, as far as a test has the time. */
function pieces(bytes: Buffer): Buffer[] {
  const size = bytes.length > 20_000 ? 61 : 1
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
    bytes.subarray(i * size, (i + 1) * size),
  )
}

function requestOf({ api, request }: Recorded): RequestInit {
  const { method, model, stream: streamed, body } = request
  if (method === 'GET' || method === 'DELETE') return { method }
  if (api === 'audio-transcriptions') {
    const form = new FormData()
    form.set('file', new Blob([new Uint8Array(1000)], { type: 'audio/wav' }), 'a.wav')
    form.set('model', model ?? '')
    return { method, body: form }
  }
  return {
    method,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ...(model ? { model } : {}), stream: streamed, ...body }),
  }
}

describe('recorded sessions', () => {
  let server: Server<{ expected: number }>
  let gateway: TestGateway
  let replies: string[] = []
  let questions = 0
  beforeAll(async () => {
    server = Bun.serve<{ expected: number }>({
      port: 0,
      hostname: '127.0.0.1',
      fetch: (request, self) =>
        self.upgrade(request, { data: { expected: questions } })
          ? undefined
          : new Response(null, { status: 400 }),
      websocket: {
        message(socket: ServerWebSocket<{ expected: number }>) {
          socket.data.expected -= 1
          if (socket.data.expected > 0) return
          // Gemini answers in binary messages that hold JSON.
          for (const [i, reply] of replies.entries()) {
            if (i % 2 === 0) socket.sendText(reply)
            else socket.sendBinary(Buffer.from(reply))
          }
        },
      },
    })
    gateway = await openGateway(providersAt(`http://127.0.0.1:${server.port}`))
  })
  afterAll(async () => {
    await gateway.stop()
    await server.stop(true)
  })

  for (const exchange of overWebSocket) {
    test(exchange.name, async () => {
      const frames = exchange.response.body
        .split('\n')
        .filter((line) => line.trim() !== '')
        .map((line) => JSON.parse(line) as { d: string; data: unknown })
        .map(({ d, data }) => ({ d, text: typeof data === 'string' ? data : JSON.stringify(data) }))
      const sent = frames.filter(({ d }) => d === 'sent').map(({ text }) => text)
      if (exchange.api === 'live' && !sent.some((text) => text.includes('"setup"'))) {
        sent.unshift(JSON.stringify({ setup: { model: `models/${exchange.request.model}` } }))
      }
      if (sent.length === 0) sent.push('{"type":"ping"}')
      questions = sent.length
      replies = frames.filter(({ d }) => d === 'received').map(({ text }) => text)
      const before = (await gateway.traces(0)).length
      const socket = new WebSocket(
        `${gateway.url.replace('http', 'ws')}/p-${exchange.provider}${exchange.request.path}`,
      )
      let received = 0
      socket.addEventListener('message', () => (received += 1))
      await new Promise((resolve) => socket.addEventListener('open', resolve))
      for (const text of sent) socket.send(text)
      await eventually(() => received === replies.length)
      socket.close(1000)
      const [newest] = await gateway.traces(before + 1)
      check((await gateway.detail(newest!['id'])) as Trace, exchange.expected)
    })
  }
})
