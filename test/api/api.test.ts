import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { openSqliteStorage } from '../../src/storage/drivers/sqlite.ts'
import { openGateway, type TestGateway } from '../support/gateway.ts'
import { RawClient } from '../support/raw-client.ts'
import { sampleTrace } from '../support/trace.ts'
import { eventually } from '../support/eventually.ts'

const T0 = Date.parse('2026-02-12T03:00:00Z') * 1000
let gateway: TestGateway

beforeAll(async () => {
  gateway = await openGateway('')
  const storage = await openSqliteStorage(`${gateway.folder}/data/traces.db`, 'write')
  await storage.write(
    Array.from({ length: 5 }, (_, i) =>
      sampleTrace({
        id: `trace-${i + 1}`,
        startedAtUs: T0 + i * 1_000_000,
        createdAtUs: T0 + i * 1_000_000 + 500,
        provider: i % 2 === 0 ? 'openai' : 'anthropic',
        traceGroupId: 'group-1',
        totalTokens: (i + 1) * 10,
        requestBody: i === 0 ? Buffer.from('{"q":1}') : null,
        metadata: { lineage_group_id: 'group-1', lineage_checkpoint_seq: i + 1, lineage_immutable: true },
      }),
    ),
  )
  await storage.close()
})
afterAll(() => gateway.stop())

interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: Record<string, unknown>
}

async function get(path: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(`${gateway.url}${path}`, init)
  const text = await response.text()
  let body: Record<string, unknown> = { text }
  try {
    body = JSON.parse(text) as Record<string, unknown>
  } catch {
    // Text it is.
  }
  return { status: response.status, headers: response.headers, body }
}

describe('public routes', () => {
  test('the root, health, liveness and readiness answer', async () => {
    expect((await get('/')).body).toEqual({
      name: 'ongoingai gateway',
      status: 'ok',
      version: 'dev (none, unknown)',
    })
    expect((await get('/api/live')).body).toEqual({ status: 'ok' })
    expect((await get('/api/hello')).body).toEqual({ message: 'hello' })
    expect((await get('/api/ready')).body).toEqual({ status: 'ok' })
    const health = await get('/api/health')
    expect(Object.keys(health.body)).toEqual([
      'status',
      'version',
      'uptime_sec',
      'storage_driver',
      'trace_count',
      'db_size_bytes',
    ])
    expect(health.body).toMatchObject({ status: 'ok', storage_driver: 'sqlite', trace_count: 5 })
    expect(health.headers.get('content-type')).toBe('application/json')
    expect(health.headers.get('x-ongoingai-correlation-id')).toMatch(/^corr-[0-9a-f]{32}$/)
  })

  test('the pipeline’s diagnostics have every field of the contract', async () => {
    const { body } = await get('/api/diagnostics/trace-pipeline')
    expect(body['schema_version']).toBe('trace-pipeline-diagnostics.v1')
    const diagnostics = body['diagnostics'] as Record<string, unknown>
    for (const field of [
      'queue_capacity',
      'queue_depth',
      'queue_depth_high_watermark',
      'queue_utilization_pct',
      'queue_high_watermark_utilization_pct',
      'queue_pressure_state',
      'queue_high_watermark_pressure_state',
      'enqueue_accepted_total',
      'enqueue_dropped_total',
      'write_dropped_total',
      'total_dropped_total',
      'stored_total',
      'spilled_total',
      'replayed_total',
      'quarantined_total',
      'journal_records',
      'journal_bytes',
      'queue_bytes',
      'queue_max_bytes',
      'store_driver',
    ]) {
      expect([field, diagnostics[field] !== undefined]).toEqual([field, true])
    }
  })
})

describe('methods and paths', () => {
  test('HEAD answers as GET without content, OPTIONS with 204, others with 405', async () => {
    const head = await get('/api/traces', { method: 'HEAD' })
    expect([head.status, head.body['text']]).toEqual([200, ''])
    expect((await get('/api/anything', { method: 'OPTIONS' })).status).toBe(204)
    const post = await get('/api/traces', { method: 'POST' })
    expect([post.status, post.headers.get('allow')]).toEqual([405, 'GET, HEAD, OPTIONS'])
    expect(post.body).toEqual({ error: 'method not allowed', code: 'method_not_allowed' })
  })

  test('unknown paths are 404 in text', async () => {
    for (const path of ['/nope', '/api', '/api/', '/api/health/', '/api/traces/a/b/c', '/favicon.ico']) {
      const { status, body, headers } = await get(path)
      expect([path, status, String(body['text']).split('\n')[0]]).toEqual([path, 404, '404 page not found'])
      expect(headers.get('x-content-type-options')).toBe('nosniff')
    }
  })

  test.each([
    ['/opnai/v1/responses', '/openai/v1/responses'],
    ['/v1/rerank', '/openai/v1/rerank'],
    ['/chat/completions', '/openai/v1/chat/completions'],
    ['/v1beta/cachedContents', '/gemini/v1beta/cachedContents'],
    ['/api/health/', '/api/health'],
    ['/api/analytics/sumary', '/api/analytics/summary'],
    ['/favicon.ico', undefined],
  ])('a 404 of %s names the prefixes, and suggests %s', async (path, meant) => {
    const { status, body } = await get(path)
    const suggestion = meant === undefined ? '' : `did you mean ${meant}?\n`
    expect([status, body['text']]).toEqual([
      404,
      `404 page not found\n${suggestion}providers are below /anthropic, /chatgpt, /cohere, /deepseek, /gemini, /groq, /mistral, /ollama, /openai, /openrouter, /perplexity, /xai; without one the model decides, below /v1 and /v1beta; the management API is below /api\n`,
    ])
  })

  test('a correlation id is taken from the request, if it is usable', async () => {
    const id = async (headers: Record<string, string>): Promise<string | null> =>
      (await get('/api/live', { headers })).headers.get('x-ongoingai-correlation-id')
    expect(await id({ 'x-request-id': 'abc-123' })).toBe('abc-123')
    expect(await id({ 'x-request-id': 'request', 'x-ongoingai-correlation-id': 'canonical' })).toBe(
      'canonical',
    )
    expect(await id({ 'x-ongoingai-correlation-id': 'bad value', 'x-correlation-id': 'good' })).toBe('good')
    expect(await id({ 'x-request-id': `${'a'.repeat(128)}!` })).toBe('a'.repeat(128))
  })
})

describe('traces', () => {
  test('lists newest first, page by page', async () => {
    const first = await get('/api/traces?limit=2')
    expect((first.body['items'] as { id: string }[]).map((item) => item.id)).toEqual(['trace-5', 'trace-4'])
    expect(Buffer.from(String(first.body['next_cursor']), 'base64url').toString()).toBe(
      '2026-02-12T03:00:03.0005Z|trace-4',
    )
    const rest = await get(`/api/traces?cursor=${String(first.body['next_cursor'])}`)
    expect((rest.body['items'] as { id: string }[]).map((item) => item.id)).toEqual([
      'trace-3',
      'trace-2',
      'trace-1',
    ])
    expect(rest.body['next_cursor']).toBeUndefined()
  })

  test('a summary has the contract’s fields', async () => {
    const { body } = await get('/api/traces?limit=1')
    expect((body['items'] as unknown[])[0]).toEqual({
      id: 'trace-5',
      timestamp: '2026-02-12T03:00:04Z',
      provider: 'openai',
      requested_model: 'gpt-4o-mini',
      model: 'gpt-4o-mini',
      request_method: 'POST',
      request_path: '/openai/v1/chat/completions',
      response_status: 200,
      outcome: 'completed',
      input_tokens: 11,
      output_tokens: 7,
      total_tokens: 50,
      cache_read_input_tokens: 0,
      cache_creation_input_tokens: 0,
      reasoning_tokens: 0,
      usage_source: 'reported',
      latency_ms: 120,
      time_to_first_token_ms: 0,
      time_to_first_token_us: 0,
      api_key_hash: 'key-a',
      estimated_cost_usd: 0.00018,
      cost_status: 'exact',
      finish_reason: 'stop',
      attempts: 1,
      target: 'openai/gpt-4o-mini',
      upstream_request_id: 'req_1',
      created_at: '2026-02-12T03:00:04.0005Z',
    })
  })

  test('filters hold', async () => {
    const count = async (query: string): Promise<number> =>
      ((await get(`/api/traces?${query}`)).body['items'] as unknown[]).length
    expect(await count('provider=anthropic')).toBe(2)
    expect(await count('provider=%20anthropic%20')).toBe(2)
    expect(await count('trace_group_id=group-1&min_tokens=20&max_tokens=40')).toBe(3)
    expect(await count('from=2026-02-12T03:00:01Z&to=2026-02-12T05:00:02%2B02:00')).toBe(2)
    expect(await count('from=2026-02-12&to=2026-02-12')).toBe(5)
    expect(await count('from=2026-02-13')).toBe(0)
    expect(await count('limit=%2B5')).toBe(5)
    expect(await count('limit=1;x=2')).toBe(5)
    expect(await count('limit=0')).toBe(5)
    expect(await count("model=gpt-4o-mini'%20OR%20'1'='1")).toBe(0)
  })

  const SPANS = ', or a span back from now: 90m, 24h, 7d, 4w, today, yesterday or month'
  const wrong: [string, string][] = [
    ['provider=anthropic&provider=openai', 'provider must be given once'],
    ['limit=201', 'limit must be \\u003c= 200'],
    ['limit=-1', 'limit must be \\u003e= 0'],
    ['limit=x', 'limit must be an integer'],
    ['status=0', 'status must be \\u003e= 100'],
    ['status=600', 'status must be \\u003c= 599'],
    ['min_tokens=5&max_tokens=4', 'max_tokens must be greater than or equal to min_tokens'],
    ['from=2026-02-12T01:02:03', `invalid from: expected RFC3339 or YYYY-MM-DD${SPANS}`],
    ['to=2026-02-30', `invalid to: expected RFC3339 or YYYY-MM-DD${SPANS}`],
    ['from=2026-02-12&to=2026-02-11', 'to must be greater than or equal to from'],
    ['cursor=%21', 'trace cursor is invalid: decode base64 cursor'],
    ['cursor=YWJj', 'trace cursor is invalid: missing id'],
    ['cursor=YXx4', 'trace cursor is invalid: parse created_at'],
  ]
  for (const [query, text] of wrong) {
    test(`${query} → 400 ${text}`, async () => {
      const response = await fetch(`${gateway.url}/api/traces?${query}`)
      expect([response.status, await response.text()]).toEqual([
        400,
        `{"error":"${text}","code":"invalid_parameter"}\n`,
      ])
    })
  }

  test('a detail has lineage, receipt, timing and body', async () => {
    const { body } = await get('/api/traces/trace-1/')
    expect(body).toMatchObject({
      id: 'trace-1',
      trace_group_id: 'group-1',
      lineage: { group_id: 'group-1', checkpoint_id: 'trace-1', checkpoint_seq: 1, immutable: true },
      request_headers: { Accept: ['*/*'] },
      request_body: '{"q":1}',
      usage: { buckets: { input_uncached: 11, output_text: 7 } },
      cost: { status: 'exact', lines: [] },
      timing: { received_us: 0 },
      upstream: { url_host: 'api.openai.com', attempts: 1 },
    })
    const missing = await get('/api/traces/nope')
    expect([missing.status, missing.body]).toEqual([
      404,
      { error: 'trace not found', code: 'trace_not_found' },
    ])
  })

  test('ids that are none are answered, not obeyed', async () => {
    for (const id of ["'", '%27%20OR%201=1', '%00', '%ff', '%F0%9F%98%80', 'a'.repeat(5000), '%2e%2e']) {
      expect([id.slice(0, 20), (await get(`/api/traces/${id}`)).status < 500]).toEqual([
        id.slice(0, 20),
        true,
      ])
    }
  })
})

test('HTTP/1.0 without a host is served', async () => {
  const client = await RawClient.open(gateway.port)
  client.send('GET /api/live HTTP/1.0\r\n\r\n')
  await eventually(() => client.status !== 0)
  expect(client.status).toBe(200)
  client.close()
})
