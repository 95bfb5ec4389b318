import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { networkInterfaces } from 'node:os'
import { eventually } from '../support/eventually.ts'
import { openGateway, providersAt, type TestGateway } from '../support/gateway.ts'
import { runProgram } from '../support/process.ts'
import { sendRaw, type RawResponse } from '../support/raw-client.ts'
import { respond, respondJson, Upstream } from '../support/upstream.ts'

setDefaultTimeout(30_000)

// What pages of other origins may do, and under which names the gateway answers: every row of the rule, over raw sockets.

const KEY = 'owner-token-0123456789abcdef'
const WITH_KEY = `X-OngoingAI-Gateway-Key: ${KEY}`
const CREDENTIAL = 'Authorization: Bearer sk-provider-0123456789'
const KEYS = `auth: {enabled: true, keys: [{id: k, token: ${KEY}, role: owner}]}\n`
const METRICS =
  'observability: {otel: {enabled: true, traces_enabled: false, metrics_enabled: false, prometheus_enabled: true}}\n'
const LISTED = 'https://app.example'
const EVIL = 'https://evil.example'
const CHAT = '/openai/v1/chat/completions'

let upstream: Upstream
const gateways: TestGateway[] = []
beforeAll(async () => {
  upstream = await Upstream.start(respondJson({ ok: true }))
})
afterEach(() => {
  upstream.play = respondJson({ ok: true })
})
afterAll(async () => {
  for (const gateway of gateways) await gateway.stop()
  await upstream.stop()
})

async function open(settings: string, fields = {}): Promise<TestGateway> {
  const gateway = await openGateway(`${providersAt(upstream.url)}${settings}`, fields)
  gateways.push(gateway)
  return gateway
}

const codeOf = ({ text }: RawResponse): string => {
  const { code, error } = JSON.parse(text) as { code?: string; error?: { code?: string } }
  return code ?? error?.code ?? ''
}
const corsOf = ({ fields }: RawResponse): Record<string, string> =>
  Object.fromEntries(
    Object.entries(fields).filter(([name]) => name.startsWith('access-control-') || name === 'vary'),
  )
const FOR_PAGES = (origin: string): Record<string, string> => ({
  'access-control-allow-origin': origin,
  'access-control-expose-headers': '*',
  vary: 'Origin',
})

describe('with keys off', () => {
  let off: TestGateway
  let local: string
  const get = (path: string, ...lines: string[]): Promise<RawResponse> =>
    sendRaw(off.port, [`GET ${path} HTTP/1.1`, `Host: ${local}`, ...lines])
  const post = (path: string, content: string, ...lines: string[]): Promise<RawResponse> =>
    sendRaw(off.port, [`POST ${path} HTTP/1.1`, `Host: ${local}`, ...lines], content)
  const chat = (...lines: string[]): Promise<RawResponse> =>
    post(CHAT, '{"model":"m"}', 'Content-Type: application/json', CREDENTIAL, ...lines)
  beforeAll(async () => {
    off = await open(`server: {cors_origins: ["${LISTED}"], allowed_hosts: [gateway.internal]}\n${METRICS}`)
    local = `127.0.0.1:${off.port}`
  })

  test('the management API and the metrics answer no page of another origin', async () => {
    for (const path of [
      '/api/traces',
      '/%61pi/traces',
      '/api/health',
      '/api/openapi.yaml',
      '/api/none',
      '/metrics',
    ]) {
      for (const lines of [
        [`Origin: ${EVIL}`],
        ['Origin: null'],
        ['Origin: http://localhost:5173'],
        ['Origin: file://'],
        [`Origin: ${LISTED}.evil.example`],
        [`Origin: ${LISTED}:444`],
        [`Origin: http://127.0.0.1`],
        [`Origin: ${LISTED}`, `Origin: ${EVIL}`],
        ['Sec-Fetch-Site: cross-site'],
        ['Sec-Fetch-Site: same-site'],
        [`Origin: ${EVIL}`, 'Sec-Fetch-Site: same-origin'],
      ]) {
        const refused = await get(path, ...lines)
        expect([path, lines, refused.status, corsOf(refused)]).toEqual([path, lines, 403, {}])
        expect([codeOf(refused), refused.text]).toEqual([
          'origin_not_allowed',
          expect.stringContaining('server.cors_origins'),
        ])
      }
      for (const lines of [[], ['Sec-Fetch-Site: same-origin'], ['Sec-Fetch-Site: none']]) {
        const { status, fields } = await get(path, ...lines)
        const expected = path === '/api/none' ? 404 : 200
        expect([path, lines, status, fields['access-control-allow-origin']]).toEqual([
          path,
          lines,
          expected,
          undefined,
        ])
      }
    }
  })

  test('pages of listed origins and of the gateway itself may read answers and refusals', async () => {
    for (const origin of [LISTED, `http://${local}`, `https://${local}`]) {
      for (const [path, status] of [
        ['/api/traces', 200],
        ['/api/traces?limit=x', 400],
        ['/api/none', 404],
        ['/metrics', 200],
        ['/', 200],
        ['/api/live', 200],
      ] as const) {
        const given = await get(path, `Origin: ${origin}`, 'Sec-Fetch-Site: cross-site')
        expect([origin, path, given.status, corsOf(given)]).toEqual([origin, path, status, FOR_PAGES(origin)])
      }
    }
  })

  test('what only says that the gateway is there answers every page, and lets none read it', async () => {
    for (const path of ['/', '/api/live', '/api/ready', '/nothing']) {
      const given = await get(path, `Origin: ${EVIL}`, 'Sec-Fetch-Site: cross-site')
      expect([path, given.status, corsOf(given)]).toEqual([path, path === '/nothing' ? 404 : 200, {}])
    }
  })

  test('no page of another origin makes the gateway forward anything, and the refusal is recorded', async () => {
    // One of its own: of many refusals in a short time only the first are recorded.
    const fresh = await open('')
    const host = `Host: 127.0.0.1:${fresh.port}`
    const send = (path: string, ...lines: string[]): Promise<RawResponse> =>
      sendRaw(fresh.port, [`POST ${path} HTTP/1.1`, host, CREDENTIAL, ...lines], '{"model":"m"}')
    const seen = upstream.requests.length
    for (const lines of [
      [`Origin: ${EVIL}`],
      ['Origin: null'],
      [`Origin: https://localhost.evil.example`],
      [`Origin: http://127.0.0.1.evil.example`],
      [`Origin: http://127.0.0.2`],
      [`Origin: chrome-extension://abcdef`],
      ['Sec-Fetch-Site: cross-site'],
    ]) {
      const refused = await send(CHAT, ...lines)
      expect([lines, refused.status, corsOf(refused)]).toEqual([lines, 403, {}])
      expect(JSON.parse(refused.text)).toEqual({
        error: {
          message: expect.stringContaining('server.cors_origins') as unknown,
          type: 'permission_error',
          param: null,
          code: 'origin_not_allowed',
        },
      })
      expect(refused.fields['x-should-retry']).toBe('false')
    }
    const upgrade = [
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    ]
    expect(
      (
        await sendRaw(fresh.port, [
          'GET /openai/v1/realtime?model=x HTTP/1.1',
          host,
          `Origin: ${EVIL}`,
          ...upgrade,
        ])
      ).status,
    ).toBe(403)
    const anthropic = await send('/anthropic/v1/messages', `Origin: ${EVIL}`)
    expect(JSON.parse(anthropic.text)).toMatchObject({
      type: 'error',
      error: { type: 'permission_error', code: 'origin_not_allowed' },
    })
    expect(upstream.requests.length).toBe(seen)
    const id = anthropic.fields['x-ongoingai-trace-id']!
    await eventually(async () => (await fresh.detail(id))['id'] === id)
    expect(await fresh.detail(id)).toMatchObject({
      outcome: 'refused',
      error_code: 'origin_not_allowed',
      response_status: 403,
    })
    expect(
      fresh.lines.some(
        ({ message, fields }) =>
          message === 'audit gateway auth deny' && fields['audit_reason'] === 'origin_not_allowed',
      ),
    ).toBe(true)
  })

  test('loopback pages, applications, listed origins and programs use a provider', async () => {
    for (const origin of [
      'http://localhost',
      'http://localhost:5173',
      'https://localhost:8443',
      'http://127.0.0.1:3000',
      'http://[::1]:3000',
      'app://obsidian.md',
      'file://',
      'tauri://localhost',
      'vscode-webview://0a1b',
      'vscode-file://vscode-app',
      LISTED,
    ]) {
      const passed = await chat(`Origin: ${origin}`, 'Sec-Fetch-Site: cross-site')
      expect([origin, passed.status, corsOf(passed)]).toEqual([origin, 200, FOR_PAGES(origin)])
    }
    for (const lines of [[], ['Sec-Fetch-Site: same-site'], ['Sec-Fetch-Site: none']]) {
      expect([lines, (await chat(...lines)).status]).toEqual([lines, 200])
    }
    const seen = upstream.requests.length
    const asked = await get(
      '/openai/v1/realtime?model=x',
      'Origin: http://localhost:5173',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    )
    // The upstream of this test offers none; its answer can be read.
    expect([upstream.requests.length, corsOf(asked)]).toEqual([seen + 1, FOR_PAGES('http://localhost:5173')])
  })

  test('a name that is not the gateway’s is refused, however it is written', async () => {
    const seen = upstream.requests.length
    for (const host of [
      'rebound.evil.example',
      `evil.example:${off.port}`,
      '127.0.0.1.evil.example',
      'localhost.evil.example',
      'notlocalhost',
      '192.0.2.99',
      '[2001:db8::1]',
      '128.0.0.1',
      'gateway.internal.evil.example',
      'evil.example.',
    ]) {
      for (const path of ['/api/traces', '/api/health', '/', '/nothing', '/metrics', CHAT]) {
        const refused = await sendRaw(off.port, [`GET ${path} HTTP/1.1`, `Host: ${host}`])
        expect([host, path, refused.status, codeOf(refused)]).toEqual([host, path, 403, 'host_not_allowed'])
        expect(refused.text).toContain('server.allowed_hosts')
      }
      const absolute = await sendRaw(off.port, [`GET http://${local}/api/traces HTTP/1.1`, `Host: ${host}`])
      expect([host, absolute.status]).toEqual([host, 403])
      const probe = await sendRaw(off.port, ['GET /api/live HTTP/1.1', `Host: ${host}`])
      expect([host, probe.status]).toEqual([host, 200])
      expect((await sendRaw(off.port, ['GET /api/ready HTTP/1.1', `Host: ${host}`])).status).toBe(200)
    }
    expect(upstream.requests.length).toBe(seen)
  })

  test('loopback names and addresses, host.docker.internal and listed names are the gateway’s', async () => {
    for (const host of [
      local,
      '127.0.0.1',
      '127.8.9.10:80',
      `localhost:${off.port}`,
      'LOCALHOST',
      'localhost.',
      'app.localhost:1234',
      '[::1]:8080',
      'host.docker.internal:8080',
      'gateway.internal',
      'Gateway.Internal:80',
    ]) {
      for (const path of ['/api/traces', '/metrics', CHAT]) {
        const { status } = await sendRaw(off.port, [`GET ${path} HTTP/1.1`, `Host: ${host}`])
        expect([host, path, status]).toEqual([host, path, 200])
      }
    }
  })

  test('a request of HTTP/1.0 that names no host is no page’s, and is served', async () => {
    expect((await sendRaw(off.port, ['GET /api/traces HTTP/1.0'])).status).toBe(200)
    expect((await sendRaw(off.port, ['GET /api/traces HTTP/1.0', `Origin: ${EVIL}`])).status).toBe(403)
    // Nothing stands for its own origin.
    expect((await sendRaw(off.port, ['GET /api/traces HTTP/1.0', 'Origin: file://'])).status).toBe(403)
  })

  test('refusals come in order: host, origin, media type, then the rest', async () => {
    const ask = async (host: string, ...lines: string[]): Promise<string> =>
      codeOf(
        await sendRaw(
          off.port,
          ['POST /api/gateway-keys HTTP/1.1', `Host: ${host}`, ...lines],
          '{"role":"owner"}',
        ),
      )
    const text = 'Content-Type: text/plain'
    expect(await ask('evil.example', `Origin: ${EVIL}`, text)).toBe('host_not_allowed')
    expect(await ask(local, `Origin: ${EVIL}`, text)).toBe('origin_not_allowed')
    expect(await ask(local, text)).toBe('unsupported_media_type')
    expect(await ask(local, 'Content-Type: application/json')).toBe('auth_disabled')
  })

  test('keys are not changed over HTTP, and are read', async () => {
    for (const line of [
      'POST /api/gateway-keys',
      'PATCH /api/gateway-keys/x',
      'DELETE /api/gateway-keys/x',
      'POST /api/gateway-keys/x/rotate',
    ]) {
      const refused = await sendRaw(off.port, [`${line} HTTP/1.1`, `Host: ${local}`])
      expect([line, refused.status, codeOf(refused)]).toEqual([line, 403, 'auth_disabled'])
      expect(refused.text).toContain('auth.enabled')
    }
    const listed = await get('/api/gateway-keys')
    expect([listed.status, JSON.parse(listed.text)]).toEqual([200, { items: [] }])
  })

  test('a refused change of keys and its denial belong to the same tenant', async () => {
    await sendRaw(off.port, ['DELETE /api/gateway-keys/of-one-tenant HTTP/1.1', `Host: ${local}`])
    let told: string[] = []
    await eventually(async () => {
      const { text } = await get('/api/audit?limit=200')
      const { items } = JSON.parse(text) as { items: Record<string, unknown>[] }
      told = items
        .filter(({ target }) => String(target).endsWith('of-one-tenant'))
        .map((item) => ['action', 'actor', 'org_id', 'workspace_id'].map((n) => item[n]).join(' '))
      return told.length === 2
    })
    expect(told.sort()).toEqual([
      'gateway_auth anonymous default default',
      'key.revoke anonymous default default',
    ])
  })

  test('the command line changes keys in the store beside a running gateway, and says why it cannot over HTTP', async () => {
    const settings = ['--config', `${off.folder}/ongoingai.yaml`]
    const made = await runProgram(['keys', 'create', '--role', 'viewer', '--id', 'made', ...settings])
    expect([made.status, made.err]).toEqual([0, 'note: auth.enabled is false, so no key is demanded\n'])
    const refused = await runProgram(['keys', 'revoke', 'made', '--base-url', off.url, ...settings])
    expect([refused.status, refused.err]).toEqual([1, expect.stringContaining('auth.enabled')])
    const revoked = await runProgram(['keys', 'revoke', 'made', ...settings])
    expect([revoked.status, revoked.err]).toEqual([0, expect.stringContaining('note: ')])
  })

  test('a flood of a hostile page fills neither record nor log', async () => {
    const flooded = await open('')
    const floods = 400
    for (let i = 0; i < floods; i++) {
      const response = await fetch(`${flooded.url}${i % 2 === 0 ? CHAT : '/api/traces'}`, {
        headers: { origin: EVIL },
      })
      await response.arrayBuffer()
      expect(response.status).toBe(403)
    }
    const told = flooded.lines.length
    expect(told).toBeLessThan(300)
    expect(flooded.gateway.diagnostics().enqueue_accepted_total).toBeLessThan(150)
  })
})

describe('with keys on', () => {
  let on: TestGateway
  beforeAll(async () => {
    on = await open(`server: {cors_origins: ["${LISTED}"]}\n${KEYS}`, { 'X-OngoingAI-Gateway-Key': KEY })
  })

  test('the key protects a provider: any origin but null, whatever the host', async () => {
    for (const origin of [
      EVIL,
      LISTED,
      'http://localhost:1',
      'chrome-extension://abcdef',
      'https://pivot.example',
    ]) {
      const lines = [`GET ${CHAT} HTTP/1.1`, 'Host: gateway.example', `Origin: ${origin}`, CREDENTIAL]
      const passed = await sendRaw(on.port, [...lines, WITH_KEY, 'Sec-Fetch-Site: cross-site'])
      expect([origin, passed.status, corsOf(passed)]).toEqual([origin, 200, FOR_PAGES(origin)])
      const refused = await sendRaw(on.port, lines)
      expect([origin, refused.status, codeOf(refused)]).toEqual([origin, 401, 'missing_gateway_key'])
      expect(corsOf(refused)).toEqual(FOR_PAGES(origin))
    }
    const sandboxed = await sendRaw(on.port, [
      `GET ${CHAT} HTTP/1.1`,
      'Host: x',
      'Origin: null',
      CREDENTIAL,
      WITH_KEY,
    ])
    expect([sandboxed.status, codeOf(sandboxed), corsOf(sandboxed)]).toEqual([403, 'origin_not_allowed', {}])
    const navigated = [`GET ${CHAT} HTTP/1.1`, 'Host: x', CREDENTIAL, WITH_KEY, 'Sec-Fetch-Site: cross-site']
    expect((await sendRaw(on.port, navigated)).status).toBe(200)
  })

  test('the management API answers no page of an origin that is not listed, key or no key', async () => {
    for (const lines of [[`Origin: ${EVIL}`], ['Origin: null'], ['Sec-Fetch-Site: same-site']]) {
      for (const key of [[], [WITH_KEY]]) {
        const refused = await sendRaw(on.port, [
          'GET /api/traces HTTP/1.1',
          'Host: gateway.example',
          ...lines,
          ...key,
        ])
        expect([lines, refused.status, codeOf(refused)]).toEqual([lines, 403, 'origin_not_allowed'])
      }
    }
    for (const origin of [LISTED, 'https://gateway.example', 'http://gateway.example']) {
      const lines = ['GET /api/traces HTTP/1.1', 'Host: gateway.example', `Origin: ${origin}`]
      expect((await sendRaw(on.port, [...lines, WITH_KEY])).status).toBe(200)
      const refused = await sendRaw(on.port, lines)
      expect([origin, refused.status, corsOf(refused)]).toEqual([origin, 401, FOR_PAGES(origin)])
    }
  })

  test('refusals come in order: origin, key, media type, then the rest', async () => {
    const ask = async (...lines: string[]): Promise<string> =>
      codeOf(
        await sendRaw(
          on.port,
          ['POST /api/gateway-keys HTTP/1.1', 'Host: gateway.example', ...lines],
          '{"role":"king"}',
        ),
      )
    const text = 'Content-Type: text/plain;charset=UTF-8'
    expect(await ask(`Origin: ${EVIL}`, text)).toBe('origin_not_allowed')
    expect(await ask(text)).toBe('missing_gateway_key')
    expect(await ask(WITH_KEY, text)).toBe('unsupported_media_type')
    expect(await ask(WITH_KEY)).toBe('unsupported_media_type')
    expect(await ask(WITH_KEY, 'Content-Type: application/x-www-form-urlencoded')).toBe(
      'unsupported_media_type',
    )
    expect(await ask(WITH_KEY, 'Content-Type: Application/JSON; charset=utf-8')).toBe('bad_request')
  })

  test('a write without content needs no content type', async () => {
    const made = await sendRaw(on.port, [
      'POST /api/gateway-keys HTTP/1.1',
      'Host: x',
      WITH_KEY,
      'Content-Length: 0',
    ])
    expect(made.status).toBe(201)
  })

  test('metrics that no token protects are shown to nobody, and the start says so', async () => {
    const bare = await open(`${KEYS}${METRICS}`)
    for (const lines of [[], [WITH_KEY], [`Authorization: Bearer ${KEY}`]]) {
      const refused = await sendRaw(bare.port, ['GET /metrics HTTP/1.1', 'Host: x', ...lines])
      expect([refused.status, codeOf(refused)]).toEqual([401, 'metrics_token_required'])
      expect(refused.text).toContain('observability.metrics_token')
    }
    expect(
      bare.lines.filter(({ level, message }) => level === 'WARN' && message.includes('metrics')),
    ).toHaveLength(1)
    const token = await open(`${KEYS}${METRICS.replace('{', '{metrics_token: a-token-of-prometheus-1, ')}`)
    const ask = (...lines: string[]): Promise<RawResponse> =>
      sendRaw(token.port, ['GET /metrics HTTP/1.1', 'Host: x', ...lines])
    expect((await ask()).status).toBe(401)
    expect((await ask('Authorization: Bearer a-token-of-prometheus-1')).status).toBe(200)
    expect(codeOf(await ask('Authorization: Bearer a-token-of-prometheus-1', `Origin: ${EVIL}`))).toBe(
      'origin_not_allowed',
    )
    expect(token.lines.filter(({ level }) => level === 'WARN' && /metrics/.test(level))).toEqual([])
  })
})

describe('a listener of its own for metrics', () => {
  test('knows the rules of hosts and origins too', async () => {
    const { freePort } = await import('../support/free-port.ts')
    const port = await freePort()
    await open(
      `server: {allowed_hosts: [gateway]}\n${METRICS.replace('{', `{admin_address: "127.0.0.1:${port}", `)}`,
    )
    const ask = (...lines: string[]): Promise<RawResponse> =>
      sendRaw(port, ['GET /metrics HTTP/1.1', ...lines])
    expect((await ask(`Host: 127.0.0.1:${port}`)).status).toBe(200)
    expect((await ask(`Host: gateway:${port}`)).status).toBe(200)
    expect(codeOf(await ask('Host: evil.example'))).toBe('host_not_allowed')
    expect(codeOf(await ask(`Host: 127.0.0.1:${port}`, `Origin: ${EVIL}`))).toBe('origin_not_allowed')
    expect((await ask('Host: gateway', 'Host: evil.example')).status).toBe(400)
  })
})

describe('preflights', () => {
  const preflight = (
    gateway: TestGateway,
    path: string,
    origin: string,
    ...lines: string[]
  ): Promise<RawResponse> =>
    sendRaw(gateway.port, [
      `OPTIONS ${path} HTTP/1.1`,
      `Host: 127.0.0.1:${gateway.port}`,
      `Origin: ${origin}`,
      'Access-Control-Request-Method: POST',
      ...lines,
    ])
  const wanted = 'authorization,content-type,x-ongoingai-gateway-key'

  test('of allowed origins are answered 204 with or without a key, and never forwarded', async () => {
    const off = await open(`server: {cors_origins: ["${LISTED}"]}\n${METRICS}`)
    const on = await open(`server: {cors_origins: ["${LISTED}"]}\n${KEYS}${METRICS}`)
    const seen = upstream.requests.length
    for (const [gateway, path, origin] of [
      [off, CHAT, 'http://localhost:5173'],
      [off, CHAT, 'app://obsidian.md'],
      [off, '/api/gateway-keys', LISTED],
      [off, '/metrics', LISTED],
      [on, CHAT, EVIL],
      [on, '/api/traces', LISTED],
      [on, '/api/nothing', LISTED],
      [on, '/metrics', LISTED],
    ] as const) {
      const { status, fields, text } = await preflight(
        gateway,
        path,
        origin,
        `Access-Control-Request-Headers: ${wanted}`,
      )
      expect([path, origin, status, text]).toEqual([path, origin, 204, ''])
      expect(fields).toMatchObject({
        ...FOR_PAGES(origin),
        'access-control-allow-headers': wanted,
        'access-control-allow-methods': expect.stringMatching(/\bGET\b.*\bPOST\b.*\bDELETE\b/) as string,
        'access-control-max-age': expect.stringMatching(/^\d+$/) as string,
      })
      expect(fields).not.toHaveProperty('access-control-allow-credentials')
    }
    expect(upstream.requests.length).toBe(seen)
    expect(
      [off.gateway.diagnostics(), on.gateway.diagnostics()].map((d) => d.enqueue_accepted_total),
    ).toEqual([0, 0])
  })

  test('of other origins are refused, as the request would be', async () => {
    const off = await open('')
    const on = await open(KEYS)
    for (const [gateway, path, origin] of [
      [off, CHAT, EVIL],
      [off, CHAT, 'null'],
      [off, '/api/gateway-keys', EVIL],
      [off, '/api/gateway-keys', 'http://localhost:5173'],
      [on, CHAT, 'null'],
      [on, '/api/gateway-keys', EVIL],
    ] as const) {
      const refused = await preflight(gateway, path, origin)
      expect([path, origin, refused.status, corsOf(refused)]).toEqual([path, origin, 403, {}])
    }
    const rebound = await sendRaw(off.port, [
      `OPTIONS ${CHAT} HTTP/1.1`,
      'Host: evil.example',
      'Origin: http://evil.example',
      'Access-Control-Request-Method: POST',
    ])
    expect([rebound.status, codeOf(rebound)]).toEqual([403, 'host_not_allowed'])
  })

  test('what only looks like one is a request like any other', async () => {
    const on = await open(KEYS)
    for (const lines of [[`Origin: ${EVIL}`], ['Access-Control-Request-Method: POST']]) {
      const given = await sendRaw(on.port, [`OPTIONS ${CHAT} HTTP/1.1`, 'Host: x', ...lines])
      expect([lines, given.status]).toEqual([lines, 401])
    }
  })
})

describe('the upstream’s own fields', () => {
  const THEIRS = {
    'Content-Type': 'application/json',
    'Access-Control-Allow-Origin': '*',
    'Access-Control-Allow-Credentials': 'true',
    'Access-Control-Expose-Headers': 'X-Request-ID',
    'Access-Control-Allow-Headers': 'X-Theirs',
    Vary: 'Accept-Encoding',
  }

  test('pass untouched without an Origin, and give way to ours with one', async () => {
    const off = await open('')
    const ask = (...lines: string[]): Promise<RawResponse> =>
      sendRaw(off.port, ['GET /openai/v1/models HTTP/1.1', 'Host: localhost', ...lines])
    upstream.play = respond(200, THEIRS, '{}')
    expect(corsOf(await ask())).toEqual({
      'access-control-allow-origin': '*',
      'access-control-allow-credentials': 'true',
      'access-control-expose-headers': 'X-Request-ID',
      'access-control-allow-headers': 'X-Theirs',
      vary: 'Accept-Encoding',
    })
    expect(corsOf(await ask('Origin: http://localhost:1'))).toEqual({
      ...FOR_PAGES('http://localhost:1'),
      vary: 'Accept-Encoding, Origin',
    })
    for (const [vary, merged] of [
      ['origin, Accept', 'origin, Accept'],
      ['*', '*'],
      ['X-Origin', 'X-Origin, Origin'],
    ] as const) {
      upstream.play = respond(200, { ...THEIRS, Vary: vary }, '{}')
      expect((await ask('Origin: http://localhost:1')).fields['vary']).toBe(merged)
    }
  })

  test('give way on errors and streams of the upstream too', async () => {
    const off = await open('')
    upstream.play = respond(429, THEIRS, '{"error":{}}')
    const lines = ['GET /openai/v1/models HTTP/1.1', 'Host: localhost', 'Origin: http://localhost:1']
    const limited = await sendRaw(off.port, lines)
    expect([limited.status, limited.fields['access-control-allow-origin']]).toEqual([
      429,
      'http://localhost:1',
    ])
    upstream.play = (_, socket) =>
      void socket.end(
        'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nAccess-Control-Allow-Origin: *\r\nConnection: close\r\n\r\ndata: x\n\n',
      )
    const streamed = await sendRaw(off.port, lines)
    expect([streamed.text, corsOf(streamed)]).toEqual(['data: x\n\n', FOR_PAGES('http://localhost:1')])
    upstream.play = (_, socket) => void socket.destroy()
    const broken = await sendRaw(off.port, lines)
    expect([broken.status, corsOf(broken)]).toEqual([502, FOR_PAGES('http://localhost:1')])
  })
})

describe('the gateway’s own origin', () => {
  const ask = async (gateway: TestGateway, host: string, origin: string): Promise<number> =>
    (
      await sendRaw(gateway.port, [
        'GET /api/traces HTTP/1.1',
        `Host: ${host}`,
        `Origin: ${origin}`,
        WITH_KEY,
      ])
    ).status

  test('is that of server.public_url, and host and port of the request for whoever is on this machine', async () => {
    const on = await open(`server: {public_url: "https://gateway.example/"}\n${KEYS}`)
    expect(await ask(on, 'gateway.example', 'https://gateway.example')).toBe(200)
    expect(await ask(on, 'inner:8080', 'https://gateway.example')).toBe(200)
    expect(await ask(on, 'inner:8080', 'http://gateway.example')).toBe(403)
    expect(await ask(on, 'inner:8080', 'http://inner:8080')).toBe(200)
    expect(await ask(on, 'inner:8080', 'http://inner:8081')).toBe(403)
  })

  test('leaves out the port that its scheme implies', async () => {
    const on = await open(KEYS)
    expect(await ask(on, 'gateway.example:443', 'https://gateway.example')).toBe(200)
    expect(await ask(on, 'gateway.example:80', 'http://gateway.example')).toBe(200)
    expect(await ask(on, 'gateway.example:443', 'http://gateway.example')).toBe(403)
    expect(await ask(on, 'gateway.example:8443', 'https://gateway.example')).toBe(403)
  })
})

const [other] = Object.values(networkInterfaces())
  .flatMap((addresses) => addresses ?? [])
  .filter(({ internal, family }) => !internal && family === 'IPv4')

test.skipIf(other === undefined)(
  'a gateway that listens everywhere is addressed by the address that a connection came in on, and by no other',
  async () => {
    const folder = await open('server: {host: 0.0.0.0}\n')
    const ask = async (through: string, host: string): Promise<number> => {
      const response = await fetch(`http://${through}:${folder.port}/api/traces`, { headers: { host } })
      await response.arrayBuffer()
      return response.status
    }
    const { address } = other!
    expect(await ask(address, `${address}:${folder.port}`)).toBe(200)
    expect(await ask(address, '203.0.113.77')).toBe(403)
    expect(await ask(address, 'evil.example')).toBe(403)
    expect(await ask('127.0.0.1', `${address}:${folder.port}`)).toBe(403)
  },
)

describe('hosts and methods that are none', () => {
  test('two Host fields and malformed ones are 400, on every route, with keys and without', async () => {
    for (const settings of [METRICS, `${KEYS}${METRICS}`]) {
      const gateway = await open(settings)
      const seen = upstream.requests.length
      for (const path of ['/api/traces', '/api/live', '/', '/metrics', CHAT]) {
        for (const lines of [
          ['Host: localhost', 'Host: evil.example'],
          ['Host: localhost', 'Host: localhost'],
          ['Host: localhost', 'host: '],
          ['Host: ', 'Host: localhost'],
          ['Host: localhost, evil.example'],
          ['Host:'],
          ['Host: evil.example@localhost'],
          ['Host: localhost/evil'],
          ['Host: localhost?evil'],
          ['Host: local host'],
          ['Host: localhost:port'],
        ]) {
          const refused = await sendRaw(gateway.port, [
            `GET ${path} HTTP/1.1`,
            ...lines,
            CREDENTIAL,
            WITH_KEY,
          ])
          expect([path, lines, refused.status]).toEqual([path, lines, 400])
        }
      }
      expect(upstream.requests.length).toBe(seen)
    }
  })

  test('dot segments are resolved whatever the host: a key’s routes hold', async () => {
    const bound = await open(
      `auth: {enabled: true, keys: [{id: k, token: ${KEY}, role: developer, routes: ["/openai/v1/chat/*"]}]}\n`,
    )
    const seen = upstream.requests.length
    for (const lines of [
      ['POST /openai/v1/chat/../files HTTP/1.0'],
      ['POST /openai/v1/chat/../files HTTP/1.1', 'Host: 1.2.3.4.5'],
      ['POST /openai/v1/chat/%2e%2e/files HTTP/1.0'],
      ['POST /openai/v1/chat/../files HTTP/1.1', 'Host: localhost'],
    ]) {
      const refused = await sendRaw(bound.port, [...lines, CREDENTIAL, WITH_KEY])
      expect([lines, refused.status, codeOf(refused)]).toEqual([lines, 403, 'not_allowed_for_key'])
    }
    expect(upstream.requests.length).toBe(seen)
  })

  test('TRACE and CONNECT are refused, forwarded nowhere and echoed by nobody', async () => {
    const off = await open('')
    const on = await open(KEYS)
    const seen = upstream.requests.length
    for (const gateway of [off, on]) {
      for (const method of ['TRACE', 'CONNECT']) {
        for (const path of [CHAT, '/api/traces', '/']) {
          const refused = await sendRaw(gateway.port, [
            `${method} ${path} HTTP/1.1`,
            'Host: localhost',
            WITH_KEY,
            CREDENTIAL,
            'X-Secret: not-to-be-echoed',
          ])
          expect([method, path, refused.status]).toEqual([method, path, 405])
          expect(refused.fields['allow']).toContain('GET')
          expect([codeOf(refused), refused.text.includes('not-to-be-echoed')]).toEqual([
            'method_not_allowed',
            false,
          ])
        }
      }
      const tunnel = await sendRaw(gateway.port, [
        'CONNECT api.openai.com:443 HTTP/1.1',
        'Host: api.openai.com:443',
      ])
      expect(tunnel.status).toBe(405)
    }
    expect(upstream.requests.length).toBe(seen)
  })
})

test('the upstream gets its own host, never the client’s', async () => {
  const on = await open(KEYS)
  const own = upstream.url.replace('http://', '')
  for (const lines of [
    [`POST ${CHAT} HTTP/1.1`, 'Host: evil.example'],
    [`POST http://evil.example${CHAT} HTTP/1.1`, 'Host: gateway.example'],
    [`POST http://evil.example${CHAT} HTTP/1.1`, 'Host: evil.example:99'],
    [`POST ${CHAT} HTTP/1.0`],
    [`POST //openai/../..${CHAT} HTTP/1.0`],
  ]) {
    const seen = upstream.requests.length
    const { status } = await sendRaw(on.port, [...lines, CREDENTIAL, WITH_KEY])
    expect([lines, status, upstream.requests.length]).toEqual([lines, 200, seen + 1])
    expect(upstream.last.fields.filter(([name]) => name.toLowerCase() === 'host')).toEqual([
      [expect.any(String) as unknown as string, own],
    ])
    expect(upstream.last.target).toStartWith('/v1/')
  }
  upstream.play = respond(426, {}, '')
  await sendRaw(on.port, [
    'GET http://evil.example/openai/v1/realtime?model=x HTTP/1.1',
    'Host: evil.example',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    CREDENTIAL,
    WITH_KEY,
  ])
  expect(upstream.last.fields.filter(([name]) => name.toLowerCase() === 'host')).toEqual([
    [expect.any(String) as unknown as string, own],
  ])
})
