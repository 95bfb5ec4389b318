import { afterAll, beforeAll, expect, test } from 'bun:test'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { Collector } from './support/collector.ts'
import { eventually } from './support/eventually.ts'
import { runProgram, serveProgram, type GatewayProcess } from './support/process.ts'
import { answerJson, Upstream } from './support/upstream.ts'

// A credential of each kind, sent through every door, is found nowhere afterwards.

/** Distinct, and long enough that a part of one is a leak too. */
const CANARIES = {
  fileKey: 'canary-gateway-key-of-the-file-7d1',
  wrongKey: 'canary-wrong-gateway-key-5b3e',
  authorization: 'sk-canary-authorization-91c2f0aa7',
  xApiKey: 'sk-ant-canary-x-api-key-44d8e1bb2',
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
} as const

let upstream: Upstream
let receiver: Upstream
let gateway: GatewayProcess
let collector: Collector
const issued: string[] = []
const answers: string[] = []

beforeAll(async () => {
  upstream = await Upstream.start(
    answerJson(
      { id: 'x', model: 'gpt-4o-mini', usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 } },
      { 'Set-Cookie': `s=${CANARIES.responseCookie}` },
    ),
  )
  // A receiver that takes nothing, so that its failure is logged.
  receiver = await Upstream.start((_, socket) => void socket.destroy())
  collector = new Collector()
  gateway = await serveProgram(`observability:
  metrics_token: ${CANARIES.metricsToken}
  otel: {enabled: true, endpoint: "${collector.url}", prometheus_enabled: true, metric_export_interval_ms: 500, propagate_upstream: true}
storage: {path: ./data/traces.db}
providers:
  openai: {upstream: "${upstream.url}"}
  anthropic: {upstream: "${upstream.url}"}
  gemini: {upstream: "${upstream.url}"}
  azure: {upstream: "${upstream.url}"}
  own: {upstream: "${upstream.url}", prefix: /own, credential_header: X-Own-Credential}
  gone: {upstream: "http://127.0.0.1:1", prefix: /gone}
tracing: {capture_bodies: true}
auth:
  enabled: true
  pepper: ${CANARIES.pepper}
  keys: [{id: file, token: ${CANARIES.fileKey}, role: owner}]
limits:
  policies: [{name: warned, per: workspace, budget: {cost_usd: 0.0000001, enforcement: soft, warn_at: [0.1]}}]
  webhooks: [{url: "${receiver.url}/${CANARIES.webhookPath}", secret: ${CANARIES.webhookSecret}}]
`)
}, 30_000)
afterAll(async () => {
  gateway.remove()
  await upstream.stop()
  await receiver.stop()
  collector.stop()
})

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
    { 'api-key': CANARIES.apiKey },
    { 'x-goog-api-key': CANARIES.googApiKey },
    { 'x-own-credential': CANARIES.own, 'proxy-authorization': CANARIES.proxyAuthorization },
    { authorization: `Bearer ${CANARIES.authorization}`, cookie: `session=${CANARIES.cookie}` },
  ]
  const doors = [
    ['POST', '/openai/v1/chat/completions'],
    ['POST', '/anthropic/v1/messages'],
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
  // A WebSocket that is not upgraded.
  await send('GET', '/openai/v1/realtime?model=m', {
    ...key,
    authorization: `Bearer ${CANARIES.authorization}`,
    connection: 'upgrade',
    upgrade: 'websocket',
    'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
    'sec-websocket-version': '13',
  }).catch(() => undefined)

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
      env: { ONGOINGAI_GATEWAY_KEY: CANARIES.fileKey },
    })
    answers.push(`${out}\n${err}`)
  }
  await run('debug', 'last', '--include-headers', '--include-bodies', '--bundle-out', 'bundle.json')
  for (const words of [
    'report --format json',
    'report',
    'doctor',
    'config explain',
    'config validate',
    'keys list',
    'keys list --format json',
    'limits',
    'export --out traces.jsonl --bodies',
    `diagnostics --base-url ${gateway.url}`,
    `keys list --base-url http://127.0.0.1:1`,
  ]) {
    await run(...words.split(' '))
  }
  gateway.kill('SIGTERM')
  await gateway.exited()

  const sinks: [string, string][] = [
    ['log', gateway.output()],
    ...answers.map((text, i): [string, string] => [`answer ${i}`, text]),
    ...[...filesBelow(gateway.folder)]
      .filter(([path]) => path !== gateway.configPath)
      .map(([path, bytes]): [string, string] => [path, bytes.toString('latin1')]),
  ]
  for (const expected of ['traces.db', 'bundle.json', 'traces.jsonl']) {
    expect([expected, sinks.some(([name]) => name.includes(expected))]).toEqual([expected, true])
  }
  const leaks = sinks.flatMap(([sink, text]) =>
    [...Object.entries(CANARIES), ...issued.map((token): [string, string] => ['issued', token])]
      // The upstream's cookie is the client's to have.
      .filter(([name]) => !(name === 'responseCookie' && sink.startsWith('answer')))
      .filter(
        ([, canary]) =>
          text.includes(canary) || text.includes(Buffer.from(canary).toString('base64').slice(0, -4)),
      )
      .map(([name]) => `${name} in ${sink}`),
  )
  expect(leaks).toEqual([])
  // The check can fail: what may be kept is there.
  const everything = sinks.map(([, text]) => text).join('')
  expect(everything).toContain(Bun.SHA256.hash(CANARIES.authorization, 'hex'))
  expect(everything).toContain('gpt-4o-mini')
  expect(upstream.requests.some((request) => request.field('x-goog-api-key') === CANARIES.googApiKey)).toBe(
    true,
  )
  expect(upstream.requests.some((request) => request.field('x-ongoingai-gateway-key') !== undefined)).toBe(
    false,
  )
}, 120_000)
