import { afterAll, beforeAll, expect, test } from 'bun:test'
import { gzipSync, brotliCompressSync } from 'node:zlib'
import { eventually } from '../support/eventually.ts'
import { openGateway, providersAt, type TestGateway } from '../support/gateway.ts'
import { RawClient } from '../support/raw-client.ts'
import { respond, respondJson, stream, Upstream, type Play } from '../support/upstream.ts'

let upstream: Upstream
let gateway: TestGateway
beforeAll(async () => {
  upstream = await Upstream.start(respondJson({ ok: true }))
  gateway = await openGateway(
    `${providersAt(upstream.url)}tracing: {capture_bodies: true, body_max_size: 64}\npii: {mode: off}\n`,
  )
})
afterAll(async () => {
  await gateway.stop()
  await upstream.stop()
})

const CHAT = [
  'data: {"id":"c1","model":"gpt-5.4-mini-2026-03-17","choices":[{"delta":{"role":"assistant","content":""}}]}\n\n',
  'data: {"id":"c1","model":"gpt-5.4-mini-2026-03-17","choices":[{"delta":{"content":"Hello"}}]}\n\n',
  'data: {"id":"c1","model":"gpt-5.4-mini-2026-03-17","choices":[{"delta":{},"finish_reason":"stop"}]}\n\n',
  'data: {"id":"c1","choices":[],"usage":{"prompt_tokens":21,"completion_tokens":6,"total_tokens":27,"prompt_tokens_details":{"cached_tokens":8}}}\n\n',
  'data: [DONE]\n\n',
]
const MESSAGES = [
  'event: message_start\ndata: {"type":"message_start","message":{"id":"msg_1","model":"claude-haiku-4-5","usage":{"input_tokens":25,"cache_read_input_tokens":50,"output_tokens":1}}}\n\n',
  'event: content_block_delta\ndata: {"type":"content_block_delta","delta":{"type":"text_delta","text":"Hello, this is what was written before the client left"}}\n\n',
  'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":40}}\n\n',
  'event: message_stop\ndata: {"type":"message_stop"}\n\n',
]

let correlation = 0

/** Sends a request of its own correlation id and waits for its trace. */
async function traced(
  path: string,
  body: string,
  play: Play,
  read = true,
): Promise<{ trace: Record<string, unknown>; text: string }> {
  upstream.play = play
  const id = `stream-${correlation++}`
  const response = await fetch(`${gateway.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-request-id': id },
    body,
    decompress: false,
  } as RequestInit)
  const text = read ? Buffer.from(await response.arrayBuffer()).toString('latin1') : ''
  const traceId = response.headers.get('x-ongoingai-trace-id')
  let trace: Record<string, unknown> = {}
  await eventually(async () => {
    trace = await gateway.detail(traceId)
    return trace['id'] === traceId
  })
  return { trace, text }
}

const ask = (model: string): string =>
  JSON.stringify({ model, stream: true, messages: [{ role: 'user', content: 'Say hello' }] })

test('events pass the moment they come, before the stream has ended', async () => {
  let release = (): void => {}
  const gate = new Promise<void>((resolve) => (release = resolve))
  upstream.play = stream(CHAT, { between: async (i) => (i === 1 ? gate : undefined) })
  const client = await RawClient.open(gateway.port)
  const body = ask('gpt-5.4-mini')
  client.send(
    `POST /openai/v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  )
  await eventually(() => client.text.includes('Hello'))
  expect(client.text).not.toContain('[DONE]')
  release()
  await eventually(() => client.text.endsWith('0\r\n\r\n'))
  expect(client.body.toString()).toBe(CHAT.join(''))
  client.close()
})

test('a stream’s usage, time to first token and model are recorded, independent of the captured copy', async () => {
  const { trace, text } = await traced('/openai/v1/chat/completions', ask('gpt-5.4-mini'), stream(CHAT))
  expect(text).toBe(CHAT.join(''))
  expect(trace).toMatchObject({
    outcome: 'completed',
    requested_model: 'gpt-5.4-mini',
    model: 'gpt-5.4-mini-2026-03-17',
    input_tokens: 21,
    output_tokens: 6,
    cache_read_input_tokens: 8,
    usage_source: 'reported',
    cost_status: 'exact',
    estimated_cost_usd: 0.00003735,
    finish_reason: 'stop',
    usage: { buckets: { input_uncached: 13, cache_read: 8, output_text: 6 } },
    metadata: { streaming: true, response_body_truncated: true },
  })
  expect(Number(trace['time_to_first_token_us'])).toBeGreaterThan(0)
  expect(String(trace['response_body'])).toBe(CHAT.join('').slice(0, 64))
})

const whole = Buffer.from(CHAT.join(''))
const framings: [string, Play][] = [
  ['in chunks of one byte', stream([...whole].map((byte) => Uint8Array.from([byte])))],
  ['with CRLF', stream(CHAT.map((event) => event.replaceAll('\n', '\r\n')))],
  ['with CR', stream(CHAT.map((event) => event.replaceAll('\n', '\r')))],
  ['gzip, in pieces', stream(pieces(gzipSync(whole)), { fields: { 'Content-Encoding': 'gzip' } })],
  ['brotli, in pieces', stream(pieces(brotliCompressSync(whole)), { fields: { 'Content-Encoding': 'br' } })],
  ['with a 20 MB event in it', stream([`data: {"x":"${'y'.repeat(20_000_000)}"}\n\n`, ...CHAT])],
  [
    'with NUL, invalid UTF-8 and what is not JSON in it',
    stream([
      Buffer.from('data: \u0000\n\n'),
      Buffer.from([100, 97, 116, 97, 58, 0xff, 0xfe, 10, 10]),
      'data: {oops\n\n',
      ...CHAT,
    ]),
  ],
]
for (const [name, play] of framings) {
  test(`usage is read from a stream ${name}`, async () => {
    const { trace } = await traced('/openai/v1/chat/completions', ask('gpt-5.4-mini'), play)
    expect(trace).toMatchObject({
      input_tokens: 21,
      output_tokens: 6,
      cost_status: 'exact',
      outcome: 'completed',
    })
  }, 30_000)
}

function pieces(bytes: Buffer): Buffer[] {
  return Array.from({ length: Math.ceil(bytes.length / 10) }, (_, i) => bytes.subarray(i * 10, i * 10 + 10))
}

test('a JSON answer of any size is metered, gzip too', async () => {
  const vector = Array.from({ length: 1536 }, (_, i) => i / 7)
  const large = JSON.stringify({
    object: 'list',
    data: Array.from({ length: 100 }, (_, index) => ({ index, embedding: vector })),
    model: 'text-embedding-3-small',
    usage: { prompt_tokens: 812, total_tokens: 812 },
  })
  expect(large.length).toBeGreaterThan(2_000_000)
  for (const [body, fields] of [
    [large, {}],
    [gzipSync(large), { 'Content-Encoding': 'gzip' }],
  ] as const) {
    const play = respond(200, { 'Content-Type': 'application/json', ...fields }, body)
    const { trace } = await traced(
      '/openai/v1/embeddings',
      '{"model":"text-embedding-3-small","input":"x"}',
      play,
    )
    expect(trace).toMatchObject({
      input_tokens: 812,
      output_tokens: 0,
      cost_status: 'exact',
      model: 'text-embedding-3-small',
    })
  }
})

test('a decompression bomb is passed on, given up on the copy, and counted', async () => {
  const bomb = gzipSync(Buffer.alloc(200 * 1024 * 1024))
  const before = gateway.gateway.diagnostics().observations_given_up_total
  const play = respond(200, { 'Content-Type': 'application/json', 'Content-Encoding': 'gzip' }, bomb)
  const { trace, text } = await traced('/openai/v1/chat/completions', ask('gpt-5.4-mini'), play)
  expect(text.length).toBe(bomb.length)
  expect(trace).toMatchObject({ outcome: 'completed' })
  expect(trace['cost_status']).not.toBe('exact')
  await eventually(() => gateway.gateway.diagnostics().observations_given_up_total > before)
}, 30_000)

test('what is not what its media type says is passed on and never exact', async () => {
  const play = respond(200, { 'Content-Type': 'application/json' }, 'not json at all')
  const { trace, text } = await traced('/openai/v1/chat/completions', ask('gpt-5.4-mini'), play)
  expect(text).toBe('not json at all')
  expect(trace['cost_status']).not.toBe('exact')
})

test('a stream without usage is estimated, and says so', async () => {
  const { trace } = await traced(
    '/openai/v1/chat/completions',
    ask('gpt-5.4-mini'),
    stream([...CHAT.slice(0, 3), CHAT[4]!]),
  )
  expect(trace).toMatchObject({
    usage_source: 'estimated',
    cost_status: 'estimated',
    input_tokens: 8,
    output_tokens: 1,
  })
})

test('a client that leaves mid-stream aborts the upstream, and what was read and written is counted', async () => {
  let release = (): void => {}
  const gate = new Promise<void>((resolve) => (release = resolve))
  upstream.play = stream(MESSAGES, { between: async (i) => (i === 1 ? gate : undefined) })
  const open = upstream.sockets.size
  const client = await RawClient.open(gateway.port)
  const body = ask('claude-haiku-4-5')
  client.send(
    `POST /anthropic/v1/messages HTTP/1.1\r\nHost: localhost\r\nX-Request-ID: leaving\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  )
  await eventually(() => client.text.includes('Hello'))
  const closed = upstream.closed
  client.close()
  await eventually(() => upstream.closed > closed)
  expect(upstream.sockets.size).toBeLessThanOrEqual(open)
  release()
  const id = /x-ongoingai-trace-id: (\S+)/i.exec(client.text)![1]
  await eventually(async () => (await gateway.detail(id))['id'] === id)
  expect(await gateway.detail(id)).toMatchObject({
    outcome: 'client_aborted',
    response_status: 200,
    input_tokens: 75,
    output_tokens: 16,
    cost_status: 'estimated',
    usage_source: 'estimated',
  })
})

test('a client that hangs up at the end mark, before the stream has ended, got a whole answer', async () => {
  upstream.play = stream(CHAT, {
    between: (i) => (i === CHAT.length - 1 ? new Promise(() => {}) : Promise.resolve()),
  })
  const client = await RawClient.open(gateway.port)
  const body = ask('gpt-5.4-mini')
  client.send(
    `POST /openai/v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  )
  await eventually(() => client.text.includes('[DONE]'))
  client.close()
  const id = /x-ongoingai-trace-id: (\S+)/i.exec(client.text)![1]
  await eventually(async () => (await gateway.detail(id))['id'] === id)
  expect(await gateway.detail(id)).toMatchObject({
    outcome: 'completed',
    cost_status: 'exact',
    output_tokens: 6,
  })
})

test('a client that leaves before an answer is recorded as 499, its cost unknown', async () => {
  const closed = upstream.closed
  upstream.play = () => {}
  const count = upstream.requests.length
  const client = await RawClient.open(gateway.port)
  client.send(
    'POST /openai/v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nX-Request-ID: gone-early\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}',
  )
  await eventually(() => upstream.requests.length > count)
  client.close()
  await eventually(() => upstream.closed > closed)
  const traces = await gateway.traces(1, '&status=499')
  expect(traces[0]).toMatchObject({
    outcome: 'client_aborted',
    response_status: 499,
    cost_status: 'unknown',
    estimated_cost_usd: null,
  })
})

test('an upstream that breaks mid-stream gives the client a broken stream, never a clean end', async () => {
  upstream.play = stream(MESSAGES.slice(0, 2), { cut: true, between: () => Bun.sleep(20) })
  const client = await RawClient.open(gateway.port)
  const body = ask('claude-haiku-4-5')
  client.send(
    `POST /anthropic/v1/messages HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  )
  await client.closed()
  expect(client.text).toContain('Hello')
  expect(client.text.endsWith('0\r\n\r\n')).toBe(false)
  const id = /x-ongoingai-trace-id: (\S+)/i.exec(client.text)![1]
  await eventually(async () => (await gateway.detail(id))['id'] === id)
  expect(await gateway.detail(id)).toMatchObject({
    outcome: 'upstream_failed',
    error_code: 'upstream_aborted',
    input_tokens: 75,
    cost_status: 'estimated',
  })
})
