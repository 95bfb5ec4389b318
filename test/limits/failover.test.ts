import { afterEach, beforeEach, expect, setDefaultTimeout, test } from 'bun:test'
import { eventually } from '../support/eventually.ts'
import { openGateway, type TestGateway } from '../support/gateway.ts'
import { respond, respondJson, Upstream } from '../support/upstream.ts'

setDefaultTimeout(30_000)

// A request that goes to another target, because one failed, is held to the limits of that one too.

/** What an answer of the second target costs: 100 × 10 + 100 × 20 USD per million tokens. */
const COST_USD = 0.003
const ANSWER = { id: 'x', model: 'b', choices: [], usage: { prompt_tokens: 100, completion_tokens: 100 } }

let first: Upstream
let second: Upstream
let gateway: TestGateway | undefined

beforeEach(async () => {
  first = await Upstream.start(respond(500, { 'Content-Type': 'application/json' }, '{}'))
  second = await Upstream.start(respondJson(ANSWER))
})
afterEach(async () => {
  await gateway?.stop()
  gateway = undefined
  await first.stop()
  await second.stop()
})

const PRICED = "{ provider: two, model: '*', input: 10, output: 20 }"

async function open(policies: readonly string[], prices = PRICED): Promise<TestGateway> {
  gateway = await openGateway(`
providers:
  one: { upstream: "${first.url}", prefix: /one, api: openai }
  two: { upstream: "${second.url}", prefix: /two, api: openai }
models: [{ name: small, targets: [{ provider: one, model: a }, { provider: two, model: b, tier: 2 }] }]
pricing: { overrides: [{ provider: one, model: '*', input: 1, output: 2 }${prices === '' ? '' : `, ${prices}`}] }
routing: { breaker: { failures: 100 } }
limits: { max_wait_ms: 0, policies: [${policies.join(', ')}] }
`)
  return gateway
}

async function ask(path = '/v1/chat/completions', model = 'small'): Promise<[number, string]> {
  const response = await fetch(`${gateway!.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model, max_tokens: 100, messages: [] }),
  })
  return [response.status, await response.text()]
}

async function used(): Promise<readonly (readonly unknown[])[]> {
  const { limits } = (await (await fetch(`${gateway!.url}/api/limits`)).json()) as {
    limits: Record<string, unknown>[]
  }
  return limits.map((limit) => [limit['used'], limit['reserved']])
}

const budget = (name: string, of: string, terms: string): string =>
  `{ name: ${name}, per: workspace, ${of}budget: { ${terms}, period: total } }`

test.each(['hard', 'strict'])('a %s budget lets no request pass to a target without a price', async (how) => {
  await open([budget('all', '', `cost_usd: 10, enforcement: ${how}`)], '')
  expect(await ask()).toEqual([403, expect.stringContaining('model_price_unknown')])
  expect([first.requests.length, second.requests.length]).toEqual([1, 0])
  await eventually(async () => Bun.deepEquals(await used(), [[0, 0]]))
})

test('a budget of the second target’s provider is charged, and when it is spent it refuses', async () => {
  const of = 'match: { provider: two }, '
  await open([
    budget('all', '', 'cost_usd: 10, enforcement: hard'),
    budget('two', of, `cost_usd: ${COST_USD / 2}, enforcement: hard`),
  ])
  expect((await ask())[0]).toBe(200)
  await gateway!.traces(1)
  await eventually(async () => (await ask('/two/v1/chat/completions', 'b'))[0] === 429)
  expect(await ask()).toEqual([429, expect.stringContaining('budget')])
  expect(second.requests).toHaveLength(1)
  await eventually(async () => Bun.deepEquals((await used())[0], [COST_USD, 0]))
})

test('a budget of that provider alone is charged too', async () => {
  await open([budget('two', 'match: { provider: two }, ', `cost_usd: ${COST_USD / 2}, enforcement: hard`)])
  expect((await ask())[0]).toBe(200)
  await gateway!.traces(1)
  await eventually(async () => (await ask('/two/v1/chat/completions', 'b'))[0] === 429)
  expect((await ask())[0]).toBe(429)
  expect(second.requests).toHaveLength(1)
})

test('a rate of the second target’s provider counts what comes from the first', async () => {
  await open(['{ name: two, per: workspace, match: { provider: two }, requests_per_minute: 1 }'])
  expect((await ask())[0]).toBe(200)
  expect((await ask())[0]).toBe(429)
  expect((await ask('/two/v1/chat/completions', 'b'))[0]).toBe(429)
  expect(second.requests).toHaveLength(1)
})

test('a strict budget reserves what the dearest target may cost', async () => {
  const asked = Promise.withResolvers<void>()
  const answered = Promise.withResolvers<void>()
  first.play = async (request, socket) => {
    asked.resolve()
    await answered.promise
    await respondJson({ ...ANSWER, model: 'a' })(request, socket)
  }
  // The first target would cost at most 0.0002 and some input, the second 0.002.
  await open([budget('all', '', 'cost_usd: 0.003, enforcement: strict')])
  const running = ask()
  await asked.promise
  expect((await ask())[0]).toBe(429)
  answered.resolve()
  expect((await running)[0]).toBe(200)
})
