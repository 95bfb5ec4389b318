import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { eventually } from '../support/eventually.ts'
import { openGateway, providersAt, type TestGateway } from '../support/gateway.ts'
import { respondJson, stream, Upstream } from '../support/upstream.ts'

setDefaultTimeout(30_000)

// What providers say of their prompt caches, from the wire to the API.

const MISS = { type: 'system_changed', cache_missed_input_tokens: 1200 }
let upstream: Upstream
let gateway: TestGateway
beforeAll(async () => {
  upstream = await Upstream.start(respondJson({}))
  gateway = await openGateway(`${providersAt(upstream.url)}pii: {mode: redact_storage}\n`)
})
afterAll(async () => {
  await gateway.stop()
  await upstream.stop()
})

async function cacheOf(path: string): Promise<unknown> {
  const response = await fetch(`${gateway.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: 'Bearer sk-provider-0123456789' },
    body: '{"model":"m"}',
  })
  await response.text()
  const id = response.headers.get('x-ongoingai-trace-id')
  let trace: Record<string, unknown> = {}
  await eventually(async () => (trace = await gateway.detail(id))['id'] === id)
  return trace['cache']
}

test('a stream of Messages', async () => {
  const message = { id: 'msg_1', model: 'claude-sonnet-5', usage: { input_tokens: 9 } }
  const start = { type: 'message_start', message: { ...message, diagnostics: { cache_miss_reason: MISS } } }
  upstream.play = stream([
    `event: message_start\ndata: ${JSON.stringify(start)}\n\n`,
    'event: message_stop\ndata: {"type":"message_stop"}\n\n',
  ])
  expect(await cacheOf('/anthropic/v1/messages')).toEqual({ provider_says: MISS })
})

test('Responses; texts in it are stored as all others', async () => {
  const diagnostics = { type: 'cache_miss', reason: 'input_changed', hint: 'ask alice@example.com' }
  const response = { id: 'resp_1', model: 'gpt-5.6', status: 'completed', usage: { input_tokens: 9 } }
  upstream.play = respondJson({ ...response, prompt_cache_diagnostics: diagnostics })
  const cache = (await cacheOf('/openai/v1/responses')) as { provider_says: typeof diagnostics }
  expect(cache.provider_says).toMatchObject({ type: 'cache_miss', reason: 'input_changed' })
  expect(cache.provider_says.hint).not.toContain('alice')
  upstream.play = respondJson({ ...response, prompt_cache_diagnostics: { type: 'cache_hit' } })
  expect(await cacheOf('/openai/v1/responses')).toBeUndefined()
})
