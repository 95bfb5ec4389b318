import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { eventually } from '../support/eventually.ts'
import { openGateway, providersAt, type TestGateway } from '../support/gateway.ts'
import { respond, respondJson, stream, Upstream } from '../support/upstream.ts'

setDefaultTimeout(30_000)

let upstream: Upstream
beforeAll(async () => (upstream = await Upstream.start(respondJson({ ok: true }))))
afterAll(() => upstream.stop())

/** A trace as the API shows it, as far as it is looked at here. */
interface Trace extends Record<string, unknown> {
  readonly metadata: Record<string, unknown>
}

interface Asked {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  readonly trace: Trace
}

async function ask(
  gateway: TestGateway,
  body: string | Uint8Array | undefined,
  {
    path = '/openai/v1/chat/completions',
    headers = {},
  }: { path?: string; headers?: Record<string, string> } = {},
): Promise<Asked> {
  const response = await fetch(`${gateway.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    ...(body === undefined ? {} : { body: body as Bun.BodyInit }),
  })
  const text = await response.text()
  const id = response.headers.get('x-ongoingai-trace-id')
  let trace: Record<string, unknown> = {}
  await eventually(async () => (trace = await gateway.detail(id))['id'] === id)
  return { status: response.status, headers: response.headers, text, trace: trace as Trace }
}

/** Runs something against a gateway with these settings. */
async function within(settings: string, run: (gateway: TestGateway) => Promise<void>): Promise<void> {
  upstream.play = respondJson({ ok: true })
  upstream.requests.length = 0
  const gateway = await openGateway(`${providersAt(upstream.url)}${settings}`)
  try {
    await run(gateway)
  } finally {
    await gateway.stop()
  }
}

/** How many other requests are answered before this one is. */
async function servedBefore(gateway: TestGateway, large: Promise<unknown>): Promise<number> {
  const state = { ended: false }
  const noted = large.finally(() => (state.ended = true))
  let served = 0
  for (; !state.ended; served++) await fetch(`${gateway.url}/api/live`)
  await noted
  return served
}

const sent = (): string => upstream.last.body.toString('utf8')

describe('requests', () => {
  test('redact_upstream: what the upstream gets lacks the value; the rest is as it came', () =>
    within('pii: {mode: redact_upstream}\n', async (gateway) => {
      const { status, trace } = await ask(
        gateway,
        '{ "email":"alice@example.com", "max_tokens":128,"n":1.0 }',
      )
      expect(status).toBe(200)
      expect(sent()).toMatch(/^\{ "email":"\[FIELD_REDACTED:[0-9a-f]{16}\]", "max_tokens":128,"n":1\.0 \}$/)
      expect(upstream.last.field('content-length')).toBe(String(upstream.last.body.length))
      expect(trace.metadata).toMatchObject({
        redaction_mode: 'redact_upstream',
        redaction_policy_id: 'default/v1',
        redaction_applied: true,
        redaction_counts: { field_name: 1 },
        redaction_inspection: { request: { decision: 'redacted', counts: { field_name: 1 } } },
        mutated: true,
      })
      const both = await ask(gateway, '{"email":"x"}', { path: '/openai/v1/users/alice%40example.com' })
      expect(both.trace.metadata).toMatchObject({ redaction_counts: { email: 1, field_name: 1 } })
      const same = '{"prompt":"hello",  "x": [1.50, "\\u0041"]}'
      const clean = await ask(gateway, same)
      expect(sent()).toBe(same)
      expect(clean.trace.metadata).toMatchObject({
        redaction_applied: false,
        redaction_inspection: { request: { decision: 'passed', counts: {} } },
      })
      expect(clean.trace.metadata).not.toHaveProperty('mutated')
    }))

  test('block: a find is refused in the route’s words, told to log and audit trail, and nothing is sent', () =>
    within('pii: {mode: " BLOCK "}\n', async (gateway) => {
      const { status, text, headers, trace } = await ask(gateway, '{"phone":"415-555-1212"}', {
        path: '/anthropic/v1/messages',
      })
      expect([status, headers.get('x-should-retry')]).toEqual([403, 'false'])
      expect(JSON.parse(text)).toMatchObject({
        type: 'error',
        error: { type: 'permission_error', message: 'request blocked by pii policy', code: 'pii_blocked' },
      })
      expect(upstream.requests).toEqual([])
      expect(trace).toMatchObject({ outcome: 'refused', error_code: 'pii_blocked', response_status: 403 })
      expect(trace.metadata['redaction_inspection']).toEqual({
        request: { decision: 'blocked', counts: { field_name: 1 } },
      })
      expect(gateway.lines.find(({ message }) => message === 'pii guardrail denied request')).toMatchObject({
        level: 'WARN',
        fields: {
          mode: 'block',
          reason: 'pii_detected',
          method: 'POST',
          redaction_counts: { field_name: 1 },
        },
      })
      const { items } = (await (await fetch(`${gateway.url}/api/audit`)).json()) as {
        items: Record<string, unknown>[]
      }
      expect(items.find(({ action }) => action === 'content.block')).toMatchObject({
        outcome: 'deny',
        target: '/anthropic/v1/messages',
        detail: { side: 'request', mode: 'block', policy: 'default/v1', counts: { field_name: 1 } },
      })
      const same = '{"prompt":"hello"}'
      expect((await ask(gateway, same)).status).toBe(200)
      expect(sent()).toBe(same)
      expect((await ask(gateway, undefined)).status).toBe(200)
      const health = await fetch(`${gateway.url}/api/health`, { method: 'POST', body: 'alice@example.com' })
      expect(health.status).toBe(405)
    }))

  test('more than may be looked at is 413, what cannot be looked into 415, in any coding what can', () =>
    within('pii: {mode: redact_upstream, max_inspect_bytes: 100}\n', async (gateway) => {
      const long = JSON.stringify({ prompt: 'x'.repeat(100) })
      for (const body of [long, gzipSync(long)]) {
        const headers: Record<string, string> = typeof body === 'string' ? {} : { 'content-encoding': 'gzip' }
        const { status, text } = await ask(gateway, body, { headers })
        expect(status).toBe(413)
        expect(text).toContain('request body exceeds pii inspection limit (100 bytes)')
      }
      const chunked = await fetch(`${gateway.url}/openai/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: new ReadableStream({
          start(controller) {
            for (let i = 0; i < 20; i++) controller.enqueue(Buffer.from('{"prompt":'.padEnd(20)))
            controller.close()
          },
        }),
      })
      expect(chunked.status).toBe(413)
      for (const type of ['audio/mpeg', 'application/octet-stream', 'image/png']) {
        const { status, text } = await ask(gateway, 'bytes', { headers: { 'content-type': type } })
        expect([type, status]).toEqual([type, 415])
        expect(JSON.parse(text)).toMatchObject({ error: { code: 'content_uninspectable' } })
      }
      const unknown = await ask(gateway, 'bytes', { headers: { 'content-encoding': 'rot13' } })
      expect(unknown.status).toBe(415)
      expect(upstream.requests).toEqual([])

      const zipped = await ask(gateway, gzipSync('{"a":"alice@example.com"}'), {
        headers: { 'content-encoding': 'gzip' },
      })
      expect(zipped.status).toBe(200)
      expect(sent()).toMatch(/^\{"a":"\[EMAIL_REDACTED:\w{16}\]"\}$/)
      expect(upstream.last.field('content-encoding')).toBeUndefined()
      const untouched = gzipSync('{"a":"b"}')
      await ask(gateway, untouched, { headers: { 'content-encoding': 'gzip' } })
      expect(upstream.last.body.equals(untouched)).toBe(true)
      expect(upstream.last.field('content-encoding')).toBe('gzip')
    }))

  test('every type that the original looks into, and those that it cannot', () =>
    within('pii: {mode: block}\n', async (gateway) => {
      const types = [
        'application/json',
        'Application/JSON',
        'application/json;',
        'application/json; charset=utf-8',
        'application/vnd.api+json',
        'text/plain',
        'text/event-stream',
        'TEXT/HTML; charset=UTF-8',
        'application/x-ndjson',
        'application/jsonl',
        'application/x-www-form-urlencoded',
      ]
      for (const type of types) {
        const { status } = await ask(gateway, 'x=alice@example.com', { headers: { 'content-type': type } })
        expect([type, status]).toEqual([type, 403])
      }
      const form = new FormData()
      form.set('model', 'whisper-1')
      form.set('prompt', 'from alice@example.com')
      const blocked = await fetch(`${gateway.url}/openai/v1/audio/transcriptions`, {
        method: 'POST',
        body: form,
      })
      expect(blocked.status).toBe(403)
      const audio = new FormData()
      audio.set('file', new File([new Uint8Array([1, 2, 3])], 'a.mp3', { type: 'audio/mpeg' }))
      const denied = await fetch(`${gateway.url}/openai/v1/audio/transcriptions`, {
        method: 'POST',
        body: audio,
      })
      expect(denied.status).toBe(415)
      expect(upstream.requests).toEqual([])
    }))

  test('uninspectable: allow lets pass what cannot be looked into, and looks into the rest', () =>
    within('pii: {mode: block, uninspectable: allow}\n', async (gateway) => {
      expect((await ask(gateway, 'bytes', { headers: { 'content-type': 'audio/mpeg' } })).status).toBe(200)
      const image = '{"url":"data:image/png;base64,iVBORw0KGgo="'
      const passed = await ask(gateway, `${image}}`)
      expect(passed.status).toBe(200)
      expect(passed.trace.metadata['redaction_inspection']).toEqual({
        request: { decision: 'passed', counts: {}, uninspectable: 1 },
      })
      expect((await ask(gateway, `${image},"a":"alice@example.com"}`)).status).toBe(403)
      // A wrong type is no way past.
      const wrong = await ask(gateway, '{"a":"alice@example.com"}', {
        headers: { 'content-type': 'application/octet-stream' },
      })
      expect(wrong.status).toBe(403)
    }))

  test('large content is looked through on a thread of its own', () =>
    within('pii: {mode: redact_upstream}\n', async (gateway) => {
      const filler = 'Nothing to see here. '.repeat(20_000)
      const bodies = Array.from({ length: 8 }, (_, i) =>
        JSON.stringify({ i, filler, to: `user${i}@example.com` }),
      )
      const answers = await Promise.all(bodies.map((body) => ask(gateway, body)))
      expect(answers.map(({ status }) => status)).toEqual(bodies.map(() => 200))
      const got = upstream.requests.map(
        ({ body }) => JSON.parse(body.toString()) as { i: number; filler: string; to: string },
      )
      expect(got.map(({ i }) => i).sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
      for (const { filler: same, to } of got) {
        expect(same).toBe(filler)
        expect(to).toMatch(/^\[EMAIL_REDACTED:\w{16}\]$/)
      }
    }))

  test('a WebSocket cannot be looked into, so it is not offered', () =>
    within('pii: {mode: block}\n', async (gateway) => {
      const response = await fetch(`${gateway.url}/openai/v1/responses`, {
        headers: {
          connection: 'Upgrade',
          upgrade: 'websocket',
          'sec-websocket-version': '13',
          'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
        },
      })
      expect(response.status).toBe(426)
      expect(upstream.requests).toEqual([])
    }))
})

describe('scopes', () => {
  const keys = `auth:
  enabled: true
  keys:
    - {id: strict, token: gateway-key-strict-1, org_id: org-a, workspace_id: workspace-strict}
    - {id: key-dev, token: gateway-key-dev-0002, org_id: org-a, workspace_id: workspace-b}
`
  const by = (token: string): Record<string, string> => ({
    'x-ongoingai-gateway-key': token,
    authorization: 'Bearer sk-x',
  })

  test('the most specific one that fits holds, on the way and in the store', async () => {
    upstream.play = respondJson({ answer: 'bob@example.com' })
    const gateway = await openGateway(
      `${providersAt(upstream.url)}${keys}tracing: {capture_bodies: true, journal: {path: /tmp/ongoingai-test-journal-${process.pid}}}
storage: {path: ":memory:"}
`.replace(/tracing:.*\nstorage:.*\n/, 'tracing: {capture_bodies: true}\n') +
        `pii:
  mode: off
  policy_id: global/v1
  scopes:
    - {match: {workspace_id: workspace-strict, provider: openai, route_prefix: /openai/v1/chat}, mode: block, policy_id: strict/v1}
    - {match: {key_id: key-dev, route_prefix: /openai/v1/}, mode: redact_storage, policy_id: dev/v1}
    - {match: {key_id: key-dev, provider: openai, route_prefix: /openai/v1/models}, mode: off, policy_id: dev/off}
`,
      by('gateway-key-strict-1'),
    )
    const dev = by('gateway-key-dev-0002')
    try {
      const body = '{"to":"alice@example.com"}'
      const blocked = await ask(gateway, body, { headers: by('gateway-key-strict-1') })
      expect([blocked.status, blocked.text]).toEqual([
        403,
        expect.stringContaining('request blocked by pii policy'),
      ])
      expect(blocked.trace.metadata).toMatchObject({
        redaction_mode: 'block',
        redaction_policy_id: 'strict/v1',
      })
      const open = await ask(gateway, body, {
        headers: by('gateway-key-strict-1'),
        path: '/openai/v1/chatter',
      })
      expect([open.status, sent()]).toEqual([200, body])
      expect(open.trace).toMatchObject({
        request_body: body,
        metadata: { redaction_mode: 'off', redaction_policy_id: 'global/v1' },
      })

      const traceOf = async (path: string): Promise<Trace> => {
        const response = await fetch(`${gateway.url}${path}`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', ...dev },
          body,
        })
        await response.text()
        let trace: Record<string, unknown> = {}
        const id = response.headers.get('x-ongoingai-trace-id')
        await eventually(async () => {
          const answered = await fetch(`${gateway.url}/api/traces/${String(id)}`, { headers: dev })
          trace = (await answered.json()) as Record<string, unknown>
          return trace['id'] === id
        })
        return trace as Trace
      }
      const stored = await traceOf('/openai/v1/chat/completions')
      expect(sent()).toBe(body)
      expect(stored).toMatchObject({
        request_body: expect.stringMatching(/^\{"to":"\[EMAIL_REDACTED:\w{16}\]"\}$/) as string,
        response_body: expect.stringMatching(/^\{"answer":"\[EMAIL_REDACTED:\w{16}\]"\}$/) as string,
        metadata: {
          redaction_mode: 'redact_storage',
          redaction_policy_id: 'dev/v1',
          redaction_counts: { email: 2 },
        },
      })
      const raw = await traceOf('/openai/v1/models')
      expect(raw).toMatchObject({
        request_body: body,
        metadata: { redaction_mode: 'off', redaction_policy_id: 'dev/off' },
      })
    } finally {
      await gateway.stop()
    }
  })
})

describe('what is stored', () => {
  test('bodies, paths and names of end users are redacted; the exchange is not', () =>
    within('tracing: {capture_bodies: true}\n', async (gateway) => {
      upstream.play = respondJson({ ssn: '123-45-6789', token: 'ghp_abcd1234efgh5678' })
      const body =
        '{"email":"alice@example.com","profile":{"phone":"415-555-1212"},"api_key":"sk_test_1234567890","user":"bob@example.com"}'
      const { text, trace } = await ask(gateway, body, {
        path: '/openai/v1/users/alice%40example.com/x',
        headers: { authorization: 'Bearer sk-x', 'x-api-key': 'k', 'proxy-authorization': 'Basic eDp5' },
      })
      expect(sent()).toBe(body)
      expect(text).toBe('{"ssn":"123-45-6789","token":"ghp_abcd1234efgh5678"}')
      const stored = JSON.stringify(trace)
      for (const value of ['alice', 'bob@', '415-555', 'sk_test', '123-45', 'ghp_', 'sk-x', 'eDp5'])
        expect(stored).not.toContain(value)
      expect(trace['request_path']).toMatch(/^\/openai\/v1\/users\/%5BEMAIL_REDACTED%3A\w{16}%5D\/x$/)
      expect(trace.metadata).toMatchObject({
        redaction_mode: 'redact_storage',
        redaction_applied: true,
        redaction_counts: { field_name: 5, email: 2 },
        headers_masked: expect.any(Number) as number,
      })
    }))

  test('what is taken out of bodies and stored beside them is redacted too', () =>
    within('tracing: {capture_bodies: true}\n', async (gateway) => {
      const mail = (name: string): string => `${name}.zqgkm@example.com`
      upstream.play = respondJson({
        model: mail('answered'),
        service_tier: mail('tier'),
        choices: [{ message: { content: 'x' }, finish_reason: mail('finish') }],
        usage: { prompt_tokens: 1, completion_tokens: 1, for: mail('usage') },
      })
      const { trace } = await ask(gateway, JSON.stringify({ model: mail('asked'), messages: [] }))
      expect(trace).toMatchObject({
        input_tokens: 1,
        output_tokens: 1,
        requested_model: expect.any(String) as string,
      })
      expect(JSON.stringify(trace)).not.toContain('zqgkm')
    }))

  test('mode off keeps bodies byte for byte; a stage that is off keeps its side', async () => {
    const body = '{"email" : "alice@example.com"}'
    upstream.play = respondJson({ to: 'bob@example.com' })
    await within('tracing: {capture_bodies: true}\npii: {mode: off}\n', async (gateway) => {
      upstream.play = respondJson({ to: 'bob@example.com' })
      expect((await ask(gateway, body)).trace).toMatchObject({
        request_body: body,
        response_body: '{"to":"bob@example.com"}',
      })
    })
    await within(
      'tracing: {capture_bodies: true}\npii: {stages: {request_body: false}}\n',
      async (gateway) => {
        upstream.play = respondJson({ to: 'bob@example.com' })
        const { trace } = await ask(gateway, body)
        expect(trace['request_body']).toBe(body)
        expect(trace['response_body']).toMatch(/^\{"to":"\[EMAIL_REDACTED:\w{16}\]"\}$/)
      },
    )
  })

  test('what fails is dropped, and nothing else', () =>
    within('tracing: {capture_bodies: true}\n', async (gateway) => {
      const { status, trace } = await ask(gateway, new Uint8Array([0xff, 0xfe, 0xfd]), {
        headers: { 'content-type': 'text/plain' },
      })
      expect(status).toBe(200)
      expect(trace).not.toHaveProperty('request_body')
      expect(trace['response_body']).toBe('{"ok":true}')
      expect(trace.metadata).toMatchObject({
        redaction_storage_drop: true,
        redaction_failure_semantics: 'storage_drop_continue_proxy',
        redaction_dropped: { request: 'non-json body is not valid utf-8' },
      })
    }))

  test('a body that was cut off hides what may have been cut', () =>
    within('tracing: {capture_bodies: true, body_max_size: 40}\n', async (gateway) => {
      const { trace } = await ask(gateway, '{"a":"é","to":["carol@example.com","alice@example.com"]}')
      expect(trace['request_body']).toMatch(/^\{"a":"é","to":\["\[EMAIL_REDACTED:\w{16}\]","$/)
      expect(trace.metadata).toMatchObject({ redaction_truncated: true, request_body_truncated: true })
    }))
})

const chunk = (content: string): string =>
  `data: {"id":"c","model":"gpt-5.4-mini","choices":[{"index":0,"delta":{"content":${JSON.stringify(content)}}}]}\n\n`
const END =
  'data: {"id":"c","model":"gpt-5.4-mini","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: {"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":7,"total_tokens":12}}\n\ndata: [DONE]\n\n'

describe('answers', () => {
  test('redact_response: streams event by event, answers as a whole, and the usage is as it was', () =>
    within('pii: {mode: redact_response}\ntracing: {capture_bodies: true}\n', async (gateway) => {
      upstream.play = stream([
        chunk('Write to ali'),
        chunk('ce@exam'),
        chunk('ple.com or '),
        chunk('call.'),
        END,
      ])
      const { status, text, trace } = await ask(
        gateway,
        '{"model":"gpt-5.4-mini","messages":[],"stream":true,"to":"alice@example.com"}',
      )
      expect(status).toBe(200)
      expect(sent()).toContain('alice@example.com')
      expect(upstream.last.field('accept-encoding')).toBe('identity')
      expect(text.replaceAll(/\w{16}\]/g, '#]')).toBe(
        [chunk('Write to [EMAIL_REDACTED:#]'), chunk(''), chunk(' or '), chunk('call.'), END].join(''),
      )
      expect(trace).toMatchObject({
        input_tokens: 5,
        output_tokens: 7,
        usage_source: 'reported',
        outcome: 'completed',
      })
      expect(trace['response_body']).toBe(text)
      expect(trace.metadata['redaction_inspection']).toEqual({
        response: { decision: 'redacted', counts: { email: 1 } },
      })

      upstream.play = respond(
        200,
        { 'Content-Type': 'application/json', 'Content-Encoding': 'gzip' },
        gzipSync('{"a" : "alice@example.com"}'),
      )
      const whole = await ask(gateway, '{}')
      expect(whole.text.replaceAll(/\w{16}\]/g, '#]')).toBe('{"a" : "[EMAIL_REDACTED:#]"}')
      expect(whole.headers.get('content-encoding')).toBeNull()
      upstream.play = respond(200, { 'Content-Type': 'audio/mpeg' }, 'bytes')
      const audio = await ask(gateway, '{}')
      expect([audio.status, audio.text]).toEqual([502, expect.stringContaining('response_uninspectable')])
      expect(audio.trace).toMatchObject({ outcome: 'refused', error_code: 'response_uninspectable' })
    }))

  test('block_response: an answer is refused, a stream ends with an error in the API’s words', () =>
    within('pii: {mode: block_response}\n', async (gateway) => {
      upstream.play = respondJson({ a: 'alice@example.com' })
      const whole = await ask(gateway, '{}')
      expect([whole.status, JSON.parse(whole.text)]).toMatchObject([
        403,
        { error: { code: 'response_blocked' } },
      ])
      upstream.play = stream([chunk('One '), chunk('alice@example.com'), chunk(' two'), chunk(' three'), END])
      const { status, text, trace } = await ask(
        gateway,
        '{"model":"gpt-5.4-mini","messages":[],"stream":true}',
      )
      expect(status).toBe(200)
      expect(text).not.toContain('alice')
      expect(text.startsWith(chunk('One '))).toBe(true)
      expect(JSON.parse(/data: (\{"error.*\})\n\n$/.exec(text)![1]!)).toMatchObject({
        error: { message: 'response blocked by pii policy', code: 'response_blocked' },
      })
      expect(trace).toMatchObject({ outcome: 'refused', error_code: 'response_blocked' })
      expect(trace.metadata['redaction_inspection']).toMatchObject({
        response: { decision: 'blocked', counts: { email: 1 } },
      })
      upstream.play = stream([
        'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"123-45-6789 "}}\n\n',
      ])
      const anthropic = await ask(gateway, '{"stream":true}', { path: '/anthropic/v1/messages' })
      expect(anthropic.text).toMatch(
        /^event: error\ndata: \{"type":"error","error":\{"type":"permission_error"/,
      )
    }))

  test('both ways at once, and a clean stream passes byte for byte', () =>
    within('pii: {mode: redact_upstream+redact_response}\n', async (gateway) => {
      upstream.play = stream([chunk('Hi '), chunk('there'), END])
      const { text } = await ask(gateway, '{"messages":[{"content":"alice@example.com"}],"stream":true}')
      expect(sent()).not.toContain('alice')
      expect(text).toBe([chunk('Hi '), chunk('there'), END].join(''))
    }))
})

describe('answers that cannot be looked into', () => {
  test('pass as they come where they may', () =>
    within('pii: {mode: redact_response, uninspectable: allow}\n', async (gateway) => {
      const sound = Buffer.from(Array.from({ length: 5000 }, (_, i) => i % 256))
      upstream.play = respond(200, { 'Content-Type': 'audio/mpeg' }, sound)
      const response = await fetch(`${gateway.url}/openai/v1/audio/speech`, { method: 'POST', body: '{}' })
      expect(Buffer.from(await response.arrayBuffer()).equals(sound)).toBe(true)
      upstream.play = stream([sound, sound], { fields: { 'Content-Type': 'audio/mpeg' } })
      const streamed = await fetch(`${gateway.url}/openai/v1/audio/speech`, { method: 'POST', body: '{}' })
      expect(Buffer.from(await streamed.arrayBuffer()).equals(Buffer.concat([sound, sound]))).toBe(true)
      upstream.play = respond(200, { 'Content-Type': 'application/octet-stream' }, 'alice@example.com')
      expect((await ask(gateway, '{}')).text).toMatch(/^\[EMAIL_REDACTED:\w{16}\]$/)
    }))

  test('more than is looked at is refused, and the upstream is not read to its end', () =>
    within('pii: {mode: redact_response, max_inspect_bytes: 1000}\n', async (gateway) => {
      let given = 0
      upstream.play = stream(
        Array.from({ length: 1000 }, () => JSON.stringify('x'.repeat(20_000))),
        {
          fields: { 'Content-Type': 'application/json' },
          between: async () => {
            given += 1
            await Bun.sleep(1)
          },
        },
      )
      const { status, text } = await ask(gateway, '{}')
      expect([status, text]).toEqual([502, expect.stringContaining('larger than 1000 bytes')])
      await eventually(() => upstream.sockets.size === 0 || upstream.playing === 0)
      expect(given).toBeLessThan(900)
      upstream.play = stream([`data: {"a":"${'x'.repeat(3000)}"`, 'more'])
      const event = await ask(gateway, '{"stream":true}')
      expect(event.text).toContain('an event is too large')
    }))
})

describe('the same whatever carries it', () => {
  test('an answer is judged by its bytes at any status, and in pieces of one byte', () =>
    within('pii: {mode: redact_response}\n', async (gateway) => {
      const bodies = [
        '{"a":"alice@example.com"}',
        'Mail alice@example.com now',
        '{"a":1}\n{"b":"alice@example.com"}\n',
      ]
      for (const body of bodies) {
        for (const status of [200, 201, 400, 404, 429, 500, 503]) {
          upstream.play = respond(status, { 'Content-Type': 'application/json' }, body)
          const whole = await ask(gateway, '{}')
          expect([whole.status, whole.text]).toEqual([status, expect.not.stringContaining('alice')])
          upstream.play = stream([...body], { status, fields: { 'Content-Type': 'text/event-stream' } })
          expect((await ask(gateway, '{}')).text).toBe(whole.text)
        }
      }
    }))

  test('a range is not asked for where answers are looked at, and one that comes all the same is refused', () =>
    within('pii: {mode: redact_response}\n', async (gateway) => {
      upstream.play = respond(
        206,
        { 'Content-Type': 'text/plain', 'Content-Range': 'bytes 0-8/17' },
        'alice@exa',
      )
      const { status, text } = await ask(gateway, '{}', {
        headers: { range: 'bytes=0-8', 'if-range': '"x"' },
      })
      expect([upstream.last.field('range'), upstream.last.field('if-range')]).toEqual([undefined, undefined])
      expect([status, text]).toEqual([502, expect.stringContaining('response_uninspectable')])
    }))

  test('a coding that content is not in hides nothing: it is refused, or looked through as it came', async () => {
    const body = '{"a":"alice@example.com"}'
    const codings = ['gzip', 'rot13', 'gzip, br']
    await within('pii: {mode: block+block_response}\n', async (gateway) => {
      for (const coding of codings) {
        upstream.play = respond(200, { 'Content-Type': 'application/json', 'Content-Encoding': coding }, body)
        expect((await ask(gateway, body, { headers: { 'content-encoding': coding } })).status).toBe(415)
        expect((await ask(gateway, '{}')).status).toBe(502)
      }
      // Compressed twice, said once.
      const twice = await ask(gateway, gzipSync(gzipSync(body)), { headers: { 'content-encoding': 'gzip' } })
      expect(twice.status).toBe(415)
      // What stands behind the coded content goes to the upstream too.
      const coded = { br: brotliCompressSync('{}'), deflate: deflateSync('{}'), zstd: zstdCompressSync('{}') }
      for (const [coding, start] of Object.entries(coded)) {
        const both = Buffer.concat([start, Buffer.from(body)])
        expect((await ask(gateway, both, { headers: { 'content-encoding': coding } })).status).toBe(415)
        upstream.play = respond(200, { 'Content-Type': 'application/json', 'Content-Encoding': coding }, both)
        expect((await ask(gateway, '{}')).status).toBe(502)
      }
    })
    await within('pii: {mode: redact_upstream+redact_response, uninspectable: allow}\n', async (gateway) => {
      for (const coding of codings) {
        upstream.play = respond(200, { 'Content-Type': 'application/json', 'Content-Encoding': coding }, body)
        const { text, headers } = await ask(gateway, body, { headers: { 'content-encoding': coding } })
        for (const seen of [sent(), text]) expect(seen).toMatch(/^\{"a":"\[EMAIL_REDACTED:\w{16}\]"\}$/)
        expect([upstream.last.field('content-encoding'), headers.get('content-encoding')]).toEqual([
          undefined,
          null,
        ])
      }
      const unseen = Buffer.from([1, 2, 3, 255])
      await ask(gateway, unseen, { headers: { 'content-encoding': 'rot13' } })
      expect([upstream.last.body, upstream.last.field('content-encoding')]).toEqual([unseen, 'rot13'])
    })
  })

  test('others are served while a large answer that came at once is looked at', () =>
    within('pii: {mode: redact_response}\n', async (gateway) => {
      upstream.play = respond(200, { 'Content-Type': 'text/event-stream' }, chunk('word ').repeat(50_000))
      const large = fetch(`${gateway.url}/openai/v1/chat/completions`, { method: 'POST', body: '{}' }).then(
        (response) => response.text(),
      )
      const served = await servedBefore(gateway, large)
      expect((await large).length).toBe(chunk('word ').length * 50_000)
      expect(served).toBeGreaterThan(20)
    }))

  test('others are served while values are put back in a large answer', () =>
    within('pii: {mode: redact_upstream, replacement: {reversible: true}}\n', async (gateway) => {
      upstream.play = respond(
        200,
        { 'Content-Type': 'application/json' },
        `[${'"[EMAIL_1]",'.repeat(200_000)}0]`,
      )
      const large = fetch(`${gateway.url}/openai/v1/x`, {
        method: 'POST',
        body: '{"a":"alice@example.com"}',
      }).then((response) => response.text())
      const served = await servedBefore(gateway, large)
      expect(await large).toBe(`[${'"alice@example.com",'.repeat(200_000)}0]`)
      expect(served).toBeGreaterThan(20)
    }))

  test('events under a wrong type are not held: the first arrives before the second is sent', () =>
    within('pii: {mode: redact_response}\n', async (gateway) => {
      for (const type of ['text/event-stream', 'application/json', 'text/plain']) {
        let arrived = (): void => {}
        const first = new Promise<void>((resolve) => (arrived = resolve))
        upstream.play = stream([chunk('Nothing. '), chunk('Here '), END], {
          fields: { 'Content-Type': type },
          between: (index) => (index === 0 ? first : Promise.resolve()),
        })
        const response = await fetch(`${gateway.url}/openai/v1/chat/completions`, {
          method: 'POST',
          body: '{}',
        })
        let text = ''
        for await (const piece of response.body!) {
          text += Buffer.from(piece).toString()
          if (text.includes('Nothing')) arrived()
        }
        expect(text).toContain('[DONE]')
      }
    }))

  test('placeholders are put back in answers of every kind, but not in more than can be held', () =>
    within('pii: {mode: redact_upstream, replacement: {reversible: true}}\n', async (gateway) => {
      const request = '{"messages":[{"content":"alice@example.com"}]}'
      upstream.play = stream(['{"a":1}\n', '{"to":"[EMAIL_1]"}\n'], {
        fields: { 'Content-Type': 'application/json' },
      })
      expect((await ask(gateway, request)).text).toBe('{"a":1}\n{"to":"alice@example.com"}\n')
      const filler = 'x'.repeat(1024 * 1024)
      upstream.play = stream([...Array.from({ length: 17 }, () => filler), ' [EMAIL_1]'], {
        fields: { 'Content-Type': 'text/plain' },
      })
      const large = await ask(gateway, request)
      expect([large.status, large.text.length, large.text.slice(-10)]).toEqual([
        200,
        17 * 1024 * 1024 + 10,
        ' [EMAIL_1]',
      ])
    }))

  test('an answer that grows past what is held is refused, or passes as it came where such may', () =>
    within(
      'pii: {mode: block_response, uninspectable: allow, max_inspect_bytes: 1000}\n',
      async (gateway) => {
        const long = ['Mail alice@example.com ', 'x'.repeat(3000), ' end']
        for (const type of ['text/plain', 'text/event-stream']) {
          upstream.play = stream(long, { fields: { 'Content-Type': type } })
          const { status, text, trace } = await ask(gateway, '{}')
          expect([type, status, text]).toEqual([type, 200, long.join('')])
          expect(trace.metadata['redaction_inspection']).toEqual({
            response: { decision: 'passed', counts: {}, uninspectable: 1 },
          })
        }
        // An event is looked through in parts then.
        upstream.play = stream([`data: {"a":"${'x'.repeat(3000)}`, 'y","b":"alice@example.com"}\n\n'])
        expect((await ask(gateway, '{}')).text).not.toContain('alice')
      },
    ))
})

describe('targets', () => {
  const people = [
    '/openai/v1/users/alice%40example.com',
    '/openai/v1/files?owner=alice%40example.com',
    '/openai/v1/files?alice@example.com',
    '/openai/v1/files?api_key=alice@example.com',
  ]
  const ordinary = [
    '/openai/v1/files/file-AbCdEfGhIjKlMnOpQrStUvWx/content?limit=20&order=desc&after=file-Zz12',
    '/openai/v1/responses/resp_68af4030592c81938ec0a5fbab4a3e9f05438e46b5f69a3b',
    '/openai/v1/threads/thread_abc123DEF456/runs/run_987zyx/steps?before=2026-01-02T03:04:05Z',
    '/openai/v1/deployments/gpt-4o-2024-08-06/chat/completions?api-version=2024-12-01-preview',
    '/openai/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Ainference-profile%2Fus.anthropic.claude-sonnet-4-20250514-v1%3A0/invoke',
    '/openai/v1beta/models/gemini-2.5-flash:generateContent?key=AIzaSyA1234567890abcdefghijklmnopqrstuv&alt=sse',
  ]

  test('block: a find in path or query is refused, credentials of the provider and ids are none', () =>
    within('pii: {mode: block}\n', async (gateway) => {
      for (const path of people) {
        const { status, trace } = await ask(gateway, undefined, { path })
        expect([path, status]).toEqual([path, 403])
        expect(trace.metadata['redaction_inspection']).toMatchObject({ request: { decision: 'blocked' } })
      }
      expect(upstream.requests).toEqual([])
      for (const path of ordinary)
        expect([path, (await ask(gateway, '{}', { path })).status]).toEqual([path, 200])
    }))

  test('redact_upstream: path and query are sent as they came', () =>
    within('pii: {mode: redact_upstream}\n', async (gateway) => {
      for (const path of people) {
        await ask(gateway, '{}', { path })
        expect(`/openai${upstream.last.target}`).toBe(path)
      }
    }))
})

describe('reversible', () => {
  const settings =
    'pii: {mode: redact_upstream, replacement: {reversible: true}}\ntracing: {capture_bodies: true}\n'

  test('the upstream sees placeholders, the client its values; nothing of them is stored', () =>
    within(settings, async (gateway) => {
      upstream.play = async (request, socket) => {
        const { content } = (JSON.parse(request.body.toString()) as { messages: { content: string }[] })
          .messages[0]!
        await respondJson({ echo: content, args: JSON.stringify({ to: content }), unknown: '[EMAIL_9]' })(
          request,
          socket,
        )
      }
      const said = 'Mail "alice@example.com" and bob@example.com, not alice@example.com twice'
      const { text, trace } = await ask(gateway, JSON.stringify({ messages: [{ content: said }] }))
      expect(sent()).toBe(
        '{"messages":[{"content":"Mail \\"[EMAIL_1]\\" and [EMAIL_2], not [EMAIL_1] twice"}]}',
      )
      expect(JSON.parse(text)).toEqual({
        echo: said,
        args: JSON.stringify({ to: said }),
        unknown: '[EMAIL_9]',
      })
      expect(JSON.stringify(trace)).not.toContain('example.com')
    }))
})
