import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { eventually } from './support/eventually.ts'
import { openGateway, type TestGateway } from './support/gateway.ts'
import { answer, Upstream } from './support/upstream.ts'

// Recorded answers of real providers, where the corpus is at hand; the project's own fixtures do not depend on it.
const FOLDER = join(import.meta.dir, '../../shared/corpus')
const APIS = new Set(['chat-completions', 'responses', 'embeddings', 'messages'])

interface Recorded {
  readonly name: string
  readonly provider: string
  readonly api: string
  readonly request: {
    readonly method: string
    readonly path: string
    readonly model?: string
    readonly stream?: boolean
    readonly body?: Record<string, unknown>
  }
  readonly response: {
    readonly status: number
    readonly headers: Record<string, string>
    readonly encoding: string
    readonly body: string
    readonly framing: string
  }
  readonly expected: {
    readonly model?: string
    readonly metered: boolean
    readonly usage: Record<string, number | null> | null
    readonly alternatives?: Record<string, number[]>
    readonly complete?: boolean
    readonly provider_cost_usd?: number
    readonly lines?: { kind?: string; model?: string; in_usage?: boolean }[]
  }
}

const recorded = existsSync(FOLDER)
  ? readdirSync(FOLDER)
      .filter((name) => name.endsWith('.json') && name !== 'prices-examples.json')
      .map((name) => JSON.parse(readFileSync(join(FOLDER, name), 'utf8')) as Recorded)
      .filter(
        ({ api, request, response }) =>
          APIS.has(api) && request.method === 'POST' && response.framing !== 'websocket',
      )
  : []

describe.if(recorded.length > 0)('recorded answers', () => {
  let upstream: Upstream
  let gateway: TestGateway
  beforeAll(async () => {
    upstream = await Upstream.start(answer(200, {}, ''))
    gateway = await openGateway(
      `providers: {openai: {upstream: "${upstream.url}"}, anthropic: {upstream: "${upstream.url}"}}\n`,
    )
  })
  afterAll(async () => {
    await gateway.stop()
    await upstream.stop()
  })

  for (const exchange of recorded) {
    for (const coding of ['identity', 'gzip'] as const) {
      test(`${exchange.provider} ${exchange.api} ${exchange.name}, ${coding}`, async () => {
        const { request, response, expected } = exchange
        const body = Buffer.from(response.body, response.encoding === 'base64' ? 'base64' : 'utf8')
        const sent = coding === 'gzip' ? gzipSync(body) : body
        const type =
          response.headers['content-type'] ??
          (response.framing === 'sse' ? 'text/event-stream' : 'application/json')
        upstream.play = answer(
          response.status,
          { 'Content-Type': type, ...(coding === 'gzip' ? { 'Content-Encoding': 'gzip' } : {}) },
          sent,
        )
        const prefix = exchange.api === 'messages' ? '/anthropic' : '/openai'
        const answered = await fetch(`${gateway.url}${prefix}${request.path}`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ model: request.model, stream: request.stream, ...request.body }),
          decompress: false,
        } as RequestInit)
        expect(Buffer.from(await answered.arrayBuffer()).equals(sent)).toBe(true)
        const id = answered.headers.get('x-ongoingai-trace-id')
        let trace: Record<string, unknown> = {}
        await eventually(async () => (trace = await gateway.detail(id))['id'] === id)

        if (expected.usage === null || !expected.metered) {
          expect(trace['usage_source']).not.toBe('reported')
          if (expected.metered) expect(trace['cost_status']).not.toBe('exact')
          return
        }
        const usage = expected.usage
        const allowed = (field: string): number[] => [
          usage[field] ?? 0,
          ...(expected.alternatives?.[field] ?? []),
        ]
        const buckets = (trace['usage'] as { buckets: Record<string, number> }).buckets
        const seen: Record<string, unknown> = {
          input_tokens: trace['input_tokens'],
          cache_read: trace['cache_read_input_tokens'],
          cache_write: trace['cache_creation_input_tokens'],
          output_tokens: trace['output_tokens'],
          reasoning: trace['reasoning_tokens'],
        }
        for (const field of ['cache_write_5m', 'cache_write_1h'])
          if (usage[field]) seen[field] = buckets[field] ?? 0
        // Advisors bill on another model; the corpus lists them apart, a trace's totals hold them.
        const others = (expected.lines ?? []).filter((line) => line.in_usage === false)
        const wrong = Object.entries(seen).filter(
          ([field, value]) => !allowed(field).includes(value as number),
        )
        if (others.length === 0 && expected.complete !== false) expect([wrong, usage]).toEqual([[], usage])
        if (expected.complete === false) expect(trace['cost_status']).not.toBe('exact')
        if (expected.model) expect(trace['model']).toBe(expected.model)
        if (expected.provider_cost_usd)
          expect(trace['estimated_cost_usd']).toBeCloseTo(expected.provider_cost_usd, 9)
      })
    }
  }
})
