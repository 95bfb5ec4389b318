import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { join } from 'node:path'
import { eventually } from '../support/eventually.ts'
import { openGateway, providersAt, type TestGateway } from '../support/gateway.ts'
import { runProgram } from '../support/process.ts'
import { respondJson, Upstream } from '../support/upstream.ts'

setDefaultTimeout(60_000)

/** What one answer of the upstream costs: 10 × 0.15 + 5 × 0.6 USD per million tokens. */
const COST_USD = 0.000_004_5
const USAGE = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 }
const PLAIN = respondJson({ id: 'x', model: 'gpt-4o-mini', usage: USAGE })
const FIELD = 'X-OngoingAI-Gateway-Key'
const ADMIN = 'admin-token-0123456789abcdef'
const USER = 'user-token-0123456789abcdef'
const OTHER = 'other-token-0123456789abcdef'
const AUTH = `auth:
  enabled: true
  keys:
    - {id: admin, token: ${ADMIN}, org_id: org, workspace_id: ws, role: owner}
    - {id: user, token: ${USER}, org_id: org, workspace_id: ws, role: developer}
    - {id: other, token: ${OTHER}, org_id: org, workspace_id: elsewhere, role: owner, scope: organization}
`

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

async function open(policies: string, auth = AUTH): Promise<TestGateway> {
  opened = await openGateway(
    `${providersAt(upstream.url)}${auth}limits:\n  policies:\n${policies}`,
    auth === AUTH ? { [FIELD]: ADMIN } : {},
  )
  return opened
}

async function ask({ url }: TestGateway, token: string, body: object = {}): Promise<number> {
  const response = await fetch(`${url}/openai/v1/chat/completions`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      authorization: 'Bearer sk-provider-0123456789',
      [FIELD]: token,
    },
    body: JSON.stringify({ model: 'gpt-4o-mini', messages: [], ...body }),
  })
  await response.arrayBuffer()
  return response.status
}

async function change(
  { url }: TestGateway,
  path: string,
  body: object,
  token = ADMIN,
): Promise<{ readonly status: number; readonly value: Record<string, unknown> }> {
  const response = await fetch(`${url}/api/limits/${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', [FIELD]: token },
    body: JSON.stringify(body),
  })
  return { status: response.status, value: (await response.json()) as Record<string, unknown> }
}

async function standing(
  { url }: TestGateway,
  query: string,
  token = ADMIN,
): Promise<Record<string, unknown>> {
  const response = await fetch(`${url}/api/limits?${query}`, { headers: { [FIELD]: token } })
  return ((await response.json()) as { limits: Record<string, unknown>[] }).limits[0]!
}

/** Spends a budget of two requests, and one more is refused. */
async function spendAll(
  gateway: TestGateway,
  token: string,
  query: string,
  body: object = {},
): Promise<void> {
  expect([await ask(gateway, token, body), await ask(gateway, token, body)]).toEqual([200, 200])
  await eventually(async () => (await standing(gateway, query))['reserved'] === 0)
  expect(await ask(gateway, token, body)).toBe(429)
}

const TWO = `cost_usd: ${COST_USD * 2}`

describe('a reset', () => {
  test.each(['month', 'rolling', 'total'])(
    'lets a budget per %s begin anew, keeps what is reserved, and is audited',
    async (period) => {
      const gateway = await open(`    - {name: money, per: key, budget: {${TWO}, period: ${period}}}\n`)
      await spendAll(gateway, USER, 'key_id=user')
      const { status, value } = await change(gateway, 'money/reset', { key_id: 'user' })
      expect([status, value]).toMatchObject([
        200,
        { limits: [{ name: 'money', used: 0, limit: COST_USD * 2 }] },
      ])
      const held = Promise.withResolvers<void>()
      upstream.play = async (request, socket) => {
        await held.promise
        await PLAIN(request, socket)
      }
      const running = ask(gateway, USER)
      await eventually(async () => Number((await standing(gateway, 'key_id=user'))['reserved']) > 0)
      const again = await change(gateway, 'money/reset', { key_id: 'user' })
      expect(Number((again.value['limits'] as Record<string, unknown>[])[0]!['reserved'])).toBeGreaterThan(0)
      held.resolve()
      expect(await running).toBe(200)
      await eventually(async () => (await standing(gateway, 'key_id=user'))['reserved'] === 0)
      expect((await standing(gateway, 'key_id=user'))['used']).toBeCloseTo(COST_USD, 12)
      expect(await ask(gateway, USER)).toBe(200)
      await eventually(async () => (await standing(gateway, 'key_id=user'))['reserved'] === 0)
      expect(await ask(gateway, USER)).toBe(429)
      const audited = gateway.lines.filter(({ fields }) => fields['audit_action'] === 'limit.reset')
      expect(
        audited.map(({ fields }) => [fields['actor'], fields['target'], fields['audit_outcome']]),
      ).toEqual([
        ['admin', 'money', 'success'],
        ['admin', 'money', 'success'],
      ])
    },
  )

  test('lets a budget begin anew that counts what is included', async () => {
    const budget = `{${TWO}, count_included: true, period: day}`
    const gateway = await open(`    - {name: money, per: key, budget: ${budget}}\n`)
    await spendAll(gateway, USER, 'key_id=user')
    expect(await change(gateway, 'money/reset', { key_id: 'user' })).toMatchObject({
      status: 200,
      value: { limits: [{ used: 0, limit: COST_USD * 2, count_included: true }] },
    })
    expect(await ask(gateway, USER)).toBe(200)
  })

  test('of an end user changes nobody else’s budget', async () => {
    const gateway = await open(`    - {name: people, per: end_user, budget: {${TWO}, period: day}}\n`)
    await spendAll(gateway, USER, 'end_user=ada', { user: 'ada' })
    await spendAll(gateway, USER, 'end_user=bob', { user: 'bob' })
    expect((await change(gateway, 'people/reset', { end_user: 'ada' })).status).toBe(200)
    expect([await ask(gateway, USER, { user: 'ada' }), await ask(gateway, USER, { user: 'bob' })]).toEqual([
      200, 429,
    ])
  })
})

test('a raise lets more be spent; the newest counts, and one that ends counts no more', async () => {
  const gateway = await open(`    - {name: money, per: key, budget: {${TWO}, period: day}}\n`)
  await spendAll(gateway, USER, 'key_id=user')
  const raised = await change(gateway, 'money/raise', { key_id: 'user', by_usd: COST_USD })
  const told = gateway.lines.find(({ fields }) => fields['audit_action'] === 'limit.raise')!
  expect(told.fields).toMatchObject({ subject: 'key:org/ws/user' })
  expect(told.fields['to_usd']).toBeCloseTo(COST_USD * 3, 12)
  expect(told.fields['until']).toMatch(/T00:00:00Z$/)
  expect(raised).toMatchObject({
    status: 200,
    value: { limits: [{ used: COST_USD * 2, limit: COST_USD * 3 }] },
  })
  expect(await ask(gateway, USER)).toBe(200)
  await eventually(async () => (await standing(gateway, 'key_id=user'))['reserved'] === 0)
  expect(await ask(gateway, USER)).toBe(429)
  expect((await standing(gateway, 'key_id=user'))['reset']).toMatch(/T00:00:00Z$/)
  const until = new Date(Date.now() + 1500).toISOString()
  const newer = await change(gateway, 'money/raise', { key_id: 'user', to_usd: 1, until })
  expect(newer).toMatchObject({ status: 200, value: { limits: [{ limit: 1 }] } })
  // A reset keeps the raise.
  expect(await change(gateway, 'money/reset', { key_id: 'user' })).toMatchObject({
    value: { limits: [{ used: 0, limit: 1 }] },
  })
  await eventually(async () => (await standing(gateway, 'key_id=user'))['limit'] === COST_USD * 2)
})

test('who may change what, and what is wrong with a change', async () => {
  const gateway = await open(`    - {name: keys, per: key, budget: {${TWO}, period: day}}
    - {name: space, per: workspace, budget: {tokens: 1000, period: day}}
    - {name: all, per: organization, budget: {${TWO}, period: day}}
    - {name: often, per: key, requests_per_minute: 10}
`)
  const refused = async (path: string, body: object, token = ADMIN): Promise<unknown> => {
    const { status, value } = await change(gateway, path, body, token)
    return [status, value['code']]
  }
  expect(await refused('keys/reset', { key_id: 'admin' })).toEqual([403, 'own_limit'])
  expect(await refused('space/reset', { workspace_id: 'ws' })).toEqual([403, 'own_limit'])
  expect(await refused('all/reset', {}, OTHER)).toEqual([403, 'own_limit'])
  expect(await refused('space/reset', { workspace_id: 'elsewhere' })).toEqual([403, 'permission_denied'])
  expect(await refused('keys/reset', { key_id: 'user' }, USER)).toEqual([403, 'permission_denied'])
  expect((await change(gateway, 'space/reset', { workspace_id: 'ws' }, OTHER)).status).toBe(200)
  expect(await refused('keys/reset', {})).toEqual([400, 'bad_request'])
  expect(await refused('keys/reset', { key_id: 'nobody' })).toEqual([404, 'gateway_key_not_found'])
  expect(await refused('nothing/reset', { key_id: 'user' })).toEqual([404, 'limit_not_found'])
  expect(await refused('often/reset', { key_id: 'user' })).toEqual([400, 'bad_request'])
  for (const raise of [
    {},
    { by_usd: 1, to_usd: 2 },
    { by_usd: 0 },
    { to_usd: 1e9 },
    { to_usd: COST_USD },
    { by_usd: 1, until: '2020-01-01' },
    { by_usd: 1, until: 'soon' },
    { by_usd: 1, unknown: 2 },
  ]) {
    expect(await refused('keys/raise', { key_id: 'user', ...raise })).toEqual([400, 'bad_request'])
  }
  expect(await refused('space/raise', { workspace_id: 'ws', by_usd: 1 }, OTHER)).toEqual([400, 'bad_request'])
  const [first] = gateway.lines.filter(({ fields }) => fields['audit_action'] === 'limit.reset')
  expect(first!.fields).toMatchObject({
    audit_reason: 'own_limit',
    subject: 'key:org/ws/admin',
    forgiven_usd: 0,
  })
  const denied = gateway.lines.filter(
    ({ fields }) => fields['audit_action'] === 'limit.reset' && fields['audit_outcome'] === 'deny',
  )
  expect(denied.length).toBeGreaterThanOrEqual(3)
})

test('while keys are off limits are not changed over HTTP', async () => {
  const gateway = await open(`    - {name: all, per: organization, budget: {${TWO}, period: day}}\n`, '')
  expect(await change(gateway, 'all/reset', {})).toMatchObject({
    status: 403,
    value: { code: 'auth_disabled' },
  })
})

test('the command line changes limits of a running gateway, and in the store those of everybody', async () => {
  const gateway = await open(`    - {name: all, per: organization, budget: {${TWO}, period: month}}
    - {name: keys, per: key, budget: {cost_usd: 1, period: day}}
`)
  await spendAll(gateway, USER, '')
  const run = (...words: string[]): ReturnType<typeof runProgram> =>
    runProgram(['limits', ...words], { cwd: gateway.folder })
  const config = ['--config', join(gateway.folder, 'ongoingai.yaml')]
  await gateway.traces(2)
  const raised = await run(
    'raise',
    'all',
    '--org-id',
    'org',
    '--by-usd',
    '0.01',
    '--format',
    'json',
    ...config,
  )
  expect([raised.status, raised.err]).toEqual([0, ''])
  expect(JSON.parse(raised.out)).toMatchObject({
    schema_version: 'limits.v1',
    org_id: 'org',
    limits: [{ name: 'all', used: COST_USD * 2, limit: 0.010009 }],
  })
  await eventually(async () => (await ask(gateway, USER)) === 200)
  const reset = await run('reset', 'all', '--org-id', 'org', ...config)
  expect(reset.out).toBe('limit "all" is reset; running gateways follow within five seconds\n')
  await eventually(async () => Number((await standing(gateway, ''))['used']) <= COST_USD * 2)
  const asked = ['--base-url', gateway.url, '--gateway-key', ADMIN]
  expect((await run('raise', 'keys', '--key-id', 'user', '--to-usd', '2', ...asked)).status).toBe(0)
  const own = await run('reset', 'keys', '--key-id', 'admin', ...asked)
  expect([own.status, own.err]).toEqual([
    1,
    expect.stringContaining('your own requests count in this budget'),
  ])
  for (const [words, says] of [
    [['reset'], 'limits reset needs the name of one limit'],
    [['raise', 'all', '--by-usd', 'much'], 'by-usd "much" must be an amount in USD'],
    [['reset', 'keys', ...config], '--key-id is needed'],
  ] as const) {
    const { status, err } = await run(...words)
    expect([status, err]).toEqual([2, expect.stringContaining(says)])
  }
})
