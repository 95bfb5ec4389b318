import { afterAll, beforeAll, expect, test } from 'bun:test'
import { openGateway, providersAt, type TestGateway } from '../support/gateway.ts'
import { RawClient } from '../support/raw-client.ts'
import { Upstream } from '../support/upstream.ts'

let upstream: Upstream
let gateway: TestGateway

beforeAll(async () => {
  upstream = await Upstream.start(async (request, socket) => {
    if (request.target.endsWith('/slow')) await Bun.sleep(200)
    if (request.target.endsWith('/events')) {
      socket.write('HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n')
      // Silent for longer than an idle connection is kept. The server looks at connections every four seconds, so less than five may be none.
      for (const event of ['data: 1\n\n', 'data: 2\n\n']) {
        socket.write(`${event.length.toString(16)}\r\n${event}\r\n`)
        await Bun.sleep(9000)
      }
      socket.write('0\r\n\r\n')
      return
    }
    const status = request.target.endsWith('/refused') ? '426 Upgrade Required' : '200 OK'
    socket.write(`HTTP/1.1 ${status}\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}`)
  })
  gateway = await openGateway(`${providersAt(upstream.url)}server: {keep_alive_ms: 5000}\n`)
})
afterAll(async () => {
  await gateway.stop()
  await upstream.stop()
})

const UPGRADE =
  'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'
const CASES: readonly (readonly [what: string, target: string, fields: string, end: string])[] = [
  ['a quick exchange', '/openai/v1/models', '', '{}'],
  ['a slow exchange', '/openai/v1/slow', '', '{}'],
  ['a stream', '/openai/v1/events', '', '0\r\n\r\n'],
  ['a refused upgrade', '/openai/v1/refused', UPGRADE, '{}'],
  ['an upgrade that the upstream does not understand', '/openai/v1/slow', UPGRADE, '{}'],
  ['a request of the API', '/api/live', '', '}\n'],
  ['a path that is none', '/nowhere', '', '\n'],
]

for (const [what, target, fields, end] of CASES) {
  test.concurrent(
    `a silent connection is closed after the keep-alive time: ${what}`,
    async () => {
      const client = await RawClient.open(gateway.port)
      client.send(`GET ${target} HTTP/1.1\r\nHost: 127.0.0.1\r\n${fields}\r\n`)
      await client.closed()
      expect(client.text).toEndWith(end)
    },
    60_000,
  )
}
