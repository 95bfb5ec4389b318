import { afterEach, beforeEach, expect, setDefaultTimeout, test } from 'bun:test'
import { openGateway, type TestGateway } from '../support/gateway.ts'
import { type Play, respond, stream, Upstream } from '../support/upstream.ts'

setDefaultTimeout(30_000)

// A request of an alias goes to one target after another, until one responds well. Upstreams fail as the tests tell them.

let first: Upstream
let second: Upstream
let gateway: TestGateway | undefined

beforeEach(async () => {
  first = await Upstream.start(answer('first'))
  second = await Upstream.start(answer('second'))
})
afterEach(async () => {
  await gateway?.stop()
  gateway = undefined
  await first.stop()
  await second.stop()
})

const USAGE = { prompt_tokens: 100, completion_tokens: 10, total_tokens: 110 }

/** A good response that says who sent it. */
function answer(model: string): Play {
  return respondWith(200, { id: 'x', model, choices: [{ message: { content: model } }], usage: USAGE })
}

function respondWith(status: number, value: unknown, fields: Readonly<Record<string, string>> = {}): Play {
  return respond(status, { 'Content-Type': 'application/json', ...fields }, JSON.stringify(value))
}

const event = (value: unknown): string => `data: ${JSON.stringify(value)}\n\n`
const delta = (content: string): string => event({ model: 'm', choices: [{ delta: { content } }] })
const SSE = { 'Content-Type': 'text/event-stream' }

interface Options {
  readonly routing?: string
  readonly provider?: string
  readonly more?: string
}

/** Two providers of one dialect, the second in the second tier, so that the first is always tried first. */
async function open({ routing = '{}', provider = '', more = '' }: Options = {}): Promise<TestGateway> {
  gateway = await openGateway(`
providers:
  one: { upstream: "${first.url}", prefix: /one, api: openai${provider} }
  two: { upstream: "${second.url}", prefix: /two, api: openai }
models:
  - name: fast
    targets: [{ provider: one, model: alpha }, { provider: two, model: beta, tier: 2 }]
  - { name: single, targets: [{ provider: one, model: alpha }] }
routing: ${routing}
pricing:
  overrides:
    - { provider: one, model: '*', input: 1, output: 2 }
    - { provider: two, model: '*', input: 10, output: 20 }
${more}`)
  return gateway
}

async function ask(
  model = 'fast',
  more: object = {},
  fields: Readonly<Record<string, string>> = {},
): Promise<{ status: number; text: string; headers: Headers }> {
  const response = await fetch(`${gateway!.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...fields },
    body: JSON.stringify({ model, messages: [{ role: 'user', content: 'hello' }], ...more }),
  })
  return { status: response.status, text: await response.text(), headers: response.headers }
}

interface AttemptShown {
  readonly target: string
  readonly cause: string
  readonly status: number | null
  readonly cost_usd: number | null
  readonly cost_status: string
  readonly usage: { readonly input_tokens: number; readonly output_tokens: number }
  readonly credential: string | null
  readonly not_retried?: string
}

/** The newest trace: as the list shows it, and its detail. */
async function recorded(count = 1): Promise<{
  listed: Record<string, unknown>
  detail: Record<string, unknown>
  attempts: readonly AttemptShown[]
}> {
  const [listed] = await gateway!.traces(count)
  const detail = await gateway!.detail(listed!['id'])
  return { listed: listed!, detail, attempts: detail['attempts'] as AttemptShown[] }
}

const shown = (attempts: readonly AttemptShown[]): string[] =>
  attempts.map(({ target, cause, status }) => `${target} ${cause} ${status ?? '-'}`)

const RETRIED: readonly (readonly [string, Play, string])[] = [
  ['an outage', respondWith(500, { error: { message: 'boom' } }), 'status_5xx 500'],
  ['529', respondWith(529, { type: 'error', error: { type: 'overloaded_error' } }), 'overloaded 529'],
  ['overload under 400', respondWith(400, { error: { type: 'overloaded_error' } }), 'overloaded 400'],
  [
    '429 without fields',
    respondWith(429, { error: { type: 'tokens', code: 'rate_limit_exceeded' } }),
    'rate 429',
  ],
  [
    'a used up quota',
    respondWith(429, { error: { type: 'insufficient_quota', code: 'insufficient_quota' } }),
    'quota 429',
  ],
  ['an error in a 200', respondWith(200, { error: { code: 502, message: 'upstream' } }), 'status_5xx 200'],
  ['a connection that breaks', (_, socket) => void socket.destroy(), 'truncated -'],
  [
    'a response that breaks off',
    (_, socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n{"id":')
      setTimeout(() => socket.destroy(), 20)
    },
    'truncated 200',
  ],
]

for (const [name, play, cause] of RETRIED) {
  test(`${name}: the next target answers, and both attempts are in the record`, async () => {
    await open()
    first.play = play
    const { status, text } = await ask()
    expect([status, (JSON.parse(text) as { model: string }).model]).toEqual([200, 'second'])
    expect(JSON.parse(second.last.body.toString())).toMatchObject({ model: 'beta' })
    const { listed, detail, attempts } = await recorded()
    expect(shown(attempts)).toEqual([`one/alpha ${cause}`, 'two/beta ok 200'])
    expect(listed).toMatchObject({
      attempts: 2,
      target: 'two/beta',
      provider: 'two',
      requested_model: 'fast',
    })
    expect(detail['mutated']).toEqual(['model'])
  })
}

test('nothing listens at the first target: its breaker opens at once, and it is not asked again', async () => {
  await open()
  await first.stop()
  await ask()
  await ask()
  first = await Upstream.start(answer('first'))
  const { attempts } = await recorded(2)
  expect(shown(attempts)).toEqual(['two/beta ok 200'])
  expect(
    gateway!.lines
      .filter(({ message }) => message === 'target changed its state')
      .map(({ fields }) => fields),
  ).toMatchObject([{ target: 'one/alpha', state: 'open', before: 'available', cause: 'connect' }])
})

test('a slow first byte counts as a failure of the target', async () => {
  await open({ provider: ', timeouts: { first_byte_ms: 100 }' })
  first.play = () => new Promise(() => undefined)
  expect((await ask()).status).toBe(200)
  expect(shown((await recorded()).attempts)).toEqual(['one/alpha first_byte_timeout -', 'two/beta ok 200'])
})

test('a 429 with retry-after rests the target for exactly that long', async () => {
  await open()
  first.play = respondWith(429, { error: { code: 'rate_limit_exceeded' } }, { 'Retry-After': '40' })
  await ask()
  const line = gateway!.lines.find(({ message }) => message === 'target changed its state')!
  expect(line.fields).toMatchObject({ target: 'one/alpha', state: 'cooling', cause: 'rate' })
  expect(Number(line.fields['for_ms'])).toBeWithin(39_000, 40_001)
})

test('the caller’s own error goes to the caller, byte for byte, and nowhere else', async () => {
  await open()
  first.play = respondWith(400, { error: { type: 'invalid_request_error', message: 'no such tool' } })
  const { status, text } = await ask()
  expect([status, text]).toEqual([400, '{"error":{"type":"invalid_request_error","message":"no such tool"}}'])
  expect(second.requests).toEqual([])
  const { attempts } = await recorded()
  expect(attempts[0]).toMatchObject({ cause: 'rejected', not_retried: 'callers_error' })
})

test('what concerns the caller’s own credential goes to the caller', async () => {
  await open()
  first.play = respondWith(429, { error: { code: 'rate_limit_exceeded' } })
  const { status } = await ask('fast', {}, { authorization: 'Bearer sk-own' })
  expect([status, second.requests.length]).toEqual([429, 0])
  expect((await recorded()).attempts[0]).toMatchObject({ cause: 'rate', not_retried: 'callers_error' })
})

test('a provider’s own rule decides over everything else', async () => {
  await open({ provider: ', retry_on: [{ status: 404, body_contains: warming, as: overloaded }]' })
  first.play = respondWith(404, { error: { message: 'the model is warming up' } })
  expect((await ask()).status).toBe(200)
  expect(shown((await recorded()).attempts)).toEqual(['one/alpha overloaded 404', 'two/beta ok 200'])
})

test('when all targets fail, the client gets the last response, and the record says why there was no other', async () => {
  await open()
  first.play = respondWith(500, { error: { message: 'one' } })
  second.play = respondWith(503, { error: { message: 'two' } })
  const { status, text } = await ask()
  // The third attempt repeats the first target.
  expect([status, text]).toEqual([500, '{"error":{"message":"one"}}'])
  const { listed, attempts } = await recorded()
  expect(shown(attempts)).toEqual([
    'one/alpha status_5xx 500',
    'two/beta status_5xx 503',
    'one/alpha status_5xx 500',
  ])
  expect(attempts[2]!.not_retried).toBe('attempts')
  expect(listed).toMatchObject({ attempts: 3, response_status: 500 })
})

test('an alias with one target repeats it', async () => {
  await open()
  let calls = 0
  first.play = (request, socket) => {
    calls += 1
    return (calls < 3 ? respondWith(500, {}) : answer('first'))(request, socket)
  }
  expect((await ask('single')).status).toBe(200)
  expect(shown((await recorded()).attempts)).toEqual([
    'one/alpha status_5xx 500',
    'one/alpha status_5xx 500',
    'one/alpha ok 200',
  ])
})

test('a body that is too large to be kept is sent once', async () => {
  await open({ routing: '{ replay_bytes: 1024 }' })
  first.play = respondWith(500, {})
  expect((await ask('fast', { padding: 'x'.repeat(2000) })).status).toBe(500)
  expect((await recorded()).attempts[0]).toMatchObject({ cause: 'status_5xx', not_retried: 'body_not_held' })
})

test('overload as an event before the first content: the next target streams instead, and nothing is repeated', async () => {
  await open()
  first.play = stream(
    [
      event({ model: 'm', choices: [{ delta: { role: 'assistant' } }] }),
      event({ error: { type: 'overloaded_error' } }),
    ],
    { fields: SSE },
  )
  second.play = stream([delta('hello'), delta(' you'), 'data: [DONE]\n\n'], { fields: SSE })
  const { text } = await ask('fast', { stream: true })
  expect(text).toBe(`${delta('hello')}${delta(' you')}data: [DONE]\n\n`)
  expect(shown((await recorded()).attempts)).toEqual(['one/alpha overloaded 200', 'two/beta ok 200'])
})

test('a stream that ends before its content is truncated', async () => {
  await open()
  first.play = stream([event({ model: 'm', choices: [{ delta: { role: 'assistant' } }] })], {
    fields: SSE,
    cut: true,
  })
  second.play = stream([delta('hello'), 'data: [DONE]\n\n'], { fields: SSE })
  expect((await ask('fast', { stream: true })).text).toBe(`${delta('hello')}data: [DONE]\n\n`)
  expect(shown((await recorded()).attempts)).toEqual(['one/alpha truncated 200', 'two/beta ok 200'])
})

test('a stream passes with its first content, and a failure after it goes to the client', async () => {
  await open()
  const { promise, resolve } = Promise.withResolvers<void>()
  const failure = event({ error: { type: 'overloaded_error' } })
  first.play = stream([delta('hello'), failure], {
    fields: SSE,
    between: (index) => (index === 0 ? promise : Promise.resolve()),
  })
  const response = await fetch(`${gateway!.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'fast', stream: true, messages: [] }),
  })
  const reader = response.body!.getReader()
  const text = async (): Promise<string> => Buffer.from((await reader.read()).value ?? []).toString()
  expect(await text()).toBe(delta('hello'))
  resolve()
  expect(await text()).toBe(failure)
  await reader.cancel()
  expect(second.requests).toEqual([])
  const { attempts } = await recorded()
  expect(attempts).toHaveLength(1)
})

test('a stream that breaks off after its first content was passed on says why no other attempt followed', async () => {
  await open()
  first.play = (_, socket) => {
    const piece = delta('hello')
    socket.write(
      `HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n${piece.length.toString(16)}\r\n${piece}\r\n`,
    )
    setTimeout(() => socket.destroy(), 50)
  }
  const response = await fetch(`${gateway!.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'fast', stream: true, messages: [] }),
  })
  expect(await response.text().catch(() => 'broke off')).toBe('broke off')
  expect(second.requests).toEqual([])
  const { attempts } = await recorded()
  expect(attempts.map(({ cause, not_retried: why }) => [cause, why])).toEqual([
    ['truncated', 'content_started'],
  ])
})

test('a response that says that it has no error passes, and one whose error stands in it does not', async () => {
  await open()
  first.play = respondWith(200, { id: 'x', model: 'first', error: null, choices: [], usage: USAGE })
  expect((JSON.parse((await ask()).text) as { model: string }).model).toBe('first')
  first.play = respondWith(200, { error: { code: 502, message: 'upstream' }, data: { error: null } })
  expect((JSON.parse((await ask()).text) as { model: string }).model).toBe('second')
})

test('more than hold_bytes before the first content is passed on', async () => {
  await open({ routing: '{ hold_bytes: 64 }' })
  const role = event({ model: 'm', choices: [{ delta: { role: 'assistant' } }] })
  first.play = stream([role, role, event({ error: { type: 'overloaded_error' } })], {
    fields: SSE,
    between: () => Bun.sleep(30),
  })
  const { text } = await ask('fast', { stream: true })
  expect(text.startsWith(`${role}${role}`)).toBe(true)
  expect(second.requests).toEqual([])
})

test('usage that was reported before a failure counts: the sums are those of the attempts', async () => {
  await open()
  first.play = stream(
    [event({ model: 'm', choices: [], usage: USAGE }), event({ error: { type: 'overloaded_error' } })],
    {
      fields: SSE,
    },
  )
  second.play = stream(
    [
      delta('hello'),
      event({ model: 'm', choices: [{ delta: {}, finish_reason: 'stop' }], usage: USAGE }),
      'data: [DONE]\n\n',
    ],
    {
      fields: SSE,
    },
  )
  await ask('fast', { stream: true })
  const { listed, attempts } = await recorded()
  expect(
    attempts.map(({ cost_usd, cost_status, usage }) => [
      cost_usd,
      cost_status,
      usage.input_tokens,
      usage.output_tokens,
    ]),
  ).toEqual([
    [0.00012, 'estimated', 100, 10],
    [0.0012, 'exact', 100, 10],
  ])
  expect(listed).toMatchObject({
    input_tokens: 200,
    output_tokens: 20,
    estimated_cost_usd: 0.00132,
    cost_status: 'estimated',
  })
})

test('a client that leaves stops the attempts', async () => {
  await open()
  const left = new AbortController()
  first.play = (_, socket) => {
    left.abort()
    setTimeout(() => socket.destroy(), 300)
  }
  const asked = fetch(`${gateway!.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'fast', messages: [] }),
    signal: left.signal,
  })
  expect(await asked.catch((error: Error) => error.name)).toBe('AbortError')
  const { attempts } = await recorded()
  expect(attempts.map(({ cause }) => cause)).toEqual(['client_aborted'])
  expect(second.requests).toEqual([])
})

test('a provider’s own route passes as it came: one attempt, and a stream is not held', async () => {
  await open()
  first.play = respondWith(500, { error: { message: 'boom' } })
  const response = await fetch(`${gateway!.url}/one/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"model":"gpt-5.4","messages":[]}',
  })
  expect([response.status, await response.text()]).toEqual([500, '{"error":{"message":"boom"}}'])
  const { listed, attempts } = await recorded()
  expect(shown(attempts)).toEqual(['one/gpt-5.4 status_5xx 500'])
  expect(listed).toMatchObject({ attempts: 1, target: 'one/gpt-5.4' })
})

test('routing.expose tells the client how many attempts there were, and the target', async () => {
  await open({ routing: '{ expose: true }' })
  first.play = respondWith(500, {})
  const { headers } = await ask()
  expect([headers.get('x-ongoingai-attempts'), headers.get('x-ongoingai-target')]).toEqual(['2', 'two/beta'])
  await gateway!.stop()
  await open()
  const hidden = await ask()
  expect([hidden.headers.get('x-ongoingai-attempts'), hidden.headers.get('x-ongoingai-target')]).toEqual([
    null,
    null,
  ])
})

test('the targets are listed with their states and what they were asked', async () => {
  await open()
  first.play = respondWith(500, {})
  await ask()
  await ask('two/gamma')
  await gateway!.traces(2)
  const { items } = (await (await fetch(`${gateway!.url}/api/targets`)).json()) as { items: object[] }
  const none = { credential: null, until: null }
  expect(items).toMatchObject([
    {
      ...none,
      target: 'one/alpha',
      provider: 'one',
      model: 'alpha',
      state: 'available',
      last_cause: 'status_5xx',
      attempts: 1,
      failures: 1,
    },
    { ...none, target: 'two/beta', state: 'available', last_cause: null, attempts: 1, failures: 0 },
    { ...none, target: 'two/gamma', state: 'available', attempts: 1, failures: 0 },
  ])
})

test('a name without an alias has no breaker: its target is asked each time, and only its counts are shown', async () => {
  await open()
  first.play = respondWith(500, {})
  for (let i = 0; i < 5; i++) await ask('one/made-up')
  expect(first.requests).toHaveLength(5)
  await gateway!.traces(5)
  const { items } = (await (await fetch(`${gateway!.url}/api/targets`)).json()) as { items: object[] }
  expect(items.at(-1)).toMatchObject({
    target: 'one/made-up',
    state: 'available',
    until: null,
    last_cause: 'status_5xx',
    attempts: 5,
    failures: 5,
  })
  expect(JSON.stringify(gateway!.lines)).not.toContain('target changed its state')
})

test('a failing target is open: after three failures it is not asked, and listed so', async () => {
  await open()
  first.play = respondWith(500, {})
  for (let i = 0; i < 4; i++) await ask()
  expect(first.requests).toHaveLength(3)
  const { items } = (await (await fetch(`${gateway!.url}/api/targets`)).json()) as {
    items: { state: string; until: string }[]
  }
  expect(items[0]!.state).toBe('open')
  expect(Date.parse(items[0]!.until)).toBeGreaterThan(Date.now())
})

const HELD = `, credentials: { use: gateway, held: [{ name: main, command: [printf, key-one] }, { name: spare, command: [printf, key-two] }] }`

test('a dead credential: the other one of the same provider is tried, and the record names both', async () => {
  await open({ provider: HELD })
  first.play = (request, socket) => {
    const dead = request.field('authorization') === 'Bearer key-one'
    return (dead ? respondWith(401, { error: { code: 'invalid_api_key' } }) : answer('first'))(
      request,
      socket,
    )
  }
  expect((await ask('single')).status).toBe(200)
  const { attempts } = await recorded()
  expect(attempts.map(({ cause, credential }) => [cause, credential])).toEqual([
    ['auth', 'main'],
    ['ok', 'spare'],
  ])
})

test('when every credential of a target is refused, another target answers', async () => {
  await open({ provider: HELD })
  first.play = respondWith(401, { error: { code: 'invalid_api_key' } })
  const { status } = await ask()
  expect(status).toBe(200)
  const { attempts } = await recorded()
  expect(attempts.at(-1)).toMatchObject({ target: 'two/beta', cause: 'ok', credential: null })
})

test('a used up credential leaves its provider to the other one, on the provider’s own route too', async () => {
  await open({ provider: HELD })
  first.play = (request, socket) => {
    const spent = request.field('authorization') === 'Bearer key-one'
    return (spent ? respondWith(429, { error: { code: 'insufficient_quota' } }) : answer('first'))(
      request,
      socket,
    )
  }
  const response = await fetch(`${gateway!.url}/one/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"model":"gpt-5.4","messages":[]}',
  })
  expect(response.status).toBe(200)
  const { attempts } = await recorded()
  expect(attempts.map(({ cause, credential }) => [cause, credential])).toEqual([
    ['quota', 'main'],
    ['ok', 'spare'],
  ])
})

const sha256 = (content: string | Uint8Array): string => Bun.SHA256.hash(content, 'hex')

test('tracing.fidelity: hashes of what came, was sent, came back and was passed on', async () => {
  await open({ more: 'tracing: { fidelity: on }' })
  first.play = respondWith(500, {})
  const { text } = await ask()
  const { fidelity } = (await recorded()).detail as { fidelity: Record<string, string> }
  expect(fidelity).toEqual({
    request_sha256: sha256('{"model":"fast","messages":[{"role":"user","content":"hello"}]}'),
    sent_sha256: sha256(second.last.body),
    response_sha256: sha256(text),
    relayed_sha256: sha256(text),
  })
  expect(fidelity['sent_sha256']).not.toBe(fidelity['request_sha256'])
})

test('tracing.fidelity: a stream that broke off is hashed as far as it came', async () => {
  await open({ more: 'tracing: { fidelity: on }' })
  first.play = stream([delta('hello')], { fields: SSE, cut: true, between: () => Bun.sleep(50) })
  const body = '{"model":"gpt-5.4","stream":true,"messages":[]}'
  const asked = fetch(`${gateway!.url}/one/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  })
  await asked.then((response) => response.text()).catch(() => undefined)
  const { fidelity } = (await recorded()).detail as { fidelity: Record<string, string> }
  expect(fidelity).toEqual({
    request_sha256: sha256(body),
    sent_sha256: sha256(body),
    response_sha256: sha256(delta('hello')),
    relayed_sha256: sha256(delta('hello')),
    complete: false as never,
  })
})

test('on a provider’s own route the content of the response decides over the status, too', async () => {
  await open()
  first.play = respondWith(429, { error: { type: 'insufficient_quota', code: 'insufficient_quota' } })
  const askDirectly = async (body: string): Promise<void> => {
    const response = await fetch(`${gateway!.url}/one/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    })
    await response.text()
  }
  await askDirectly('{"model":"gpt-5.4","messages":[]}')
  expect(shown((await recorded()).attempts)).toEqual(['one/gpt-5.4 quota 429'])
  first.play = stream([delta('hello'), event({ error: { type: 'overloaded_error' } })], { fields: SSE })
  await askDirectly('{"model":"gpt-5.4","stream":true,"messages":[]}')
  expect(shown((await recorded(2)).attempts)).toEqual(['one/gpt-5.4 overloaded 200'])
})

test('a client that leaves between two attempts ends them', async () => {
  await open()
  const left = new AbortController()
  let calls = 0
  first.play = (request, socket) => {
    calls += 1
    // The second repeat waits for 50 ms at least.
    if (calls === 2) setTimeout(() => left.abort(), 20)
    return respondWith(500, { error: { message: 'boom' } })(request, socket)
  }
  const asked = fetch(`${gateway!.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"model":"single","messages":[{"role":"user","content":"hello"}]}',
    signal: left.signal,
  })
  expect(await asked.then((response) => String(response.status)).catch((error: Error) => error.name)).toBe(
    'AbortError',
  )
  const { listed, attempts } = await recorded()
  expect(listed).toMatchObject({ outcome: 'client_aborted', input_tokens: 0, attempts: calls })
  expect(attempts.slice(0, 2).map(({ cause, cost_usd }) => [cause, cost_usd])).toEqual([
    ['status_5xx', 0],
    ['status_5xx', 0],
  ])
})

test('a request without a credential of its own goes on to no target that needs one', async () => {
  process.env['TEST_ATTEMPTS_HELD'] = 'held-0123456789abcdef'
  first.play = respondWith(500, { error: { message: 'down' } })
  gateway = await openGateway(`
providers:
  one: { upstream: "${first.url}", prefix: /one, api: openai, credentials: { use: gateway, held: [{ name: main, env: TEST_ATTEMPTS_HELD }] } }
  two: { upstream: "${second.url}", prefix: /two, api: openai }
models: [{ name: fast, targets: [{ provider: one, model: alpha }, { provider: two, model: beta, tier: 2 }] }]
auth: { enabled: true, keys: [{ id: a, token: gateway-key-0123456789 }] }
`)
  const key = { 'x-ongoingai-gateway-key': 'gateway-key-0123456789' }
  expect((await ask('fast', {}, key)).status).toBe(500)
  expect(second.requests).toEqual([])
  expect((await ask('fast', {}, { ...key, authorization: 'Bearer sk-of-the-caller' })).status).toBe(200)
})
