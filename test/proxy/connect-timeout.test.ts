import { expect, test } from 'bun:test'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { eventually } from '../support/eventually.ts'
import { openGateway } from '../support/gateway.ts'
import { serveProgram } from '../support/process.ts'
import { respondJson, Upstream } from '../support/upstream.ts'

/** Connections that Linux completes for a listener that takes none: Bun's backlog, and one. */
const BACKLOG = 513

/** A listener whose queue is full: the system drops what else wants to connect. */
async function fullListener(): Promise<{ url: string; stop(): void }> {
  const program = `require('node:net').createServer().listen(0, '127.0.0.1', function () { console.log(this.address().port) })`
  const child = Bun.spawn([process.execPath, '-e', program], { stdout: 'pipe' })
  const { value } = await child.stdout.getReader().read()
  const port = Number(Buffer.from(value!).toString())
  child.kill('SIGSTOP')
  const waiting: Socket[] = []
  let connected = 0
  for (let i = 0; i < BACKLOG + 10; i++) {
    waiting.push(connect(port, '127.0.0.1', () => (connected += 1)).on('error', () => {}))
  }
  await eventually(() => connected >= BACKLOG)
  return {
    url: `http://127.0.0.1:${port}`,
    stop(): void {
      child.kill('SIGKILL')
      for (const socket of waiting) socket.destroy()
    },
  }
}

test.skipIf(process.platform !== 'linux')(
  'an address that drops packets is a connect time-out, for requests and for WebSockets',
  async () => {
    const listener = await fullListener()
    const gateway = await openGateway(
      `providers: {far: {upstream: "${listener.url}", prefix: /far, timeouts: {connect_ms: 500}}}\n`,
    )
    try {
      const response = await fetch(`${gateway.url}/far/v1/models`)
      expect([response.status, await response.text()]).toEqual([
        504,
        expect.stringContaining('upstream_connect_timeout'),
      ])
      const socket = new WebSocket(`${gateway.url.replace('http', 'ws')}/far/v1/realtime`)
      await new Promise((resolve) => (socket.onclose = resolve))
      const traces = await gateway.traces(2)
      expect(traces.map((trace) => trace['error_code'])).toEqual([
        'upstream_connect_timeout',
        'upstream_connect_timeout',
      ])
    } finally {
      await gateway.stop()
      listener.stop()
    }
  },
)

test('an upstream that has stopped listening and is slow to answer is waited for', async () => {
  const asked = Promise.withResolvers<Socket>()
  const server = createServer((socket) => socket.once('data', () => asked.resolve(socket)))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const gateway = await openGateway(
    `providers: {far: {upstream: "http://127.0.0.1:${port}", prefix: /far, timeouts: {connect_ms: 200}}}\n`,
  )
  try {
    const answer = fetch(`${gateway.url}/far/v1/models`)
    const socket = await asked.promise
    server.close()
    // Several connect time-outs long.
    await Bun.sleep(1000)
    socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}')
    expect((await answer).status).toBe(200)
  } finally {
    await gateway.stop()
  }
})

test('the silence that the settings allow is not cut short by the HTTP client', async () => {
  const upstream = await Upstream.start(async (request, socket) => {
    // The HTTP client would give up after four to eight seconds.
    await Bun.sleep(9000)
    await respondJson({ late: true })(request, socket)
  })
  const gateway = await serveProgram(
    `providers: {far: {upstream: "${upstream.url}", prefix: /far}}\n`,
    undefined,
    { env: { BUN_CONFIG_HTTP_IDLE_TIMEOUT: '4' } },
  )
  try {
    const response = await fetch(`${gateway.url}/far/v1/models`)
    expect([response.status, await response.json()]).toEqual([200, { late: true }])
  } finally {
    gateway.remove()
    await upstream.stop()
  }
})
