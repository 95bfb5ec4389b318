import { afterEach, beforeEach, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually } from '../support/eventually.ts'
import { openGateway, type TestGateway } from '../support/gateway.ts'
import { respond, respondJson, stream, Upstream } from '../support/upstream.ts'

setDefaultTimeout(30_000)

// What is learnt of a target comes from what was sent to it: not from requests whose clients left before, and not only when a stream ends.

const FAILURE = respond(500, { 'Content-Type': 'application/json' }, '{"error":{"message":"boom"}}')
const OK = respondJson({ id: 'x', model: 'm', choices: [{ message: { content: 'hi' } }] })

let first: Upstream
let second: Upstream
let gateway: TestGateway | undefined
let folder: string

beforeEach(async () => {
  first = await Upstream.start(OK)
  second = await Upstream.start(OK)
  folder = mkdtempSync(join(tmpdir(), 'ongoingai-reports-'))
})
afterEach(async () => {
  await gateway?.stop()
  gateway = undefined
  await first.stop()
  await second.stop()
  rmSync(folder, { recursive: true, force: true })
})

async function open(breaker: string, credentials = ''): Promise<void> {
  gateway = await openGateway(`
providers:
  one: { upstream: "${first.url}", prefix: /one, api: openai${credentials} }
  two: { upstream: "${second.url}", prefix: /two, api: openai }
models:
  - { name: fast, targets: [{ provider: one, model: alpha }, { provider: two, model: beta, tier: 2 }] }
  - { name: single, targets: [{ provider: one, model: alpha }] }
routing: { breaker: ${breaker} }
`)
}

function ask(model: string, more: object = {}, signal?: AbortSignal): Promise<Response> {
  return fetch(`${gateway!.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model, messages: [{ role: 'user', content: 'hello' }], ...more }),
    ...(signal ? { signal } : {}),
  })
}

async function stateOfFirst(): Promise<string> {
  const { items } = (await (await fetch(`${gateway!.url}/api/targets`)).json()) as {
    items: { target: string; state: string }[]
  }
  return items.find(({ target }) => target === 'one/alpha')!.state
}

test('a client that leaves before an attempt is repeated adds no second failure', async () => {
  await open('{ failures: 2 }')
  const left = new AbortController()
  first.play = async (request, socket) => {
    await FAILURE(request, socket)
    // The repeat waits for 25 ms at least.
    setTimeout(() => left.abort(), 5)
  }
  await ask('single', {}, left.signal).catch(() => undefined)
  await gateway!.traces(1)
  expect([first.requests.length, await stateOfFirst()]).toEqual([1, 'available'])
})

test('a client that leaves while a refused credential is read again: nothing more is sent', async () => {
  const file = join(folder, 'key')
  const read = `sleep 0.3; cat ${file}`
  writeFileSync(file, 'key-one')
  await open('{}', `, credentials: { use: gateway, held: [{ name: main, command: [sh, -c, '${read}'] }] }`)
  await (await ask('single')).text()
  const left = new AbortController()
  first.play = async (request, socket) => {
    writeFileSync(file, 'key-two')
    await respond(401, {}, '')(request, socket)
    setTimeout(() => left.abort(), 20)
  }
  await ask('single', {}, left.signal).catch(() => undefined)
  await gateway!.traces(2)
  first.play = OK
  // The renewed credential shows that it was read.
  await eventually(async () => (await ask('single')).status === 200)
  expect(first.requests.map((request) => request.field('authorization'))).toEqual([
    'Bearer key-one',
    'Bearer key-one',
    'Bearer key-two',
  ])
})

test('the one request that tries a target again closes its breaker with its first content, not with its end', async () => {
  await open('{ failures: 1, open_ms: 50 }')
  first.play = FAILURE
  await (await ask('fast')).text()
  expect(await stateOfFirst()).toBe('open')
  await eventually(async () => (await stateOfFirst()) === 'half_open')
  const { promise, resolve } = Promise.withResolvers<void>()
  first.play = stream(
    [`data: ${JSON.stringify({ choices: [{ delta: { content: 'hi' } }] })}\n\n`, 'data: [DONE]\n\n'],
    { between: () => promise },
  )
  const streaming = await ask('fast', { stream: true })
  expect(await stateOfFirst()).toBe('available')
  first.play = OK
  await (await ask('fast')).text()
  expect([first.requests.length, second.requests.length]).toEqual([3, 1])
  resolve()
  await streaming.text()
})
