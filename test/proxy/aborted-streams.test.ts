import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { connect, type Socket } from 'node:net'
import { eventually } from '../support/eventually.ts'
import { openGateway, type TestGateway } from '../support/gateway.ts'
import { type Play, respond, stream, Upstream } from '../support/upstream.ts'

/** So many streams are given up. `TEST_ABORTED_STREAMS=20000` for the long run. */
const STREAMS = Number(process.env['TEST_ABORTED_STREAMS'] ?? 2000)
const AT_ONCE = 64

setDefaultTimeout(STREAMS * 20 + 60_000)

// Clients ask for streams of a name with two targets and leave at any moment. The first target fails in every way that there is, and its breaker
// opens and closes all the time. Afterwards nothing may be left open.

const TOKEN = 'key-token-0123456789abcdef'
const HELD = '{ use: gateway, held: [{ name: main, command: [printf, key-one] }] }'
const FIELDS = { 'X-OngoingAI-Gateway-Key': TOKEN }
const SSE = { fields: { 'Content-Type': 'text/event-stream' } }
const event = (value: unknown): string => `data: ${JSON.stringify(value)}\n\n`
const ROLE = event({ choices: [{ delta: { role: 'assistant' } }] })
const CONTENT = event({ choices: [{ delta: { content: 'hello' } }] })
const END = `${event({ choices: [{ delta: {}, finish_reason: 'stop' }], usage: { prompt_tokens: 9, completion_tokens: 3, total_tokens: 12 } })}data: [DONE]\n\n`

/** Waits for some milliseconds, so that clients leave before, within and after what follows. */
const soon = (): Promise<void> => Bun.sleep(Math.random() * 12)

const GOOD: Play = stream([ROLE, CONTENT, CONTENT, CONTENT, END], { ...SSE, between: soon })
const FAILING: readonly Play[] = [
  GOOD,
  respond(503, { 'Content-Type': 'application/json' }, '{"error":{"message":"boom"}}'),
  respond(429, { 'Content-Type': 'application/json', 'Retry-After-Ms': '20' }, '{"error":{"type":"rate"}}'),
  stream([ROLE, event({ error: { type: 'overloaded_error' } })], { ...SSE, between: soon }),
  stream([ROLE], { ...SSE, between: soon, cut: true }),
  (_, socket) => void socket.destroy(),
  // It never responds.
  (_, socket) => closed(socket),
  // It never sends its first content.
  (_, socket) => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 900\r\n\r\n: \n\n')
    return closed(socket)
  },
]

async function closed(socket: Socket): Promise<void> {
  if (!socket.closed) await new Promise<void>((resolve) => socket.once('close', () => resolve()))
}

let healthy = false
let first: Upstream
let second: Upstream
let gateway: TestGateway
beforeAll(async () => {
  first = await Upstream.start(async (request, socket) => {
    if (healthy) return GOOD(request, socket)
    if (Math.random() < 0.5) await soon()
    return FAILING[Math.floor(Math.random() * FAILING.length)]!(request, socket)
  })
  second = await Upstream.start(GOOD)
  gateway = await openGateway(
    `
providers:
  one: { upstream: "${first.url}", prefix: /one, api: openai, timeouts: { first_byte_ms: 150 }, credentials: ${HELD} }
  two: { upstream: "${second.url}", prefix: /two, api: openai, credentials: ${HELD} }
models: [{ name: fast, targets: [{ provider: one, model: alpha }, { provider: two, model: beta, tier: 2 }] }]
routing: { attempts: 4, breaker: { failures: 3, open_ms: 20 } }
pricing:
  overrides: [{ provider: one, model: '*', input: 1, output: 2 }, { provider: two, model: '*', input: 1, output: 2 }]
auth:
  enabled: true
  pepper: 0123456789abcdef0123456789abcdef
  keys: [{ id: key-1, token: ${TOKEN}, org_id: org, workspace_id: ws, role: owner }]
limits:
  policies:
    - { name: money, per: key, budget: { cost_usd: 100000, period: total } }
    - { name: places, per: key, concurrent_requests: 1000 }
observability: { metrics_token: scrape-me-0123456789, otel: { enabled: true, traces_enabled: false, metrics_enabled: false, prometheus_enabled: true } }
`,
    FIELDS,
  )
})
afterAll(async () => {
  await gateway?.stop()
  await first?.stop()
  await second?.stop()
})

const BODY = '{"model":"fast","stream":true,"messages":[{"role":"user","content":"hello"}],"max_tokens":50}'
const REQUEST = Buffer.from(
  `POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nX-OngoingAI-Gateway-Key: ${TOKEN}\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`,
)

/** Sends a request and leaves after some milliseconds, whatever has come. */
async function askAndLeave(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const socket: Socket = connect({ port: gateway.port, host: '127.0.0.1', noDelay: true }, () => {
    socket.write(REQUEST)
    setTimeout(() => socket.destroy(), Math.random() * 40)
  })
  socket.on('data', () => {})
  socket.on('error', () => {})
  socket.on('close', () => resolve())
  await promise
}

/** A value of Prometheus, summed over its labels. */
async function metric(name: string): Promise<number> {
  const text = await (
    await fetch(`${gateway.url}/metrics`, { headers: { authorization: 'Bearer scrape-me-0123456789' } })
  ).text()
  const lines = text.split('\n').filter((line) => line.startsWith(name) && !line.startsWith('#'))
  return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0)
}

test(`${STREAMS} streams that are given up leave nothing open`, async () => {
  let left = STREAMS
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (left-- > 0) await askAndLeave()
    }),
  )
  const taken = [first, second].map(({ requests }) => requests.length)
  console.log(`${STREAMS} streams were given up; the targets had ${taken.join(' and ')} requests`)
  expect(Math.min(...taken)).toBeGreaterThan(0)

  await eventually(async () => (await metric('ongoingai_exchange_open')) === 0)
  expect(gateway.gateway.heldBytes()).toBe(0)
  await eventually(() => first.playing === 0 && second.playing === 0)
  expect(Math.max(first.sockets.size, second.sockets.size)).toBeLessThanOrEqual(2 * AT_ONCE)
  await eventually(() => {
    const { enqueue_accepted_total: accepted, stored_total: stored } = gateway.gateway.diagnostics()
    return accepted === stored
  })
  await eventually(async () => {
    const { limits } = (await get('/api/limits')) as {
      limits: { kind: string; used: number; reserved?: number }[]
    }
    return limits.every(({ kind, used, reserved = 0 }) => reserved === 0 && (kind === 'cost' || used === 0))
  })

  // No request is left that tries the first target, so another one may.
  await eventually(async () => {
    const state = await stateOfFirst()
    return state === 'available' || state === 'half_open'
  })
  healthy = true
  const before = first.requests.length
  const response = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { ...FIELDS, 'content-type': 'application/json' },
    body: BODY,
  })
  expect([response.status, (await response.text()).endsWith('data: [DONE]\n\n')]).toEqual([200, true])
  expect(first.requests.length).toBe(before + 1)
  await eventually(async () => (await stateOfFirst()) === 'available')
})

async function get(path: string): Promise<unknown> {
  return (await fetch(`${gateway.url}${path}`, { headers: FIELDS })).json()
}

async function stateOfFirst(): Promise<string> {
  const { items } = (await get('/api/targets')) as { items: { target: string; state: string }[] }
  return items.find(({ target }) => target === 'one/alpha')!.state
}
