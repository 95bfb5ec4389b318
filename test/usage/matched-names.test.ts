import { afterAll, beforeAll, expect, setSystemTime, test } from 'bun:test'
import { join } from 'node:path'
import { openSqliteStorage } from '../../src/storage/drivers/sqlite.ts'
import { eventually } from '../support/eventually.ts'
import { runProgram } from '../support/process.ts'
import { openGateway, type TestGateway } from '../support/gateway.ts'
import { respondJson, Upstream } from '../support/upstream.ts'

// What a receipt says of the name that led to its price, and that pricing it again by what is stored comes to the same.
const AT = '2026-11-27T12:00:00Z'
const PROFILE = 'global.anthropic.claude-sonnet-4-5-20250929-v1:0'
const CLAUDE = {
  type: 'message',
  model: 'claude-sonnet-4-5-20250929',
  usage: { input_tokens: 1000, output_tokens: 500 },
}
const CHAT = { choices: [], usage: { prompt_tokens: 1000, completion_tokens: 500 } }

let upstream: Upstream
let gateway: TestGateway
beforeAll(async () => {
  upstream = await Upstream.start(() => {})
  const providers = ['openai', 'bedrock', 'azure', 'mistral'].map(
    (name) => `${name}: {upstream: "${upstream.url}", prefix: /${name}}`,
  )
  gateway = await openGateway(
    `providers: {${providers.join(', ')}}
pricing: {unknown_model: block, overrides: [{model: gpt-4o, input: 2, output: 8}, {model: our-own, free: true}, {provider: azure, model: prod-chat, input: 1, output: 1}]}
limits: {policies: [{name: all, budget: {cost_usd: 100}}]}\n`,
  )
})
afterAll(async () => {
  setSystemTime()
  await gateway.stop()
  await upstream.stop()
})

async function send(path: string, body: object, answer: object): Promise<Record<string, unknown>> {
  upstream.play = respondJson(answer)
  setSystemTime(new Date(AT))
  const response = await fetch(`${gateway.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  setSystemTime()
  const id = response.headers.get('x-ongoingai-trace-id')
  await response.arrayBuffer()
  let trace: Record<string, unknown> = {}
  await eventually(async () => {
    trace = await gateway.detail(id)
    return trace['cost'] !== undefined
  })
  return { status: response.status, ...trace }
}

test('a receipt names the name that led to its price, where it stood, and the price’s own name', async () => {
  const asked = await send(
    '/openai/v1/chat/completions',
    { model: 'gpt-4o' },
    { ...CHAT, model: 'gpt-4o-2024-11-20' },
  )
  expect(asked).toMatchObject({
    model: 'gpt-4o-2024-11-20',
    requested_model: 'gpt-4o',
    cost: {
      price_list: 'override',
      total_usd: 0.006,
      matched: { name: 'gpt-4o', by: 'requested', entry: 'gpt-4o' },
    },
  })
  expect(asked['usage'] as object).not.toHaveProperty('models')
  const profile = await send(`/bedrock/model/${encodeURIComponent(PROFILE)}/invoke`, {}, CLAUDE)
  expect(profile).toMatchObject({
    usage: { models: { answered: CLAUDE.model, path: PROFILE } },
    cost: { total_usd: 0.0105, matched: { name: PROFILE, by: 'path', entry: PROFILE } },
  })
  const alias = await send(
    '/mistral/v1/chat/completions',
    { model: 'mistral-large-latest' },
    { ...CHAT, model: 'mistral-large-latest' },
  )
  expect(alias).toMatchObject({
    cost: { matched: { name: 'mistral-large-latest', by: 'answered', entry: 'mistral-large-2512' } },
  })
})

test('a price gate and a budget know an own price by a deployment’s name, and a name that is not read opens nothing', async () => {
  const chat = '/chat/completions?api-version=2024-10-21'
  const deployment = await send(
    `/azure/openai/deployments/prod-chat${chat}`,
    { model: 'gpt-x' },
    { ...CHAT, model: 'gpt-x' },
  )
  expect(deployment).toMatchObject({ status: 200, cost: { matched: { name: 'prod-chat', by: 'path' } } })
  const other = await send(`/azure/openai/deployments/other${chat}`, { model: 'our-own' }, CHAT)
  expect(other).toMatchObject({ status: 403, error_code: 'model_price_unknown' })
})

test('priced again by what is stored, every exchange costs the same', async () => {
  // A deployment and an answer without a name: who said what must be kept.
  await send('/azure/openai/deployments/gpt-4o-mini/chat/completions', {}, CHAT)
  const traces = await gateway.traces(5)
  expect(traces.map((trace) => trace['cost_status'])).toContain('estimated')
  const path = join(gateway.folder, 'ongoingai.yaml')
  const again = await runProgram(['reprice', '--config', path, '--dry-run'], { cwd: gateway.folder })
  expect(again.out).toMatch(/^0 of \d traces would change/)

  const storage = await openSqliteStorage(join(gateway.folder, 'data/traces.db'), 'read')
  const models = await storage.maintenance().seenModels()
  await storage.close()
  expect(models).toContainEqual(
    expect.objectContaining({ model: 'gpt-4o-2024-11-20', requestedModel: 'gpt-4o' }),
  )
})
