import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { Database } from 'bun:sqlite'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { loadConfig } from '../../src/config/load.ts'
import { openSqliteStorage } from '../../src/storage/drivers/sqlite.ts'
import { eventually } from '../support/eventually.ts'
import { openGateway, providersAt, type TestGateway } from '../support/gateway.ts'
import { runProgram } from '../support/process.ts'
import { respondJson, stream, Upstream, type Play } from '../support/upstream.ts'

setDefaultTimeout(30_000)

/** What one answer of the upstream costs: 10 × 0.15 + 5 × 0.6 USD per million tokens. */
const COST_USD = 0.000_004_5
const USAGE = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 }
const PLAIN = respondJson({ id: 'x', model: 'gpt-4o-mini', usage: USAGE })

let upstream: Upstream
let opened: TestGateway | undefined
beforeAll(async () => {
  upstream = await Upstream.start(PLAIN)
})
afterEach(async () => {
  upstream.play = PLAIN
  await opened?.stop()
  opened = undefined
})
afterAll(() => upstream.stop())

const TOKEN = 'key-token-0123456789abcdef'
const AUTH = `auth:
  enabled: true
  keys:
    - {id: key-1, token: ${TOKEN}, org_id: org, workspace_id: ws, role: owner}
    - {id: key-2, token: ${TOKEN}-2, org_id: org, workspace_id: ws}
    - {id: key-3, token: ${TOKEN}-3, org_id: org, workspace_id: ws-3}
`

async function open(limits: string, auth = AUTH): Promise<TestGateway> {
  opened = await openGateway(`${providersAt(upstream.url)}${auth}limits:\n${limits}`, {
    'X-OngoingAI-Gateway-Key': TOKEN,
  })
  return opened
}

interface Asked {
  readonly token?: string
  readonly model?: string
  readonly path?: string
  readonly fields?: Record<string, string>
  readonly body?: Record<string, unknown>
}

function ask(
  { url }: TestGateway,
  {
    token = TOKEN,
    model = 'gpt-4o-mini',
    path = '/openai/v1/chat/completions',
    fields = {},
    body = {},
  }: Asked = {},
): Promise<Response> {
  return fetch(`${url}${path}`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      authorization: 'Bearer sk-provider-0123456789',
      'X-OngoingAI-Gateway-Key': token,
      ...fields,
    },
    body: JSON.stringify({ model, messages: [{ role: 'user', content: 'hello' }], ...body }),
  })
}

async function statuses(gateway: TestGateway, count: number, asked: Asked = {}): Promise<number[]> {
  const seen: number[] = []
  for (let i = 0; i < count; i++) {
    const response = await ask(gateway, asked)
    await response.arrayBuffer()
    seen.push(response.status)
  }
  return seen
}

async function standings(gateway: TestGateway, query = ''): Promise<Record<string, unknown>[]> {
  const response = await fetch(`${gateway.url}/api/limits${query}`, {
    headers: { 'X-OngoingAI-Gateway-Key': TOKEN },
  })
  return ((await response.json()) as { limits: Record<string, unknown>[] }).limits
}

async function totals({ url }: TestGateway): Promise<Record<string, unknown>> {
  const response = await fetch(`${url}/api/limits`, { headers: { 'X-OngoingAI-Gateway-Key': TOKEN } })
  return ((await response.json()) as { totals: Record<string, unknown> }).totals
}

async function traceOf({ url }: TestGateway, id: string): Promise<{ timing: Record<string, number> }> {
  const response = await fetch(`${url}/api/traces/${id}`, { headers: { 'X-OngoingAI-Gateway-Key': TOKEN } })
  return (await response.json()) as { timing: Record<string, number> }
}

describe('rates', () => {
  test('the original’s limit per key keeps its texts, in the dialect of the route', async () => {
    const gateway = await open('  per_key: {requests_per_minute: 2}\n')
    expect(await statuses(gateway, 2)).toEqual([200, 200])
    const refused = await ask(gateway)
    expect(refused.status).toBe(429)
    const { error } = (await refused.json()) as { error: Record<string, unknown> }
    expect(error).toMatchObject({
      message: 'request rate limit exceeded for key',
      type: 'rate_limit_error',
      code: 'rate_limit_exceeded',
      limit: {
        name: 'per_key',
        kind: 'requests_per_minute',
        per: 'key',
        limit: 2,
        used: 2,
        code: 'KEY_RATE_LIMIT_EXCEEDED',
      },
    })
    const wait = Number(refused.headers.get('retry-after'))
    expect(wait > 55 && wait <= 61).toBe(true)
    expect(refused.headers.get('ratelimit')).toBe(`"per_key";r=0;t=${wait}`)
    expect(refused.headers.get('ratelimit-policy')).toBe('"per_key";q=2;w=60')
    const anthropic = await ask(gateway, { path: '/anthropic/v1/messages' })
    expect(await anthropic.json()).toMatchObject({
      type: 'error',
      error: { type: 'rate_limit_error', message: 'request rate limit exceeded for key' },
    })
    // Another key has its own.
    expect(await statuses(gateway, 1, { token: `${TOKEN}-2` })).toEqual([200])
    const [line] = gateway.lines.filter(({ message }) => message === 'audit gateway auth deny')
    expect(line?.fields).toMatchObject({
      audit_reason: 'usage_limit_exceeded',
      status_code: 429,
      limit_code: 'KEY_RATE_LIMIT_EXCEEDED',
      key_id: 'key-1',
    })
  })

  test('a refusal by one limit takes nothing from the others', async () => {
    const gateway = await open(
      '  per_key: {requests_per_minute: 5}\n  per_workspace: {requests_per_minute: 2}\n',
    )
    expect(await statuses(gateway, 4)).toEqual([200, 200, 429, 429])
    const [perKey] = await standings(gateway)
    expect(perKey).toMatchObject({ name: 'per_key', used: 2 })
    expect(await statuses(gateway, 1, { token: `${TOKEN}-2` })).toEqual([429])
    expect(await statuses(gateway, 1, { token: `${TOKEN}-3` })).toEqual([200])
  })

  test('requests under way at once; a place is free again when its request ends, however it ends', async () => {
    let release = (): void => undefined
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    upstream.play = stream(['data: {}\n\n', 'data: [DONE]\n\n'], { between: () => held })
    const gateway = await open('  policies: [{name: two, per: key, concurrent_requests: 2}]\n')
    const first = await ask(gateway)
    const leaving = new AbortController()
    const second = await fetch(`${gateway.url}/openai/v1/chat/completions`, {
      method: 'POST',
      signal: leaving.signal,
      headers: { authorization: 'Bearer sk-provider-0123456789', 'X-OngoingAI-Gateway-Key': TOKEN },
      body: '{}',
    })
    expect([first.status, second.status]).toEqual([200, 200])
    const third = await ask(gateway)
    expect([third.status, third.headers.get('retry-after')]).toEqual([429, '1'])
    expect(((await third.json()) as { error: { message: string } }).error.message).toBe(
      'limit "two" reached: 2 concurrent requests for each key',
    )
    leaving.abort()
    await eventually(async () => (await standings(gateway))[0]?.['used'] === 1)
    release()
    await first.arrayBuffer()
    await eventually(async () => (await standings(gateway))[0]?.['used'] === 0)
  })

  test('sizes: known before, and found out on the way', async () => {
    const gateway = await open('  policies: [{name: small, per: workspace, max_request_bytes: 2000}]\n')
    expect((await ask(gateway, { body: { pad: 'x'.repeat(3000) } })).status).toBe(413)
    const chunked = await fetch(`${gateway.url}/openai/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: 'Bearer sk-provider-0123456789', 'X-OngoingAI-Gateway-Key': TOKEN },
      body: new ReadableStream({
        start(controller) {
          controller.enqueue(Buffer.from(`{"pad":"${'x'.repeat(3000)}"}`))
          controller.close()
        },
      }),
    })
    expect(chunked.status).toBe(413)
    expect(await statuses(gateway, 1)).toEqual([200])
  })

  test('tokens: expected before, exact after', async () => {
    const gateway = await open('  policies: [{name: tpm, per: key, tokens_per_minute: 40}]\n')
    // Nothing is known of the first but what it allows itself.
    expect(await statuses(gateway, 1, { body: { max_tokens: 5 } })).toEqual([200])
    await eventually(async () => (await standings(gateway))[0]?.['used'] === 15)
    for (const used of [30, 45]) {
      expect(await statuses(gateway, 1)).toEqual([200])
      await eventually(async () => (await standings(gateway))[0]?.['used'] === used)
    }
    const refused = await ask(gateway)
    expect([refused.status, ((await refused.json()) as { error: { code: string } }).error.code]).toEqual([
      429,
      'token_limit_exceeded',
    ])
  })
})

const budget = (terms: string, rest = ''): string =>
  `  policies: [{name: money, per: workspace, budget: {${terms}}${rest}}]\n`

/** Plays answers that come once so many requests wait for them. */
function together(count: number, answer: Play): Play {
  const all = Promise.withResolvers<void>()
  let waiting = 0
  return async (request, socket) => {
    waiting += 1
    if (waiting === count) all.resolve()
    await all.promise
    await answer(request, socket)
  }
}

describe('what requests come to is learned', () => {
  test.each(['gpt-4o-mini', 'nobody-knows-this'])(
    'of %s, with or without a price: tokens that a request allows itself keep nobody out',
    async (model) => {
      const gateway = await open('  policies: [{name: t, per: key, tokens_per_minute: 20000}]\n')
      const asked = { model, body: { max_tokens: 15_000 } }
      const answer = respondJson({ id: 'x', model, usage: USAGE })
      upstream.play = answer
      expect(await statuses(gateway, 1, asked)).toEqual([200])
      await eventually(async () => (await standings(gateway))[0]?.['used'] === 15)
      upstream.play = together(10, answer)
      const answers = await Promise.all(Array.from({ length: 10 }, () => ask(gateway, asked)))
      expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200))
    },
  )

  test('of embeddings, whose answers are no text: none is reserved for it', async () => {
    const gateway = await open('  policies: [{name: t, per: key, tokens_per_minute: 4000}]\n')
    const answer = respondJson({
      model: 'text-embedding-3-small',
      data: [{ embedding: 'A'.repeat(100_000) }],
      usage: { prompt_tokens: 20, total_tokens: 20 },
    })
    upstream.play = together(10, answer)
    const asked = {
      path: '/openai/v1/embeddings',
      model: 'text-embedding-3-small',
      body: { input: 'x'.repeat(80) },
    }
    const answers = await Promise.all(Array.from({ length: 10 }, () => ask(gateway, asked)))
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200))
  })

  test('of speech, which has a price by the character: as many pass at once as there is money for', async () => {
    const speech = 0.015
    const gateway = await open(budget(`cost_usd: ${speech * 11}, period: day`))
    const asked = {
      path: '/openai/v1/audio/speech',
      model: 'tts-1',
      body: { voice: 'alloy', input: 'x'.repeat(1000) },
    }
    const answer: Play = (_, socket) => {
      socket.end('HTTP/1.1 200 OK\r\nContent-Type: audio/mpeg\r\nContent-Length: 3\r\n\r\nID3')
    }
    upstream.play = answer
    expect(await statuses(gateway, 1, asked)).toEqual([200])
    await eventually(async () => (await standings(gateway))[0]?.['used'] === speech)
    upstream.play = together(10, answer)
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask(gateway, asked)))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(10)
  })
})

test('other limits take effect with a reload, at once and without forgetting', async () => {
  const gateway = await open('  per_key: {requests_per_minute: 2}\n')
  expect(await statuses(gateway, 3)).toEqual([200, 200, 429])
  const settings = (limits: string): ReturnType<typeof loadConfig>['config'] => {
    const file = join(gateway.folder, 'ongoingai.yaml')
    writeFileSync(
      file,
      `storage: {path: ${gateway.folder}/data/traces.db}\n${providersAt(upstream.url)}${AUTH}limits:\n${limits}`,
    )
    return loadConfig(file, {}).config
  }
  const { changed } = await gateway.gateway.reload(settings('  per_key: {requests_per_minute: 4}\n'))
  expect(changed).toContain('limits')
  expect(await statuses(gateway, 3)).toEqual([200, 200, 429])
  await gateway.gateway.reload(settings('  policies: []\n'))
  expect(await statuses(gateway, 2)).toEqual([200, 200])
})

describe('who is counted', () => {
  test('end users, sessions, models and providers apart, and only what a policy is for', async () => {
    const gateway = await open(`  policies:
    - {name: user, per: end_user, requests_per_minute: 1}
    - {name: session, per: session, requests_per_minute: 2}
    - {name: models, per: key, split_by: model, requests_per_minute: 3}
    - {name: dear, per: organization, match: {model: gpt-5*}, requests_per_minute: 1}
`)
    expect(await statuses(gateway, 2, { body: { user: 'ada' } })).toEqual([200, 429])
    expect(await statuses(gateway, 2, { body: { user: 'bob' } })).toEqual([200, 429])
    expect(await statuses(gateway, 3, { model: 'm-2', fields: { 'x-session-id': 's' } })).toEqual([
      200, 200, 429,
    ])
    expect(await statuses(gateway, 2, { model: 'm-2' })).toEqual([200, 429])
    expect(await statuses(gateway, 2, { model: 'GPT-5-mini', token: `${TOKEN}-2` })).toEqual([200, 429])
    expect(await statuses(gateway, 1, { model: 'gpt-5', token: `${TOKEN}-3` })).toEqual([429])
    const shown = await standings(gateway, '?end_user=ada&model=gpt-5&key_id=key-2')
    expect(shown.map(({ name, used }) => [name, used])).toEqual([
      ['user', 1],
      ['models', 0],
      ['dear', 1],
    ])
    const stranger = await fetch(`${gateway.url}/api/limits?key_id=key-1`, {
      headers: { 'X-OngoingAI-Gateway-Key': `${TOKEN}-2` },
    })
    expect(stranger.status).toBe(403)
  })

  test('a workspace id of two organizations is two workspaces, for rates and for money', async () => {
    const gateway = await open(
      `  policies:
    - {name: rate, per: workspace, requests_per_minute: 2}
    - {name: money, per: workspace, budget: {cost_usd: ${COST_USD}, period: day}}
`,
      `${AUTH}    - {id: key-1, token: ${TOKEN}-other, org_id: other, workspace_id: ws, role: owner}\n`,
    )
    expect(await statuses(gateway, 1)).toEqual([200])
    await eventually(async () => (await standings(gateway))[1]?.['used'] === COST_USD)
    expect(await statuses(gateway, 1)).toEqual([429])
    expect(await statuses(gateway, 1, { token: `${TOKEN}-other` })).toEqual([200])
  })

  test('a key’s own limits, and names that try to pass for others', async () => {
    const gateway = await open(
      '  policies: [{name: user, per: end_user, requests_per_minute: 1}]\n',
      AUTH.replace('role: owner}', 'role: owner, limits: [{name: own, requests_per_minute: 3}]}'),
    )
    expect(await statuses(gateway, 1, { body: { user: 'a/b' } })).toEqual([200])
    expect(await statuses(gateway, 1, { body: { user: 'a%2Fb' } })).toEqual([200])
    expect(await statuses(gateway, 1, { body: { user: '\ud800' } })).toEqual([200])
    expect(await statuses(gateway, 1, { body: { user: 'x'.repeat(300) } })).toEqual([429])
    expect(await statuses(gateway, 1, { token: `${TOKEN}-2` })).toEqual([200])
  })
})

describe('while keys are off', () => {
  test('limits of workspace, organization, end user and session hold; those of keys count nobody', async () => {
    const gateway = await open(
      `  per_key: {requests_per_minute: 1}
  per_workspace: {requests_per_minute: 7}
  policies:
    - {name: of-key, per: key, requests_per_minute: 1}
    - {name: of-one-key, per: workspace, match: {key_id: key-1}, requests_per_minute: 1}
    - {name: of-others, per: workspace, match: {org_id: org}, requests_per_minute: 1}
    - {name: of-model, per: organization, match: {model: gpt-5*}, requests_per_minute: 1}
    - {name: of-provider, per: workspace, match: {provider: anthropic}, requests_per_minute: 1}
    - {name: of-session, per: session, requests_per_minute: 1}
    - {name: of-user, per: end_user, requests_per_minute: 1}
`,
      '',
    )
    expect(await statuses(gateway, 2)).toEqual([200, 200])
    expect(await statuses(gateway, 2, { model: 'gpt-5-nano' })).toEqual([200, 429])
    const session = { fields: { 'x-session-id': 's-1' } }
    expect(await statuses(gateway, 2, session)).toEqual([200, 429])
    expect(await statuses(gateway, 2, { body: { user: 'ann' } })).toEqual([200, 429])
    const { limits } = (await (await fetch(`${gateway.url}/api/limits`)).json()) as {
      limits: { name: string; used: number }[]
    }
    expect(limits.map(({ name, used }) => [name, used])).toEqual([['per_workspace', 5]])
    expect(await statuses(gateway, 3)).toEqual([200, 200, 429])
  })
})

describe('budgets', () => {
  test('the next request after the last that there is money for is refused, and told why', async () => {
    const gateway = await open(budget(`cost_usd: ${COST_USD * 10}, period: month, time_zone: Europe/Berlin`))
    const seen: number[] = []
    for (let i = 0; i < 12; i++) {
      seen.push(...(await statuses(gateway, 1)))
      await eventually(async () => (await standings(gateway))[0]?.['reserved'] === 0)
    }
    expect(seen).toEqual([...Array<number>(10).fill(200), 429, 429])
    const refused = await ask(gateway)
    expect(refused.headers.get('x-should-retry')).toBe('false')
    const { error } = (await refused.json()) as { error: Record<string, unknown> }
    expect(error).toMatchObject({ type: 'insufficient_quota', code: 'budget_exceeded' })
    expect(error['message']).toMatch(
      /^budget "money" is spent: 0.000045 of 0.000045 USD per month; it renews at \d{4}-\d\d-(30|31|28|29)T2[23]:00:00Z$/,
    )
    const anthropic = await ask(gateway, { path: '/anthropic/v1/messages', model: 'claude-sonnet-4-5' })
    expect(await anthropic.json()).toMatchObject({ error: { type: 'billing_error' } })
    // What costs nothing passes.
    const models = await fetch(`${gateway.url}/openai/v1/models`, {
      headers: { authorization: 'Bearer sk-provider-0123456789', 'X-OngoingAI-Gateway-Key': TOKEN },
    })
    expect(models.status).toBe(200)
    const text = await runProgram(['limits', '--base-url', gateway.url, '--gateway-key', TOKEN], {
      cwd: gateway.folder,
    })
    expect(text.out).toMatch(/money +cost per month +workspace +0.000045 USD +0.000000 USD +0.000045 USD/)
    const keyless = await runProgram(['limits', '--base-url', gateway.url], { cwd: gateway.folder })
    expect(keyless.status).toBe(1)
    expect(keyless.err).toContain(
      'status 401: missing or invalid gateway key: X-OngoingAI-Gateway-Key is read, and it is not there; give a gateway key with --gateway-key or ONGOINGAI_GATEWAY_KEY',
    )
  })

  test('a budget that is spent is told before a rate, whichever comes first in the file', async () => {
    const gateway = await open(
      `  policies:
    - {name: often, per: key, requests_per_minute: 1, concurrent_requests: 5}
    - {name: money, per: key, requests_per_minute: 1, budget: {cost_usd: ${COST_USD}}}
    - {name: all, per: workspace, budget: {tokens: 15}}
`,
    )
    expect(await statuses(gateway, 1)).toEqual([200])
    await eventually(async () =>
      (await standings(gateway)).some(({ name, used }) => name === 'all' && used === 15),
    )
    const refused = await ask(gateway)
    expect(refused.status).toBe(429)
    const { error } = (await refused.json()) as { error: Record<string, unknown> }
    expect(error).toMatchObject({ code: 'budget_exceeded', limit: { name: 'money', kind: 'cost' } })
    expect(refused.headers.get('x-should-retry')).toBe('false')
  })

  test('a budget that is only reserved has room again soon, and says so', async () => {
    const gateway = await open(budget(`cost_usd: ${(COST_USD * 5).toFixed(9)}, period: day`))
    expect(await statuses(gateway, 1)).toEqual([200])
    await eventually(async () => (await standings(gateway))[0]?.['used'] === COST_USD)
    const held = Promise.withResolvers<void>()
    upstream.play = async (request, socket) => {
      await held.promise
      await PLAIN(request, socket)
    }
    const under = Array.from({ length: 4 }, () => ask(gateway))
    await eventually(
      async () => Math.abs(Number((await standings(gateway))[0]?.['reserved']) - COST_USD * 4) < 1e-12,
    )
    const refused = await ask(gateway)
    expect([
      refused.status,
      refused.headers.get('retry-after'),
      refused.headers.get('x-should-retry'),
    ]).toEqual([429, '1', null])
    const { error } = (await refused.json()) as { error: Record<string, unknown> }
    expect(error).toMatchObject({
      type: 'rate_limit_error',
      code: 'budget_exceeded',
      message:
        'budget "money" has no room now: 0.0000045 spent and 0.000018 reserved by requests under way, of 0.0000225 USD per day',
    })
    const anthropic = await ask(gateway, { path: '/anthropic/v1/messages', model: 'claude-sonnet-4-5' })
    expect(await anthropic.json()).toMatchObject({ error: { type: 'rate_limit_error' } })
    held.resolve()
    expect((await Promise.all(under)).map(({ status }) => status)).toEqual([200, 200, 200, 200])
  })

  test('a rolling budget that is spent says when enough of it has left', async () => {
    const gateway = await open(
      budget(`cost_usd: 5, tokens: 1000000, period: rolling, rolling_hours: 48, warn_at: []`),
    )
    const QUARTER_MS = 900_000
    const now = Date.now() - (Date.now() % QUARTER_MS)
    const database = new Database(join(gateway.folder, 'data/traces.db'))
    // Of seven, more than two must leave: the three oldest quarter hours.
    for (const [quartersAgo, usd] of [
      [150, 1],
      [190, 0.5],
      [100, 2],
      [10, 3.5],
    ] as const) {
      database.run(`INSERT INTO spend VALUES ('workspace:org/ws', ?, 'other', ?, 10, 0, 0)`, [
        (now - quartersAgo * QUARTER_MS) * 1000,
        usd * 1e9,
      ])
    }
    database.close()
    const refused = await ask(gateway)
    const { error } = (await refused.json()) as { error: { message: string; limit: { reset: string } } }
    const room = now + (4 * 48 + 1 - 100) * QUARTER_MS
    const reset = new Date(room).toISOString().replace('.000', '')
    expect(error.message).toBe(
      `budget "money" is spent: 7 of 5 USD per rolling period; there is room again at ${reset}`,
    )
    expect(error.limit.reset).toBe(reset)
    const seconds = Number(refused.headers.get('retry-after'))
    expect(Math.abs(seconds - (room - Date.now()) / 1000)).toBeLessThan(10)
    const [tokens, cost] = await standings(gateway)
    expect(cost!['reset']).toBe(reset)
    // Not spent: a little more room comes with the next quarter hour that leaves.
    expect(new Date(String(tokens!['reset'])).getTime()).toBe(now + QUARTER_MS)
  })

  test('one after another, also the first of their kind: as many pass as there is money for', async () => {
    const gateway = await open(
      `  max_wait_ms: 20000\n${budget(`cost_usd: ${(COST_USD * 4).toFixed(9)}, period: rolling`)}`,
    )
    expect(await statuses(gateway, 8)).toEqual([200, 200, 200, 200, 429, 429, 429, 429])
    expect((await standings(gateway))[0]?.['used']).toBeCloseTo(COST_USD * 4, 9)
  })

  test('at any concurrency as many pass as there is money for, and one more at most', async () => {
    upstream.play = stream(
      [
        'data: {"model":"gpt-4o-mini","choices":[{"delta":{"content":"hi"}}]}\n\n',
        `data: {"model":"gpt-4o-mini","choices":[],"usage":${JSON.stringify(USAGE)}}\n\n`,
        'data: [DONE]\n\n',
      ],
      { between: () => Bun.sleep(20) },
    )
    const gateway = await open(budget(`cost_usd: ${(COST_USD * 101).toFixed(9)}, period: day`))
    // One teaches what a request comes to.
    expect(await statuses(gateway, 1)).toEqual([200])
    await eventually(async () => (await standings(gateway))[0]?.['reserved'] === 0)
    const answers = await Promise.all(
      Array.from({ length: 128 }, async () => {
        const response = await ask(gateway)
        await response.arrayBuffer()
        return response.status
      }),
    )
    expect(answers.filter((status) => status === 200)).toHaveLength(100)
    await eventually(async () => (await standings(gateway))[0]?.['reserved'] === 0)
    expect((await standings(gateway))[0]?.['used']).toBeCloseTo(COST_USD * 101, 9)
  })

  test('128 at once of which nothing is known: what is reserved holds, and the others are told to come again', async () => {
    const gateway = await open(
      `  max_wait_ms: 100\n${budget(`cost_usd: ${(COST_USD * 100).toFixed(9)}, period: month`)}`,
    )
    const held = Promise.withResolvers<void>()
    upstream.play = async (request, socket) => {
      await held.promise
      await PLAIN(request, socket)
    }
    // One is expected to cost more than the whole budget, so it has that for itself.
    const first = ask(gateway)
    await eventually(async () => Number((await standings(gateway))[0]?.['reserved']) > COST_USD * 100)
    const answers = await Promise.all(Array.from({ length: 127 }, () => ask(gateway)))
    for (const { status, headers } of answers) {
      expect([status, headers.get('retry-after'), headers.get('x-should-retry')]).toEqual([429, '1', null])
    }
    held.resolve()
    expect((await first).status).toBe(200)
    expect(await totals(gateway)).toMatchObject({ limits_waited_total: 127 })
    upstream.play = PLAIN
    await eventually(async () => (await standings(gateway))[0]?.['reserved'] === 0)
    const again = await Promise.all(Array.from({ length: 127 }, () => statuses(gateway, 1)))
    expect(again.flat().filter((status) => status === 200)).toHaveLength(99)
    await eventually(async () => (await standings(gateway))[0]?.['reserved'] === 0)
    expect((await standings(gateway))[0]?.['used']).toBeCloseTo(COST_USD * 100, 9)
  })

  test('a request waits for room, and its trace and the totals say so', async () => {
    const gateway = await open(
      `  max_wait_ms: 20000\n${budget(`cost_usd: ${(COST_USD * 3).toFixed(9)}, period: day, enforcement: strict`)}`,
    )
    const held = Promise.withResolvers<void>()
    upstream.play = async (request, socket) => {
      await held.promise
      await PLAIN(request, socket)
    }
    const first = ask(gateway)
    await eventually(async () => Number((await standings(gateway))[0]?.['reserved']) > 0)
    const second = ask(gateway)
    await eventually(async () => (await totals(gateway))['limits_waited_total'] === 1)
    held.resolve()
    expect([(await first).status, (await second).status]).toEqual([200, 200])
    const waits = (await gateway.traces(2)).map(({ id }) => traceOf(gateway, String(id)))
    const times = (await Promise.all(waits)).map(({ timing }) => Number(timing['limit_wait_us']))
    expect(times.filter((time) => time > 0)).toHaveLength(1)
    expect(times).toContain(0)
  })

  test('a request that waited in vain is refused for what is reserved, and its trace says how long it waited', async () => {
    const gateway = await open(
      `  max_wait_ms: 50\n${budget(`cost_usd: 1, period: day, enforcement: strict`)}`,
    )
    const held = Promise.withResolvers<void>()
    upstream.play = async (request, socket) => {
      await held.promise
      await PLAIN(request, socket)
    }
    // Of an image nobody knows what it comes to at most.
    const image = { path: '/openai/v1/images/generations', model: 'gpt-image-1', body: { prompt: 'a tree' } }
    const first = ask(gateway, image)
    await eventually(async () => (await standings(gateway))[0]?.['reserved'] === 1)
    const refused = await ask(gateway)
    expect([
      refused.status,
      refused.headers.get('retry-after'),
      refused.headers.get('x-should-retry'),
      ((await refused.json()) as { error: { code: string } }).error.code,
    ]).toEqual([429, '1', null, 'budget_exceeded'])
    held.resolve()
    await first
    const id = String(refused.headers.get('x-ongoingai-trace-id'))
    await gateway.traces(2)
    expect((await traceOf(gateway, id)).timing['limit_wait_us']).toBeGreaterThan(0)
  })

  test.each([
    ['strict', 1, 2],
    // Each reserves what the cheap ones came to, so all of them pass: what hard overspends is what estimates were wrong by.
    ['hard', 60, 60],
  ] as const)(
    '%s: 60 at once that cost as much as the budget, after three cheap ones: %d to %d pass',
    async (enforcement, least, most) => {
      const gateway = await open(budget(`cost_usd: 0.1, period: month, enforcement: ${enforcement}`))
      upstream.play = respondJson({ id: 'x', model: 'gpt-4o-mini', usage: USAGE })
      expect(await statuses(gateway, 3)).toEqual([200, 200, 200])
      await eventually(async () => (await standings(gateway))[0]?.['reserved'] === 0)
      const dear = { prompt_tokens: 10, completion_tokens: 166_664, total_tokens: 166_674 }
      const answer = respondJson({ id: 'x', model: 'gpt-4o-mini', usage: dear })
      const all = Promise.withResolvers<void>()
      upstream.play = async (request, socket) => {
        await all.promise
        await answer(request, socket)
      }
      const asked = Array.from({ length: 60 }, () => ask(gateway))
      // All have come: they are refused, wait, or are under way.
      await eventually(async () => {
        const { admitted_total: admitted, limits_waited_total: waited } = await totals(gateway)
        return Number(admitted) + Number(waited) >= 63
      })
      all.resolve()
      const passed = (await Promise.all(asked)).filter(({ status }) => status === 200).length
      expect(passed).toBeGreaterThanOrEqual(least)
      expect(passed).toBeLessThanOrEqual(most)
      await eventually(async () => (await standings(gateway))[0]?.['reserved'] === 0)
      expect((await standings(gateway))[0]?.['used']).toBeCloseTo(3 * COST_USD + passed * 0.1, 3)
    },
  )

  test('strict: output limits bound what runs at once, each counted for every answer', async () => {
    // 100 answers of 1,000 tokens at 0.6 USD a million, and something for what they read.
    const gateway = await open(
      `  max_wait_ms: 0\n${budget(`cost_usd: 0.0603, period: day, enforcement: strict`)}`,
    )
    const all = Promise.withResolvers<void>()
    upstream.play = async (request, socket) => {
      await all.promise
      await PLAIN(request, socket)
    }
    const asked = Array.from({ length: 40 }, () => ask(gateway, { body: { max_tokens: 500, n: 10 } }))
    await eventually(async () => {
      const { admitted_total: admitted, refused_total: refused } = await totals(gateway)
      return Number(admitted) + Number((refused as Record<string, number>)['budget_exceeded'] ?? 0) === 40
    })
    all.resolve()
    expect((await Promise.all(asked)).filter(({ status }) => status === 200)).toHaveLength(20)
  })

  test('a stream that outgrows what was expected of it makes its reservation grow, and is never cut', async () => {
    const gateway = await open(budget(`cost_usd: ${COST_USD * 4}, period: day`))
    expect(await statuses(gateway, 1)).toEqual([200])
    await eventually(async () => (await standings(gateway))[0]?.['reserved'] === 0)
    const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()] as const
    const event = `data: {"model":"gpt-4o-mini","choices":[{"delta":{"content":"${'long '.repeat(40)}"}}]}\n\n`
    upstream.play = stream(
      [
        ...Array<string>(30).fill(event),
        `data: {"model":"gpt-4o-mini","choices":[],"usage":{"prompt_tokens":10,"completion_tokens":1500,"total_tokens":1510}}\n\n`,
        'data: [DONE]\n\n',
      ],
      {
        between: (index) =>
          (index === 0 ? gates[0] : index === 29 ? gates[1] : undefined)?.promise ?? Promise.resolve(),
      },
    )
    const running = await ask(gateway)
    const before = Number((await standings(gateway))[0]?.['reserved'])
    expect(before).toBeGreaterThanOrEqual(COST_USD)
    gates[0].resolve()
    const answer = running.text()
    await eventually(async () => Number((await standings(gateway))[0]?.['reserved']) > before * 5)
    gates[1].resolve()
    expect(await answer).toContain('[DONE]')
    await eventually(async () => (await standings(gateway))[0]?.['reserved'] === 0)
    expect((await standings(gateway))[0]?.['used']).toBeCloseTo(COST_USD + 0.000_901_5, 9)
    upstream.play = PLAIN
    expect(await statuses(gateway, 1)).toEqual([429])
  })

  test('what was spent is what the receipts say, and outlives a restart and the traces', async () => {
    // Each request learns what those before it came to, however slow the machine.
    const limits = `  max_wait_ms: 20000\n${budget(`cost_usd: ${COST_USD * 5}, tokens: 1000000, period: total`)}`
    const settings = `${providersAt(upstream.url)}${AUTH}limits:\n${limits}`
    const gateway = await open(limits)
    expect(await statuses(gateway, 3)).toEqual([200, 200, 200])
    await gateway.traces(3)
    const path = join(gateway.folder, 'data/traces.db')
    await gateway.gateway.stop(1000)
    const database = new Database(path)
    const sums = (sql: string): unknown => database.query(sql).get()
    expect(
      sums(
        `SELECT SUM(cost_nano_usd) AS cost, SUM(tokens) AS tokens FROM spend WHERE subject = 'workspace:org/ws'`,
      ),
    ).toEqual(sums('SELECT SUM(cost_nano_usd) AS cost, SUM(total_tokens) AS tokens FROM traces'))
    expect(sums(`SELECT COUNT(DISTINCT subject) AS n FROM spend`)).toEqual({ n: 3 })
    database.run('DELETE FROM traces')
    database.close()
    const again = await openGateway(`storage: {path: "${path}"}\n${settings}`)
    expect((await standings(again)).map(({ kind, used }) => [kind, used])).toEqual([
      ['tokens', 45],
      ['cost', 0.0000135],
    ])
    expect(await statuses(again, 2)).toEqual([200, 200])
    await eventually(async () => (await standings(again))[1]?.['reserved'] === 0)
    expect(await statuses(again, 1)).toEqual([429])
    await again.stop()
  })

  test('a gateway that begins anew expects what such requests came to before', async () => {
    const gateway = await open(budget('cost_usd: 1, period: day'))
    expect(await statuses(gateway, 2)).toEqual([200, 200])
    await gateway.traces(2)
    const path = join(gateway.folder, 'data/traces.db')
    await gateway.gateway.stop(1000)
    const storage = await openSqliteStorage(path, 'write')
    await storage.maintenance().rollUp(10)
    await storage.close()
    const again = await openGateway(
      `storage: {path: "${path}"}\n${providersAt(upstream.url)}${AUTH}limits:\n${budget('cost_usd: 1, period: day')}`,
    )
    const held = Promise.withResolvers<void>()
    upstream.play = async (request, socket) => {
      await held.promise
      await PLAIN(request, socket)
    }
    const running = ask(again)
    await eventually(async () => Number((await standings(again))[0]?.['reserved']) > 0)
    // Two answers of 5 tokens before; of a request of which nothing is known, it would be 1,000.
    expect(Number((await standings(again))[0]?.['reserved'])).toBeLessThan(COST_USD * 2)
    held.resolve()
    await running
    await again.stop()
  })

  test('a budget that is larger refuses nobody, whatever a request allows itself', async () => {
    const gateway = await open(budget('cost_usd: 1, period: day'))
    const seen = await Promise.all(Array.from({ length: 8 }, () => statuses(gateway, 50)))
    expect(new Set(seen.flat())).toEqual(new Set([200]))
    await eventually(async () => (await standings(gateway))[0]?.['reserved'] === 0)
    expect((await standings(gateway))[0]?.['used']).toBeCloseTo(COST_USD * 400, 9)
  })

  test('a request that fails before it is answered gives back what was reserved', async () => {
    const gateway = await open(budget(`cost_usd: ${COST_USD}, period: day`))
    upstream.play = (_, socket) => void socket.destroy()
    expect(await statuses(gateway, 3)).toEqual([502, 502, 502])
    await eventually(async () => (await standings(gateway))[0]?.['reserved'] === 0)
    expect((await standings(gateway))[0]?.['used']).toBe(0)
    expect(await totals(gateway)).toMatchObject({ assumed_cost_total: 0 })
  })

  test('a cost that stays unknown is charged as expected and counted as assumed', async () => {
    const gateway = await open(budget('cost_usd: 1, period: day'))
    const image = { path: '/openai/v1/images/generations', model: 'gpt-image-1', body: { prompt: 'a tree' } }
    const usage = { input_tokens: 10, output_tokens: 500, total_tokens: 510 }
    upstream.play = respondJson({ created: 1, data: [], usage })
    expect(await statuses(gateway, 1, image)).toEqual([200])
    await eventually(async () => Number((await standings(gateway))[0]?.['used']) > 0)
    const [{ used: once } = {}] = await standings(gateway)
    upstream.play = respondJson({ created: 1, data: [] })
    expect(await statuses(gateway, 1, image)).toEqual([200])
    await eventually(async () => (await totals(gateway))['assumed_cost_total'] === 1)
    expect((await standings(gateway))[0]?.['used']).toBeGreaterThan(Number(once))
  })

  test('a model without a price does not pass a hard budget of money, and passes a soft one', async () => {
    const hard = await open(budget('cost_usd: 1, period: day'))
    const refused = await ask(hard, { model: 'nobody-knows-this' })
    expect([refused.status, ((await refused.json()) as { error: { code: string } }).error.code]).toEqual([
      403,
      'model_price_unknown',
    ])
    await hard.stop()
    const soft = await open(budget('cost_usd: 1, period: day, enforcement: soft'))
    expect(await statuses(soft, 1, { model: 'nobody-knows-this' })).toEqual([200])
  })

  test('an own price without an output rate holds no hard budget where output is written', async () => {
    const own = 'pricing: {overrides: [{model: half-priced, input: 2}]}\n'
    const gateway = await open(budget('cost_usd: 1, period: day'), `${AUTH}${own}`)
    expect(await statuses(gateway, 1, { model: 'half-priced' })).toEqual([403])
    const embeddings = { path: '/openai/v1/embeddings', model: 'half-priced', body: { input: 'hi' } }
    expect(await statuses(gateway, 1, embeddings)).toEqual([200])
  })

  test('a key may have a price of its own', async () => {
    const own = 'pricing: {overrides: [{key_id: key-2, model: gpt-4o-mini, discount: 0.5}]}\n'
    const gateway = await open(budget('cost_usd: 1, period: day'), `${AUTH}${own}`)
    expect(await statuses(gateway, 1)).toEqual([200])
    expect(await statuses(gateway, 1, { token: `${TOKEN}-2` })).toEqual([200])
    const traces = await gateway.traces(2)
    const costs = traces.map((trace) => trace['estimated_cost_usd'] as number).toSorted((a, b) => b - a)
    expect(costs).toEqual([COST_USD, COST_USD / 2])
  })

  test('warnings come once, to log, audit trail and webhooks, signed; a soft budget refuses nobody', async () => {
    const received: { body: string; signature: string }[] = []
    const receiver = await Upstream.start((request, socket) => {
      received.push({
        body: request.body.toString(),
        signature: request.field('x-ongoingai-signature') ?? '',
      })
      // The first attempt is not taken.
      socket.end(
        `HTTP/1.1 ${received.length === 1 ? 500 : 204} x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`,
      )
    })
    const gateway = await open(
      `${budget(`cost_usd: ${COST_USD * 4}, period: day, enforcement: soft, warn_at: [0.5]`)}  webhooks: [{url: "${receiver.url}/hook", secret: s3cret}]\n`,
    )
    expect(await statuses(gateway, 6)).toEqual(Array<number>(6).fill(200))
    await eventually(() => new Set(received.map(({ body }) => body)).size === 2 && received.length === 3)
    const messages = [...new Set(received.map(({ body }) => body))].map(
      (body) => JSON.parse(body) as Record<string, unknown>,
    )
    expect(messages.map(({ type, share, name, org_id }) => [type, share, name, org_id])).toEqual([
      ['budget.warning', 0.5, 'money', 'org'],
      ['budget.spent', 1, 'money', 'org'],
    ])
    for (const { body, signature } of received) {
      const [, seconds, hmac] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(signature)!
      expect(new Bun.CryptoHasher('sha256', 's3cret').update(`${seconds}.${body}`).digest('hex')).toBe(hmac!)
    }
    const audited = gateway.lines.filter(({ message }) => message === 'audit event')
    expect(audited.map(({ fields }) => fields['audit_action'])).toEqual(['budget.warning', 'budget.spent'])
    await receiver.stop()
  })
})
