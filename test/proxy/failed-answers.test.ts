import { expect, setDefaultTimeout, test } from 'bun:test'
import { openGateway, providersAt } from '../support/gateway.ts'
import { respond, stream, Upstream, type Play } from '../support/upstream.ts'

setDefaultTimeout(60_000)

// Answers whose status says success: those that tell of a failure have failed, and what they are is read from their bytes.

const event = (value: unknown): string => `data: ${JSON.stringify(value)}\n\n`
const chunk = (content: string): string =>
  event({ id: 'c', model: 'gpt-5.4-mini', choices: [{ index: 0, delta: { content } }] })
const USAGE = { prompt_tokens: 100, completion_tokens: 7, total_tokens: 107 }
const json = (value: unknown): Play =>
  respond(200, { 'Content-Type': 'application/json' }, JSON.stringify(value))
const text = (type: string, body: string): Play =>
  respond(200, type === '' ? {} : { 'Content-Type': type }, body)

const METRICS =
  'observability: {otel: {enabled: true, traces_enabled: false, metrics_enabled: false, prometheus_enabled: true}}\n'

/** Answers of one exchange after another, and the traces of them in that order. */
async function exchanges(
  settings: string,
  sent: readonly {
    readonly path: string
    readonly play: Play
    readonly type?: string
    readonly body?: string
  }[],
  look: (
    traces: Record<string, unknown>[],
    ask: (path: string) => Promise<string>,
    lines: readonly { readonly message: string; readonly fields: Readonly<Record<string, unknown>> }[],
  ) => Promise<void>,
): Promise<void> {
  const upstream = await Upstream.start(() => {})
  const gateway = await openGateway(providersAt(upstream.url) + settings)
  try {
    const ids: string[] = []
    for (const {
      path,
      play,
      type = 'application/json',
      body = '{"model":"gpt-5.4-mini","stream":true}',
    } of sent) {
      upstream.play = play
      const response = await fetch(gateway.url + path, {
        method: 'POST',
        headers: { 'content-type': type },
        body,
      })
      expect(response.status).toBe(200)
      await response.arrayBuffer()
      ids.push(response.headers.get('x-ongoingai-trace-id')!)
    }
    await gateway.traces(sent.length)
    const traces: Record<string, unknown>[] = []
    for (const id of ids) traces.push(await gateway.detail(id))
    await look(traces, async (path) => (await fetch(gateway.url + path)).text(), gateway.lines)
  } finally {
    await gateway.stop()
    await upstream.stop()
  }
}

const CHAT = '/openai/v1/chat/completions'

test('a failure inside a 200 is the provider’s failure everywhere: trace, sums, metrics and log', async () => {
  const error = { message: 'engine crashed', type: 'server_error', code: 500 }
  await exchanges(
    METRICS,
    [
      {
        path: '/anthropic/v1/messages',
        play: stream([
          event({
            type: 'message_start',
            message: { id: 'm', model: 'claude-sonnet-4-5', usage: { input_tokens: 10, output_tokens: 1 } },
          }),
          event({
            type: 'content_block_delta',
            delta: { type: 'text_delta', text: 'One two three four five.' },
          }),
          event({ type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } }),
        ]),
      },
      { path: CHAT, play: stream([chunk('par'), event({ error }), 'data: [DONE]\n\n']) },
      { path: CHAT, play: json({ error: { message: 'quota exceeded', code: 429 } }) },
      { path: CHAT, play: json({ choices: [], usage: USAGE }) },
    ],
    async (traces, ask, lines) => {
      const told = traces.map((trace) => [trace['outcome'], trace['error_code'], trace['provider_error']])
      expect(told).toEqual([
        ['upstream_failed', 'upstream_error', 'overloaded_error'],
        ['upstream_failed', 'upstream_error', 'server_error'],
        ['upstream_failed', 'upstream_error', '429'],
        ['completed', undefined, undefined],
      ])
      // What was reported until then counts, and is known to be less than all.
      expect(traces[0]).toMatchObject({ input_tokens: 10, output_tokens: 1, usage_source: 'reported' })
      expect(traces.map((trace) => trace['cost_status'])).toEqual([
        'estimated',
        'estimated',
        'unknown',
        'exact',
      ])
      expect(JSON.parse(await ask('/api/analytics/errors'))).toEqual({
        items: [
          { total_requests: 4, error_count_4xx: 0, error_count_5xx: 0, error_count: 3, error_rate: 0.75 },
        ],
      })
      const metrics = await ask('/metrics')
      expect(metrics).toMatch(
        /outcomes_total\{outcome="upstream_failed",error_code="upstream_error"[^}]*\} 3\n/,
      )
      expect(metrics).toMatch(/operation_duration[^\n]*error_type="overloaded_error"/)
      const line = lines.find(({ fields }) => fields['record_id'] === traces[0]!['id'])
      expect(line?.fields).toMatchObject({ error_code: 'upstream_error', provider_error: 'overloaded_error' })
    },
  )
})

test('an answer is metered by its bytes, whatever its type says; what cannot be read is unknown', async () => {
  const body = chunk('hello') + event({ choices: [], usage: USAGE }) + 'data: [DONE]\n\n'
  const types = [
    'text/plain',
    'application/octet-stream',
    'text/html',
    'application/json',
    'text/event-stream',
    '',
  ]
  await exchanges(
    '',
    [
      ...types.map((type) => ({ path: CHAT, play: text(type, body) })),
      ...types.map((type) => ({
        path: CHAT,
        play: text(type, JSON.stringify({ choices: [], usage: USAGE })),
      })),
      { path: CHAT, play: text('text/html', '<!doctype html><h1>Welcome</h1>') },
      { path: CHAT, play: text('application/json', '') },
      { path: CHAT, play: text('application/octet-stream', '\0\x01\x02 binary') },
      { path: CHAT, play: json({}), body: '{}' },
    ],
    async (traces) => {
      const told = traces.map((trace) => [trace['total_tokens'], trace['usage_source'], trace['cost_status']])
      expect(told.slice(0, -4)).toEqual(types.concat(types).map(() => [107, 'reported', 'exact']))
      expect(told.slice(-4)).toEqual(Array.from({ length: 4 }, () => [0, 'none', 'unknown']))
      expect(traces.slice(-4).map((trace) => trace['estimated_cost_usd'])).toEqual([null, null, null, null])
      expect(
        traces.slice(0, 6).map(({ metadata }) => (metadata as { streaming: boolean }).streaming),
      ).toEqual(types.map(() => true))
    },
  )
})

test('a request is read by its bytes: JSON that is sent as a form names its model, and its text is estimated', async () => {
  const body = JSON.stringify({
    model: 'gpt-5.4-mini',
    messages: [{ role: 'user', content: 'one two three four five' }],
  })
  const play = json({ choices: [{ message: { content: 'six' } }] })
  const types = [
    'application/x-www-form-urlencoded',
    'text/plain',
    'application/octet-stream',
    'application/json',
  ]
  await exchanges(
    '',
    types.map((type) => ({ path: CHAT, play, type, body })),
    async (traces) => {
      const told = traces.map((trace) => [trace['model'], trace['input_tokens'], trace['usage_source']])
      expect(told).toEqual(told.map(() => ['gpt-5.4-mini', told[3]![1], 'estimated']))
      expect(Number(told[3]![1])).toBeGreaterThan(4)
    },
  )
})
