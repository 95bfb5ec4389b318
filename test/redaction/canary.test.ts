import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Collector } from '../support/collector.ts'
import { eventually } from '../support/eventually.ts'
import { goTraces, makeGoSqlite } from '../support/go-gateway.ts'
import { runProgram, serveProgram, type GatewayProcess } from '../support/process.ts'
import { respond, respondJson, Upstream, type WireRequest } from '../support/upstream.ts'

// A credential of each kind, sent through every door, is found nowhere afterwards.

/** Distinct, and long enough that a part of one is a leak too. */
const CANARIES = {
  fileKey: 'canary-gateway-key-of-the-file-7d1',
  wrongKey: 'canary-wrong-gateway-key-5b3e',
  authorization: 'sk-canary-authorization-91c2f0aa7',
  xApiKey: 'sk-ant-canary-x-api-key-44d8e1bb2',
  // Tokens of subscriptions: Claude's, a JWT of ChatGPT's by its parts.
  claudeToken: 'sk-ant-oat01-canaryClaudeToken5c7e91ab30',
  chatgptClaims: 'eyJjYW5hcnkiOiJjaGF0Z3B0LWNsYWltcyJ9',
  chatgptSignature: 'canaryChatgptSignature8d20f6c1e94b',
  chatgptAccount: 'canary-cookie-of-chatgpt-6f',
  apiKey: 'canary-azure-api-key-3c6f9d20cc5',
  googApiKey: 'AIzaCanaryGoogApiKey77e2b9dd1',
  queryKey: 'AIzaCanaryQueryKey5588c3fee4',
  proxyAuthorization: 'canary-proxy-authorization-6a',
  cookie: 'canary-session-cookie-8e1f27',
  own: 'canary-own-credential-header-d9',
  givenToken: 'canary-token-given-by-the-maker-0',
  rotatedToken: 'canary-token-given-at-rotation-1',
  webhookSecret: 'canary-webhook-secret-2f8a',
  webhookPath: 'canary-webhook-path-secret-71',
  pepper: 'canary-pepper-0123456789abcdef0123456789',
  responseCookie: 'canary-response-cookie-f3',
  metricsToken: 'canary-metrics-token-31c7',
  // Fields whose names no list has.
  amzToken: 'canary-amz-security-token-0c',
  apimKey: 'canary-apim-subscription-key-1d',
  otherField: 'canary-some-vendor-auth-2e',
  csrf: 'canary-csrf-token-3f',
  responseToken: 'canary-response-auth-token-40',
  // Queries: of the request, of fields of both sides, of upstreams.
  azureQuery: 'canary-azure-query-key-51',
  accessToken: 'canary-access-token-62',
  amzSignature: 'canary-amz-signature-73',
  sasSignature: 'canary-sas-signature-84',
  referer: 'canary-referer-signature-95',
  location: 'canary-location-signature-a6',
  contentLocation: 'canary-content-location-b7',
  link: 'canary-link-cursor-c8',
  originalPath: 'canary-original-path-d9',
  upstreamQuery: 'canary-query-of-an-upstream-ea',
  // WebSockets.
  subprotocol: 'canary-subprotocol-key-fb',
  subprotocolToken: 'canary-subprotocol-token-0d',
  socketCookie: 'canary-cookie-of-a-socket-1e',
  // Paths, and what clients say of themselves.
  pathKey: 'sk-proj-CanaryPathKey0123456789abcdef',
  pathParameter: 'canary-path-parameter-2f',
  userAgent: 'canary-user-agent-bearer-30',
  tag: 'canary-tag-41',
  thread: 'sk-proj-CanaryThread0123456789abcdef',
  jsonField: 'canary-key-in-a-json-field-52',
  traceState: 'sk-proj-CanaryTraceState0123456789ab',
  echoed: 'canary-key-that-the-provider-repeats-63',
  // Settings: of variables, of the environment, in URLs that are not valid.
  environment: 'canary-secret-of-a-variable-0123456789-74',
  otlpHeader: 'canary-otlp-header-85',
  otlpUser: 'canary-otlp-password-96',
  invalidUpstream: 'canary-password-of-an-invalid-url-a7',
  invalidDsn: 'canary-password-of-a-dsn-b8',
  misplaced: 'canary-secret-in-the-wrong-place-c9',
  baseUrl: 'canary-password-of-a-base-url-da',
  imported: 'canary-of-the-go-gateway-eb',
  // Credentials that the gateway holds.
  heldVariable: 'canary-held-in-a-variable-fc01',
  heldFile: 'canary-held-in-a-file-0d12',
  heldCommand: 'canary-held-by-a-command-1e23',
  heldArgument: 'canary-argument-of-a-command-2f34',
  heldExchanged: 'canary-token-that-was-exchanged-3045',
  heldSubject: 'canary-subject-token-4156',
} as const

const CHATGPT = `eyJhbGciOiJSUzI1NiJ9.${CANARIES.chatgptClaims}.${CANARIES.chatgptSignature}`

const ENVIRONMENT = {
  CANARY: CANARIES.environment,
  HELD: CANARIES.heldVariable,
  OTEL_EXPORTER_OTLP_HEADERS: `authorization=${CANARIES.otlpHeader}`,
}

const JSON_TYPE = { 'Content-Type': 'application/json' }

/** The agreement to an upgrade. @see https://www.rfc-editor.org/rfc/rfc6455#section-4.2.2 */
function upgraded(request: WireRequest): string {
  const key = `${request.field('sec-websocket-key')}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`
  const accept = new Bun.CryptoHasher('sha1').update(key).digest('base64')
  const subprotocol = request.field('sec-websocket-protocol')!.split(',')[0]!
  return `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\nSec-WebSocket-Protocol: ${subprotocol}\r\nSet-Cookie: s=${CANARIES.socketCookie}\r\n\r\n`
}

/** Canaries of the upstream's answers. */
const OF_CLIENT = ['responseCookie', 'responseToken', 'location', 'contentLocation', 'link']

let upstream: Upstream
let settings: string
let receiver: Upstream
let tokens: Upstream
let secrets: string
let gateway: GatewayProcess
let collector: Collector
const issued: string[] = []
const answers: string[] = []

beforeAll(async () => {
  const usual = respondJson(
    { id: 'x', model: 'gpt-4o-mini', usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 } },
    {
      'Set-Cookie': `s=${CANARIES.responseCookie}`,
      'X-Auth-Token': CANARIES.responseToken,
      Location: `/v1/files/1?X-Amz-Signature=${CANARIES.location}`,
      'Content-Location': `https://h/1?opaque=${CANARIES.contentLocation}`,
      Link: `</v1/x?after=${CANARIES.link}>; rel="next"`,
    },
  )
  upstream = await Upstream.start((request, socket) => {
    if (request.field('upgrade')) return void socket.write(upgraded(request))
    const key = request.field('api-key') ?? request.field('authorization')?.slice('Bearer '.length) ?? ''
    const error = { error: { message: `Incorrect API key provided: ${key}`, type: 'invalid_request_error' } }
    const play = request.target.includes('/echo') ? respond(401, JSON_TYPE, JSON.stringify(error)) : usual
    return play(request, socket)
  })
  // A receiver that takes nothing, so that its failure is logged.
  receiver = await Upstream.start((_, socket) => void socket.destroy())
  tokens = await Upstream.start(
    respondJson({ access_token: CANARIES.heldExchanged, token_type: 'Bearer', expires_in: 3600 }),
  )
  secrets = mkdtempSync(join(tmpdir(), 'ongoingai-canary-held-'))
  writeFileSync(join(secrets, 'key'), CANARIES.heldFile)
  writeFileSync(join(secrets, 'subject'), CANARIES.heldSubject)
  writeFileSync(join(secrets, 'printed'), CANARIES.heldCommand)
  const exchange = `{url: "${tokens.url}/token?client=x", subject_token_file: ${secrets}/subject}`
  const command = `[sh, -c, "cat ${secrets}/printed", ${CANARIES.heldArgument}]`
  collector = new Collector()
  settings = `observability:
  metrics_token: ${CANARIES.metricsToken}
  otel: {enabled: true, endpoint: "${collector.url.replace('://', `://user:${CANARIES.otlpUser}@`)}", prometheus_enabled: true, metric_export_interval_ms: 500, propagate_upstream: true}
storage: {path: ./data/traces.db}
providers:
  openai: {upstream: "${upstream.url}"}
  anthropic: {upstream: "${upstream.url}"}
  gemini: {upstream: "${upstream.url}"}
  azure: {upstream: "${upstream.url}"}
  chatgpt: {upstream: "${upstream.url}"}
  own: {upstream: "${upstream.url}", prefix: /own, credential_header: X-Own-Credential}
  gone: {upstream: "http://127.0.0.1:1/v1?api-key=${CANARIES.upstreamQuery}", prefix: /gone}
  queried: {upstream: "${upstream.url}/v1?api-key=${CANARIES.upstreamQuery}", prefix: /queried}
${heldProviders({
  env: 'env: HELD',
  file: `file: ${secrets}/key`,
  command: `command: ${command}`,
  exchange: `token_exchange: ${exchange}`,
  gone: `file: ${secrets}/key`,
})}
tracing: {capture_bodies: true}
auth:
  enabled: true
  pepper: ${CANARIES.pepper}
  accept_in: [header, provider_field]
  keys: [{id: file, token: ${CANARIES.fileKey}, role: owner, scope: organization}]
limits:
  policies: [{name: warned, per: workspace, budget: {cost_usd: 0.0000001, enforcement: soft, warn_at: [0.1]}}]
  webhooks:
    - {url: "${receiver.url}/${CANARIES.webhookPath}", secret: ${CANARIES.webhookSecret}}
    - {url: "${receiver.url}/second", secret: "\${env:CANARY}"}
`
  gateway = await serveProgram(settings, undefined, { env: ENVIRONMENT })
}, 30_000)
afterAll(async () => {
  gateway.remove()
  await upstream.stop()
  await receiver.stop()
  await tokens.stop()
  rmSync(secrets, { recursive: true, force: true })
  collector.stop()
})

/** Providers that get a credential of the gateway, by where it comes from. That of `gone` is not there. */
function heldProviders(sources: Readonly<Record<string, string>>): string {
  return Object.entries(sources)
    .map(([name, source]) => {
      const url = name === 'gone' ? 'http://127.0.0.1:1' : upstream.url
      return `  held-${name}: {upstream: "${url}", prefix: /held-${name}, credentials: {use: gateway, held: [{name: of-${name}, ${source}}]}}`
    })
    .join('\n')
}

async function send(
  method: string,
  path: string,
  fields: Record<string, string>,
  body?: string,
): Promise<Response> {
  const response = await fetch(`${gateway.url}${path}`, {
    method,
    headers: fields,
    ...(body === undefined ? {} : { body }),
  })
  const text = await response.clone().text()
  answers.push(`${[...response.headers].map(([name, value]) => `${name}: ${value}`).join('\n')}\n${text}`)
  return response
}

/** Sends a request whose answer is the upstream's, with what the client may have of it. */
async function proxied(path: string, headers: Record<string, string>): Promise<void> {
  const body = '{"model":"gpt-4o-mini","messages":[]}'
  await fetch(`${gateway.url}${path}`, { method: 'POST', headers, body, redirect: 'manual' })
}

/** Every file below a folder, as bytes. */
function* filesBelow(folder: string): Generator<[string, Buffer]> {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name)
    if (statSync(path).isDirectory()) yield* filesBelow(path)
    else yield [path, readFileSync(path)]
  }
}

test('credentials of every kind, through every door, are in no log, table, journal, answer, error or bundle', async () => {
  const key = { 'X-OngoingAI-Gateway-Key': CANARIES.fileKey }
  const json = { ...key, 'content-type': 'application/json' }
  const credentials: Record<string, string>[] = [
    { authorization: `Bearer ${CANARIES.authorization}` },
    { 'x-api-key': CANARIES.xApiKey },
    { authorization: `Bearer ${CANARIES.claudeToken}` },
    { authorization: `BEARER  ${CANARIES.claudeToken} `, 'x-api-key': CANARIES.xApiKey },
    { authorization: `Bearer ${CHATGPT}`, cookie: `account=${CANARIES.chatgptAccount}` },
    { 'api-key': CANARIES.apiKey },
    { 'x-goog-api-key': CANARIES.googApiKey },
    { 'x-own-credential': CANARIES.own, 'proxy-authorization': CANARIES.proxyAuthorization },
    { authorization: `Bearer ${CANARIES.authorization}`, cookie: `session=${CANARIES.cookie}` },
  ]
  const doors = [
    ['POST', '/openai/v1/chat/completions'],
    ['POST', '/anthropic/v1/messages'],
    ['POST', '/chatgpt/backend-api/codex/responses'],
    ['POST', '/gemini/v1beta/models/gemini-2.5-flash:generateContent'],
    ['POST', '/azure/openai/deployments/d/chat/completions?api-version=1'],
    ['POST', '/own/v1/chat/completions'],
    ['POST', '/gone/v1/chat/completions'],
    ['GET', '/openai/v1/models'],
    ['GET', '/api/traces'],
    ['GET', '/api/nothing-there'],
    ['GET', '/nothing-there'],
    ['OPTIONS', '/openai/v1/models'],
  ] as const
  const body = '{"model":"gpt-4o-mini","messages":[]}'
  for (const [method, path] of doors) {
    for (const fields of credentials) {
      for (const gatewayKey of [CANARIES.fileKey, CANARIES.wrongKey, undefined]) {
        const own = gatewayKey === undefined ? {} : { 'X-OngoingAI-Gateway-Key': gatewayKey }
        await send(
          method,
          path,
          { ...fields, ...own, 'content-type': 'application/json' },
          method === 'POST' ? body : undefined,
        )
      }
    }
  }
  for (const path of [
    '/gemini/v1beta/models/gemini-2.5-flash:generateContent',
    '/api/traces',
    '/gone/v1beta/models/m:generateContent',
  ]) {
    await send('POST', `${path}?key=${CANARIES.queryKey}&alt=sse`, key, body)
  }
  // Keys: given tokens, made ones, in bodies that are wrong too.
  const made = (await (
    await fetch(`${gateway.url}/api/gateway-keys`, {
      method: 'POST',
      headers: json,
      body: `{"token":"${CANARIES.givenToken}","role":"owner"}`,
    })
  ).json()) as { id: string }
  const other = (await (
    await fetch(`${gateway.url}/api/gateway-keys`, { method: 'POST', headers: key })
  ).json()) as { id: string; token: string }
  issued.push(other.token)
  await fetch(`${gateway.url}/api/gateway-keys/${made.id}/rotate`, {
    method: 'POST',
    headers: json,
    body: `{"token":"${CANARIES.rotatedToken}"}`,
  })
  await send('POST', '/api/gateway-keys', json, `{"token":"${CANARIES.givenToken}","nmae":1}`)
  await send('POST', '/api/gateway-keys', json, `{"token":"${CANARIES.rotatedToken}"}`)
  await send(
    'POST',
    '/openai/v1/chat/completions',
    {
      'X-OngoingAI-Gateway-Key': other.token,
      authorization: `Bearer ${CANARIES.authorization}`,
      'content-type': 'application/json',
    },
    body,
  )
  // Names and places that no list has.
  const told = {
    referer: `https://app.example/?sig=${CANARIES.referer}`,
    'user-agent': `tool/1.0 (Bearer ${CANARIES.userAgent})`,
    'x-amz-security-token': CANARIES.amzToken,
    'x-csrf-token': CANARIES.csrf,
    'x-envoy-original-path': `/v1/x?s=${CANARIES.originalPath}`,
    'x-gateway-config': `{"provider":"x","api_key":"${CANARIES.jsonField}"}`,
    'x-ongoingai-tags': `api_key=${CANARIES.tag},team=blue`,
    'x-ongoingai-thread-id': CANARIES.thread,
    'x-some-vendor-auth': CANARIES.otherField,
    traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
    tracestate: `x=${CANARIES.traceState}`,
  }
  for (const provider of ['openai', 'gone', 'queried', 'nothing-there']) {
    for (const path of [
      `v1/${CANARIES.pathKey}/chat/completions`,
      `v1;api-key=${CANARIES.pathParameter}/chat/completions`,
      `v1/chat/completions?api-version=1&api-key=${CANARIES.azureQuery}`,
      `v1/chat/completions?access_token=${CANARIES.accessToken}`,
      `v1/chat/completions?X-Amz-Date=1&X-Amz-Signature=${CANARIES.amzSignature}`,
      `v1/chat/completions?sv=1&sig=${CANARIES.sasSignature}`,
    ]) {
      for (const known of [json, JSON_TYPE]) await proxied(`/${provider}/${path}`, { ...told, ...known })
    }
    await proxied(`/${provider}/v1/models`, { ...json, 'ocp-apim-subscription-key': CANARIES.apimKey })
    await proxied(`/${provider}/v1/echo/chat/completions`, { ...json, 'api-key': CANARIES.echoed })
  }
  // WebSockets: one that is upgraded with each kind of key, one that is not.
  for (const protocols of [
    ['realtime', `openai-insecure-api-key.${CANARIES.subprotocol}`],
    ['token', CANARIES.subprotocolToken],
    ['realtime', `openai-insecure-api-key.${CHATGPT}`],
  ]) {
    const url = `${gateway.url.replace('http', 'ws')}/openai/v1/realtime?model=m`
    const socket = new WebSocket(url, { headers: key, protocols } as unknown as string[])
    await eventually(() => socket.readyState !== WebSocket.CONNECTING)
    expect([protocols[0], socket.readyState]).toEqual([protocols[0], WebSocket.OPEN])
    socket.terminate()
  }
  await send('GET', '/gone/v1/realtime?model=m', {
    ...key,
    authorization: `Bearer ${CANARIES.authorization}`,
    connection: 'upgrade',
    upgrade: 'websocket',
    'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
    'sec-websocket-version': '13',
  }).catch(() => undefined)

  // Credentials of the gateway: with its key in the provider's places, with content that repeats them, refused at last.
  for (const name of ['env', 'file', 'command', 'exchange', 'gone']) {
    for (const end of ['', `?key=${CANARIES.fileKey}`]) {
      const fields = end === '' ? { authorization: `Bearer ${CANARIES.fileKey}` } : {}
      await proxied(`/held-${name}/v1/chat/completions${end}`, { ...JSON_TYPE, ...fields })
    }
    await send('GET', `/held-${name}/v1/models`, key)
    await proxied(`/held-${name}/v1/echo/chat/completions`, json)
    await send('POST', `/held-${name}/v1/chat/completions`, json, body)
  }

  // What the gateway shows of it all.
  const traces = (await (await send('GET', '/api/traces?limit=200', key)).json()) as {
    items: { id: string }[]
  }
  await eventually(
    async () =>
      (
        (await (await fetch(`${gateway.url}/api/traces?limit=200`, { headers: key })).json()) as {
          items: unknown[]
        }
      ).items.length >= 100,
  )
  for (const { id } of traces.items.slice(0, 60)) await send('GET', `/api/traces/${id}`, key)
  for (const path of [
    '/api/gateway-keys',
    `/api/gateway-keys/${made.id}`,
    '/api/audit?limit=500',
    '/api/limits',
    '/api/health',
    '/api/ready',
    '/api/diagnostics/trace-pipeline',
    '/api/analytics/keys',
    '/api/analytics/errors?group_by=key',
  ]) {
    await send('GET', path, key)
  }
  await eventually(() => gateway.output().includes('budget.spent'))
  await send('GET', '/metrics', {})
  await send('GET', '/metrics', { authorization: `Bearer ${CANARIES.metricsToken}` })
  await eventually(
    () => collector.spans.length > 500 && collector.metrics.has('ongoingai.proxy.request_total'),
  )
  answers.push(collector.received)
  const run = async (...words: string[]): Promise<void> => {
    const { out, err } = await runProgram(words, {
      cwd: gateway.folder,
      env: { ...ENVIRONMENT, ONGOINGAI_GATEWAY_KEY: CANARIES.fileKey },
    })
    answers.push(`${out}\n${err}`)
  }
  await run('debug', 'last', '--include-headers', '--include-bodies', '--bundle-out', 'bundle.json')
  for (const words of [
    'report --format json',
    'report',
    'reprice --dry-run',
    'db check',
    'doctor',
    'config explain',
    'config validate',
    'keys list',
    'keys list --format json',
    'limits',
    'export --out traces.jsonl --bodies',
    `diagnostics --base-url ${gateway.url}`,
    `keys list --base-url http://127.0.0.1:1`,
    `keys list --base-url http://user:${CANARIES.baseUrl}@127.0.0.1:1/`,
    `limits --base-url http//user:${CANARIES.baseUrl}@host`,
    'doctor --online',
  ]) {
    await run(...words.split(' '))
  }
  // Settings that are wrong: at start, to every command that reads them, and when they are read again.
  const elsewhere = mkdtempSync(join(tmpdir(), 'ongoingai-canary-'))
  const wrong = [
    `providers: {openai: {upstream: "https://user:${CANARIES.invalidUpstream}@ho st/v1"}}`,
    `providers: {openai: {upstream: "https//user:${CANARIES.invalidUpstream}@host"}}`,
    `storage: {driver: postgres, dsn: "host=db password='${CANARIES.invalidDsn}' ="}`,
    `auth: {keys: "${CANARIES.misplaced}"}`,
    `auth: {pepper: "x"} "${CANARIES.misplaced}"`,
  ]
  for (const [i, yaml] of wrong.entries()) {
    const file = join(elsewhere, `${i}.yaml`)
    writeFileSync(file, yaml)
    for (const command of ['config validate', 'doctor', 'serve']) {
      await run(...command.split(' '), '--config', file)
    }
  }
  writeFileSync(gateway.configPath, wrong[0]!)
  gateway.kill('SIGHUP')
  await eventually(() => gateway.output().includes('configuration not reloaded'))
  writeFileSync(gateway.configPath, settings)
  const from = join(elsewhere, 'go.db')
  const requestHeaders = JSON.stringify({ 'X-Amz-Security-Token': [CANARIES.imported] })
  const responseHeaders = JSON.stringify({ Location: [`/x?sig=${CANARIES.imported}`] })
  const rows = goTraces(3).map((row) => ({ ...row, requestHeaders, responseHeaders }))
  makeGoSqlite(from, rows)
  gateway.kill('SIGTERM')
  await gateway.exited()
  await run('import', '--from', from)
  await run('export', '--out', 'after-import.jsonl')
  rmSync(elsewhere, { recursive: true, force: true })

  const sinks: [string, string][] = [
    ['log', gateway.output()],
    ...answers.map((text, i): [string, string] => [`answer ${i}`, text]),
    ...[...filesBelow(gateway.folder)]
      .filter(([path]) => path !== gateway.configPath)
      .map(([path, bytes]): [string, string] => [path, bytes.toString('latin1')]),
  ]
  for (const expected of ['traces.db', 'bundle.json', 'traces.jsonl', 'after-import.jsonl']) {
    expect([expected, sinks.some(([name]) => name.includes(expected))]).toEqual([expected, true])
  }
  const leaks = sinks.flatMap(([sink, text]) =>
    [...Object.entries(CANARIES), ...issued.map((token): [string, string] => ['issued', token])]
      // What the upstream answers is the client's to have.
      .filter(([name]) => !(OF_CLIENT.includes(name) && sink.startsWith('answer')))
      .filter(
        ([, canary]) =>
          text.includes(canary) || text.includes(Buffer.from(canary).toString('base64').slice(0, -4)),
      )
      .map(([name]) => `${name} in ${sink}`),
  )
  expect(leaks).toEqual([])
  // The credentials of the gateway reached the provider, and its own keys did not.
  const sent = upstream.requests.map(({ target, fields }) => [target, ...fields.flat()].join(' ')).join('\n')
  for (const name of ['heldVariable', 'heldFile', 'heldCommand', 'heldExchanged'] as const)
    expect([name, sent.includes(CANARIES[name])]).toEqual([name, true])
  expect(sent).not.toContain(CANARIES.fileKey)
  // A key that an operator writes into an upstream's URL is found there, and nowhere else.
  expect(upstream.requests.some(({ target }) => target.includes(CANARIES.upstreamQuery))).toBe(true)
  expect(upstream.requests.some(({ target }) => target.includes(CANARIES.amzSignature))).toBe(true)
  // The check can fail: what may be kept is there.
  const everything = sinks.map(([, text]) => text).join('')
  expect(everything).toContain(Bun.SHA256.hash(CANARIES.authorization, 'hex'))
  expect(everything).toContain('gpt-4o-mini')
  expect(everything).toContain('of-exchange')
  expect(everything).toContain('"cost_status":"included"')
  expect(upstream.requests.some((request) => request.field('x-goog-api-key') === CANARIES.googApiKey)).toBe(
    true,
  )
  expect(upstream.requests.some((request) => request.field('x-ongoingai-gateway-key') !== undefined)).toBe(
    false,
  )
}, 120_000)
