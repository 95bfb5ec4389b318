import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { eventually } from '../support/eventually.ts'
import { openGateway, type TestGateway } from '../support/gateway.ts'
import { exportLine } from '../../src/presentation/export-columns.ts'
import { openSqliteStorage } from '../../src/storage/drivers/sqlite.ts'

setDefaultTimeout(30_000)

// Requests that a subscription pays for, through a real upstream of both providers.

const CLAUDE = 'sk-ant-oat01-CANARYclaude0123456789abcdef'
const CHATGPT = `eyJhbGciOiJSUzI1NiJ9.CANARYchatgpt0123456789.${'s'.repeat(43)}`
const MESSAGE = {
  id: 'm',
  type: 'message',
  model: 'claude-sonnet-4-5-20250929',
  content: [{ type: 'text', text: 'x' }],
  stop_reason: 'end_turn',
  usage: { input_tokens: 100, output_tokens: 20 },
}
/** As Anthropic's answers to subscribers have them. */
const LIMITS = { 'anthropic-ratelimit-unified-status': 'allowed' }
const COMPLETED = {
  type: 'response.completed',
  response: {
    id: 'resp_1',
    model: 'gpt-5.4',
    status: 'completed',
    output: [],
    usage: { input_tokens: 100, output_tokens: 20, total_tokens: 120 },
  },
}

let upstream: ReturnType<typeof Bun.serve>
let gateway: TestGateway
beforeAll(async () => {
  upstream = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch(request, server) {
      const { pathname } = new URL(request.url)
      if (server.upgrade(request, { data: undefined })) return undefined
      const paid =
        request.headers.get('authorization') === `Bearer ${CLAUDE}` && !request.headers.has('x-api-key')
      const fields: Record<string, string> = paid && !pathname.startsWith('/local') ? LIMITS : {}
      if (pathname.endsWith('/messages')) return Response.json(MESSAGE, { headers: fields })
      if (pathname.endsWith('/responses')) {
        return new Response(`event: response.completed\ndata: ${JSON.stringify(COMPLETED)}\n\n`, {
          headers: { 'content-type': 'text/event-stream' },
        })
      }
      return Response.json({ path: pathname })
    },
    websocket: { message: (socket) => void socket.send(JSON.stringify(COMPLETED)) },
  })
  const { origin } = upstream.url
  gateway = await openGateway(
    `providers: {anthropic: {upstream: "${origin}"}, chatgpt: {upstream: "${origin}"}, openai: {upstream: "${origin}"}, local: {upstream: "${origin}/local", prefix: /local, api: anthropic}}\n`,
  )
})
afterAll(async () => {
  await gateway.stop()
  await upstream.stop(true)
})

async function post(path: string, token: string, fields: Record<string, string> = {}): Promise<Response> {
  const response = await fetch(`${gateway.url}${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...fields },
    body: '{"model":"gpt-5.4","input":"hi","stream":true}',
  })
  await response.clone().arrayBuffer()
  return response
}

/** The trace of an answer, as the API shows it. */
async function traceOf({ headers }: Response): Promise<Record<string, unknown>> {
  const id = headers.get('x-ongoingai-trace-id')
  let found: Record<string, unknown> = {}
  await eventually(async () => {
    found = await gateway.detail(id)
    return found['id'] === id
  })
  return found
}

test('Claude: the cost is 0, and the list price and its receipt are beside it', async () => {
  const trace = await traceOf(await post('/anthropic/v1/messages', CLAUDE))
  expect(trace).toMatchObject({
    cost_status: 'included',
    estimated_cost_usd: 0,
    list_price_usd: 0.0006,
    cost: { status: 'included', total_usd: 0, list_price_usd: 0.0006 },
    metadata: { credential_kind: 'subscription' },
  })
  expect((trace['cost'] as { lines: unknown[] }).lines.length).toBe(2)
})

test('an API key beside the token is billed, and so is an API key alone', async () => {
  for (const [token, fields] of [
    [CLAUDE, { 'x-api-key': 'sk-ant-api03-CANARY0123' }],
    ['sk-ant-api03-CANARY0123', {}],
  ] as const) {
    const trace = await traceOf(await post('/anthropic/v1/messages', token, fields))
    expect(trace).toMatchObject({ cost_status: 'exact', estimated_cost_usd: 0.0006 })
    expect(trace).not.toHaveProperty('list_price_usd')
    expect(trace['metadata']).not.toHaveProperty('credential_kind')
  }
})

test('ChatGPT over HTTP is priced as the API, and included; the same token at the API is not', async () => {
  const trace = await traceOf(await post('/chatgpt/backend-api/codex/responses', CHATGPT))
  expect(trace).toMatchObject({ cost_status: 'included', estimated_cost_usd: 0, total_tokens: 120 })
  expect(trace['list_price_usd']).toBeGreaterThan(0)
  const billed = await traceOf(await post('/openai/v1/responses', CHATGPT))
  expect(billed).toMatchObject({ cost_status: 'exact', estimated_cost_usd: trace['list_price_usd'] })
})

test('ChatGPT over a WebSocket', async () => {
  const { promise, resolve } = Promise.withResolvers<void>()
  const socket = new WebSocket(`${gateway.url.replace('http', 'ws')}/chatgpt/backend-api/codex/responses`, {
    headers: { authorization: `Bearer ${CHATGPT}` },
  } as unknown as string)
  socket.onopen = () => socket.send('{"type":"response.create","model":"gpt-5.4"}')
  socket.onmessage = () => socket.close()
  socket.onclose = () => resolve()
  await promise
  let trace: Record<string, unknown> | undefined
  await eventually(async () => {
    trace = (await gateway.traces(1)).find((one) => one['response_status'] === 101)
    return trace !== undefined
  })
  expect(trace).toMatchObject({ cost_status: 'included', estimated_cost_usd: 0, total_tokens: 120 })
  expect(trace!['list_price_usd']).toBeGreaterThan(0)
})

test('other calls of Codex pass: reading is free, and what is not metered is included', async () => {
  const path = '/chatgpt/backend-api/wham/usage'
  const read = await fetch(`${gateway.url}${path}`, { headers: { authorization: `Bearer ${CHATGPT}` } })
  expect(await read.json()).toEqual({ path: '/backend-api/wham/usage' })
  expect(await traceOf(read)).toMatchObject({ cost_status: 'exact', estimated_cost_usd: 0 })
  const events = await post('/chatgpt/backend-api/codex/unheard/of', CHATGPT)
  expect(await traceOf(events)).toMatchObject({ cost_status: 'included', list_price_usd: null })
})

test('sums leave the list price out and say how many requests are not in them', async () => {
  const sums = async (path: string): Promise<Record<string, unknown>> =>
    (await (await fetch(`${gateway.url}/api/analytics/${path}`)).json()) as Record<string, unknown>
  const summary = await sums('summary')
  expect(summary['included_requests']).toBe(4)
  expect(summary['unknown_cost_requests']).toBe(0)
  const { items } = (await sums('models')) as { items: Record<string, unknown>[] }
  expect(items.find(({ model }) => model === MESSAGE.model)).toMatchObject({
    request_count: 3,
    total_cost_usd: 0.0012,
    included_requests: 1,
    included_list_price_usd: 0.0006,
  })
  const byProvider = (await sums('cost?group_by=provider&bucket=day')) as { items: Record<string, unknown>[] }
  expect(byProvider.items.find(({ group }) => group === 'anthropic')).toMatchObject({
    included_requests: 1,
    avg_cost_usd: 0.0006,
  })
})

test('a token that was made up hides nothing from a server that does not look at it', async () => {
  for (const token of [CLAUDE, 'sk-ant-oat01-MADEUP']) {
    const trace = await traceOf(await post('/local/v1/messages', token))
    expect(trace).toMatchObject({ cost_status: 'exact', estimated_cost_usd: 0.0006 })
    expect(trace['metadata']).not.toHaveProperty('credential_kind')
  }
})

test('the store and what is exported hold no token', async () => {
  const folder = join(gateway.folder, 'data')
  for (const name of readdirSync(folder)) {
    expect([name, readFileSync(join(folder, name)).includes('CANARY')]).toEqual([name, false])
  }
  const storage = await openSqliteStorage(join(folder, 'traces.db'), 'read')
  const [stored] = await storage.maintenance().page({}, 0, 1)
  await storage.close()
  expect(exportLine(stored!.trace)).toContain('"list_price_usd":0.0006')
})
