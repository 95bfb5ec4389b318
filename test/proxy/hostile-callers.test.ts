import { afterEach, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openGateway, type TestGateway } from '../support/gateway.ts'
import { respond, respondJson, Upstream, type Play } from '../support/upstream.ts'

setDefaultTimeout(30_000)

// One caller's requests must not get around its key's rules, nor harm the targets and credentials of others.

const KEY = 'ogk_0123456789abcdefghijklmnopqrstuv'
const BOUND = 'ogk_bound0123456789abcdefghijklmnop'
const OK = respondJson({
  id: 'x',
  model: 'm',
  choices: [],
  usage: { prompt_tokens: 1, completion_tokens: 1 },
})

const stops: (() => unknown)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop()
})

async function upstreamThat(play: Play = OK): Promise<Upstream> {
  const upstream = await Upstream.start(play)
  stops.push(() => upstream.stop())
  return upstream
}

async function open(settings: string): Promise<TestGateway> {
  const gateway = await openGateway(
    `${settings}
auth:
  enabled: true
  accept_in: [header, provider_field]
  keys:
    - { id: a, token: ${KEY}, role: owner }
    - { id: b, token: ${BOUND}, role: owner, models: [small, gpt-small] }
`,
    { 'x-ongoingai-gateway-key': KEY },
  )
  stops.push(() => gateway.stop())
  return gateway
}

function heldBy(...values: readonly string[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'ongoingai-hostile-'))
  stops.push(() => rmSync(folder, { recursive: true, force: true }))
  const held = values.map((value) => {
    writeFileSync(join(folder, value), `${value}\n`)
    return `{ name: ${value}, file: ${folder}/${value} }`
  })
  return `credentials: { use: gateway, held: [${held.join(', ')}] }`
}

async function post(
  { url }: TestGateway,
  path: string,
  content: unknown,
  fields: Readonly<Record<string, string>> = {},
): Promise<{ status: number; text: string }> {
  const response = await fetch(`${url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-ongoingai-gateway-key': KEY, ...fields },
    body: typeof content === 'string' ? content : JSON.stringify(content),
  })
  return { status: response.status, text: await response.text() }
}

const json = (status: number, value: unknown): Play =>
  respond(status, { 'Content-Type': 'application/json' }, JSON.stringify(value))

test.each(['/v1/batches', '/openai/v1/batches'])(
  'a key bound to models starts no batch whose models stand in a file, whatever the request names: %s',
  async (path) => {
    const upstream = await upstreamThat()
    const gateway = await open(`
providers: { openai: { upstream: "${upstream.url}", ${heldBy('one')} } }
models: [{ name: small, targets: [{ provider: openai, model: gpt-small }] }]`)
    const batch = { model: 'small', input_file_id: 'file-1', endpoint: '/v1/chat/completions' }
    const { status, text } = await post(gateway, path, batch, { 'x-ongoingai-gateway-key': BOUND })
    expect([status, text]).toEqual([403, expect.stringContaining('in a file that was uploaded')])
    expect(upstream.requests).toEqual([])
  },
)

test('a key bound to models cannot hide those of a content from the rules behind the one of a path', async () => {
  const upstream = await upstreamThat()
  const gateway = await open(`
providers: { gemini: { upstream: "${upstream.url}", ${heldBy('one')} } }
models: [{ name: small, targets: [{ provider: gemini, model: gemini-small }] }]`)
  const { status } = await post(
    gateway,
    '/v1beta/models/small:batchEmbedContents',
    { requests: [{ model: 'models/large', content: {} }] },
    { 'x-ongoingai-gateway-key': BOUND, 'content-encoding': 'unknown' },
  )
  expect([status, upstream.requests.length]).toEqual([403, 0])
})

// Providers repeat what a request said in the messages of their errors.
const ECHOED = ['overloaded', 'credit balance is too low', 'insufficient funds']

test('a word in a request that an error repeats says nothing about the target or the credential', async () => {
  const echo: Play = (request, socket) => {
    const { messages } = JSON.parse(request.body.toString()) as { messages: { role: string }[] }
    const [role] = messages.map((message) => message.role)
    if (role === 'user') return OK(request, socket)
    const message = `Invalid value: '${role}'. Supported values are: 'system', 'user'.`
    return json(400, { error: { type: 'invalid_request_error', code: 'invalid_value', message } })(
      request,
      socket,
    )
  }
  const upstream = await upstreamThat(echo)
  const gateway = await open(`
providers: { openai: { upstream: "${upstream.url}", ${heldBy('one')} } }
models: [{ name: small, targets: [{ provider: openai, model: gpt-small }] }]
routing: { breaker: { failures: 2, window_ms: 10000, open_ms: 60000 } }`)
  for (const path of ['/v1/chat/completions', '/openai/v1/chat/completions']) {
    for (const role of ECHOED) {
      const before = upstream.requests.length
      for (let i = 0; i < 3; i++)
        expect((await post(gateway, path, { model: 'small', messages: [{ role }] })).status).toBe(400)
      expect([role, upstream.requests.length - before]).toEqual([role, 3])
    }
    const { status } = await post(gateway, path, { model: 'small', messages: [{ role: 'user' }] })
    expect([path, status]).toEqual([path, 200])
  }
})

test('a 403 for what one request asks does not take the credential out for the requests of others', async () => {
  const refusing: Play = (request, socket) => {
    const { model } = JSON.parse(request.body.toString()) as { model: string }
    const error = { code: 'model_not_found', message: `Project does not have access to model ${model}` }
    return (model === 'large' ? json(403, { error }) : OK)(request, socket)
  }
  const upstream = await upstreamThat(refusing)
  const gateway = await open(`
providers: { openai: { upstream: "${upstream.url}", ${heldBy('one')} } }
models: [{ name: small, targets: [{ provider: openai, model: gpt-small }] }]`)
  expect((await post(gateway, '/openai/v1/chat/completions', { model: 'large' })).status).toBe(403)
  expect((await post(gateway, '/openai/v1/chat/completions', { model: 'gpt-small' })).status).toBe(200)
  expect((await post(gateway, '/v1/chat/completions', { model: 'small' })).status).toBe(200)
})

test('a gateway key in the credential field of the provider that is chosen is never forwarded', async () => {
  const upstream = await upstreamThat()
  const gateway = await open(`
providers: { own: { upstream: "${upstream.url}", prefix: /own, api: openai, credential_header: x-own-key } }
models: [{ name: small, targets: [{ provider: own, model: m }] }]`)
  const fields = { 'x-own-key': KEY, authorization: 'Bearer sk-own-1' }
  await post(gateway, '/v1/chat/completions', { model: 'small' }, fields)
  expect(JSON.stringify(upstream.requests.map((request) => request.fields))).not.toContain(KEY)
})

test('a target whose traffic is redacted gets no request unredacted because another one failed', async () => {
  const first = await upstreamThat(json(500, {}))
  const second = await upstreamThat()
  const gateway = await open(`
providers:
  one: { upstream: "${first.url}", prefix: /one, api: openai, ${heldBy('one')} }
  two: { upstream: "${second.url}", prefix: /two, api: openai, ${heldBy('two')} }
models: [{ name: small, targets: [{ provider: one, model: a }, { provider: two, model: b, tier: 2 }] }]
pii: { mode: redact_storage, scopes: [{ match: { provider: two }, mode: redact_upstream }] }`)
  const content = { model: 'small', messages: [{ role: 'user', content: 'write to anna@example.com' }] }
  const { status } = await post(gateway, '/v1/chat/completions', content)
  expect(status).toBe(200)
  expect(first.last.body.toString()).toContain('anna@example.com')
  expect(second.last.body.toString()).not.toContain('anna@example.com')
})

test('a target that was never asked, because a policy refused the request, is not blamed for the one before', async () => {
  const closed = await Upstream.start(OK)
  const { url } = closed
  await closed.stop()
  const second = await upstreamThat()
  const gateway = await open(`
providers:
  one: { upstream: "${url}", prefix: /one, api: openai, ${heldBy('one')} }
  two: { upstream: "${second.url}", prefix: /two, api: openai, ${heldBy('two')} }
models: [{ name: small, targets: [{ provider: one, model: a }, { provider: two, model: b, tier: 2 }] }]
pii: { mode: redact_storage, scopes: [{ match: { provider: two }, mode: block }] }`)
  const content = { model: 'small', messages: [{ role: 'user', content: 'write to anna@example.com' }] }
  expect((await post(gateway, '/v1/chat/completions', content)).status).toBe(403)
  expect((await post(gateway, '/v1/chat/completions', { model: 'small' })).status).toBe(200)
  expect(second.requests).toHaveLength(1)
})

test('a name of a model that is a book is kept nowhere whole', async () => {
  const upstream = await upstreamThat(json(500, {}))
  const gateway = await open(`
providers: { openai: { upstream: "${upstream.url}", ${heldBy('one')} } }
models: [{ name: small, targets: [{ provider: openai, model: gpt-small }] }]
routing: { expose: true, breaker: { failures: 1, window_ms: 10000, open_ms: 60000 } }`)
  const name = 'x'.repeat(1_000_000)
  const response = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-ongoingai-gateway-key': KEY },
    body: JSON.stringify({ model: `openai/${name}` }),
  })
  expect(response.status).toBe(500)
  expect((JSON.parse(upstream.last.body.toString()) as { model: string }).model).toBe(name)
  expect((response.headers.get('x-ongoingai-target') ?? '').length).toBeLessThan(600)
  const [trace] = await gateway.traces(1)
  const { request: _, ...about } = await gateway.detail(trace!['id'])
  const { request_body: __, ...detail } = about
  expect(JSON.stringify(trace).length + JSON.stringify(detail).length).toBeLessThan(20_000)
  const targets = await fetch(`${gateway.url}/api/targets`, { headers: { 'x-ongoingai-gateway-key': KEY } })
  expect((await targets.text()).length).toBeLessThan(5000)
  expect(JSON.stringify(gateway.lines).length).toBeLessThan(20_000)
})
