import { afterAll, afterEach, beforeAll, expect, test } from 'bun:test'
import type { Server } from 'bun'
import { startConnectProxy, type ConnectProxy } from '../support/connect-proxy.ts'
import { openGateway, type TestGateway } from '../support/gateway.ts'
import { tlsFixture, tlsPath } from '../support/tls-fixtures.ts'

let plain: Server<undefined>
let secure: Server<undefined>
let plainProxy: ConnectProxy
let secureProxy: ConnectProxy
/** A proxy that speaks TLS itself. */
let tlsProxy: ConnectProxy
let gateway: TestGateway | undefined

/** Longer than every connect time-out of these tests. */
const SLOW_MS = 1500

/** No name of this machine: only a proxy knows it. */
const FAR = 'llm.internal.test'

function startUpstream(tls?: { key: string; cert: string }): Server<undefined> {
  return Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    ...(tls ? { tls } : {}),
    async fetch(request, server) {
      if (request.headers.get('upgrade') && server.upgrade(request)) return undefined
      if (request.headers.has('x-slow')) await Bun.sleep(SLOW_MS)
      return Response.json({ host: request.headers.get('host') })
    },
    websocket: { message: (socket, message) => void socket.send(message) },
  })
}

beforeAll(async () => {
  plain = startUpstream()
  secure = startUpstream({ key: tlsFixture('server-key.pem'), cert: tlsFixture('server.pem') })
  plainProxy = await startConnectProxy(plain.port!)
  secureProxy = await startConnectProxy(secure.port!)
  tlsProxy = await startConnectProxy(secure.port!, true)
})
afterEach(async () => {
  await gateway?.stop()
  gateway = undefined
  for (const proxy of [plainProxy, secureProxy, tlsProxy]) {
    proxy.asked.length = 0
    proxy.answer = 200
  }
})
afterAll(async () => {
  for (const proxy of [plainProxy, secureProxy, tlsProxy]) proxy.stop()
  await plain.stop(true)
  await secure.stop(true)
})

const FIELDS = { authorization: 'Bearer sk-provider-0123456789' }

/** One provider `far` whose upstream only a proxy can reach. */
function far(scheme: 'http' | 'https', more = ''): string {
  const ca = scheme === 'https' ? `, ca_file: ${tlsPath('ca.pem')}` : ''
  return `providers: {far: {upstream: "${scheme}://${FAR}", prefix: /far, timeouts: {connect_ms: 400}${ca}${more}}}\n`
}

async function ask(slow = false): Promise<[number, unknown]> {
  const headers = { ...FIELDS, ...(slow ? { 'x-slow': '1' } : {}) }
  const response = await fetch(`${gateway!.url}/far/v1/models`, { headers })
  return [response.status, await response.json()]
}

/** What a WebSocket through the gateway echoes; `closed` if it does not open. */
async function echo(): Promise<string> {
  const socket = new WebSocket(`${gateway!.url.replace('http', 'ws')}/far/v1/realtime`, {
    headers: FIELDS,
  } as unknown as string[])
  const { promise, resolve } = Promise.withResolvers<string>()
  socket.onopen = () => socket.send('hello')
  socket.onmessage = (event) => resolve(String(event.data))
  socket.onclose = () => resolve('closed')
  const said = await promise
  socket.close()
  return said
}

test('an answer slower than the connect time-out comes through the proxy of the environment', async () => {
  gateway = await openGateway(far('http'), {}, { HTTP_PROXY: plainProxy.url })
  expect(await ask(true)).toEqual([200, { host: FAR }])
  expect(new Set(plainProxy.asked.map(({ line }) => line))).toEqual(new Set([`GET http://${FAR}/v1/models`]))
  await gateway.stop()

  gateway = await openGateway(far('https'), {}, { HTTPS_PROXY: secureProxy.url })
  expect(await ask(true)).toEqual([200, { host: FAR }])
  expect(new Set(secureProxy.asked.map(({ line }) => line))).toEqual(new Set([`CONNECT ${FAR}:443`]))
})

test('WebSockets take the same way, and the proxy gets the credentials of its URL', async () => {
  const environment = {
    HTTP_PROXY: plainProxy.url.replace('://', '://user:p%40ss-word@'),
    HTTPS_PROXY: secureProxy.url.replace('://', '://user:p%40ss-word@'),
  }
  for (const [scheme, proxy, port] of [
    ['http', plainProxy, 80],
    ['https', secureProxy, 443],
  ] as const) {
    gateway = await openGateway(far(scheme), {}, environment)
    expect(await echo()).toBe('hello')
    const credentials = `Basic ${Buffer.from('user:p@ss-word').toString('base64')}`
    expect(proxy.asked).toEqual([{ line: `CONNECT ${FAR}:${port}`, credentials }])
    expect(await ask()).toEqual([200, { host: FAR }])
    expect(proxy.asked.every((request) => request.credentials === credentials)).toBe(true)
    await gateway.stop()
    gateway = undefined
  }
})

test('a provider’s own proxy goes before that of the environment, and may speak TLS', async () => {
  gateway = await openGateway(
    far('https', `, proxy: "${tlsProxy.url}"`),
    {},
    {
      HTTPS_PROXY: 'http://127.0.0.1:1',
      NO_PROXY: '*',
    },
  )
  expect(await ask(true)).toEqual([200, { host: FAR }])
  expect(await echo()).toBe('hello')
  expect(tlsProxy.asked.length).toBeGreaterThanOrEqual(2)
})

test('a host that NO_PROXY names is reached directly, and so is this machine', async () => {
  for (const host of ['127.0.0.1', 'localhost']) {
    gateway = await openGateway(
      `providers: {far: {upstream: "http://${host}:${plain.port}", prefix: /far}}\n`,
      {},
      { HTTP_PROXY: plainProxy.url },
    )
    expect(await ask()).toEqual([200, { host: `${host}:${plain.port}` }])
    expect(await echo()).toBe('hello')
    await gateway.stop()
  }
  gateway = await openGateway(far('http'), {}, { HTTP_PROXY: plainProxy.url, NO_PROXY: '.internal.test' })
  // Without the proxy nobody knows the name.
  expect((await ask())[0]).toBe(502)
  expect(plainProxy.asked).toEqual([])
})

test('a proxy that opens no tunnel is an unreachable upstream, and its password is told to nobody', async () => {
  gateway = await openGateway(
    far('https'),
    {},
    {
      HTTPS_PROXY: secureProxy.url.replace('://', '://user:unspoken-password@'),
    },
  )
  secureProxy.answer = 407
  const [status, body] = await ask()
  expect([status, JSON.stringify(body)]).toEqual([502, expect.stringContaining('upstream_unreachable')])
  expect(await echo()).toBe('closed')
  const [newest] = await gateway.traces(2)
  const told = JSON.stringify([body, gateway.lines, await gateway.detail(newest!['id'])])
  expect(told).toContain('407')
  expect(told).not.toContain('unspoken-password')
  expect(told).not.toContain(Buffer.from('user:unspoken-password').toString('base64'))
})

test('a proxy that says nothing is a connect time-out, for requests and for WebSockets', async () => {
  gateway = await openGateway(far('https'), {}, { HTTPS_PROXY: secureProxy.url })
  secureProxy.answer = 'silent'
  const [status, body] = await ask()
  expect([status, JSON.stringify(body)]).toEqual([504, expect.stringContaining('upstream_connect_timeout')])
  expect(await echo()).toBe('closed')
  const traces = await gateway.traces(2)
  expect(traces.map((trace) => trace['error_code'])).toEqual([
    'upstream_connect_timeout',
    'upstream_connect_timeout',
  ])
  await gateway.stop()

  // Only WebSockets take a tunnel to an upstream without TLS.
  gateway = await openGateway(far('http'), {}, { HTTP_PROXY: plainProxy.url })
  plainProxy.answer = 'silent'
  expect(await ask(true)).toEqual([200, { host: FAR }])
  expect(await echo()).toBe('closed')
  const [newest] = await gateway.traces(2)
  expect(newest!['error_code']).toBe('upstream_connect_timeout')
})
