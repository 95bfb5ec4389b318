import { afterAll, beforeAll, expect, test } from 'bun:test'
import { eventually } from '../support/eventually.ts'
import { openGateway, providersAt } from '../support/gateway.ts'
import { serveProgram } from '../support/process.ts'
import { RawClient } from '../support/raw-client.ts'
import { respond, respondJson, Upstream } from '../support/upstream.ts'

const KIB = 1024

let upstream: Upstream
beforeAll(async () => {
  upstream = await Upstream.start(respondJson({ ok: true }))
})
afterAll(() => upstream.stop())

/** A request with one field whose value has a size. */
function request(size: number): string {
  const content = '{"model":"m"}'
  return [
    'POST /openai/v1/chat/completions HTTP/1.1',
    'Host: localhost',
    'Content-Type: application/json',
    `Content-Length: ${content.length}`,
    `X-Large: ${'x'.repeat(size)}`,
    '',
    content,
  ].join('\r\n')
}

async function statusOf(port: number, pieces: readonly string[]): Promise<number> {
  const client = await RawClient.open(port)
  for (const piece of pieces) {
    client.send(piece)
    await Bun.sleep(5)
  }
  await eventually(() => client.status !== 0 || client.ended)
  client.close()
  return client.status
}

test('fields of 64 KiB pass and are recorded; larger ones are 431, however they come', async () => {
  const gateway = await openGateway(providersAt(upstream.url))
  try {
    expect(await statusOf(gateway.port, [request(64 * KIB)])).toBe(200)
    expect(upstream.last.field('x-large')).toHaveLength(64 * KIB)
    expect((await gateway.traces(1))[0]).toMatchObject({ outcome: 'completed', response_status: 200 })

    const inPieces = request(64 * KIB).match(/[^]{1,9000}/g)!
    expect(await statusOf(gateway.port, inPieces)).toBe(200)

    const seen = upstream.requests.length
    expect(await statusOf(gateway.port, [request(66 * KIB)])).toBe(431)
    expect(await statusOf(gateway.port, [request(1000 * KIB)])).toBe(431)
    const many = 'X-Many: 1\r\n'.repeat(199)
    expect(await statusOf(gateway.port, [request(1).replace('X-Large', `${many}X-Large`)])).toBe(431)
    expect(upstream.requests.length).toBe(seen)
  } finally {
    await gateway.stop()
  }
})

test('a started gateway takes fields of 64 KiB, and passes such fields of an answer on', async () => {
  const gateway = await serveProgram(providersAt(upstream.url))
  try {
    const port = Number(new URL(gateway.url).port)
    expect(await statusOf(port, [request(64 * KIB)])).toBe(200)
    expect(await statusOf(port, [request(66 * KIB)])).toBe(431)
    upstream.play = respond(200, { 'X-Large': 'y'.repeat(60 * KIB) }, 'ok')
    const response = await fetch(`${gateway.url}/openai/v1/models`)
    expect([response.status, response.headers.get('x-large')?.length]).toEqual([200, 60 * KIB])
  } finally {
    gateway.remove()
  }
})
