import { afterAll, beforeAll, expect, test } from 'bun:test'
import { openGateway, type TestGateway } from '../support/gateway.ts'
import { RawClient } from '../support/raw-client.ts'
import { Upstream } from '../support/upstream.ts'

const TOKEN = 'gw-paths-0123456789abcdef0123456789abcdef'

let upstream: Upstream
let open: TestGateway
let keyed: TestGateway

beforeAll(async () => {
  upstream = await Upstream.start((_, socket) => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}')
  })
  const providers = `providers: {openai: {upstream: "${upstream.url}/base/v9"}, bedrock: {upstream: "${upstream.url}", prefix: /bedrock}}\n`
  open = await openGateway(providers)
  keyed = await openGateway(
    `${providers}auth: {enabled: true, keys: [{id: one, token: ${TOKEN}, role: developer, routes: [/openai/v1/*]}]}\n`,
  )
})
afterAll(async () => {
  await open.stop()
  await keyed.stop()
  await upstream.stop()
})

/** Sends a target as it stands. @returns the status, and the target that the upstream saw */
async function ask(
  { port }: TestGateway,
  target: string,
  { host = '127.0.0.1', fields = '', version = '1.1' } = {},
): Promise<[status: number, sent: string | undefined]> {
  const before = upstream.requests.length
  const client = await RawClient.open(port)
  client.send(
    `GET ${target} HTTP/${version}\r\n${host === '' ? '' : `Host: ${host}\r\n`}Connection: close\r\n` +
      `Authorization: Bearer sk-provider-0123456789\r\nX-OngoingAI-Gateway-Key: ${TOKEN}\r\n${fields}\r\n`,
  )
  await client.closed()
  return [client.status, upstream.requests[before]?.target]
}

const UPGRADE =
  'Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'

test('a hidden dot segment is refused and never reaches an upstream', async () => {
  for (const target of [
    '/openai/..%2f..%2fadmin',
    '/openai/v1/..%5cadmin',
    '/openai/v1/..;/admin',
    '/openai/v1/%2e%2e;x=1/admin',
    '/openai/v1/%252e%252E%252fadmin',
    '/openai/v1/..%25%32%66admin',
    'http://elsewhere.example/openai/v1/..%2Fadmin',
    '/openai/v1/models#/../admin',
    '/api/traces/..%2fx',
    '/..%2fopenai/v1/models',
  ]) {
    for (const gateway of [open, keyed])
      expect([target, await ask(gateway, target)]).toEqual([target, [400, undefined]])
  }
  expect(await ask(open, '/openai/v1/..%2frealtime', { fields: UPGRADE })).toEqual([400, undefined])
  const [refused] = await open.traces(1)
  expect(refused).toMatchObject({ error_code: 'bad_request', outcome: 'refused' })
})

test('without a usable Host, dot segments are resolved all the same', async () => {
  for (const options of [
    { host: '', version: '1.0' },
    { host: 'a:99999' },
    { host: 'a/b' },
    { host: 'a b' },
  ]) {
    for (const target of [
      '/openai/../../admin',
      '/openai/v1/%2e%2e/%2E./../admin',
      '/openai\\..\\..\\admin',
    ]) {
      const [, sent] = await ask(open, target, options)
      expect([target, options, sent]).toEqual([target, options, undefined])
    }
    const [, sent] = await ask(open, '/openai/v1/x/../models', options)
    if (sent !== undefined) expect(sent).toBe('/base/v9/v1/models')
  }
})

test('every other escape reaches the upstream as it came', async () => {
  const arn = '/model/arn%3aaws:bedrock%3A1%2Fus.anthropic.claude%7e/x;v=1/..x%2f%25%C3%A9'
  expect(await ask(open, `/bedrock${arn}?a=..%2f`)).toEqual([200, `${arn}?a=..%2f`])
  expect(await ask(keyed, '/openai/v1/a%2Fb//c')).toEqual([200, '/base/v9/v1/a%2Fb//c'])
  expect(await ask(open, '/openai/v1/a/../b')).toEqual([200, '/base/v9/v1/b'])
})
