import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { CHROMIUM, Pages, type Findings } from '../support/chromium.ts'
import { openGateway, providersAt, type TestGateway } from '../support/gateway.ts'
import { respondJson, stream, Upstream } from '../support/upstream.ts'

setDefaultTimeout(120_000)

// What real pages in a real browser can do with a gateway: everything that a page has to reach another origin with.

const KEY = 'owner-token-0123456789abcdef'
const KEYS = `auth: {enabled: true, keys: [{id: root, token: ${KEY}, role: owner}]}\n`

/** An answer that an event source takes for a stream. */
const EVENTS = stream(['data: {}\n\n'])

/** What a page finds that may do nothing. A request without CORS has no answer for it, whatever happened. */
const NOTHING: Findings = {
  'read record': 'failed',
  'read record, simple': 'failed',
  'read record, no-cors': 'opaque',
  'read metrics': 'failed',
  'make key': 'failed',
  'make key, simple': 'failed',
  'make key, no-cors': 'opaque',
  'end key': 'failed',
  chat: 'failed',
  'chat without key': 'failed',
  'chat, simple': 'failed',
  'chat, no-cors': 'opaque',
  'models, no-cors': 'opaque',
  live: 'failed',
  'event source': 'failed',
  'web socket': 'failed',
  sandbox: 'rejected,rejected',
}

describe.skipIf(!CHROMIUM)(`in a browser${CHROMIUM ? '' : ' (skipped: no chromium on the path)'}`, () => {
  let upstream: Upstream
  let pages: Pages
  const gateways: TestGateway[] = []
  beforeAll(async () => {
    upstream = await Upstream.start(respondJson({ ok: true }, { 'access-control-allow-origin': '*' }))
    pages = Pages.start()
  })
  afterAll(async () => {
    for (const gateway of gateways) await gateway.stop()
    await pages.stop()
    await upstream.stop()
  })

  async function open(settings: string): Promise<TestGateway> {
    const gateway = await openGateway(
      `${providersAt(upstream.url)}${settings}observability: {otel: {enabled: true, traces_enabled: false, metrics_enabled: false, prometheus_enabled: true}}\n`,
      { 'X-OngoingAI-Gateway-Key': KEY },
    )
    gateways.push(gateway)
    return gateway
  }

  async function keysOf({ url }: TestGateway): Promise<unknown[]> {
    const response = await fetch(`${url}/api/gateway-keys`, { headers: { 'x-ongoingai-gateway-key': KEY } })
    return ((await response.json()) as { items: { id: string }[] }).items.map(({ id }) => id)
  }

  /** Reasons of refusals by path, as the audit trail has them. */
  const refusals = ({ lines }: TestGateway): Set<string> =>
    new Set(
      lines
        .filter(({ message }) => message === 'audit gateway auth deny')
        .map(({ fields }) => `${String(fields['path'])} ${String(fields['audit_reason'])}`),
    )

  test('a page of another origin reads nothing, changes nothing and spends nothing while keys are off', async () => {
    const gateway = await open('')
    for (const [page, name] of [
      ['evil.example', '127.0.0.1'],
      ['localhost.evil.example', 'localhost'],
    ] as const) {
      const seen = upstream.requests.length
      const found = await pages.visit(page, 'try-everything.js', { base: `http://${name}:${gateway.port}` })
      expect([page, name, found]).toEqual([page, name, NOTHING])
      expect([page, name, upstream.requests.length]).toEqual([page, name, seen])
    }
    // The browser did ask; it was the gateway that refused.
    expect(refusals(gateway)).toEqual(
      new Set(
        [
          '/api/traces',
          '/metrics',
          '/api/gateway-keys',
          '/api/gateway-keys/x',
          '/openai/v1/chat/completions',
          '/openai/v1/models',
          '/openai/v1/by-event-source',
          '/openai/v1/by-web-socket',
          '/openai/v1/by-image',
          '/openai/v1/by-form',
          '/openai/v1/by-sandbox',
          '/api/gateway-keys/by-form/rotate',
        ].map((path) => `${path} origin_not_allowed`),
      ),
    )
    const keys = await fetch(`${gateway.url}/api/gateway-keys`)
    expect(await keys.json()).toEqual({ items: [] })
  })

  test('a name that comes to mean this machine is refused, although the page is of the gateway’s own origin', async () => {
    const gateway = await open('')
    // Rebinding, as the browser sees it: one name and one port, the attacker's server at first and the gateway from then on.
    let rebound = false
    const relay = createServer((client) => {
      let end: Socket | undefined
      let before = false
      client.on('error', () => {})
      client.on('data', (bytes) => {
        // A connection to the server of before ends; the browser makes a new one.
        if (before && rebound) return void client.destroy()
        if (!end) {
          before = !rebound
          end = connect(rebound ? gateway.port : pages.port, '127.0.0.1')
          end.on('error', () => client.destroy())
          end.pipe(client)
        }
        end.write(bytes)
        return undefined
      })
    })
    await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve))
    const { port } = relay.address() as AddressInfo
    pages.onScript = () => (rebound = true)
    try {
      const found = await pages.visit(`rebound.example:${port}`, 'ask-own-origin.js')
      expect(found).toEqual(
        Object.fromEntries(
          ['/api/traces', '/api/health', '/openai/v1/models', '/metrics', '/'].map((path) => [
            path,
            '403 host_not_allowed',
          ]),
        ),
      )
    } finally {
      pages.onScript = () => {}
      relay.close()
    }
  })

  test('a page of this machine uses providers while keys are off, and sees neither record nor keys', async () => {
    const gateway = await open('')
    upstream.play = EVENTS
    const found = await pages.visit('localhost', 'try-everything.js', {
      base: `http://127.0.0.1:${gateway.port}`,
    })
    expect(found).toEqual({
      ...NOTHING,
      chat: '200 with id and text',
      'chat without key': '200 with id and text',
      'chat, simple': '200 with id and text',
      'event source': 'open',
    })
    expect(await (await fetch(`${gateway.url}/api/gateway-keys`)).json()).toEqual({ items: [] })
  })

  test('with keys on any page uses a provider with a key and reads why it may not without one', async () => {
    const gateway = await open(KEYS)
    upstream.play = EVENTS
    const found = await pages.visit('pivot.example', 'try-everything.js', {
      base: `http://127.0.0.1:${gateway.port}`,
      key: KEY,
    })
    expect(found).toEqual({
      ...NOTHING,
      chat: '200 with id and text',
      'chat without key': '401 with id and text',
      'chat, simple': '401 with id and text',
    })
    expect(await keysOf(gateway)).toEqual(['root'])
  })

  test('a page of a listed origin uses it all, with a key', async () => {
    const gateway = await open(`server: {cors_origins: ["http://app.example:${pages.port}"]}\n${KEYS}`)
    upstream.play = EVENTS
    const found = await pages.visit('app.example', 'try-everything.js', {
      base: `http://127.0.0.1:${gateway.port}`,
      key: KEY,
    })
    expect(found).toEqual({
      ...NOTHING,
      'read record': '200 with id and text',
      'read record, simple': '401 with id and text',
      'read metrics': '401 and text',
      'make key': '201 with id and text',
      'make key, simple': '401 with id and text',
      'end key': '404 with id and text',
      chat: '200 with id and text',
      'chat without key': '401 with id and text',
      'chat, simple': '401 with id and text',
      live: '200 with id and text',
    })
    expect(await keysOf(gateway)).toHaveLength(2)
  })
})
