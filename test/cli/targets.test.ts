import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { join } from 'node:path'
import { openGateway, type TestGateway } from '../support/gateway.ts'
import { runProgram, type Finished } from '../support/process.ts'
import { respond, respondJson, Upstream } from '../support/upstream.ts'

setDefaultTimeout(30_000)

let good: Upstream
let bad: Upstream
let gateway: TestGateway
beforeAll(async () => {
  good = await Upstream.start(respondJson({ id: 'x', model: 'm', choices: [] }))
  bad = await Upstream.start(
    respond(401, { 'Content-Type': 'application/json' }, '{"error":{"code":"invalid_api_key"}}'),
  )
  gateway = await openGateway(`
providers:
  one: { upstream: "${good.url}", prefix: /one, api: openai }
  two: { upstream: "${bad.url}", prefix: /two, api: openai }
models: [{ name: fast, targets: [{ provider: one, model: alpha }, { provider: two, model: beta }] }]
`)
})
afterAll(async () => {
  await gateway.stop()
  await good.stop()
  await bad.stop()
})

const run = (...words: string[]): Promise<Finished> =>
  runProgram([...words, '--base-url', gateway.url, '--config', join(gateway.folder, 'ongoingai.yaml')])

test('targets try asks each target of a name once', async () => {
  const { status, out } = await run('targets', 'try', 'fast')
  expect(out.split('\n')[0]).toBe('one/alpha  ok')
  expect(out.split('\n')[1]).toMatch(/^two\/beta {2}failed to change two\/beta: status 401/)
  expect([status, good.requests.length, bad.requests.length]).toEqual([1, 1, 1])
  expect(JSON.parse(good.last.body.toString())).toMatchObject({ model: 'alpha' })
  expect((await run('targets', 'try', 'two/gamma')).out).toContain('two/gamma  failed')
  expect((await run('targets', 'try', 'nothing')).err).toBe('no model and no target is called nothing\n')
})

test('targets shows each with its state, as text and as JSON', async () => {
  await gateway.traces(3)
  const { status, out } = await run('targets')
  expect(status).toBe(0)
  expect(out).toMatch(/^TARGET +CREDENTIAL +STATE/)
  expect(out).toMatch(/one\/alpha +caller's own +available/)
  const { items } = JSON.parse((await run('targets', '--format', 'json')).out) as { items: object[] }
  expect(items).toMatchObject([
    { target: 'one/alpha', attempts: 1, failures: 0 },
    { target: 'two/beta', attempts: 1, failures: 1 },
    { target: 'two/gamma', attempts: 1, failures: 1 },
  ])
})
