import { afterAll, beforeAll, expect, test } from 'bun:test'
import { constants, deflateRawSync } from 'node:zlib'
import { eventually } from '../support/eventually.ts'
import { openGateway, providersAt, type TestGateway } from '../support/gateway.ts'
import { RawClient } from '../support/raw-client.ts'
import { Upstream } from '../support/upstream.ts'

const MIB = 1024 * 1024
/** Content of this length is read whole. */
const SMALL = 256 * 1024

let upstream: Upstream
/** Uploads that are held: four of the small ones. */
let gateway: TestGateway
/** Holds content for a policy, too. */
let guarded: TestGateway
/** Relays WebSockets to an upstream that reads nothing. */
let relaying: TestGateway
let reading = false

beforeAll(async () => {
  upstream = await Upstream.start((request, socket) => {
    if (request.field('upgrade') !== 'websocket') {
      socket.write('HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}')
      return
    }
    const accept = new Bun.CryptoHasher('sha1')
      .update(`${request.field('sec-websocket-key')}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
      .digest('base64')
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: ${accept}\r\n\r\n`,
    )
    socket.removeAllListeners('data')
    if (reading) socket.resume()
    else socket.pause()
  })
  const providers = providersAt(upstream.url)
  gateway = await openGateway(`${providers}server: {max_held_bytes: ${MIB}}\n`)
  guarded = await openGateway(`${providers}server: {max_held_bytes: ${4 * MIB}}\npii: {mode: block}\n`)
  relaying = await openGateway(`${providers}server: {max_held_bytes: ${40 * MIB}}\n`)
})
afterAll(async () => {
  await gateway.stop()
  await guarded.stop()
  await relaying.stop()
  await upstream.stop()
})

const HEAD =
  'POST /openai/v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n'

/** Begins an upload and stops in the middle of it. */
async function stalled({ port }: TestGateway, fields: string, some: string): Promise<RawClient> {
  const client = await RawClient.open(port)
  client.send(`${HEAD}${fields}\r\n${some}`)
  return client
}

const small = (length = SMALL): Promise<RawClient> =>
  stalled(gateway, `Content-Length: ${length}\r\n`, '{"a":')

test('stalled uploads are bounded together, and what they held is given back, however they end', async () => {
  for (const end of ['aborted', 'completed', 'aborted'] as const) {
    const held = await Promise.all(Array.from({ length: 4 }, () => small()))
    await eventually(() => gateway.gateway.heldBytes() === MIB)
    const refused = await small()
    await eventually(() => refused.status !== 0)
    expect(refused.status).toBe(503)
    expect(refused.text.toLowerCase()).toContain('\r\nretry-after: 1\r\n')
    expect(JSON.parse(refused.body.toString())).toMatchObject({
      error: { type: 'api_error', code: 'held_bytes_exceeded' },
    })
    refused.close()
    for (const client of held) {
      if (end === 'aborted') client.close()
      else client.send('1'.padEnd(SMALL - 6, ' ') + '}')
    }
    if (end === 'completed') {
      await eventually(() => held.every((client) => client.body.toString() === '{}'))
      expect(held.map((client) => client.status)).toEqual([200, 200, 200, 200])
      for (const client of held) client.close()
    }
    await eventually(() => gateway.gateway.heldBytes() === 0)
  }
  const whole = await stalled(gateway, 'Content-Length: 2\r\nConnection: close\r\n', '{}')
  await whole.closed()
  expect(whole.status).toBe(200)
  const refusals = (await gateway.traces(13)).filter((trace) => trace['error_code'] === 'held_bytes_exceeded')
  expect(refusals.map(({ outcome }) => outcome)).toEqual(['refused', 'refused', 'refused'])
})

test('content of unknown length that a policy holds is counted as it comes', async () => {
  const megabyte = `100000\r\n${' '.repeat(MIB)}\r\n`
  const chunked = 'Transfer-Encoding: chunked\r\n'
  const held = await Promise.all(Array.from({ length: 3 }, () => stalled(guarded, chunked, megabyte)))
  await eventually(() => guarded.gateway.heldBytes() === 3 * MIB)
  const refused = await stalled(guarded, chunked, megabyte + megabyte)
  await eventually(() => refused.status !== 0)
  expect(refused.status).toBe(503)
  for (const client of [...held.slice(1), refused]) client.close()
  await eventually(() => guarded.gateway.heldBytes() === MIB)
  // What a policy refuses is given back as well.
  held[0]!.send('17\r\n{"a":"ada@example.com"}\r\n0\r\n\r\n')
  await eventually(() => held[0]!.status !== 0)
  expect(held[0]!.status).toBe(403)
  await eventually(() => guarded.gateway.heldBytes() === 0)
})

/** A frame of a client's, masked with zeros. */
function frame(opcode: number, payload: Uint8Array, { compressed = false, final = true } = {}): Buffer {
  const long = payload.length > 125
  const head = Buffer.alloc(long ? 14 : 6)
  head[0] = (final ? 0x80 : 0) | (compressed ? 0x40 : 0) | opcode
  head[1] = 0x80 | (long ? 127 : payload.length)
  if (long) head.writeBigUInt64BE(BigInt(payload.length), 2)
  return Buffer.concat([head, payload])
}

/** A message of so many bytes that is a thousandth of that on the wire. */
function deflated(size: number): Buffer {
  const bytes = deflateRawSync(Buffer.alloc(size, 97), { finishFlush: constants.Z_SYNC_FLUSH })
  return frame(1, bytes.subarray(0, -4), { compressed: true })
}

async function upgraded(): Promise<RawClient> {
  const client = await RawClient.open(relaying.port)
  client.send(
    'GET /openai/v1/realtime?model=x HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n' +
      'Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n',
  )
  await eventually(() => client.text.includes('\r\n\r\n'))
  expect(client.status).toBe(101)
  return client
}

/** Code of the close frame at the end of what came. */
function closeCode({ received }: RawClient): number {
  const frames = received.subarray(received.indexOf('\r\n\r\n') + 4)
  const at = frames.indexOf(0x88)
  return at < 0 ? 0 : frames.readUInt16BE(at + 2)
}

test('a message that is larger than 16 MiB once inflated, or in all its fragments, ends its connection with 1009', async () => {
  reading = true
  const bomb = await upgraded()
  for (let i = 0; i < 4; i++) bomb.send(deflated(125_000_000))
  await bomb.closed()
  expect(closeCode(bomb)).toBe(1009)
  const fragments = await upgraded()
  fragments.send(frame(2, Buffer.alloc(9 * MIB), { final: false }))
  fragments.send(frame(0, Buffer.alloc(9 * MIB)))
  await fragments.closed()
  expect(closeCode(fragments)).toBe(1009)
  await eventually(() => relaying.gateway.heldBytes() === 0)
  const traces = await relaying.traces(2)
  expect(traces.map((trace) => [trace['outcome'], trace['error_code']])).toEqual([
    ['refused', 'request_body_too_large'],
    ['refused', 'request_body_too_large'],
  ])
})

test('messages that an upstream does not take are bounded together; past the bound 1009, and then there is room again', async () => {
  reading = false
  const clients = await Promise.all([upgraded(), upgraded(), upgraded()])
  let most = 0
  const watch = setInterval(() => (most = Math.max(most, relaying.gateway.heldBytes())), 1)
  for (const client of clients) client.send(deflated(15 * MIB))
  await eventually(() => clients.some((client) => closeCode(client) === 1009))
  clearInterval(watch)
  expect(most).toBeLessThanOrEqual(40 * MIB)
  expect(clients.filter((client) => closeCode(client) === 1009)).toHaveLength(1)
  for (const client of clients) client.close()
  await eventually(() => relaying.gateway.heldBytes() === 0, 30_000)
  const after = await upgraded()
  after.send(deflated(15 * MIB))
  await eventually(() => relaying.gateway.heldBytes() > 10 * MIB)
  expect(closeCode(after)).toBe(0)
  after.close()
  await eventually(() => relaying.gateway.heldBytes() === 0, 30_000)
}, 90_000)

test('a client that sends pings and reads no pongs is cut off', async () => {
  reading = true
  const before = await relaying.traces(0)
  const client = await upgraded()
  client.socket.pause()
  const pings = Buffer.concat(Array.from({ length: 4000 }, () => frame(9, Buffer.alloc(120))))
  let most = 0
  const watch = setInterval(() => (most = Math.max(most, relaying.gateway.heldBytes())), 1)
  for (let i = 0; i < 60; i++) client.send(pings)
  const [trace] = await relaying.traces(before.length + 1)
  clearInterval(watch)
  expect([trace?.['outcome'], trace?.['error_code']]).toEqual(['refused', 'held_bytes_exceeded'])
  expect(most).toBeLessThan(16 * MIB)
  await eventually(() => relaying.gateway.heldBytes() === 0, 30_000)
  client.close()
}, 90_000)
