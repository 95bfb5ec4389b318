import { afterEach, expect, test } from 'bun:test'
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadConfig } from '../../src/config/load.ts'
import { eventually } from '../support/eventually.ts'
import { openGateway, type TestGateway } from '../support/gateway.ts'
import { respond, respondJson, Upstream, type WireRequest } from '../support/upstream.ts'

// Credentials that the gateway holds, and gateway keys where SDKs put the provider's key: over real sockets.

const KEY = 'ogk_0123456789abcdefghijklmnopqrstuv'
const OTHER_KEY = 'team-key-made-by-hand-77'
const CHAT = '{"model":"gpt-4o-mini","messages":[]}'
const OK = respondJson({ id: 'x', model: 'gpt-4o-mini', usage: { prompt_tokens: 1, completion_tokens: 1 } })

const stops: (() => unknown)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop()
})

async function upstreamThat(play = OK): Promise<Upstream> {
  const upstream = await Upstream.start(play)
  stops.push(() => upstream.stop())
  return upstream
}

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'ongoingai-credentials-'))
  stops.push(() => rmSync(path, { recursive: true, force: true }))
  return path
}

const KEYS_ON = `auth:
  enabled: true
  accept_in: [header, provider_field]
  keys: [{id: a, token: ${KEY}, role: owner}, {id: b, token: ${OTHER_KEY}, role: developer}]
`

async function gatewayWith(providers: string, auth = KEYS_ON): Promise<TestGateway> {
  const gateway = await openGateway(`providers:\n${providers}\n${auth}`, { 'x-ongoingai-gateway-key': KEY })
  stops.push(() => gateway.stop())
  return gateway
}

/** Settings of a provider that always gets the gateway's credential of a file. */
function held(name: string, upstream: Upstream, file: string, more = ''): string {
  return `  ${name}: {upstream: "${upstream.url}", credentials: {use: gateway, held: [{name: main, file: ${file}}]}${more}}`
}

function fileWith(value: string): string {
  const file = join(folder(), 'key')
  writeFileSync(file, `${value}\n`)
  return file
}

function post(
  gateway: TestGateway,
  path: string,
  headers: Record<string, string>,
  body = CHAT,
): Promise<Response> {
  return fetch(`${gateway.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body,
  })
}

/** Everything of a request but its content, as one text. */
function head({ target, fields }: WireRequest): string {
  return [target, ...fields.map(([name, value]) => `${name.toLowerCase()}: ${value}`)].join('\n')
}

async function codeOf(response: Response): Promise<unknown[]> {
  const { error } = (await response.json()) as { error: { code?: string; message: string } }
  return [response.status, error.code, error.message]
}

test.each([
  ['openai', '/openai/v1/chat/completions', { authorization: `Bearer ${KEY}` }],
  ['anthropic', '/anthropic/v1/messages', { 'x-api-key': KEY }],
  ['anthropic', '/anthropic/v1/messages', { authorization: `Bearer ${KEY}` }],
  ['azure', '/azure/openai/deployments/d/chat/completions?api-version=1', { 'api-key': OTHER_KEY }],
  ['gemini', '/gemini/v1beta/models/m:generateContent', { 'x-goog-api-key': KEY }],
  ['gemini', `/gemini/v1beta/models/m:generateContent?alt=sse&key=${KEY}`, {}],
])(
  'a gateway key where the SDK of %s puts the provider’s is taken out, and the gateway’s credential goes in: %s %p',
  async (provider, path, fields) => {
    const upstream = await upstreamThat()
    const gateway = await gatewayWith(held(provider, upstream, fileWith('held-value-1')))
    expect((await post(gateway, path, fields)).status).toBe(200)
    const sent = head(upstream.last)
    expect(sent).toContain('held-value-1')
    expect(sent).not.toContain(KEY)
    expect(sent).not.toContain(OTHER_KEY)
    const place = {
      openai: 'authorization: Bearer held-value-1',
      anthropic: 'x-api-key: held-value-1',
      azure: 'api-key: held-value-1',
      gemini: 'x-goog-api-key: held-value-1',
    }[provider]!
    expect(sent).toContain(place)
    const [trace] = await gateway.traces(1)
    const detail = await gateway.detail(trace!['id'])
    const gatewayKey = 'api-key' in fields ? 'b' : 'a'
    expect(detail['metadata']).toMatchObject({ credential_name: 'main', gateway_key_id: gatewayKey })
    expect(JSON.stringify(detail)).not.toContain(KEY)
    expect(JSON.stringify(detail)).not.toContain('held-value-1')
    // What is stored about the caller's credential is nothing: it sent none.
    expect(detail['metadata']).not.toHaveProperty('api_key_last4')
  },
)

test('a key in a provider’s field counts only where accept_in lists it, and is never forwarded', async () => {
  const upstream = await upstreamThat()
  const gateway = await gatewayWith(
    `  openai: {upstream: "${upstream.url}"}`,
    KEYS_ON.replace('[header, provider_field]', '[header]'),
  )
  const path = '/openai/v1/chat/completions'
  expect((await codeOf(await post(gateway, path, { authorization: `Bearer ${KEY}` }))).slice(0, 2)).toEqual([
    401,
    'missing_gateway_key',
  ])
  // Two keys, one of them where the provider's belongs.
  const both = { 'x-ongoingai-gateway-key': OTHER_KEY, authorization: `Bearer ${KEY}` }
  expect((await codeOf(await post(gateway, path, both))).slice(0, 2)).toEqual([
    403,
    'missing_provider_credential',
  ])
  expect(upstream.requests).toEqual([])
})

test('without a credential for the provider a request is refused in its words, with what to configure', async () => {
  const upstream = await upstreamThat()
  const gateway = await gatewayWith(
    `  openai: {upstream: "${upstream.url}"}\n  anthropic: {upstream: "${upstream.url}"}`,
  )
  const openai = await post(gateway, '/openai/v1/chat/completions', { authorization: `Bearer ${KEY}` })
  expect(openai.headers.get('x-should-retry')).toBe('false')
  expect(await codeOf(openai)).toEqual([
    403,
    'missing_provider_credential',
    expect.stringContaining('providers.openai.credentials'),
  ])
  const anthropic = await post(gateway, '/anthropic/v1/messages', { 'x-api-key': KEY })
  expect(await anthropic.json()).toMatchObject({
    type: 'error',
    error: { type: 'permission_error', message: expect.stringContaining('providers.anthropic.credentials') },
  })
  // The caller's own key beside the gateway's is forwarded as ever.
  const own = { authorization: `Bearer ${KEY}`, 'x-api-key': 'sk-ant-own' }
  expect((await post(gateway, '/anthropic/v1/messages', own)).status).toBe(200)
  expect(head(upstream.last)).toContain('x-api-key: sk-ant-own')
  expect(head(upstream.last)).not.toContain(KEY)
})

test('a key that no one has is refused wherever it stands, and a revoked one says so', async () => {
  const upstream = await upstreamThat()
  const gateway = await gatewayWith(held('openai', upstream, fileWith('held-value-1')))
  const path = '/openai/v1/chat/completions'
  const refused = async (fields: Record<string, string>): Promise<unknown[]> =>
    (await codeOf(await post(gateway, path, fields))).slice(0, 2)
  expect(await refused({})).toEqual([401, 'missing_gateway_key'])
  expect(await refused({ authorization: 'Bearer sk-of-a-provider' })).toEqual([401, 'missing_gateway_key'])
  expect(await refused({ authorization: 'Bearer ogk_revoked' })).toEqual([401, 'invalid_gateway_key'])
  expect(upstream.requests).toEqual([])
})

test('use: gateway removes what the caller sent; client_or_gateway sends it', async () => {
  const upstream = await upstreamThat()
  const file = fileWith('held-value-1')
  const both = `${held('openai', upstream, file)}\n${held('either', upstream, file, ', prefix: /either').replace('use: gateway', 'use: client_or_gateway')}`
  const gateway = await gatewayWith(both)
  const own = { 'x-ongoingai-gateway-key': KEY, authorization: 'Bearer sk-own', 'api-key': 'own-2' }
  await post(gateway, '/openai/v1/chat/completions?api-key=own-3&x=1', own)
  expect(head(upstream.last)).not.toMatch(/own-|sk-own/)
  expect(upstream.last.target).toBe('/v1/chat/completions?x=1')
  expect(upstream.last.field('authorization')).toBe('Bearer held-value-1')
  await post(gateway, '/either/v1/chat/completions', own)
  expect(upstream.last.field('authorization')).toBe('Bearer sk-own')
  await post(gateway, '/either/v1/chat/completions', { 'x-ongoingai-gateway-key': KEY })
  expect(upstream.last.field('authorization')).toBe('Bearer held-value-1')
  const names = (await gateway.traces(3)).map(async ({ id }) => {
    const { metadata } = (await gateway.detail(id)) as { metadata: Record<string, unknown> }
    return metadata['credential_name']
  })
  expect(await Promise.all(names)).toEqual(['main', undefined, 'main'])
})

test('keys off, on loopback: the gateway’s credential serves callers without any', async () => {
  const upstream = await upstreamThat()
  const gateway = await gatewayWith(held('openai', upstream, fileWith('held-value-1')), '')
  expect((await post(gateway, '/openai/v1/chat/completions', {})).status).toBe(200)
  expect(upstream.last.field('authorization')).toBe('Bearer held-value-1')
})

test('a file that changes while requests run: each is served, with the old value or the new', async () => {
  const file = fileWith('value-old')
  const valid = new Set(['Bearer value-old'])
  const refuse = respond(401, { 'Content-Type': 'application/json' }, '{"error":{"message":"no"}}')
  const upstream = await upstreamThat((request, socket) =>
    (valid.has(request.field('authorization')!) ? OK : refuse)(request, socket),
  )
  const gateway = await gatewayWith(held('openai', upstream, file), '')
  const ask = async (): Promise<number> => {
    const response = await post(gateway, '/openai/v1/chat/completions', {})
    await response.text()
    return response.status
  }
  const statuses: number[] = []
  for (let round = 0; round < 20; round++) {
    if (round === 10) {
      writeFileSync(`${file}.new`, 'value-new')
      renameSync(`${file}.new`, file)
      valid.clear()
      valid.add('Bearer value-new')
    }
    statuses.push(...(await Promise.all(Array.from({ length: 8 }, ask))))
  }
  expect(new Set(statuses)).toEqual(new Set([200]))
  const refused = upstream.requests.filter(
    (request) => request.field('authorization') === 'Bearer value-old',
  ).length
  expect(refused).toBeGreaterThan(80)
  const counts = (await gateway.traces(160)).map(async ({ id }) => {
    const { upstream: to } = (await gateway.detail(id)) as { upstream: { attempts: number } }
    return to.attempts
  })
  expect(new Set(await Promise.all(counts))).toEqual(new Set([1, 2]))
  expect(upstream.last.field('authorization')).toBe('Bearer value-new')
})

test('a 401 takes a credential out, when what is read anew is the same', async () => {
  const file = fileWith('value-old')
  const upstream = await upstreamThat(async (request, socket) => {
    const isOld = request.field('authorization') === 'Bearer value-old'
    await (isOld ? respond(401, {}, '{}') : OK)(request, socket)
  })
  const gateway = await gatewayWith(held('openai', upstream, file), '')
  const first = await post(gateway, '/openai/v1/chat/completions', {})
  expect([first.status, upstream.requests.length]).toEqual([401, 1])
  // It is out now: nothing else can be used.
  const second = await post(gateway, '/openai/v1/chat/completions', {})
  expect((await codeOf(second)).slice(0, 2)).toEqual([403, 'missing_provider_credential'])
  expect(upstream.requests.length).toBe(1)
  expect(gateway.lines.filter(({ message }) => message.includes('refused a credential'))).toHaveLength(1)
})

test('a 429 leaves the turns to the others for as long as it says', async () => {
  const [a, b] = [fileWith('value-a'), fileWith('value-b')]
  let limited = 0
  const upstream = await upstreamThat((request, socket) => {
    const isA = request.field('authorization') === 'Bearer value-a'
    return (isA && ++limited > 0 ? respond(429, { 'Retry-After': '3600' }, '{}') : OK)(request, socket)
  })
  const gateway = await gatewayWith(
    `  openai: {upstream: "${upstream.url}", credentials: {use: gateway, held: [{name: a, file: ${a}}, {name: b, file: ${b}}]}}`,
    '',
  )
  const statuses: number[] = []
  for (let i = 0; i < 6; i++) statuses.push((await post(gateway, '/openai/v1/chat/completions', {})).status)
  // The request that got it is sent again with the other one.
  expect(statuses).toEqual([200, 200, 200, 200, 200, 200])
  expect(limited).toBe(1)
})

test('a credential that cannot be had is unavailable, and the others serve', async () => {
  const upstream = await upstreamThat()
  const gateway = await gatewayWith(
    `  openai: {upstream: "${upstream.url}", credentials: {use: gateway, held: [{name: gone, file: ${folder()}/none}, {name: b, command: [printf, value-b]}]}}`,
    '',
  )
  for (let i = 0; i < 3; i++) await post(gateway, '/openai/v1/chat/completions', {})
  expect(upstream.requests.map((request) => request.field('authorization'))).toEqual(
    Array.from({ length: 3 }, () => 'Bearer value-b'),
  )
  const line = gateway.lines.find(({ message }) => message === 'credential cannot be had')
  expect(line?.fields).toMatchObject({ provider: 'openai', credential: 'gone' })
})

test('a token is exchanged, sent as a bearer token, and exchanged again before it expires', async () => {
  const subject = fileWith('subject-token-1')
  let issued = 0
  const sts = await upstreamThat((request, socket) => {
    issued += 1
    return respondJson({
      access_token: `exchanged-${issued}`,
      issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      token_type: 'Bearer',
      expires_in: 61,
    })(request, socket)
  })
  const upstream = await upstreamThat()
  const exchange = `{url: "${sts.url}/token", subject_token_file: ${subject}, audience: "https://api.example", subject_token_type: urn:x:type}`
  const gateway = await gatewayWith(
    `  anthropic: {upstream: "${upstream.url}", credentials: {use: gateway, held: [{name: federated, token_exchange: ${exchange}}]}}`,
    '',
  )
  await post(gateway, '/anthropic/v1/messages', {})
  expect(upstream.last.field('authorization')).toBe('Bearer exchanged-1')
  expect(upstream.last.field('x-api-key')).toBeUndefined()
  expect(Object.fromEntries(new URLSearchParams(sts.last.body.toString()))).toEqual({
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    subject_token: 'subject-token-1',
    subject_token_type: 'urn:x:type',
    audience: 'https://api.example',
  })
  writeFileSync(subject, 'subject-token-2')
  await eventually(() => sts.last.body.toString().includes('subject-token-2'))
  await eventually(async () => {
    await post(gateway, '/anthropic/v1/messages', {})
    return upstream.last.field('authorization') !== 'Bearer exchanged-1'
  })
})

test('a WebSocket carries its gateway key among the subprotocols, and gets the gateway’s credential', async () => {
  const upstream = await upstreamThat((request, socket) => {
    const accept = new Bun.CryptoHasher('sha1')
      .update(`${request.field('sec-websocket-key')}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
      .digest('base64')
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\nSec-WebSocket-Protocol: realtime\r\n\r\n`,
    )
  })
  const gateway = await gatewayWith(held('openai', upstream, fileWith('held-value-1')))
  const url = `${gateway.url.replace('http', 'ws')}/openai/v1/realtime?model=m`
  const socket = new WebSocket(url, ['realtime', `openai-insecure-api-key.${KEY}`])
  await eventually(() => socket.readyState !== WebSocket.CONNECTING)
  expect([socket.readyState, socket.protocol]).toEqual([WebSocket.OPEN, 'realtime'])
  expect(upstream.last.field('sec-websocket-protocol')).toBe('realtime')
  expect(upstream.last.field('authorization')).toBe('Bearer held-value-1')
  expect(head(upstream.last)).not.toContain(KEY)
  socket.close()
})

test('content that repeats a credential of the gateway is stored without it, also one that has just been replaced', async () => {
  const file = fileWith('value-old-0123456789')
  const upstream = await upstreamThat((request, socket) => {
    const credential = request.field('authorization')!.slice('Bearer '.length)
    const isOld = credential.startsWith('value-old')
    return respond(
      isOld && upstream.requests.length > 1 ? 401 : 200,
      {},
      `{"told":"${credential}"}`,
    )(request, socket)
  })
  const gateway = await gatewayWith(held('openai', upstream, file), 'tracing: {capture_bodies: true}\n')
  await post(gateway, '/openai/v1/chat/completions', {})
  writeFileSync(file, 'value-new-0123456789')
  await post(gateway, '/openai/v1/chat/completions', {})
  await post(gateway, '/openai/v1/chat/completions', {})
  const traces = await gateway.traces(3)
  const bodies = traces.map(async ({ id }) => (await gateway.detail(id))['response_body'])
  expect(await Promise.all(bodies)).toEqual(Array.from({ length: 3 }, () => '{"told":"[REDACTED]"}'))
})

test('settings that are read again: other credentials serve, and what did not change keeps its state', async () => {
  const [a, b] = [fileWith('value-a'), fileWith('value-b')]
  const upstream = await upstreamThat((request, socket) => {
    const isA = request.field('authorization') === 'Bearer value-a'
    return (isA ? respond(429, { 'Retry-After': '3600' }, '{}') : OK)(request, socket)
  })
  const gateway = await gatewayWith(held('openai', upstream, a), '')
  expect((await post(gateway, '/openai/v1/chat/completions', {})).status).toBe(429)
  const reload = async (providers: string, more = ''): Promise<void> => {
    const file = join(gateway.folder, 'ongoingai.yaml')
    writeFileSync(
      file,
      `storage: {path: ${gateway.folder}/data/traces.db}\nproviders:\n${providers}\n${more}`,
    )
    const { config } = loadConfig(file, {})
    await gateway.gateway.reload(config)
  }
  const two = held('openai', upstream, a).replace('held: [', `held: [{name: second, file: ${b}}, `)
  await reload(two)
  for (let i = 0; i < 4; i++)
    expect((await post(gateway, '/openai/v1/chat/completions', {})).status).toBe(200)
  expect(upstream.last.field('authorization')).toBe('Bearer value-b')
  await reload(`  openai: {upstream: "${upstream.url}"}`)
  await post(gateway, '/openai/v1/chat/completions', { authorization: 'Bearer own' })
  expect(upstream.last.field('authorization')).toBe('Bearer own')
})

test('a listener that others reach is not given credentials by settings that need a restart', async () => {
  const upstream = await upstreamThat()
  const gateway = await gatewayWith(`  openai: {upstream: "${upstream.url}"}`, 'server: {host: 0.0.0.0}\n')
  const file = join(gateway.folder, 'ongoingai.yaml')
  const providers = held('openai', upstream, fileWith('held-value-1'))
  writeFileSync(file, `storage: {path: ${gateway.folder}/data/traces.db}\nproviders:\n${providers}\n`)
  const { config } = loadConfig(file, {})
  const refused = await gateway.gateway.reload(config).catch((error: unknown) => String(error))
  expect(refused).toContain('the gateway listens on 0.0.0.0 until')
  await post(gateway, '/openai/v1/chat/completions', {})
  expect(upstream.last.field('authorization')).toBeUndefined()
})

test('a call that no key of its kind may make does not take the credential out', async () => {
  const upstream = await upstreamThat((request, socket) =>
    (request.target.includes('/organization/') ? respond(401, {}, '{}') : OK)(request, socket),
  )
  const gateway = await gatewayWith(held('openai', upstream, fileWith('held-value-1')), '')
  const admin = await fetch(`${gateway.url}/openai/v1/organization/users`)
  expect(admin.status).toBe(401)
  expect((await post(gateway, '/openai/v1/chat/completions', {})).status).toBe(200)
})
