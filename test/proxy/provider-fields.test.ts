import { afterAll, afterEach, beforeAll, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { explainSettings } from '../../src/config/explain.ts'
import { ConfigError, loadConfig } from '../../src/config/load.ts'
import { openGateway, type TestGateway } from '../support/gateway.ts'
import { respondJson, Upstream } from '../support/upstream.ts'

let upstream: Upstream
let gateway: TestGateway | undefined
let folder: string

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ongoingai-fields-'))
  upstream = await Upstream.start((request, socket) =>
    request.field('upgrade')
      ? void socket.end('HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n')
      : respondJson({ seen: request.field('x-api-key') })(request, socket),
  )
})
afterEach(async () => {
  await gateway?.stop()
  gateway = undefined
})
afterAll(async () => {
  await upstream.stop()
  rmSync(folder, { recursive: true, force: true })
})

/** What a CDN and a reverse proxy put into a request on its way to the gateway. */
const NETWORK_FIELDS = {
  'cf-connecting-ip': '203.0.113.7',
  'cf-ray': '8f00000000000000-FRA',
  'cf-visitor': '{"scheme":"https"}',
  'cf-ipcountry': 'DE',
  'cdn-loop': 'cloudflare; loops=1',
  'true-client-ip': '203.0.113.7',
  'x-real-ip': '203.0.113.7',
  'x-forwarded-for': '203.0.113.7',
  'x-forwarded-host': 'llm.corp.internal',
  'x-forwarded-proto': 'https',
  forwarded: 'for=203.0.113.7',
}

const CREDENTIAL = { authorization: 'Bearer sk-provider-0123456789' }

/** What the upstream gets of a request with these fields, by name. */
async function fieldsSeen(
  fields: Readonly<Record<string, string>>,
  how: 'request' | 'WebSocket' = 'request',
): Promise<Record<string, string>> {
  if (how === 'request') {
    const response = await fetch(`${gateway!.url}/far/v1/models`, { headers: fields })
    expect(response.status).toBe(200)
  } else {
    const url = `${gateway!.url.replace('http', 'ws')}/far/v1/realtime`
    const socket = new WebSocket(url, { headers: fields } as unknown as string[])
    await new Promise((resolve) => (socket.onclose = resolve))
  }
  return Object.fromEntries(upstream.last.fields.map(([name, value]) => [name.toLowerCase(), value]))
}

function far(more = ''): string {
  return `providers: {far: {upstream: "${upstream.url}", prefix: /far${more}}}\n`
}

test('what a CDN or proxy before the gateway says of the client does not travel to providers', async () => {
  gateway = await openGateway(`${far()}server: {trusted_proxies: [127.0.0.0/8]}\n`)
  for (const how of ['request', 'WebSocket'] as const) {
    const seen = await fieldsSeen({ ...CREDENTIAL, ...NETWORK_FIELDS, 'x-custom': '1' }, how)
    expect([how, Object.keys(NETWORK_FIELDS).filter((name) => name in seen)]).toEqual([how, []])
    expect([seen['authorization'], seen['x-custom']]).toEqual([CREDENTIAL.authorization, '1'])
    expect(seen['via']).toMatch(/^1\.1 ongoingai-/)
  }
})

test('with server.forward_client_fields it does, and X-Forwarded-For grows by the address that the gateway sees', async () => {
  gateway = await openGateway(`${far()}server: {forward_client_fields: true}\n`)
  for (const how of ['request', 'WebSocket'] as const) {
    const seen = await fieldsSeen({ ...CREDENTIAL, ...NETWORK_FIELDS }, how)
    expect(seen).toMatchObject({ ...NETWORK_FIELDS, 'x-forwarded-for': '203.0.113.7, 127.0.0.1' })
  }
})

test('the options of Cloudflare’s AI Gateway are the client’s own and travel', async () => {
  gateway = await openGateway(far())
  expect(await fieldsSeen({ ...CREDENTIAL, 'cf-aig-metadata': '{}' })).toMatchObject({
    'cf-aig-metadata': '{}',
  })
})

test('a provider’s fields are set and removed, whatever the client sends', async () => {
  gateway = await openGateway(
    far(
      `, headers: {set: {X-Team_Name: blue, OpenAI-Organization: "\${env:ORG}", X-Real-IP: none}, remove: [X-Custom, User-Agent]}`,
    ),
    {},
    { ORG: 'org-1' },
  )
  const fields = {
    ...CREDENTIAL,
    'openai-organization': 'org-of-client',
    'x-custom': '1',
    'user-agent': 'me',
  }
  for (const how of ['request', 'WebSocket'] as const) {
    const seen = await fieldsSeen(fields, how)
    expect(seen).toMatchObject({ 'x-team_name': 'blue', 'openai-organization': 'org-1', 'x-real-ip': 'none' })
    expect([seen['x-custom'], seen['user-agent'] ?? '']).toEqual([undefined, ''])
  }
})

test('a credential that the settings bring is sent, is asked of nobody, and is neither shown nor stored', async () => {
  const secret = 'words of the operator alone'
  const file = join(folder, 'secret.yaml')
  const token = 'team-token-0123456789-0123456789abcdef'
  const settings = `${far(', headers: {set: {X-Api-Key: "${env:PROVIDER_KEY}"}}')}tracing: {capture_bodies: true, journal: {path: ${folder}/journal}}\nstorage: {path: ${folder}/traces.db}\nauth: {enabled: true, keys: [{id: k, token: ${token}, org_id: o, workspace_id: w, role: owner}]}\n`
  const key = { 'x-ongoingai-gateway-key': token }
  gateway = await openGateway(settings, key, { PROVIDER_KEY: secret })
  const seen = await fieldsSeen(key)
  expect(seen['x-api-key']).toBe(secret)
  expect((await fetch(`${gateway.url}/far/v1/models`)).status).toBe(401)
  const [trace] = await gateway.traces(1)
  writeFileSync(file, settings)
  const loaded = loadConfig(file, { PROVIDER_KEY: secret })
  const shown = explainSettings(loaded.document, file)
  expect(shown.find(({ path }) => path === 'providers.far.headers.set.X-Api-Key')).toMatchObject({
    value: '********',
    origin: expect.stringContaining('from PROVIDER_KEY'),
  })
  const detail = await gateway.detail(trace!['id'])
  const told = JSON.stringify([shown, gateway.lines, detail])
  expect(told).not.toContain(secret)
  // The upstream repeats it, and the client may see that; the record does not.
  expect(String(detail['response_body'])).toContain('seen')
})

test('fields that the gateway works out itself, and what no field can be, are mistakes', () => {
  for (const [headers, message] of [
    ['{set: {Host: a}}', 'headers.set: host is worked out by the gateway and cannot be changed'],
    [
      '{set: {Content-Length: "1"}}',
      'headers.set: content-length is worked out by the gateway and cannot be changed',
    ],
    [
      '{set: {Transfer-Encoding: chunked}}',
      'headers.set: transfer-encoding is worked out by the gateway and cannot be changed',
    ],
    [
      '{set: {Connection: close}}',
      'headers.set: connection is worked out by the gateway and cannot be changed',
    ],
    ['{remove: [Via]}', 'headers.remove: via is worked out by the gateway and cannot be changed'],
    ['{set: {"a b": c}}', 'headers.set: "a b" is not a header name'],
    ['{remove: ["a:"]}', 'headers.remove: "a:" is not a header name'],
    ['{set: {X-A: "1", x-a: "2"}}', 'headers.set: x-a is set twice'],
    ['{set: {X-A: "unspoken\\nX-B: 1"}}', 'headers.set.X-A holds a character that no header field can hold'],
    ['{set: {X-A: "unspoken \\u20ac"}}', 'headers.set.X-A holds a character that no header field can hold'],
    ['{set: {X-A: "${UNSET}"}}', 'holds the placeholder ${UNSET}, which is not resolved'],
    ['{set: {X-A: "${env:UNSET}"}}', 'the variable UNSET is not set'],
    ['{set: "unspoken"}', 'must hold settings'],
    ['"unspoken"', 'must hold settings'],
  ] as const) {
    const file = join(folder, 'wrong.yaml')
    writeFileSync(file, far(`, headers: ${headers}`))
    let said = 'nothing'
    try {
      loadConfig(file, {})
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      said = error.message
    }
    expect(said).toContain(message)
    expect(said).not.toContain('unspoken')
  }
})
