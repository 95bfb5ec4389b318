import { afterAll, beforeAll, expect, test } from 'bun:test'
import { createServer } from 'node:net'
import { eventually } from '../support/eventually.ts'
import { openGateway, providersAt, type TestGateway } from '../support/gateway.ts'
import { RawClient } from '../support/raw-client.ts'
import { respondJson, stream, Upstream } from '../support/upstream.ts'

const KEYS = `auth:
  enabled: true
  keys:
    - {id: dev, token: dev-token-0123456789, org_id: org-a, workspace_id: ws-a, role: developer}
    - {id: view, token: view-token-0123456789, org_id: org-a, workspace_id: ws-a, role: viewer}
    - {id: other, token: other-token-0123456789, org_id: org-b, workspace_id: ws-b, role: owner}
`
const DEV = { 'X-OngoingAI-Gateway-Key': 'dev-token-0123456789' }

let upstream: Upstream
beforeAll(async () => {
  upstream = await Upstream.start(respondJson({ ok: true }))
})
afterAll(() => upstream.stop())

async function withGateway(
  settings: string,
  run: (gateway: TestGateway) => Promise<void>,
  fields = {},
): Promise<void> {
  const gateway = await openGateway(settings, fields)
  try {
    await run(gateway)
  } finally {
    await gateway.stop()
  }
}

function post(
  gateway: TestGateway,
  path: string,
  headers: Record<string, string> = {},
  body = '{"model":"m"}',
): Promise<Response> {
  return fetch(`${gateway.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body,
  })
}

test('refusals speak the dialect of their route, carry both ids, and are recorded', async () => {
  await withGateway(
    `${providersAt(upstream.url)}${KEYS}`,
    async (gateway) => {
      const seen = upstream.requests.length
      const openai = await post(gateway, '/openai/v1/chat/completions', {
        authorization: 'Bearer ogk_0123456789',
      })
      expect(openai.status).toBe(401)
      expect(openai.headers.get('x-should-retry')).toBe('false')
      expect(await openai.json()).toEqual({
        error: {
          message:
            'missing or invalid gateway key: X-OngoingAI-Gateway-Key is read, and it is not there; what authorization holds looks like a gateway key, which belongs into X-OngoingAI-Gateway-Key',
          type: 'authentication_error',
          param: null,
          code: 'missing_gateway_key',
        },
      })
      const anthropic = await post(gateway, '/anthropic/v1/messages', {
        'X-OngoingAI-Gateway-Key': 'sk-ant-0123456789',
      })
      expect(anthropic.status).toBe(401)
      expect(await anthropic.json()).toEqual({
        type: 'error',
        error: {
          type: 'authentication_error',
          message:
            'missing or invalid gateway key: what X-OngoingAI-Gateway-Key holds looks like a provider key; it takes a gateway key, and the provider key goes where the provider wants it',
          code: 'invalid_gateway_key',
        },
        request_id: anthropic.headers.get('x-ongoingai-correlation-id'),
      })
      const gemini = await post(gateway, '/gemini/v1beta/models/x:generateContent')
      expect(await gemini.json()).toEqual({
        error: {
          code: 401,
          message: 'missing or invalid gateway key: X-OngoingAI-Gateway-Key is read, and it is not there',
          status: 'UNAUTHENTICATED',
        },
      })
      const forbidden = await post(gateway, '/openai/v1/x', {
        'X-OngoingAI-Gateway-Key': 'view-token-0123456789',
        authorization: 'Bearer sk',
      })
      expect([forbidden.status, await forbidden.json()]).toMatchObject([
        403,
        {
          error: {
            code: 'permission_denied',
            message:
              'gateway key does not have required permission: proxy:write, which the role viewer does not grant',
          },
        },
      ])
      const credential = await post(gateway, '/openai/v1/x', DEV)
      expect(((await credential.json()) as { error: { message: string } }).error.message).toBe(
        'missing provider API key — pass your provider key via Authorization or X-API-Key header',
      )
      expect(upstream.requests.length).toBe(seen)
      const id = credential.headers.get('x-ongoingai-trace-id')
      await eventually(async () => (await gateway.detail(id))['id'] === id)
      expect(await gateway.detail(id)).toMatchObject({
        outcome: 'refused',
        error_code: 'missing_provider_credential',
        response_status: 403,
        estimated_cost_usd: 0,
        cost_status: 'exact',
      })
    },
    DEV,
  )
})

test('an authenticated request passes without its gateway key, under its tenant, and no other tenant sees it', async () => {
  await withGateway(
    `${providersAt(upstream.url)}${KEYS}`,
    async (gateway) => {
      upstream.play = respondJson({ ok: true })
      const response = await post(gateway, '/openai/v1/chat/completions', {
        ...DEV,
        authorization: 'Bearer sk-provider-0123456789',
      })
      expect(response.status).toBe(200)
      expect(upstream.last.field('x-ongoingai-gateway-key')).toBeUndefined()
      expect(upstream.last.field('authorization')).toBe('Bearer sk-provider-0123456789')
      const id = response.headers.get('x-ongoingai-trace-id')
      await eventually(async () => (await gateway.detail(id))['id'] === id)
      expect(await gateway.detail(id)).toMatchObject({
        metadata: { gateway_key_id: 'dev', org_id: 'org-a', workspace_id: 'ws-a', api_key_last4: '6789' },
      })
      const other = { headers: { 'X-OngoingAI-Gateway-Key': 'other-token-0123456789' } }
      expect((await fetch(`${gateway.url}/api/traces/${id}`, other)).status).toBe(404)
      expect(await (await fetch(`${gateway.url}/api/traces`, other)).json()).toEqual({ items: [] })
      expect((await fetch(`${gateway.url}/api/traces`)).status).toBe(401)
      expect((await fetch(`${gateway.url}/api/health`)).status).toBe(200)
      expect((await fetch(`${gateway.url}/api/unknown`)).status).toBe(403)
    },
    DEV,
  )
})

test('OPTIONS on a provider’s prefix needs a key like any method', async () => {
  await withGateway(
    `${providersAt(upstream.url)}${KEYS}`,
    async (gateway) => {
      const seen = upstream.requests.length
      expect((await fetch(`${gateway.url}/openai/v1/x`, { method: 'OPTIONS' })).status).toBe(401)
      expect(upstream.requests.length).toBe(seen)
    },
    DEV,
  )
})

test('no way of writing a path or a method moves a request past its key', async () => {
  await withGateway(
    `${providersAt(upstream.url)}${KEYS}`,
    async (gateway) => {
      const seen = upstream.requests.length
      for (const line of [
        'GET /openai/v1/x',
        'GET /%6fpenai/v1/x',
        'GET /%6Fpena%69/v1/x',
        'GET /api/../openai/v1/x',
        'GET /./openai/v1/x',
        'GET http://evil/openai/v1/x',
        'HEAD /openai/v1/x',
        'OPTIONS /openai/v1/x',
        'PATCH /openai/v1/x',
        'GET /openai/v1/x?key=1',
        'GET /api/traces',
        'GET /api/%74races',
        'HEAD /api/traces',
        'GET /api/traces/x/',
        'GET /api/traces?x=/api/health',
      ]) {
        const client = await RawClient.open(gateway.port)
        client.send(
          `${line} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer sk\r\nX-Original-URL: /api/health\r\n\r\n`,
        )
        await eventually(() => client.status !== 0)
        expect([line, client.status]).toEqual([line, 401])
        client.close()
      }
      expect(upstream.requests.length).toBe(seen)
    },
    DEV,
  )
})

test('an upstream that cannot be reached is 502 in the dialect of the route', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  await withGateway(providersAt(`http://127.0.0.1:${port}`), async (gateway) => {
    const response = await post(gateway, '/anthropic/v1/messages')
    expect(response.status).toBe(502)
    expect(await response.json()).toMatchObject({
      type: 'error',
      error: {
        type: 'api_error',
        message: `upstream request failed: 127.0.0.1:${port}: connection refused (ECONNREFUSED): nothing listens there`,
        code: 'upstream_unreachable',
      },
    })
    const [trace] = await gateway.traces(1)
    expect(trace).toMatchObject({
      outcome: 'upstream_failed',
      error_code: 'upstream_unreachable',
      response_status: 502,
      estimated_cost_usd: 0,
    })
    expect(gateway.lines.find((line) => line.message === 'proxy request failed')?.fields).toMatchObject({
      provider_prefix: '/anthropic',
      path: '/v1/messages',
    })
  })
})

test('an upstream that closes, or answers what is not HTTP, is 502 with its host and the reason', async () => {
  await withGateway(providersAt(upstream.url), async (gateway) => {
    for (const [bytes, code, reason] of [
      ['', 'upstream_aborted', 'the connection broke off before the answer was complete (ECONNRESET)'],
      [
        'what is this\r\n\r\n',
        'upstream_invalid_response',
        'its answer is not valid HTTP (Malformed_HTTP_Response)',
      ],
      [
        'HTTP/1.1 799 Odd\r\nContent-Length: 0\r\n\r\n',
        'upstream_invalid_response',
        'its answer has the status 799, which is not between 200 and 599',
      ],
      [
        'HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n',
        'upstream_invalid_response',
        'its answer is not valid HTTP (InvalidContentLength)',
      ],
      [
        'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{"a"',
        'upstream_aborted',
        'the connection broke off before the answer was complete (ECONNRESET)',
      ],
    ] as const) {
      upstream.play = (_, socket) => void socket.end(bytes)
      const response = await post(gateway, '/openai/v1/chat/completions')
      expect([response.status, await response.json()]).toMatchObject([
        502,
        { error: { code, message: `upstream request failed: 127.0.0.1:${upstream.port}: ${reason}` } },
      ])
    }
    const traces = await gateway.traces(5)
    expect(traces.map((trace) => trace['outcome'])).toEqual(Array(5).fill('upstream_failed'))
  })
})

test('each time-out strikes by its name', async () => {
  const timeouts = (values: string): string =>
    `providers: {openai: {upstream: "${upstream.url}", timeouts: {${values}}}}\n`
  const failure = async (gateway: TestGateway): Promise<unknown> => {
    const response = await post(gateway, '/openai/v1/chat/completions')
    expect(response.status).toBe(504)
    return ((await response.json()) as { error: object }).error
  }
  const host = `127.0.0.1:${upstream.port}`
  upstream.play = () => {}
  await withGateway(timeouts('first_byte_ms: 100'), async (gateway) => {
    expect(await failure(gateway)).toMatchObject({
      code: 'upstream_first_byte_timeout',
      message: `upstream did not answer in time: ${host}: longer than 100 ms (providers.openai.timeouts.first_byte_ms)`,
    })
  })
  await withGateway(timeouts('total_ms: 100'), async (gateway) => {
    expect(await failure(gateway)).toMatchObject({
      code: 'upstream_total_timeout',
      message: `the exchange took too long: ${host}: longer than 100 ms (providers.openai.timeouts.total_ms)`,
    })
  })
  upstream.play = stream(['data: {"choices":[{"delta":{"content":"x"}}]}\n\n', 'data: never\n\n'], {
    between: () => new Promise(() => {}),
  })
  await withGateway(timeouts('idle_ms: 100'), async (gateway) => {
    const response = await post(gateway, '/openai/v1/chat/completions')
    expect(response.status).toBe(200)
    expect(await response.text().catch(() => 'broken')).toBe('broken')
    const [trace] = await gateway.traces(1)
    expect(trace).toMatchObject({
      outcome: 'upstream_failed',
      error_code: 'upstream_idle_timeout',
      response_status: 200,
    })
  })
})

test('a client that stops sending its body is cut by the idle time-out', async () => {
  await withGateway(
    `providers: {openai: {upstream: "${upstream.url}", timeouts: {idle_ms: 100}}}\n`,
    async (gateway) => {
      const client = await RawClient.open(gateway.port)
      client.send(
        'POST /openai/v1/files HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\nonly this',
      )
      await eventually(() => client.status !== 0)
      expect(client.status).toBe(504)
      client.close()
    },
  )
})

test('a request that has passed this gateway before is refused as a loop', async () => {
  const gateway = await openGateway(providersAt(upstream.url))
  // An upstream that leads back to the gateway.
  upstream.play = async (request, socket) => {
    const response = await fetch(`${gateway.url}/openai${request.target}`, {
      headers: Object.fromEntries(request.fields.filter(([name]) => !/^host$/i.test(name))),
    })
    const text = await response.text()
    socket.write(
      `HTTP/1.1 ${response.status} X\r\nContent-Type: application/json\r\nContent-Length: ${text.length}\r\n\r\n${text}`,
    )
  }
  const response = await fetch(`${gateway.url}/openai/v1/x`)
  expect(response.status).toBe(508)
  expect(await response.json()).toMatchObject({ error: { code: 'loop_detected' } })
  await gateway.stop()
})

test('a body past the limit is 413, announced or not', async () => {
  await withGateway(`${providersAt(upstream.url)}server: {max_body_bytes: 1000}\n`, async (gateway) => {
    upstream.play = respondJson({ ok: true })
    const announced = await post(gateway, '/openai/v1/chat/completions', {}, 'x'.repeat(1001))
    expect([announced.status, announced.headers.get('x-should-retry')]).toEqual([413, 'false'])
    const client = await RawClient.open(gateway.port)
    client.send(
      `POST /openai/v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n7d0\r\n${'x'.repeat(2000)}\r\n0\r\n\r\n`,
    )
    await eventually(() => client.status !== 0)
    expect(client.status).toBe(413)
    client.close()
    expect((await post(gateway, '/openai/v1/chat/completions', {}, 'x'.repeat(1000))).status).toBe(200)
  })
})

test('malformed framing is refused by the server and never reaches an upstream', async () => {
  await withGateway(providersAt(upstream.url), async (gateway) => {
    const seen = upstream.requests.length
    for (const head of [
      'POST /openai/v1/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n',
      'POST /openai/v1/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc',
      'POST /openai/v1/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n',
      'GET /openai/v1/x HTTP/1.1\r\nHost: localhost\r\nBad Name: x\r\n\r\n',
      'GET /openai/v1/x HTTP/9.9\r\nHost: localhost\r\n\r\n',
      `GET /openai/v1/x HTTP/1.1\r\nHost: localhost\r\nX-Large: ${'x'.repeat(200_000)}\r\n\r\n`,
    ]) {
      const client = await RawClient.open(gateway.port)
      client.send(head)
      await eventually(() => client.status !== 0 || client.ended)
      expect([head.slice(0, 60), client.status === 0 || client.status >= 400]).toEqual([
        head.slice(0, 60),
        true,
      ])
      client.close()
    }
    expect(upstream.requests.length).toBe(seen)
  })
})

test('a stopping gateway lets live streams finish, refuses new exchanges, then cuts and records what is left', async () => {
  let release = (): void => {}
  const gate = new Promise<void>((resolve) => (release = resolve))
  const gateway = await openGateway(providersAt(upstream.url))
  upstream.play = stream(['data: 1\n\n', 'data: 2\n\n'], {
    between: async (i) => (i === 0 ? gate : undefined),
  })
  const client = await RawClient.open(gateway.port)
  client.send('GET /openai/v1/x HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await eventually(() => client.text.includes('data: 1'))
  const stopping = gateway.gateway.stop(10_000)
  await Bun.sleep(50)
  release()
  await eventually(() => client.text.endsWith('0\r\n\r\n'))
  await stopping
  expect(client.body.toString()).toBe('data: 1\n\ndata: 2\n\n')

  const second = await openGateway(providersAt(upstream.url))
  upstream.play = stream(['data: 1\n\n'], { between: () => new Promise(() => {}) })
  const cut = await RawClient.open(second.port)
  cut.send('GET /openai/v1/x HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await eventually(() => cut.text.includes('data: 1'))
  await second.gateway.stop(50)
  await cut.closed()
  expect(second.gateway.diagnostics()).toMatchObject({
    enqueue_accepted_total: 1,
    stored_total: 1,
    queue_depth: 0,
  })
  expect(second.lines.find((line) => line.message === 'request complete')?.fields).toMatchObject({
    outcome: 'upstream_failed',
    error_code: 'shutting_down',
  })
})

test('a reload changes providers and keys at once, and says what needs a restart', async () => {
  const gateway = await openGateway(providersAt(upstream.url))
  const { loadConfig } = await import('../../src/config/load.ts')
  await Bun.write(
    `${gateway.folder}/next.yaml`,
    `server: {port: 9999}\nstorage: {path: ${gateway.folder}/data/traces.db}\nproviders: {openai: {upstream: "${upstream.url}/new"}}\n${KEYS}`,
  )
  const { changed, needRestart } = await gateway.gateway.reload(
    loadConfig(`${gateway.folder}/next.yaml`, {}).config,
  )
  expect(changed).toEqual(['providers', 'auth'])
  expect(needRestart).toEqual(['server.port'])
  expect((await fetch(`${gateway.url}/openai/v1/x`)).status).toBe(401)
  upstream.play = respondJson({ ok: true })
  await (await fetch(`${gateway.url}/openai/v1/x`, { headers: { ...DEV, authorization: 'Bearer x' } })).text()
  expect(upstream.last.target).toBe('/new/v1/x')
  await gateway.stop()
})

test('a credential in the query is identified by its hash and kept nowhere', async () => {
  await withGateway(`providers: {gemini: {upstream: "${upstream.url}"}}\n`, async (gateway) => {
    upstream.play = respondJson({ ok: true })
    await (
      await post(gateway, '/gemini/v1beta/models/x:generateContent?alt=sse&key=AIza-canary-0123456789')
    ).text()
    const [trace] = await gateway.traces(1)
    expect(trace!['api_key_hash']).toBe(Bun.SHA256.hash('AIza-canary-0123456789', 'hex'))
    expect(JSON.stringify(await gateway.detail(trace!['id']))).not.toContain('canary')
    expect(JSON.stringify(gateway.lines)).not.toContain('canary')
  })
})
