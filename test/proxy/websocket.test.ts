import { afterAll, beforeAll, expect, test } from 'bun:test'
import type { Server, ServerWebSocket } from 'bun'
import { eventually } from '../support/eventually.ts'
import { openGateway, providersAt, type TestGateway } from '../support/gateway.ts'
import { sendRaw } from '../support/raw-client.ts'
import { respond, Upstream } from '../support/upstream.ts'

interface Seen {
  readonly headers: Headers
  readonly messages: (string | Buffer)[]
  readonly pings: string[]
  close?: [number, string]
}

let server: Server<Seen>
let gateway: TestGateway
let seen: Seen[] = []
/** Exchanges begun so far: what must be recorded. */
let begun = 0
let onMessage: (socket: ServerWebSocket<Seen>, message: string | Buffer) => void = () => {}

beforeAll(async () => {
  server = Bun.serve<Seen>({
    port: 0,
    hostname: '127.0.0.1',
    fetch(request, self) {
      if (new URL(request.url).pathname.endsWith('/refused')) {
        return Response.json(
          { error: 'upgrade required' },
          { status: 426, headers: { 'x-request-id': 'req_426' } },
        )
      }
      const data: Seen = { headers: request.headers, messages: [], pings: [] }
      seen.push(data)
      const headers = { 'x-request-id': 'req_ws', 'sec-websocket-protocol': 'realtime' }
      return self.upgrade(request, { data, headers }) ? undefined : new Response(null, { status: 400 })
    },
    websocket: {
      maxPayloadLength: 64 * 1024 * 1024,
      message(socket, message) {
        socket.data.messages.push(message)
        onMessage(socket, message)
      },
      ping: (socket, data) => void socket.data.pings.push(data.toString()),
      close: (socket, code, reason) => void (socket.data.close = [code, reason]),
    },
  })
  gateway = await openGateway(providersAt(`http://127.0.0.1:${server.port}`))
})
afterAll(async () => {
  await gateway.stop()
  await server.stop(true)
})

interface Client {
  readonly socket: WebSocket
  readonly messages: (string | ArrayBuffer)[]
  closed?: [number, string]
}

async function connect(path = '/openai/v1/responses', headers: Record<string, string> = {}): Promise<Client> {
  seen = []
  begun += 1
  const socket = new WebSocket(`${gateway.url.replace('http', 'ws')}${path}`, {
    protocols: ['other', 'realtime'],
    headers: {
      authorization: 'Bearer sk-provider-0123456789',
      'openai-beta': 'responses_websockets=2026-02-06',
      ...headers,
    },
  } as unknown as string[])
  socket.binaryType = 'arraybuffer'
  const client: Client = { socket, messages: [] }
  socket.onmessage = (event) => client.messages.push(event.data as string | ArrayBuffer)
  socket.onclose = (event) => (client.closed = [event.code, event.reason])
  await eventually(() => socket.readyState !== WebSocket.CONNECTING)
  return client
}

test('messages, both kinds and of any size, pass both ways; subprotocol and fields too', async () => {
  onMessage = (socket, message) => void socket.send(message)
  const client = await connect('/openai/v1/realtime?model=x', { 'X-OngoingAI-Gateway-Key': 'secret' })
  expect(client.socket.protocol).toBe('realtime')
  const large = 'é'.repeat(1_500_000)
  client.socket.send('hello')
  client.socket.send(Uint8Array.from([0, 255, 1]))
  client.socket.send(large)
  client.socket.send('')
  await eventually(() => client.messages.length === 4)
  expect(client.messages[0]).toBe('hello')
  expect([...new Uint8Array(client.messages[1] as ArrayBuffer)]).toEqual([0, 255, 1])
  expect(client.messages[2] === large).toBe(true)
  expect(client.messages[3]).toBe('')
  const { headers } = seen[0]!
  expect(headers.get('authorization')).toBe('Bearer sk-provider-0123456789')
  expect(headers.get('openai-beta')).toBe('responses_websockets=2026-02-06')
  expect(headers.get('x-ongoingai-gateway-key')).toBeNull()
  client.socket.close()
})

test('close codes and reasons pass both ways', async () => {
  onMessage = (socket) => socket.close(4321, 'from upstream')
  const first = await connect()
  first.socket.send('x')
  await eventually(() => first.closed !== undefined)
  expect(first.closed).toEqual([4321, 'from upstream'])

  onMessage = () => {}
  const second = await connect()
  second.socket.close(4001, 'from client')
  await eventually(() => seen[0]?.close !== undefined)
  expect(seen[0]!.close).toEqual([4001, 'from client'])
})

test('pings reach the upstream', async () => {
  const client = await connect()
  ;(client.socket as unknown as { ping(data: string): void }).ping('are you there')
  await eventually(() => seen[0]!.pings.length > 0)
  expect(seen[0]!.pings).toEqual(['are you there'])
  client.socket.close()
})

test('an upstream that refuses the upgrade is heard as it spoke', async () => {
  begun += 1
  const response = await fetch(`${gateway.url}/openai/v1/refused`, {
    headers: {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
      'sec-websocket-version': '13',
    },
  })
  expect([response.status, await response.json(), response.headers.get('x-request-id')]).toEqual([
    426,
    { error: 'upgrade required' },
    'req_426',
  ])
})

test('an upstream that breaks off ends the client’s connection abnormally', async () => {
  onMessage = (socket) => socket.terminate()
  const client = await connect()
  client.socket.send('x')
  await eventually(() => client.closed !== undefined)
  expect(client.closed![0]).toBe(1006)
})

test('a connection is one exchange; its responses are metered each once', async () => {
  onMessage = (socket, message) => {
    const { id, tokens } = JSON.parse(String(message)) as { id: string; tokens: number }
    const response = { id, model: 'gpt-5.4-mini', status: 'completed' }
    socket.send(JSON.stringify({ type: 'response.created', response: { id, model: 'gpt-5.4-mini' } }))
    socket.send(JSON.stringify({ type: 'response.output_text.delta', delta: 'hi' }))
    socket.send(
      JSON.stringify({
        type: 'response.completed',
        response: {
          ...response,
          usage: { input_tokens: tokens, output_tokens: 6, total_tokens: tokens + 6 },
        },
      }),
    )
  }
  const client = await connect()
  client.socket.send(JSON.stringify({ type: 'response.create', model: 'gpt-5.4-mini', id: 'r1', tokens: 10 }))
  client.socket.send(JSON.stringify({ type: 'response.create', model: 'gpt-5.4-mini', id: 'r2', tokens: 20 }))
  await eventually(() => client.messages.length === 6)
  client.socket.close(1000, 'done')
  const traces = await gateway.traces(begun)
  expect(traces[0]).toMatchObject({
    request_path: '/openai/v1/responses',
    response_status: 101,
    outcome: 'completed',
    requested_model: 'gpt-5.4-mini',
    model: 'gpt-5.4-mini',
    input_tokens: 30,
    output_tokens: 12,
    cost_status: 'exact',
    upstream_request_id: 'req_ws',
  })
})

test('a connection whose last response failed has failed; one that went on after a failure has not', async () => {
  const failure = {
    type: 'response.failed',
    response: { id: 'r', status: 'failed', error: { code: 'server_is_overloaded' } },
  }
  const success = [
    { type: 'response.created', response: { id: 's' } },
    { type: 'response.completed', response: { id: 's', status: 'completed' } },
  ]
  const ends: unknown[] = []
  for (const events of [[failure], [failure, ...success]]) {
    onMessage = (socket) => events.forEach((event) => void socket.send(JSON.stringify(event)))
    const client = await connect()
    client.socket.send('{"type":"response.create","model":"gpt-5.4-mini"}')
    await eventually(() => client.messages.length === events.length)
    client.socket.close(1000, 'done')
    const [trace] = await gateway.traces(begun)
    ends.push([trace!['outcome'], trace!['error_code'], trace!['provider_error']])
  }
  expect(ends).toEqual([
    ['upstream_failed', 'upstream_error', 'server_is_overloaded'],
    ['completed', undefined, undefined],
  ])
})

test('a client that vanishes closes the upstream and is recorded as gone', async () => {
  onMessage = (socket) =>
    void socket.send(
      JSON.stringify({ type: 'response.created', response: { id: 'r', model: 'gpt-5.4-mini' } }),
    )
  const client = await connect()
  client.socket.send('{"type":"response.create","model":"gpt-5.4-mini"}')
  await eventually(() => client.messages.length === 1)
  ;(client.socket as unknown as { terminate(): void }).terminate()
  await eventually(() => seen[0]?.close !== undefined)
  const traces = await gateway.traces(begun)
  expect(traces[0]).toMatchObject({
    outcome: 'client_aborted',
    cost_status: expect.not.stringMatching('exact') as unknown as string,
  })
})

test('a slow client holds the upstream back instead of filling the memory', async () => {
  const block = 'x'.repeat(1_000_000)
  onMessage = async (socket) => {
    for (let i = 0; i < 40; i++) {
      while (socket.getBufferedAmount() > 4_000_000) await Bun.sleep(5)
      socket.send(block)
    }
  }
  const client = await connect()
  client.socket.send('go')
  await eventually(() => client.messages.length === 40, 30_000)
  expect(client.messages.every((message) => message === block)).toBe(true)
  client.socket.close()
}, 40_000)

test('a connection on which an upstream refused an upgrade is not used for the next one', async () => {
  const upstream = await Upstream.start(respond(426, {}, ''))
  const other = await openGateway(providersAt(upstream.url))
  for (let time = 0; time < 4; time++) {
    const { status } = await sendRaw(other.port, [
      'GET /openai/v1/realtime?model=x HTTP/1.1',
      'Host: 127.0.0.1',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      'Authorization: Bearer sk-provider-0123456789',
    ])
    expect([time, status]).toEqual([time, 426])
  }
  await other.stop()
  await upstream.stop()
})

test('a handshake that fails is 502 with the host and the reason', async () => {
  const upstream = await Upstream.start(respond(426, {}, ''))
  const other = await openGateway(providersAt(upstream.url))
  for (const [bytes, code] of [
    ['what is this\r\n\r\n', 'upstream_invalid_response'],
    ['', 'upstream_aborted'],
    ['HTTP/1.1 799 Odd\r\nContent-Length: 0\r\n\r\n', 'upstream_invalid_response'],
  ] as const) {
    upstream.play = (_, socket) => void socket.end(bytes)
    const { status, text } = await sendRaw(other.port, [
      'GET /openai/v1/realtime?model=x HTTP/1.1',
      'Host: 127.0.0.1',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    ])
    expect([bytes, status, JSON.parse(text)]).toMatchObject([
      bytes,
      502,
      {
        error: {
          code,
          message: expect.stringContaining(`upstream request failed: 127.0.0.1:${upstream.port}: `),
        },
      },
    ])
  }
  await other.stop()
  await upstream.stop()
})
