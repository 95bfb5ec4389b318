import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { Database } from 'bun:sqlite'
import { join } from 'node:path'
import { eventually } from '../support/eventually.ts'
import { openGateway, providersAt, type TestGateway } from '../support/gateway.ts'
import { respondJson, Upstream, type Play } from '../support/upstream.ts'

setDefaultTimeout(30_000)

// Budgets and what a subscription pays.

/** What one answer comes to at list prices: 100 × 3 + 20 × 15 USD per million tokens. */
const LIST_USD = 0.0006
const ANSWER = {
  id: 'm',
  type: 'message',
  model: 'claude-sonnet-4-5-20250929',
  content: [{ type: 'text', text: 'x' }],
  stop_reason: 'end_turn',
  usage: { input_tokens: 100, output_tokens: 20 },
}
const TOKEN = 'sk-ant-oat01-AAAAAAAAAAAAAAAAAAAAAAAAAAAA'

let upstream: Upstream
let opened: TestGateway | undefined
/** Answers as Anthropic does: who sends a subscription's token is told its limits. */
const answering =
  (content: object): Play =>
  (request, socket) =>
    respondJson(content, request.field('authorization') === subscriber.authorization ? LIMITS : {})(
      request,
      socket,
    )
const LIMITS = { 'anthropic-ratelimit-unified-status': 'allowed' }

beforeAll(async () => {
  upstream = await Upstream.start(answering(ANSWER))
})
afterEach(async () => {
  upstream.play = answering(ANSWER)
  await opened?.stop()
  opened = undefined
})
afterAll(() => upstream.stop())

async function open(...budgets: string[]): Promise<TestGateway> {
  const policies = budgets.map((budget, i) => `{name: b${i}, per: workspace, budget: {${budget}}}`)
  opened = await openGateway(`${providersAt(upstream.url)}limits: {policies: [${policies.join(', ')}]}\n`)
  return opened
}

/** @returns the status */
async function ask(
  { url }: TestGateway,
  fields: Record<string, string>,
  model = ANSWER.model,
): Promise<number> {
  const response = await fetch(`${url}/anthropic/v1/messages`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...fields },
    body: JSON.stringify({ model, max_tokens: 20, messages: [] }),
  })
  await response.arrayBuffer()
  return response.status
}
const subscriber = { authorization: `Bearer ${TOKEN}` }
const payer = { 'x-api-key': 'sk-ant-api03-AAAAAAAA' }

/** What each budget has used, in USD or tokens. */
async function used({ url }: TestGateway): Promise<unknown[]> {
  const { limits } = (await (await fetch(`${url}/api/limits`)).json()) as {
    limits: Record<string, unknown>[]
  }
  return limits.map((limit) => [limit['used'], limit['reserved']])
}

/** The ledger in the store: subjects of the workspace, whole nano-USD and tokens. */
function ledger({ folder }: TestGateway): unknown[] {
  const database = new Database(join(folder, 'data/traces.db'), { readonly: true })
  const rows = database
    .query(
      `SELECT subject, SUM(cost_nano_usd) AS cost, SUM(tokens) AS tokens FROM spend
      WHERE subject LIKE 'workspace:%' GROUP BY subject ORDER BY subject`,
    )
    .values()
  database.close()
  return rows
}

test('a budget is neither charged nor reserved for what a subscription pays, and when it is spent it refuses only what is billed', async () => {
  const gateway = await open(`cost_usd: ${LIST_USD / 2}`)
  for (let i = 0; i < 3; i++) expect(await ask(gateway, subscriber)).toBe(200)
  await gateway.traces(3)
  expect(await used(gateway)).toEqual([[0, 0]])
  expect(await ask(gateway, payer)).toBe(200)
  await eventually(async () => Bun.deepEquals(await used(gateway), [[LIST_USD, 0]]))
  expect(await ask(gateway, payer)).toBe(429)
  expect(await ask(gateway, subscriber)).toBe(200)
  const traces = await gateway.traces(6)
  expect(traces.filter((trace) => trace['cost_status'] === 'included').length).toBe(4)
  await eventually(() =>
    Bun.deepEquals(ledger(gateway), [['workspace:default/default', LIST_USD * 1e9, 5 * 120]]),
  )
})

test('with count_included the list price is reserved and charged, beside a budget that leaves it out', async () => {
  const gateway = await open(
    `cost_usd: ${LIST_USD * 1.5}, count_included: true`,
    `cost_usd: ${LIST_USD * 1.5}`,
    'tokens: 100000',
  )
  expect(await ask(gateway, subscriber)).toBe(200)
  await eventually(async () =>
    Bun.deepEquals(await used(gateway), [
      [LIST_USD, 0],
      [0, 0],
      [120, 0],
    ]),
  )
  expect(await ask(gateway, payer)).toBe(200)
  await eventually(async () =>
    Bun.deepEquals(await used(gateway), [
      [2 * LIST_USD, 0],
      [LIST_USD, 0],
      [240, 0],
    ]),
  )
  expect(await ask(gateway, subscriber)).toBe(429)
  await eventually(() =>
    Bun.deepEquals(ledger(gateway), [
      ['workspace:default/default', LIST_USD * 1e9, 240],
      ['workspace:default/default&included', 2 * LIST_USD * 1e9, 240],
    ]),
  )
})

test('usage credits of a subscriber are charged, though the token promised a subscription', async () => {
  const gateway = await open(`cost_usd: ${LIST_USD / 2}`)
  upstream.play = respondJson(ANSWER, {
    ...LIMITS,
    'anthropic-ratelimit-unified-overage-in-use': 'true',
  })
  expect(await ask(gateway, subscriber)).toBe(200)
  await eventually(async () => Bun.deepEquals(await used(gateway), [[LIST_USD, 0]]))
  expect((await gateway.traces(1))[0]).toMatchObject({ cost_status: 'exact', estimated_cost_usd: LIST_USD })
  expect(await ask(gateway, subscriber)).toBe(429)
})

test('a token that was made up is charged, and refused by a spent budget, where nobody looks at it', async () => {
  const gateway = await open(`cost_usd: ${LIST_USD / 2}`)
  const madeUp = { authorization: `Bearer ${TOKEN}-made-up` }
  expect(await ask(gateway, madeUp)).toBe(200)
  await eventually(async () => Bun.deepEquals(await used(gateway), [[LIST_USD, 0]]))
  expect(await ask(gateway, madeUp)).toBe(429)
})

test('a model without a price is refused only where its price would be charged', async () => {
  const unpriced = 'claude-of-tomorrow'
  upstream.play = answering({ ...ANSWER, model: unpriced })
  const plain = await open('cost_usd: 1')
  expect(await ask(plain, subscriber)).toBe(200)
  expect(await ask(plain, payer, unpriced)).toBe(403)
  expect(await ask(plain, subscriber, unpriced)).toBe(200)
  const traces = await plain.traces(3)
  expect(
    traces.find((trace) => trace['requested_model'] === unpriced && trace['response_status'] === 200),
  ).toMatchObject({
    cost_status: 'included',
    estimated_cost_usd: 0,
    list_price_usd: null,
  })
  await plain.stop()
  const counting = await open('cost_usd: 1, count_included: true')
  expect(await ask(counting, subscriber, unpriced)).toBe(403)
})

/** Answers wait until they are let go. */
function held(): () => void {
  const { promise, resolve } = Promise.withResolvers<void>()
  const play = answering(ANSWER)
  upstream.play = async (request, socket) => {
    await promise
    await play(request, socket)
  }
  return resolve
}

test('a strict budget reserves nothing for what a subscription pays', async () => {
  const gateway = await open(
    `cost_usd: ${LIST_USD}, enforcement: strict`,
    'tokens: 1000, enforcement: strict',
  )
  expect(await ask(gateway, subscriber)).toBe(200)
  await eventually(async () =>
    Bun.deepEquals(await used(gateway), [
      [0, 0],
      [120, 0],
    ]),
  )
  const letGo = held()
  const running = [ask(gateway, subscriber), ask(gateway, subscriber)]
  // The input as before and its own output limit, of either.
  await eventually(async () => {
    const [money, tokens] = (await used(gateway)) as [number[], number[]]
    return money[1] === 0 && tokens[1]! >= 240 && tokens[1]! < 400
  })
  letGo()
  expect(await Promise.all([...running, ask(gateway, payer)])).toEqual([200, 200, 200])
  await eventually(async () =>
    Bun.deepEquals(await used(gateway), [
      [LIST_USD, 0],
      [480, 0],
    ]),
  )
  expect([await ask(gateway, payer), await ask(gateway, subscriber)]).toEqual([429, 200])
})

test('a strict budget that counts what is included holds for it: of two that fill it one runs', async () => {
  const gateway = await open(`cost_usd: ${2 * LIST_USD}, enforcement: strict, count_included: true`)
  expect(await ask(gateway, subscriber)).toBe(200)
  await eventually(async () => Bun.deepEquals(await used(gateway), [[LIST_USD, 0]]))
  const letGo = held()
  const running = ask(gateway, subscriber)
  await eventually(async () => ((await used(gateway)) as [number[]])[0][1]! > LIST_USD / 2)
  expect([await ask(gateway, subscriber), await ask(gateway, payer)]).toEqual([429, 429])
  letGo()
  expect(await running).toBe(200)
  await eventually(async () => Bun.deepEquals(await used(gateway), [[2 * LIST_USD, 0]]))
})
