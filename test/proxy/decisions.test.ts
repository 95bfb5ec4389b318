import { afterAll, beforeAll, expect, test } from 'bun:test'
import { eventually } from '../support/eventually.ts'
import { openGateway, providersAt, type TestGateway } from '../support/gateway.ts'
import { respondJson, Upstream } from '../support/upstream.ts'

// Decisions through everything that stands between a caller and a provider: key rules, the price gate, redaction, the receipt.

const OWNER = 'owner-token-0123456789abcdef'
const ANSWER = {
  answers: [{ type: 'choice', name: 'kind', choice: 'billing', confidence: 0.9, probabilities: [] }],
  model: 'gpt-6-luna',
  usage: { input_tokens: 1000, output_tokens: 5, total_tokens: 1005 },
}
let upstream: Upstream
let gateway: TestGateway
let bound = ''
beforeAll(async () => {
  upstream = await Upstream.start(respondJson(ANSWER))
  gateway = await openGateway(
    `${providersAt(upstream.url)}pricing: {unknown_model: block}
auth: {enabled: true, keys: [{id: root, token: ${OWNER}, role: owner}]}
pii: {mode: off, scopes: [{match: {route_prefix: /openai/v1/decisions}, mode: redact_upstream}]}\n`,
    { 'X-OngoingAI-Gateway-Key': OWNER },
  )
  const made = await fetch(`${gateway.url}/api/gateway-keys`, {
    method: 'POST',
    headers: { 'X-OngoingAI-Gateway-Key': OWNER, 'content-type': 'application/json' },
    body: JSON.stringify({ models: ['gpt-5*'] }),
  })
  bound = ((await made.json()) as { token: string }).token
})
afterAll(async () => {
  await gateway.stop()
  await upstream.stop()
})

async function decide(model: string, input: string, token = OWNER): Promise<Response> {
  return await fetch(`${gateway.url}/openai/v1/decisions`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      authorization: 'Bearer sk-provider-0123456789',
      'X-OngoingAI-Gateway-Key': token,
    },
    body: JSON.stringify({ model, input, questions: [{ type: 'predicate', instructions: input }] }),
  })
}

async function codeOf(response: Response): Promise<unknown[]> {
  return [response.status, ((await response.json()) as { error: { code: string } }).error.code]
}

test('an answer is metered and priced as a decision', async () => {
  const response = await decide('gpt-6-luna', 'Which kind?')
  expect(await response.json()).toEqual(ANSWER)
  const id = response.headers.get('x-ongoingai-trace-id')
  await eventually(async () => (await gateway.detail(id))['id'] === id)
  expect(await gateway.detail(id)).toMatchObject({
    input_tokens: 1000,
    output_tokens: 5,
    estimated_cost_usd: 0.0001,
    cost_status: 'exact',
    cost: { price_list: 'ongoingai-operations@2026-11-30' },
  })
})

test('a key is bound to its models here too', async () => {
  expect(await codeOf(await decide('gpt-6-luna', 'x', bound))).toEqual([403, 'not_allowed_for_key'])
})

test('the price gate asks for the price of the operation, not of the model', async () => {
  expect(await codeOf(await decide('gpt-6-sol', 'x'))).toEqual([403, 'model_price_unknown'])
})

test('a redaction scope holds for input and questions', async () => {
  await decide('gpt-6-luna', 'Ask alice@example.com')
  expect(upstream.last.body.toString()).not.toContain('alice')
  expect(upstream.last.body.toString().match(/EMAIL/g)?.length).toBe(2)
})
