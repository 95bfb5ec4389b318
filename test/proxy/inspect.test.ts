import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { gzipSync } from 'node:zlib'
import { eventually } from '../support/eventually.ts'
import { openGateway, providersAt, type TestGateway } from '../support/gateway.ts'
import { respondJson, stream, Upstream } from '../support/upstream.ts'

let upstream: Upstream
beforeAll(async () => (upstream = await Upstream.start(respondJson({}))))
afterAll(() => upstream.stop())

const CHUNKS = [
  'data: {"id":"c","model":"gpt-5.4-mini","choices":[{"index":0,"delta":{"content":"Hello"}}],"usage":null}\n\n',
  'data: {"id":"c","model":"gpt-5.4-mini","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null}\n\n',
]
const USAGE =
  'data: {"id":"c","model":"gpt-5.4-mini","choices":[],"usage":{"prompt_tokens":21,"completion_tokens":6,"total_tokens":27}}\n\n'
const DONE = 'data: [DONE]\n\n'

async function ask(
  gateway: TestGateway,
  body: string | Uint8Array,
  {
    path = '/openai/v1/chat/completions',
    headers = {},
  }: { path?: string; headers?: Record<string, string> } = {},
): Promise<{ status: number; text: string; trace: Record<string, unknown> }> {
  const response = await fetch(`${gateway.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: body as Bun.BodyInit,
  })
  const text = await response.text()
  const id = response.headers.get('x-ongoingai-trace-id')
  let trace: Record<string, unknown> = {}
  await eventually(async () => (trace = await gateway.detail(id))['id'] === id)
  return { status: response.status, text, trace }
}

describe('tracing.stream_usage: inject', () => {
  let gateway: TestGateway
  beforeAll(async () => {
    gateway = await openGateway(`${providersAt(upstream.url)}tracing: {stream_usage: inject}\n`)
  })
  afterAll(() => gateway.stop())

  test('a stream that was not to report usage is asked for it; the client sees no more than it asked for', async () => {
    upstream.play = stream([...CHUNKS, USAGE, DONE])
    const body = '{"model":"gpt-5.4-mini","messages":[],"stream":true}'
    const { text, trace } = await ask(gateway, body)
    expect(text).toBe([...CHUNKS, DONE].join(''))
    expect(upstream.last.body.toString('utf8')).toBe(
      '{"model":"gpt-5.4-mini","messages":[],"stream":true,"stream_options":{"include_usage":true}}',
    )
    expect(upstream.last.field('content-length')).toBe(String(upstream.last.body.length))
    expect(upstream.last.field('accept-encoding')).toBe('identity')
    expect(trace).toMatchObject({
      usage_source: 'injected',
      cost_status: 'exact',
      input_tokens: 21,
      output_tokens: 6,
      metadata: { mutated: true, stream_usage_injected: true },
    })
  })

  test('what the types say does not matter: JSON sent as a form is asked, events sent as text are looked through', async () => {
    upstream.play = stream([...CHUNKS, USAGE, DONE], { fields: { 'Content-Type': 'text/plain' } })
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    const { text, trace } = await ask(gateway, '{"model":"gpt-5.4-mini","stream":true}', { headers })
    expect(text).toBe([...CHUNKS, DONE].join(''))
    expect(trace).toMatchObject({ usage_source: 'injected', cost_status: 'exact', output_tokens: 6 })
  })

  test('a body of no stated length is asked too', async () => {
    upstream.play = stream([...CHUNKS, USAGE, DONE])
    const pieces = new ReadableStream({
      start(controller) {
        controller.enqueue(Buffer.from('{"model":"gpt-5.4-mini",'))
        controller.enqueue(Buffer.from('"stream":true}'))
        controller.close()
      },
    })
    const { text, trace } = await ask(gateway, pieces as unknown as string)
    expect(text).toBe([...CHUNKS, DONE].join(''))
    expect(trace).toMatchObject({ usage_source: 'injected', output_tokens: 6 })
  })

  test('a body of no stated length that is too large to look at passes as it is', async () => {
    let seen = Buffer.alloc(0)
    const large = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      maxRequestBodySize: 64 * 1024 * 1024,
      async fetch(request) {
        seen = Buffer.from(await request.arrayBuffer())
        return new Response([...CHUNKS, DONE].join(''), { headers: { 'content-type': 'text/event-stream' } })
      },
    })
    const own = await openGateway(
      `${providersAt(`http://127.0.0.1:${large.port}`)}tracing: {stream_usage: inject}\n`,
    )
    const filler = Buffer.alloc(1024 * 1024, 'x')
    let sent = 0
    const pieces = new ReadableStream({
      pull(controller) {
        if (sent === 0) controller.enqueue(Buffer.from('{"model":"gpt-5.4-mini","stream":true,"user":"'))
        controller.enqueue(filler)
        sent += 1
        if (sent < 18) return
        controller.enqueue(Buffer.from('"}'))
        controller.close()
      },
    })
    const { status, text } = await ask(own, pieces as unknown as string)
    expect([status, text]).toEqual([200, [...CHUNKS, DONE].join('')])
    expect(seen.length).toBe(18 * filler.length + 48)
    expect(seen.includes('include_usage')).toBe(false)
    await own.stop()
    await large.stop(true)
  })

  test('a client that asked itself gets the event, and nothing is changed', async () => {
    upstream.play = stream([...CHUNKS, USAGE, DONE])
    const body = '{"stream":true, "stream_options": {"include_usage":true}, "model":"gpt-5.4-mini"}'
    const { text, trace } = await ask(gateway, body)
    expect(text).toBe([...CHUNKS, USAGE, DONE].join(''))
    expect(upstream.last.body.toString('utf8')).toBe(body)
    expect(trace).toMatchObject({ usage_source: 'reported' })
    expect((trace['metadata'] as object)['mutated' as never]).toBeUndefined()
  })

  test('what cannot be read or does not stream is left as it is', async () => {
    upstream.play = respondJson({
      model: 'gpt-5.4-mini',
      choices: [],
      usage: { prompt_tokens: 1, completion_tokens: 1 },
    })
    await ask(gateway, '{"model":"gpt-5.4-mini","messages":[]}')
    expect(upstream.last.body.toString('utf8')).toBe('{"model":"gpt-5.4-mini","messages":[]}')
    const zipped = gzipSync('{"model":"gpt-5.4-mini","stream":true}')
    await ask(gateway, zipped, { headers: { 'content-encoding': 'gzip' } })
    expect(upstream.last.body.equals(zipped)).toBe(true)
    const message = '{"model":"claude-haiku-4-5","stream":true}'
    await ask(gateway, message, { path: '/anthropic/v1/messages' })
    expect(upstream.last.body.toString('utf8')).toBe(message)
  })
})

describe('pricing.unknown_model: block', () => {
  let gateway: TestGateway
  beforeAll(async () => {
    gateway = await openGateway(
      `${providersAt(upstream.url)}pricing: {unknown_model: block, overrides: [{model: "in-house*", free: true}, {model: half-priced, input: 2}, {model: "*", discount: 0.1}]}\n`,
    )
    upstream.play = respondJson({
      model: 'm',
      choices: [],
      usage: { prompt_tokens: 1, completion_tokens: 1 },
    })
  })
  afterAll(() => gateway.stop())

  test('a model without a price is refused before the provider hears of it, in the words of the route', async () => {
    const before = upstream.requests.length
    const refused = await ask(gateway, '{"model":"gpt-unknown-9","messages":[]}')
    expect(refused.status).toBe(403)
    expect(JSON.parse(refused.text)).toMatchObject({
      error: { code: 'model_price_unknown', message: 'no price is known for model gpt-unknown-9' },
    })
    expect(refused.trace).toMatchObject({
      outcome: 'refused',
      error_code: 'model_price_unknown',
      estimated_cost_usd: 0,
    })
    // Its output has no price.
    expect((await ask(gateway, '{"model":"half-priced","messages":[]}')).status).toBe(403)
    const nameless = await ask(gateway, '{"messages":[]}')
    expect(nameless.status).toBe(403)
    const message = await ask(gateway, '{"model":"claude-sonnet-9-9"}', { path: '/anthropic/v1/messages' })
    expect(JSON.parse(message.text)).toMatchObject({ type: 'error', error: { type: 'permission_error' } })
    const inPath = await ask(gateway, '{}', { path: '/gemini/v1beta/models/gemini-99-flash:generateContent' })
    expect(inPath.status).toBe(403)
    expect(upstream.requests.length).toBe(before)
  })

  test('priced models, own prices and calls that bill nothing pass', async () => {
    expect((await ask(gateway, '{"model":"gpt-5.4-mini"}')).status).toBe(200)
    expect((await ask(gateway, '{"model":"in-house-7b"}')).status).toBe(200)
    const counting = { path: '/anthropic/v1/messages/count_tokens' }
    expect((await ask(gateway, '{"model":"claude-sonnet-9-9"}', counting)).status).toBe(200)
  })

  test('a conversation is free until it runs a model', async () => {
    const at = { path: '/openai/v1/conversations' }
    expect((await ask(gateway, '{"items":[]}', at)).status).toBe(200)
    expect((await ask(gateway, '{"model":"gpt-5.4-mini","inputs":"x"}', at)).status).toBe(200)
    for (const body of ['{"model":"gpt-unknown-9","inputs":"x"}', '{"agent_id":"a","inputs":"x"}'])
      expect((await ask(gateway, body, at)).status).toBe(403)
  })

  test('a form names its model in a field', async () => {
    const transcribe = async (model: string): Promise<number> => {
      const form = new FormData()
      form.set('file', new Blob([new Uint8Array(2000)], { type: 'audio/wav' }), 'a.wav')
      form.set('model', model)
      const url = `${gateway.url}/openai/v1/audio/transcriptions`
      return (await fetch(url, { method: 'POST', body: form })).status
    }
    expect([await transcribe('whisper-1'), await transcribe('whisper-99')]).toEqual([200, 403])
  })

  test('compressed content is read, and content too large to look at is refused as what it is', async () => {
    const gzip = { headers: { 'content-encoding': 'gzip' } }
    expect((await ask(gateway, gzipSync('{"model":"gpt-5.4-mini"}'), gzip)).status).toBe(200)
    expect((await ask(gateway, gzipSync('{"model":"gpt-unknown-9"}'), gzip)).status).toBe(403)
    const large = await ask(gateway, `{"model":"gpt-5.4-mini","user":"${'x'.repeat(17 * 1024 * 1024)}"}`)
    expect([large.status, large.trace['error_code']]).toEqual([413, 'request_body_too_large'])
  })

  test('a WebSocket whose messages name the model is answered so that the client asks over HTTP', async () => {
    for (const path of ['/openai/v1/responses', '/gemini/ws/x.BidiGenerateContent?model=gpt-5.4-mini']) {
      const response = await fetch(`${gateway.url}${path}`, {
        headers: {
          upgrade: 'websocket',
          connection: 'Upgrade',
          'sec-websocket-version': '13',
          'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
        },
      })
      expect([path, response.status]).toEqual([path, 426])
    }
  })
})
