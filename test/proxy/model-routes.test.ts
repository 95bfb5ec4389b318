import { afterAll, beforeAll, beforeEach, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import type { Server } from 'bun'
import { loadConfig } from '../../src/config/load.ts'
import { eventually } from '../support/eventually.ts'
import { openGateway, type TestGateway } from '../support/gateway.ts'
import { respondJson, Upstream } from '../support/upstream.ts'

setDefaultTimeout(30_000)

// Requests on routes without a provider's prefix: the model decides where they go.

let openai: Upstream
let anthropic: Upstream
let gemini: Upstream
let gateway: TestGateway
let keyed: TestGateway

const ROOT = 'root-token-0123456789abcdef'
const FAST = 'fast-token-0123456789abcdef'
const MINI = 'mini-token-0123456789abcdef'
const OWN = 'own-token-0123456789abcdef0'

const settings = () => `
providers:
  openai: { upstream: "${openai.url}" }
  other: { upstream: "${openai.url}/base", prefix: /other, api: openai, region: eu }
  anthropic: { upstream: "${anthropic.url}" }
  gemini: { upstream: "${gemini.url}" }
models:
  - { name: fast, targets: [{ provider: other, model: gpt-5.4-mini }] }
  - { name: claude, targets: [{ provider: anthropic, model: claude-sonnet-4-5 }] }
  - { name: flash, targets: [{ provider: gemini, model: gemini-2.5-flash }] }
  - { name: both, affinity: none, targets: [{ provider: openai, model: big }, { provider: other, model: small }] }
`

beforeAll(async () => {
  openai = await Upstream.start(respondJson({ id: 'x', model: 'gpt-5.4-mini-2026-03-01' }))
  anthropic = await Upstream.start(respondJson({ id: 'msg_1', model: 'claude-sonnet-4-5' }))
  gemini = await Upstream.start(respondJson({ modelVersion: 'gemini-2.5-flash' }))
  gateway = await openGateway(settings())
  keyed = await openGateway(`${settings()}
auth:
  enabled: true
  keys:
    - { id: root, token: ${ROOT}, role: owner }
    - { id: fast, token: ${FAST}, models: [fast] }
    - { id: mini, token: ${MINI}, models: [small, 'gpt-5*'] }
    - { id: own, token: ${OWN}, models: ['openai/big'] }
`)
})
afterAll(async () => {
  await gateway.stop()
  await keyed.stop()
  for (const upstream of [openai, anthropic, gemini]) await upstream.stop()
})
beforeEach(() => {
  for (const upstream of [openai, anthropic, gemini]) upstream.requests.length = 0
})

interface Answer {
  readonly status: number
  readonly json: Record<string, unknown>
  readonly traceId: string | null
}

async function post(
  path: string,
  body: Bun.BodyInit,
  fields: Record<string, string> = {},
  at: TestGateway = gateway,
): Promise<Answer> {
  const response = await fetch(`${at.url}${path}`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      authorization: 'Bearer sk-provider-0123456789',
      ...fields,
    },
    body,
  })
  const json = (await response.json()) as Record<string, unknown>
  return { status: response.status, json, traceId: response.headers.get('x-ongoingai-trace-id') }
}

const withKey = (token: string) => ({ 'X-OngoingAI-Gateway-Key': token })

test('a plain name goes to the default provider of the dialect, byte for byte', async () => {
  const body = '{ "model" : "gpt-5.4",  "messages":[] }'
  for (const path of ['/v1/chat/completions', '/v1/responses', '/v1/embeddings', '/v1/moderations']) {
    expect((await post(path, body)).status).toBe(200)
    expect(openai.last.target).toBe(path)
    expect(openai.last.body.toString()).toBe(body)
  }
  await post('/v1/messages', body)
  expect(anthropic.last.target).toBe('/v1/messages')
  await post('/v1beta/models/gemini-2.5-pro:generateContent?alt=sse', '{}')
  expect(gemini.last.target).toBe('/v1beta/models/gemini-2.5-pro:generateContent?alt=sse')
})

test('an alias goes to its target, and only the value of the model changes', async () => {
  await post('/v1/chat/completions', '{"n":1.0, "model" :"fast","x":{"model":"fast"}}')
  expect(openai.last.target).toBe('/base/v1/chat/completions')
  expect(openai.last.body.toString()).toBe('{"n":1.0, "model" :"gpt-5.4-mini","x":{"model":"fast"}}')
  await post('/v1/messages', '{"model":"claude"}')
  expect(anthropic.last.body.toString()).toBe('{"model":"claude-sonnet-4-5"}')
})

test('provider/model goes to that provider under its own name', async () => {
  await post('/v1/chat/completions', '{"model":"other/org/llama"}')
  expect(openai.last.target).toBe('/base/v1/chat/completions')
  expect(openai.last.body.toString()).toBe('{"model":"org/llama"}')
  // The part before the slash is no provider.
  await post('/v1/chat/completions', '{"model":"org/llama"}')
  expect(openai.last.target).toBe('/v1/chat/completions')
  expect(openai.last.body.toString()).toBe('{"model":"org/llama"}')
})

test('the model of a path is replaced in the path', async () => {
  await post('/v1beta/models/flash:streamGenerateContent?alt=sse', '{"contents":[]}')
  expect(gemini.last.target).toBe('/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse')
  for (const name of ['gemini/gemini-2.5-pro', 'gemini%2Fgemini-2.5-pro']) {
    await post(`/v1beta/models/${name}:generateContent`, '{}')
    expect(gemini.last.target).toBe('/v1beta/models/gemini-2.5-pro:generateContent')
  }
})

test('Gemini’s newer SDKs ask for version v1, and get it', async () => {
  for (const path of [
    '/v1/models/flash:generateContent',
    '/v1/models/gemini%2Fgemini-2.5-flash:generateContent',
  ])
    await post(path, '{"contents":[]}')
  await post('/v1/models/gemini/gemini-2.5-flash:generateContent', '{"contents":[]}')
  expect(gemini.requests.map(({ target }) => target)).toEqual(
    Array(3).fill('/v1/models/gemini-2.5-flash:generateContent'),
  )
  // OpenAI's call to delete a fine-tuned model names no model that can be routed.
  const deleted = await fetch(`${gateway.url}/v1/models/ft:gpt-5:org::id`, { method: 'DELETE' })
  expect(deleted.status).toBe(404)
  expect(openai.requests).toEqual([])
})

test('the model of a form is replaced in its field', async () => {
  const form = (model: string) =>
    `--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nmodel fast\r\n--b\r\nContent-Disposition: form-data; name="model"\r\n\r\n${model}\r\n--b--\r\n`
  await post('/v1/audio/transcriptions', form('fast'), { 'content-type': 'multipart/form-data; boundary=b' })
  expect(openai.last.body.toString()).toBe(form('gpt-5.4-mini'))
  expect(openai.last.field('content-length')).toBe(String(form('gpt-5.4-mini').length))
})

test('compressed content is seen, and goes without its coding when it changes', async () => {
  const gzip = { 'content-encoding': 'gzip' }
  await post('/v1/responses', gzipSync('{"model":"fast"}'), gzip)
  expect(openai.last.body.toString()).toBe('{"model":"gpt-5.4-mini"}')
  expect(openai.last.field('content-encoding')).toBeUndefined()
  const plain = gzipSync('{"model":"gpt-5.4"}')
  await post('/v1/responses', plain, gzip)
  expect(openai.last.body.equals(plain)).toBe(true)
  expect(openai.last.field('content-encoding')).toBe('gzip')
})

test('below a prefix only an alias with a target of that provider is replaced', async () => {
  await post('/other/v1/chat/completions', '{"model":"fast"}')
  expect(openai.last.body.toString()).toBe('{"model":"gpt-5.4-mini"}')
  expect(openai.last.target).toBe('/base/v1/chat/completions')
  for (let i = 0; i < 3; i++) {
    await post('/openai/v1/chat/completions', '{"model":"both"}')
    expect(openai.last.body.toString()).toBe('{"model":"big"}')
  }
  for (const body of [
    '{"model":"fast"}',
    '{"model":"other/x"}',
    '{"model":"claude"}',
    'no json',
    '{"model":"big","model":"both"}',
  ]) {
    await post('/openai/v1/chat/completions', body)
    expect(openai.last.body.toString()).toBe(body)
  }
  await post('/gemini/v1beta/models/flash:generateContent', '{}')
  expect(gemini.last.target).toBe('/v1beta/models/gemini-2.5-flash:generateContent')
})

test('targets of one tier share requests', async () => {
  for (let i = 0; i < 4; i++) await post('/v1/chat/completions', '{"model":"both"}')
  expect(openai.requests.map(({ body }) => body.toString()).toSorted()).toEqual([
    '{"model":"big"}',
    '{"model":"big"}',
    '{"model":"small"}',
    '{"model":"small"}',
  ])
})

test('requests without a model go to the default provider, files by the version field', async () => {
  expect((await post('/v1/images/variations', '{}')).status).toBe(200)
  await fetch(`${gateway.url}/v1/files?limit=1`)
  expect(openai.last.target).toBe('/v1/files?limit=1')
  await fetch(`${gateway.url}/v1/files`, { headers: { 'anthropic-version': '2023-06-01' } })
  expect(anthropic.last.target).toBe('/v1/files')
  expect((await post('/v1/batches', '{"input_file_id":"f"}')).status).toBe(200)
})

test('a model that no target can answer in the dialect is refused in its words', async () => {
  expect(await post('/v1/chat/completions', '{"model":"claude"}')).toMatchObject({
    status: 400,
    json: {
      error: {
        code: 'no_target_for_api',
        type: 'invalid_request_error',
        message: 'no target of model claude speaks the API of OpenAI; ask for it by the API of Anthropic',
      },
    },
  })
  expect(await post('/v1/messages', '{"model":"fast"}')).toMatchObject({
    status: 400,
    json: { type: 'error', error: { type: 'invalid_request_error', code: 'no_target_for_api' } },
  })
  expect(await post('/v1beta/models/fast:generateContent', '{}')).toMatchObject({
    status: 400,
    json: { error: { code: 400, status: 'INVALID_ARGUMENT' } },
  })
  expect(openai.requests).toHaveLength(0)
  expect(anthropic.requests).toHaveLength(0)
})

test('a request whose model cannot be seen, or is ambiguous, is refused', async () => {
  for (const body of ['no json', '{"model":"a","model":"b"}', '{"model":1}'])
    expect((await post('/v1/chat/completions', body)).status).toBe(400)
  expect(openai.requests).toHaveLength(0)
})

test('the record names the provider, the model asked for and the one that answered', async () => {
  const { traceId } = await post('/v1/chat/completions', '{"model":"fast"}')
  await eventually(async () => (await gateway.detail(traceId))['id'] !== undefined)
  expect(await gateway.detail(traceId)).toMatchObject({
    provider: 'other',
    requested_model: 'fast',
    model: 'gpt-5.4-mini-2026-03-01',
    request_path: '/v1/chat/completions',
  })
})

test('a key needs the alias, or only the targets that it allows are used', async () => {
  const ask = (token: string, model: string) =>
    post('/v1/chat/completions', JSON.stringify({ model }), withKey(token), keyed)
  expect((await ask(FAST, 'fast')).status).toBe(200)
  expect((await ask(FAST, 'both')).json).toMatchObject({ error: { code: 'not_allowed_for_key' } })
  for (let i = 0; i < 3; i++) {
    expect((await ask(MINI, 'both')).status).toBe(200)
    expect(openai.last.body.toString()).toBe('{"model":"small"}')
    await ask(OWN, 'both')
    expect(openai.last.body.toString()).toBe('{"model":"big"}')
  }
  expect((await ask(MINI, 'openai/small')).status).toBe(200)
  expect((await ask(OWN, 'big')).status).toBe(200)
  expect((await ask(OWN, 'openai/big')).status).toBe(200)
  expect((await ask(OWN, 'other/big')).status).toBe(403)
  expect((await ask(MINI, 'fast')).status).toBe(200)
  // Another model beside the one that is resolved.
  const body = '{"model":"fast","models":["dear"]}'
  expect((await post('/v1/chat/completions', body, withKey(FAST), keyed)).status).toBe(403)
})

test('a model route needs a key, and the refusal is in the words of its dialect', async () => {
  expect(await post('/v1/messages', '{"model":"claude"}', {}, keyed)).toMatchObject({
    status: 401,
    json: { type: 'error', error: { type: 'authentication_error' } },
  })
})

test('the list of models holds the aliases that a key may use, in the dialect of the caller', async () => {
  const list = async (path: string, fields: Record<string, string>, at = keyed) => {
    const response = await fetch(`${at.url}${path}`, { headers: fields })
    return { status: response.status, json: (await response.json()) as Record<string, unknown> }
  }
  const { json } = await list('/v1/models', {}, gateway)
  expect(json).toMatchObject({ object: 'list' })
  const data = json['data'] as Record<string, unknown>[]
  expect(data.map(({ id }) => id)).toEqual(['fast', 'both'])
  expect(data[0]).toMatchObject({
    object: 'model',
    owned_by: 'other',
  })
  expect((await list('/v1/models', { ...withKey(FAST) })).json).toMatchObject({ data: [{ id: 'fast' }] })
  expect(
    (await list('/v1/models', { ...withKey(ROOT), 'anthropic-version': '2023-06-01' })).json,
  ).toMatchObject({
    data: [
      {
        type: 'model',
        id: 'claude',
        max_input_tokens: 200_000,
        max_tokens: null,
        context_window: 200_000,
        input_usd_per_million: 3,
        output_usd_per_million: 15,
      },
    ],
    has_more: false,
  })
  expect((await list('/v1beta/models', withKey(ROOT))).json).toMatchObject({
    models: [{ name: 'models/flash', inputTokenLimit: expect.any(Number) }],
  })
  expect(
    (await list('/v1/models', { ...withKey(ROOT), 'x-goog-api-key': 'AIza-provider-0123456789' })).json,
  ).toMatchObject({ models: [{ name: 'models/flash' }] })
  expect((await list('/v1/models/fast', withKey(FAST))).json).toMatchObject({ id: 'fast' })
  expect((await list('/v1/models/openai%2Fgpt-5', withKey(ROOT))).json).toMatchObject({ id: 'openai/gpt-5' })
  expect(await list('/v1/models/both', withKey(FAST))).toMatchObject({ status: 403 })
  expect(await list('/v1/models/gpt-none', withKey(ROOT))).toMatchObject({
    status: 404,
    json: { error: { code: 'model_not_found' } },
  })
  expect(await list('/v1/models', {})).toMatchObject({ status: 401 })
  expect(openai.requests).toHaveLength(0)
})

test('without aliases the list holds the priced models of the default providers', async () => {
  const plain = await openGateway('')
  try {
    const { data } = (await (await fetch(`${plain.url}/v1/models`)).json()) as { data: { id: string }[] }
    expect(data.map(({ id }) => id)).toContain('gpt-5-mini')
    expect(await plain.traces(0)).toHaveLength(0)
  } finally {
    await plain.stop()
  }
})

test('a WebSocket goes to the default provider, and its messages name the models as that calls them', async () => {
  const sockets: Server<undefined> = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch: (request, self) => (self.upgrade(request) ? undefined : new Response(null, { status: 400 })),
    websocket: { message: (socket, message) => void socket.send(message) },
  })
  const at = await openGateway(`
providers: { openai: { upstream: "${sockets.url.origin}" } }
models:
  - { name: fast, targets: [{ provider: openai, model: gpt-5.4-mini }] }
  - { name: claude, targets: [{ provider: anthropic }] }
`)
  const socket = new WebSocket(`${at.url.replace('http', 'ws')}/v1/responses`)
  const echo = (message: string) =>
    new Promise<string>((resolve) => {
      socket.addEventListener('message', ({ data }) => resolve(String(data)), { once: true })
      socket.addEventListener('close', ({ code }) => resolve(String(code)), { once: true })
      socket.send(message)
    })
  await new Promise((resolve) => socket.addEventListener('open', resolve))
  expect(await echo('{"type":"response.create", "model":"fast"}')).toBe(
    '{"type":"response.create", "model":"gpt-5.4-mini"}',
  )
  expect(await echo('{"model":"openai/o5"}')).toBe('{"model":"o5"}')
  for (const same of ['{"model":"gpt-5.4"}', 'no json', '{"x":"fast"}']) expect(await echo(same)).toBe(same)
  expect(await echo('{"model":"claude"}')).toBe('1008')
  await at.stop()
  await sockets.stop(true)
})

test('models change while the gateway runs', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ongoingai-models-'))
  const load = (text: string) => {
    const file = join(folder, 'ongoingai.yaml')
    writeFileSync(file, `storage: { path: ${gateway.folder}/data/traces.db }\n${text}`)
    return loadConfig(file, {}).config
  }
  const before = load(settings())
  try {
    const changed = settings().replace('model: gpt-5.4-mini', 'model: gpt-6-mini')
    expect((await gateway.gateway.reload(load(changed))).changed).toEqual(['models'])
    await post('/v1/chat/completions', '{"model":"fast"}')
    expect(openai.last.body.toString()).toBe('{"model":"gpt-6-mini"}')
  } finally {
    await gateway.gateway.reload(before)
    rmSync(folder, { recursive: true })
  }
})

test('an alias whose targets are all out is 503 in each dialect, and says when the next try is', async () => {
  const at = await openGateway(`
providers:
  own: { upstream: "http://127.0.0.1:1", prefix: /own }
  claudes: { upstream: "http://127.0.0.1:1", prefix: /claudes, api: anthropic }
  flashes: { upstream: "http://127.0.0.1:1", prefix: /flashes, api: gemini }
models:
  - { name: lost, targets: [{ provider: own }] }
  - { name: claude, targets: [{ provider: claudes }] }
  - { name: flash, targets: [{ provider: flashes }] }
routing: { breaker: { open_ms: 600000 } }
`)
  const calls = [
    ['/v1/chat/completions', 'lost', { error: { code: 'no_target_available', type: 'api_error' } }],
    ['/v1/messages', 'claude', { type: 'error', error: { type: 'overloaded_error' } }],
    ['/v1beta/models/flash:generateContent', 'flash', { error: { code: 503, status: 'UNAVAILABLE' } }],
  ] as const
  for (const [path, model, body] of calls) {
    const ask = () => fetch(`${at.url}${path}`, { method: 'POST', body: JSON.stringify({ model }) })
    expect((await ask()).status).toBe(502)
    const refused = await ask()
    const seconds = Number(refused.headers.get('retry-after'))
    expect(refused.status).toBe(503)
    expect(seconds).toBeGreaterThan(500)
    const json = (await refused.json()) as { error: { message: string } }
    expect(json).toMatchObject(body)
    expect(json.error.message).toBe(
      `no target of model ${model} is available: all have failed; the next try is in ${seconds} s`,
    )
  }
  await at.stop()
})
