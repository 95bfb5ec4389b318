import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { Collector, type ReceivedSpan } from '../support/collector.ts'
import { eventually } from '../support/eventually.ts'
import { openGateway, providersAt, type TestGateway } from '../support/gateway.ts'
import { freePort } from '../support/free-port.ts'
import { respond, respondJson, stream, Upstream } from '../support/upstream.ts'

setDefaultTimeout(30_000)

const ANSWER = {
  id: 'c',
  model: 'gpt-5.4-mini',
  choices: [{ index: 0, message: { role: 'assistant', content: 'Hello' }, finish_reason: 'stop' }],
  usage: {
    prompt_tokens: 20,
    completion_tokens: 7,
    total_tokens: 27,
    prompt_tokens_details: { cached_tokens: 8 },
  },
}
const PARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
const UPGRADE = {
  connection: 'Upgrade',
  upgrade: 'websocket',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
  'sec-websocket-version': '13',
}
const KEY = 'gateway-key-telemetry-1'
const AUTH = `auth: {enabled: true, keys: [{id: team-key, token: ${KEY}, org_id: acme, workspace_id: blue, role: owner}]}\n`

let upstream: Upstream
beforeAll(async () => (upstream = await Upstream.start(respondJson(ANSWER))))
afterAll(() => upstream.stop())

interface Within {
  readonly gateway: TestGateway
  readonly collector: Collector
  readonly ask: (body?: string, headers?: Record<string, string>) => Promise<Response>
  /** Stops the gateway: everything has been exported then. */
  readonly finish: () => Promise<void>
}

async function within(settings: string, run: (within: Within) => Promise<void>, otel = ''): Promise<void> {
  upstream.play = respondJson(ANSWER)
  upstream.requests.length = 0
  const collector = new Collector()
  const gateway = await openGateway(
    `${providersAt(upstream.url)}${settings}observability: {otel: {enabled: true, endpoint: "${collector.url}", metric_export_interval_ms: 60000${otel === '' ? '' : `, ${otel}`}}}\n`,
    { 'x-ongoingai-gateway-key': KEY },
  )
  let stopped = false
  const finish = async (): Promise<void> => {
    if (!stopped) await gateway.stop()
    stopped = true
  }
  const ask = (
    body = '{"model":"gpt-5.4-mini","messages":[]}',
    headers: Record<string, string> = {},
  ): Promise<Response> =>
    fetch(`${gateway.url}/openai/v1/chat/completions`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        authorization: 'Bearer sk-provider-0123456789',
        'x-ongoingai-gateway-key': KEY,
        ...headers,
      },
      body,
    })
  try {
    await run({ gateway, collector, ask, finish })
    await finish()
    expect(collector.problems).toEqual([])
  } finally {
    await finish()
    collector.stop()
  }
}

const named = (spans: readonly ReceivedSpan[], name: string): ReceivedSpan =>
  spans.find((span) => span.name === name)!

describe('spans', () => {
  test.each(['http/protobuf', 'http/json'])(
    '%s: an exchange, its parts, and the write that stored it',
    (protocol) =>
      within(
        AUTH,
        async ({ collector, ask, finish, gateway }) => {
          const response = await ask(undefined, {
            traceparent: PARENT,
            tracestate: 'vendor=1',
            'x-session-id': 's-1',
          })
          expect(response.status).toBe(200)
          const id = response.headers.get('x-ongoingai-trace-id')
          await response.text()
          await finish()
          const own = named(collector.spans, 'POST /openai/*')
          const inTrace = collector.spans.filter(({ traceId }) => traceId === own.traceId)
          expect(own).toMatchObject({
            traceId: '0af7651916cd43dd8448eb211c80319c',
            parentSpanId: 'b7ad6b7169203331',
            traceState: 'vendor=1',
            kind: 'SPAN_KIND_SERVER',
            events: [],
          })
          expect(own.attributes).toMatchObject({
            'http.request.method': 'POST',
            'http.route': '/openai/*',
            'url.path': '/openai/v1/chat/completions',
            'http.response.status_code': 200,
            'gateway.provider': 'openai',
            'gateway.model': 'gpt-5.4-mini',
            'gateway.org_id': 'acme',
            'gateway.workspace_id': 'blue',
            'gateway.key_id': 'team-key',
            'gateway.role': 'owner',
            'ongoingai.trace_id': id!,
            'ongoingai.outcome': 'completed',
            'ongoingai.cost_status': 'exact',
          })
          const call = named(collector.spans, 'chat gpt-5.4-mini')
          expect([call.kind, call.parentSpanId]).toEqual(['SPAN_KIND_CLIENT', own.spanId])
          expect(call.attributes).toMatchObject({
            'gen_ai.operation.name': 'chat',
            'gen_ai.provider.name': 'openai',
            'gen_ai.request.model': 'gpt-5.4-mini',
            'gen_ai.response.model': 'gpt-5.4-mini',
            'gen_ai.response.finish_reasons': ['stop'],
            'gen_ai.usage.input_tokens': 20,
            'gen_ai.usage.output_tokens': 7,
            'gen_ai.usage.cache_read.input_tokens': 8,
            'server.address': '127.0.0.1',
            'server.port': upstream.port,
            'ongoingai.usage_source': 'reported',
          })
          expect(named(collector.spans, 'gateway.auth')).toMatchObject({
            parentSpanId: own.spanId,
            attributes: { 'gateway.auth.result': 'allow', 'gateway.org_id': 'acme' },
          })
          expect(named(collector.spans, 'gateway.trace.enqueue').attributes).toMatchObject({
            'gateway.trace.enqueue.result': 'accepted',
          })
          for (const span of inTrace) {
            expect(span.end >= span.start).toBe(true)
            expect(span.start >= own.start).toBe(true)
          }
          const write = named(collector.spans, 'gateway.trace.write')
          expect(write.links).toEqual([{ traceId: own.traceId, spanId: own.spanId }])
          expect(write.attributes).toEqual({ 'gateway.trace.write.batch_size': 1 })
          expect(write.traceId).not.toBe(own.traceId)
          expect(collector.resources[0]).toMatchObject({
            'service.name': 'ongoingai-gateway',
            'service.version': expect.any(String) as string,
          })
          expect(gateway.lines.find(({ message }) => message === 'request complete')!.fields).toMatchObject({
            trace_id: own.traceId,
            span_id: own.spanId,
          })
          // The upstream learns nothing of it but what the client itself had sent.
          expect(upstream.last.field('traceparent')).toBe(PARENT)
        },
        `protocol: ${protocol}`,
      ),
  )

  test.each(['', 'gen_ai_latest_experimental'])(
    'what a request asked for, and the id of its answer, in a small request and a large one (%p)',
    (optIn) =>
      within(
        'pii: {mode: redact_storage}\n',
        async ({ collector, ask, finish, gateway }) => {
          const asked = {
            model: 'gpt-5.4-mini',
            max_completion_tokens: 64,
            temperature: 0.25,
            top_p: 0.5,
            top_k: 40,
            seed: 7,
            frequency_penalty: -0.5,
            presence_penalty: 0.5,
            n: 2,
            stop: ['END', 'alice@example.com', 'sk-proj-abcdefghijklmnopqrstuvwxyz0123'],
            reasoning_effort: 'low',
            previous_response_id: 'resp_0',
          }
          await (await ask(JSON.stringify({ ...asked, messages: [] }))).text()
          const content = 'x'.repeat(2 * 1024 * 1024)
          await (await ask(JSON.stringify({ messages: [{ role: 'user', content }], ...asked }))).text()
          await gateway.traces(2)
          await finish()
          const calls = collector.spans.filter(({ kind }) => kind === 'SPAN_KIND_CLIENT')
          expect(calls.length).toBe(2)
          for (const { attributes } of calls) {
            expect(attributes).toMatchObject({
              'gen_ai.response.id': 'c',
              'gen_ai.request.max_tokens': 64,
              'gen_ai.request.temperature': 0.25,
              'gen_ai.request.top_p': 0.5,
              'gen_ai.request.top_k': 40,
              'gen_ai.request.seed': 7,
              'gen_ai.request.frequency_penalty': -0.5,
              'gen_ai.request.presence_penalty': 0.5,
              'gen_ai.request.choice.count': 2,
              'gen_ai.response.finish_reasons': ['stop'],
            })
            const stops = attributes['gen_ai.request.stop_sequences'] as string[]
            expect([stops.length, stops[0]]).toEqual([3, 'END'])
            expect(attributes['gen_ai.request.reasoning.level']).toBe(optIn === '' ? undefined : 'low')
            expect(attributes['gen_ai.request.previous_response.id']).toBe(
              optIn === '' ? undefined : 'resp_0',
            )
          }
          // Texts are those that would be stored.
          expect(collector.received).not.toContain('alice')
          expect(collector.received).not.toContain('sk-proj-abc')
        },
        `semconv_opt_in: "${optIn}"`,
      ),
  )

  test('a stream, one that its client leaves, and refusals', () =>
    within(`${AUTH}pii: {mode: block}\n`, async ({ collector, ask, finish, gateway }) => {
      const event = (content: string): string =>
        `data: {"id":"c","model":"gpt-5.4-mini","choices":[{"index":0,"delta":{"content":"${content}"}}]}\n\n`
      upstream.play = stream(
        [
          event('Hello'),
          event(' you'),
          'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}\n\n',
          'data: [DONE]\n\n',
        ],
        { between: () => Bun.sleep(5) },
      )
      await (await ask('{"model":"gpt-5.4-mini","messages":[],"stream":true}')).text()
      upstream.play = stream([event('Never'), event('read')], { between: () => Bun.sleep(300) })
      const leaving = new AbortController()
      await fetch(`${gateway.url}/openai/v1/chat/completions`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          authorization: 'Bearer x',
          'x-ongoingai-gateway-key': KEY,
        },
        body: '{"model":"gpt-5.4-mini","messages":[],"stream":true}',
        signal: leaving.signal,
      })
      leaving.abort()
      expect((await ask('{"a":"alice@example.com"}')).status).toBe(403)
      expect((await ask(undefined, { 'x-ongoingai-gateway-key': 'wrong' })).status).toBe(401)
      // The fourth was sent by nobody whom the workspace knows.
      await gateway.traces(3)
      await finish()
      const servers = collector.spans.filter(({ kind }) => kind === 'SPAN_KIND_SERVER')
      const by = (outcome: string, code: string): ReceivedSpan =>
        servers.find(
          ({ attributes }) =>
            attributes['ongoingai.outcome'] === outcome && (attributes['error.type'] ?? '') === code,
        )!
      const streamed = by('completed', '')
      const call = collector.spans.find(
        ({ parentSpanId, kind }) => parentSpanId === streamed.spanId && kind === 'SPAN_KIND_CLIENT',
      )!
      expect(call.attributes).toMatchObject({
        'gen_ai.request.stream': true,
        'gen_ai.usage.output_tokens': 2,
        'gen_ai.response.time_to_first_chunk': expect.any(Number) as number,
      })
      expect(call.events.map(({ name }) => name)).toEqual(['gen_ai.first_token'])
      expect(by('client_aborted', '') ?? by('client_aborted', 'client_aborted')).toBeDefined()
      const blocked = by('refused', 'pii_blocked')
      expect(blocked.events).toEqual([{ name: 'exception', attributes: { 'exception.type': 'pii_blocked' } }])
      expect(
        collector.spans.some(
          ({ parentSpanId, kind }) => parentSpanId === blocked.spanId && kind === 'SPAN_KIND_CLIENT',
        ),
      ).toBe(false)
      const unknown = by('refused', 'invalid_gateway_key')
      expect(
        collector.spans.find(
          ({ parentSpanId, name }) => parentSpanId === unknown.spanId && name === 'gateway.auth',
        ),
      ).toMatchObject({
        attributes: { 'gateway.auth.result': 'deny', 'gateway.auth.deny_reason': 'unauthorized' },
        status: { message: 'unauthorized' },
      })
      // The log and the metrics tell the same of each.
      for (const server of servers) {
        const line = gateway.lines.find(
          ({ fields }) => fields['span_id'] === server.spanId && 'outcome' in fields,
        )!
        expect([
          line.message,
          line.fields['trace_id'],
          line.fields['outcome'],
          line.fields['correlation_id'],
        ]).toEqual([
          'request complete',
          server.traceId,
          server.attributes['ongoingai.outcome'],
          server.attributes['gateway.correlation_id'],
        ])
      }
      const outcomes = collector.metrics.get('ongoingai.exchange.outcomes_total')!
      const count = (outcome: string): number =>
        outcomes
          .filter(({ attributes }) => attributes['outcome'] === outcome)
          .reduce((sum, { value }) => sum + value, 0)
      expect([count('completed'), count('client_aborted'), count('refused')]).toEqual([1, 1, 2])
      const told = (name: string, match: Record<string, unknown>): number =>
        collector.metrics
          .get(name)!
          .find(({ attributes }) => Object.entries(match).every(([key, value]) => attributes[key] === value))!
          .value
      expect(told('ongoingai.redaction.decisions_total', { side: 'request', decision: 'blocked' })).toBe(1)
      expect(told('ongoingai.redaction.finds_total', { detector: 'email' })).toBe(1)
      expect(
        collector.metrics
          .get('gen_ai.client.operation.time_to_first_chunk')!
          .reduce((sum, { count: one = 0 }) => sum + one, 0),
      ).toBeGreaterThanOrEqual(1)
    }))

  test('who is traced: a ratio, and callers up to a bound; upstreams are told only when that is asked for', async () => {
    await within(
      '',
      async ({ collector, ask, finish }) => {
        for (let i = 0; i < 20; i++) await (await ask()).text()
        for (let i = 0; i < 20; i++)
          await (
            await ask(undefined, {
              traceparent: PARENT.replace('0af7', (i + 1000).toString(16).padStart(4, '0')),
            })
          ).text()
        for (let i = 0; i < 5; i++)
          await (await ask(undefined, { traceparent: PARENT.replace(/01$/, '00') })).text()
        await finish()
        const kept = collector.spans.filter(({ kind }) => kind === 'SPAN_KIND_SERVER').length
        // Twenty callers in a row may fall into two seconds.
        expect(kept).toBeGreaterThanOrEqual(3)
        expect(kept).toBeLessThanOrEqual(6)
      },
      'sampling_ratio: 0, max_forced_per_second: 3',
    )
  })

  test('what an upstream is told names the client span of that very call: HTTP, a redirect, a WebSocket', () =>
    within(
      '',
      async ({ collector, ask, finish, gateway }) => {
        const fields = { traceparent: PARENT, tracestate: 'vendor=1' }
        await (await ask(undefined, fields)).text()
        await (await ask(undefined, { traceparent: 'no-such-thing', tracestate: 'vendor=1' })).text()
        upstream.play = respond(307, { Location: '/elsewhere' }, '')
        await fetch(`${gateway.url}/openai/v1/moved`, { method: 'POST', body: '{}', redirect: 'manual' })
        upstream.play = respond(426, {}, 'no')
        await fetch(`${gateway.url}/openai/v1/responses`, { headers: { ...fields, ...UPGRADE } })
        await finish()
        const sent = upstream.requests.map((one) => [one.field('traceparent'), one.field('tracestate')])
        const servers = collector.spans.filter(({ kind }) => kind === 'SPAN_KIND_SERVER')
        const calls = servers.map(({ spanId }) =>
          collector.spans.find(
            ({ parentSpanId, kind }) => parentSpanId === spanId && kind === 'SPAN_KIND_CLIENT',
          )!,
        )
        expect(sent).toEqual(
          calls.map(({ traceId, spanId }, i) => [
            `00-${traceId}-${spanId}-01`,
            i === 0 || i === 3 ? 'vendor=1' : undefined,
          ]),
        )
        expect(servers.map(({ parentSpanId }) => parentSpanId)).toEqual([
          'b7ad6b7169203331',
          '',
          '',
          'b7ad6b7169203331',
        ])
        expect(new Set(calls.map(({ spanId }) => spanId)).size).toBe(4)
        for (const [i, call] of calls.entries()) expect(call.start >= servers[i]!.start).toBe(true)
      },
      'propagate_upstream: true',
    ))

  test('without traces a caller’s own traceparent passes, whatever else telemetry does', () =>
    within(
      '',
      async ({ ask, gateway }) => {
        const fields = { traceparent: PARENT, tracestate: 'vendor=1' }
        await (await ask(undefined, fields)).text()
        upstream.play = respond(426, {}, 'no')
        await fetch(`${gateway.url}/openai/v1/responses`, { headers: { ...fields, ...UPGRADE } })
        const sent = upstream.requests.map((one) => [one.field('traceparent'), one.field('tracestate')])
        expect(sent).toEqual([
          [PARENT, 'vendor=1'],
          [PARENT, 'vendor=1'],
        ])
      },
      'traces_enabled: false, propagate_upstream: true',
    ))

  test('a refusal tells its span in the log and in the audit trail, one of a flood does not', () =>
    within(`${AUTH}pii: {mode: block}\n`, async ({ collector, ask, finish, gateway }) => {
      expect((await ask('{"a":"alice@example.com"}')).status).toBe(403)
      for (let i = 0; i < 60; i++) expect((await ask(undefined, { authorization: '' })).status).toBe(403)
      const audit = async (): Promise<{ action: string; detail: Record<string, unknown> }[]> => {
        const headers = { 'x-ongoingai-gateway-key': KEY }
        const page = await fetch(`${gateway.url}/api/audit?limit=500`, { headers })
        return ((await page.json()) as { items: { action: string; detail: Record<string, unknown> }[] }).items
      }
      await eventually(async () => (await audit()).length >= 51)
      const events = await audit()
      await finish()
      const spans = new Map(
        collector.spans.filter(({ kind }) => kind === 'SPAN_KIND_SERVER').map((span) => [span.spanId, span]),
      )
      for (const { detail } of events)
        expect(spans.get(detail['span_id'] as string)?.traceId).toBe(detail['trace_id'] as string)
      expect(events.map(({ action }) => action)).toContain('content.block')
      const lines = gateway.lines.filter(({ message }) => message === 'audit gateway auth deny')
      const summary = lines.filter(({ fields }) => 'denials' in fields)
      expect(summary.map(({ fields }) => [fields['denials'], 'span_id' in fields])).toEqual([[10, false]])
      for (const { fields } of lines.filter((line) => !summary.includes(line)))
        expect(spans.get(fields['span_id'] as string)?.traceId).toBe(fields['trace_id'] as string)
    }))
})

describe('metrics', () => {
  test('contract, GenAI and own ones, over OTLP; every counter is there from the start', () =>
    within(
      AUTH,
      async ({ collector, ask, finish }) => {
        await (await ask()).text()
        await (await ask()).text()
        await finish()
        const point = (name: string, match: Record<string, unknown> = {}): unknown =>
          collector.metrics
            .get(name)
            ?.find(({ attributes }) =>
              Object.entries(match).every(([key, value]) => attributes[key] === value),
            )
        const scope = {
          provider: 'openai',
          model: 'gpt-5.4-mini',
          org_id: 'acme',
          workspace_id: 'blue',
          route: '/openai/*',
        }
        expect(point('ongoingai.proxy.request_total', scope)).toEqual({
          attributes: { ...scope, status_code: 200 },
          value: 2,
        })
        expect(point('ongoingai.provider.request_total', scope)).toEqual({
          attributes: { ...scope, status_code: 200 },
          value: 2,
        })
        expect(point('ongoingai.proxy.request_duration_seconds')).toMatchObject({
          attributes: scope,
          count: 2,
          bounds: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
        })
        expect(point('ongoingai.trace.enqueued_total')).toMatchObject({ value: 2 })
        expect(point('ongoingai.trace.written_total')).toMatchObject({ value: 2 })
        expect(point('ongoingai.trace.queue_dropped_total')).toMatchObject({ value: 0 })
        expect(point('ongoingai.trace.write_failed_total')).toMatchObject({ value: 0 })
        expect(point('ongoingai.trace.flush_duration_seconds')).toMatchObject({
          bounds: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1],
        })
        expect(point('ongoingai.trace.queue_capacity')).toMatchObject({ value: 32768 })
        expect(point('gen_ai.client.token.usage', { 'gen_ai.token.type': 'input' })).toMatchObject({
          attributes: {
            'gen_ai.operation.name': 'chat',
            'gen_ai.provider.name': 'openai',
            'gen_ai.request.model': 'gpt-5.4-mini',
          },
          value: 40,
          count: 2,
          bounds: [1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864],
        })
        expect(point('gen_ai.client.operation.duration')).toMatchObject({
          count: 2,
          bounds: [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92],
        })
        expect(point('ongoingai.tokens_total', { type: 'cache_read', provider: 'openai' })).toMatchObject({
          value: 16,
        })
        expect(
          (point('ongoingai.cost_usd_total', { org_id: 'acme' }) as { value: number }).value,
        ).toBeGreaterThan(0)
        expect(point('ongoingai.exchange.outcomes_total', { outcome: 'completed' })).toMatchObject({
          value: 2,
        })
        expect(point('ongoingai.limits.refused_total', { code: 'budget_exceeded' })).toMatchObject({
          value: 0,
        })
        expect(
          point('ongoingai.redaction.decisions_total', { side: 'request', decision: 'blocked' }),
        ).toMatchObject({ value: 0 })
        for (const name of [
          'process.memory.usage',
          'process.cpu.time',
          'ongoingai.eventloop.delay_seconds',
          'ongoingai.exchange.open',
        ])
          expect(point(name)).toBeDefined()
      },
      'traces_enabled: false',
    ))

  test('the newest names of the GenAI conventions, where they are asked for', () =>
    within(
      '',
      async ({ collector, ask, finish }) => {
        await (await ask()).text()
        await finish()
        const call = named(collector.spans, 'chat gpt-5.4-mini')
        expect(call.attributes).toHaveProperty(['gen_ai.usage.cache_write.input_tokens'])
        expect(call.attributes).not.toHaveProperty(['gen_ai.usage.cache_creation.input_tokens'])
        expect(collector.metrics.has('gen_ai.client.inference.duration')).toBe(true)
        expect(collector.metrics.has('gen_ai.client.operation.duration')).toBe(false)
      },
      'semconv_opt_in: "http,gen_ai_latest_experimental"',
    ))

  test('the newest token counters: by modality as reported, 0 where nothing is; only calls that write are inference', () =>
    within(
      '',
      async ({ collector, ask, finish, gateway }) => {
        const usage = {
          prompt_tokens: 100,
          completion_tokens: 20,
          total_tokens: 120,
          prompt_tokens_details: { cached_tokens: 30, cache_write_tokens: 10, audio_tokens: 25 },
          completion_tokens_details: { reasoning_tokens: 8, audio_tokens: 5 },
        }
        upstream.play = respondJson({ ...ANSWER, usage })
        await (await ask()).text()
        upstream.play = respond(500, { 'Content-Type': 'application/json' }, '{"error":{"code":"broken"}}')
        await (await ask()).text()
        upstream.play = respondJson({ model: 'e', data: [], usage: { prompt_tokens: 7, total_tokens: 7 } })
        const headers = { 'content-type': 'application/json' }
        const body = '{"model":"e","input":"x"}'
        await (await fetch(`${gateway.url}/openai/v1/embeddings`, { method: 'POST', headers, body })).text()
        await gateway.traces(3)
        const page = await (await fetch(`${gateway.url}/metrics`)).text()
        await finish()
        const counted = (name: string): Record<string, number> =>
          Object.fromEntries(
            collector.metrics
              .get(`gen_ai.client.inference.usage.${name}`)!
              .map(({ attributes, value }) => [
                `${String(attributes['gen_ai.operation.name'])} ${String(attributes['gen_ai.token.modality'])}`,
                value,
              ]),
          )
        const start = { 'undefined unknown': 0 }
        const embedded = { 'embeddings unknown': 7 }
        expect(counted('input_tokens')).toEqual({
          ...start,
          ...embedded,
          'chat audio': 25,
          'chat unknown': 75,
        })
        expect(counted('output_tokens')).toEqual({
          ...start,
          'embeddings unknown': 0,
          'chat audio': 5,
          'chat unknown': 15,
        })
        expect(counted('cache_read.input_tokens')).toEqual({ ...start, 'chat unknown': 30 })
        expect(counted('cache_write.input_tokens')).toEqual({ ...start, 'chat unknown': 10 })
        expect(counted('reasoning.output_tokens')).toEqual({ ...start, 'chat unknown': 8 })
        const operations = (name: string): unknown[] =>
          collector.metrics
            .get(name)!
            .map(({ attributes, count, value }) => [attributes['gen_ai.operation.name'], count, value])
        // The call that failed is in the counters, and in no distribution.
        expect(operations('gen_ai.client.inference.operation.input_tokens')).toEqual([
          ['chat', 1, 100],
          ['embeddings', 1, 7],
        ])
        const durations = (name: string): unknown[] =>
          collector.metrics
            .get(name)!
            .map(({ attributes }) => [attributes['gen_ai.operation.name'], attributes['error.type']])
        expect(durations('gen_ai.client.inference.duration')).toEqual([
          ['chat', undefined],
          ['chat', expect.any(String)],
        ])
        expect(durations('gen_ai.client.operation.duration')).toEqual([['embeddings', undefined]])
        expect(collector.metrics.has('gen_ai.client.token.usage')).toBe(false)
        expect(page).toContain('gen_ai_client_inference_usage_cache_write_input_tokens_total{')
        expect(page).toContain('gen_ai_client_inference_operation_output_tokens_bucket{')
        expect(page).not.toContain('gen_ai_client_token_usage')
        const call = named(collector.spans, 'chat gpt-5.4-mini')
        expect(call.attributes).toMatchObject({
          'gen_ai.usage.audio.input_tokens': 25,
          'gen_ai.usage.audio.output_tokens': 5,
          'gen_ai.usage.cache_write.input_tokens': 10,
        })
      },
      'prometheus_enabled: true, semconv_opt_in: gen_ai_latest_experimental',
    ))

  test('budgets report how much of them is spent, as long as their period lasts', () =>
    within(
      `${AUTH}limits: {policies: [{name: all, per: organization, budget: {cost_usd: 0.001, enforcement: soft}}, {name: tokens, per: key, budget: {tokens: 270}}]}\n`,
      async ({ collector, ask, finish, gateway }) => {
        await (await ask()).text()
        await gateway.traces(1)
        await finish()
        const points = collector.metrics.get('ongoingai.budget.spent_ratio')!
        const share = (policy: string): number =>
          points.find(({ attributes }) => attributes['policy'] === policy)!.value
        expect(share('tokens')).toBe(0.1)
        expect([share('all') > 0, share('all') < 1]).toEqual([true, true])
      },
      'traces_enabled: false',
    ))

  test('Prometheus: text, OpenMetrics, a token, a listener of its own, and as many series as there may be', async () => {
    upstream.play = respondJson(ANSWER)
    const gateway = await openGateway(
      `${providersAt(upstream.url)}observability: {metrics_token: scrape-me-0123456789, otel: {enabled: true, traces_enabled: false, metrics_enabled: false, prometheus_enabled: true}}\n`,
    )
    try {
      const scrape = (headers: Record<string, string> = {}): Promise<Response> =>
        fetch(`${gateway.url}/metrics`, {
          headers: { authorization: 'Bearer scrape-me-0123456789', ...headers },
        })
      expect((await fetch(`${gateway.url}/metrics`)).status).toBe(401)
      expect((await scrape({ authorization: 'Bearer scrape-me-0123456780' })).status).toBe(401)
      const before = await (await scrape()).text()
      for (const name of [
        'ongoingai_trace_queue_dropped_total',
        'ongoingai_trace_write_failed_total',
        'ongoingai_trace_enqueued_total',
        'ongoingai_trace_written_total',
        'ongoingai_cost_usd_total',
        'ongoingai_limits_refused_total',
        'ongoingai_proxy_request_total',
        'ongoingai_provider_request_total',
      ])
        expect(before).toMatch(new RegExp(`^${name}(?:\\{[^}]*\\})? 0$`, 'm'))

      // Names of models that nobody answers for.
      upstream.play = respondJson({ error: { message: 'no such model' } })
      const count = Number(process.env['TEST_MODELS'] ?? 3000)
      let sent = 0
      const send = async (): Promise<void> => {
        while (sent < count) {
          const body = `{"model":"made-up-${sent++}","messages":[]}`
          await (await fetch(`${gateway.url}/openai/v1/chat/completions`, { method: 'POST', body })).text()
        }
      }
      await Promise.all(Array.from({ length: 50 }, send))
      await eventually(async () => gateway.gateway.diagnostics().stored_total >= count, 60_000)
      const text = await (await scrape()).text()
      expect(text).not.toContain('made-up')
      expect(text).toContain('model="other"')
      expect(text.split('\n').length).toBeLessThan(600)

      const open = await scrape({ accept: 'application/openmetrics-text;version=1.0.0,text/plain;q=0.5' })
      expect(open.headers.get('content-type')).toStartWith('application/openmetrics-text; version=1.0.0')
      const openText = await open.text()
      expect(openText).toEndWith('# EOF\n')
      expect(openText).toContain('# TYPE ongoingai_proxy_request counter\n')
      expect(openText).toMatch(/^ongoingai_proxy_request_total\{/m)
      const plain = await scrape()
      expect(plain.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
      const promtool = Bun.which('promtool')
      if (promtool) {
        const checked = Bun.spawnSync([promtool, 'check', 'metrics'], {
          stdin: Buffer.from(await plain.text()),
        })
        expect([checked.exitCode, checked.stderr.toString(), checked.stdout.toString()]).toEqual([0, '', ''])
      }
      const headers = { authorization: 'Bearer scrape-me-0123456789' }
      expect((await fetch(`${gateway.url}/metrics`, { method: 'POST', headers })).status).toBe(405)
    } finally {
      await gateway.stop()
    }
  })
})

test('Prometheus on a listener of its own is on no other', async () => {
  const port = await freePort()
  const gateway = await openGateway(
    `${providersAt(upstream.url)}observability: {admin_address: "127.0.0.1:${port}", otel: {enabled: true, traces_enabled: false, metrics_enabled: false, prometheus_enabled: true, prometheus_path: /own}}\n`,
  )
  try {
    const own = await fetch(`http://127.0.0.1:${port}/own`)
    expect([own.status, (await own.text()).includes('ongoingai_exchange_open')]).toEqual([200, true])
    expect((await fetch(`http://127.0.0.1:${port}/api/health`)).status).toBe(404)
    expect((await fetch(`${gateway.url}/own`)).status).toBe(404)
  } finally {
    await gateway.stop()
  }
  expect(
    await fetch(`http://127.0.0.1:${port}/own`).then(
      () => 'there',
      () => 'gone',
    ),
  ).toBe('gone')
})

test('what looks like a credential is in no span and no label, wherever it came from', () =>
  within('', async ({ collector, ask, finish, gateway }) => {
    const secret = 'sk-proj-abcdefghijklmnopqrstuvwxyz0123'
    upstream.play = respondJson({ ...ANSWER, model: secret })
    const response = await ask(`{"model":"${secret}","messages":[],"user":"${secret}"}`, {
      'user-agent': `agent/${secret}`,
      'x-session-id': secret,
      tracestate: `v=${secret}`,
      traceparent: PARENT,
    })
    await response.text()
    await (
      await fetch(`${gateway.url}/openai/v1/${secret}?key=${secret}`, { method: 'POST', body: '{}' })
    ).text()
    await gateway.traces(2)
    await finish()
    expect(collector.spans.length).toBeGreaterThan(4)
    expect(collector.metrics.get('ongoingai.proxy.request_total')!.length).toBeGreaterThan(0)
    expect(collector.received).not.toContain(secret)
    expect(collector.received).toContain('[CREDENTIAL_REDACTED]')
  }))

describe('a collector that does not answer', () => {
  test.each([
    ['refuses', 400],
    ['is gone', undefined],
  ])('%s: traffic goes on, one line tells', (_, status) =>
    within(
      '',
      async ({ collector, ask, gateway }) => {
        if (status === undefined) collector.stop()
        else collector.refuses = status
        for (let i = 0; i < 600; i++) await (await ask()).text()
        await eventually(
          () => gateway.lines.some(({ message }) => message === 'telemetry cannot be exported'),
          20_000,
        )
        expect(gateway.lines.filter(({ message }) => message === 'telemetry cannot be exported').length).toBe(
          1,
        )
        expect(gateway.gateway.diagnostics()).toMatchObject({
          enqueue_accepted_total: 600,
          total_dropped_total: 0,
        })
      },
      'export_timeout_ms: 500',
    ),
  )
})
