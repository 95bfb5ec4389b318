import { Database } from 'bun:sqlite'
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { eventually } from '../support/eventually.ts'
import { openGateway, providersAt, type TestGateway } from '../support/gateway.ts'
import { openTestPostgres, type TestPostgres } from '../support/postgres.ts'
import { runProgram } from '../support/process.ts'
import { respondJson, Upstream } from '../support/upstream.ts'

setDefaultTimeout(30_000)

// A key cannot grant what it does not have, and what answers an error has changed nothing.

const OWNER = 'owner-token-0123456789abcdef'
const VIEWER = 'viewer-token-0123456789abcdef'
const NAMED = 'named-token-0123456789abcdef'
const KEYS = `auth:
  enabled: true
  keys:
    - {id: root, token: ${OWNER}, org_id: org-a, workspace_id: ws, role: owner}
    - {id: viewer, token: ${VIEWER}, org_id: org-a, workspace_id: ws, role: viewer}
    - {id: named, token: ${NAMED}, org_id: org-a, workspace_id: ws, role: owner}
limits:
  policies: [{name: of-named, per: key, match: {key_id: named}, requests_per_minute: 1000}]
`

type Json = Record<string, unknown>

interface Answer {
  readonly status: number
  readonly body: Json
}

let upstream: Upstream
let server: TestPostgres
beforeAll(async () => {
  upstream = await Upstream.start(respondJson({ id: 'x', model: 'gpt-4o-mini' }))
  server = await openTestPostgres()
}, 60_000)
afterAll(async () => {
  await upstream.stop()
  await server?.stop()
}, 60_000)

async function api(
  { url }: { url: string },
  method: string,
  path: string,
  token: string,
  body?: unknown,
): Promise<Answer> {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: {
      'X-OngoingAI-Gateway-Key': token,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  const text = await response.text()
  return { status: response.status, body: text.startsWith('{') ? (JSON.parse(text) as Json) : {} }
}

async function call({ url }: { url: string }, token: string): Promise<number> {
  const response = await fetch(`${url}/openai/v1/chat/completions`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      authorization: 'Bearer sk-provider-0123456789',
      'X-OngoingAI-Gateway-Key': token,
    },
    body: '{"model":"gpt-4o-mini","messages":[]}',
  })
  await response.arrayBuffer()
  return response.status
}

const DENIED = [403, 'permission_denied']
const shown = ({ status, body }: Answer): unknown[] => [status, body['code'] ?? '']

describe.each(['sqlite', 'postgres'] as const)('on %s', (driver) => {
  let gateway: TestGateway
  let dsn: string | undefined
  beforeAll(async () => {
    dsn = driver === 'postgres' ? await server.createDatabase() : undefined
    const storage = dsn === undefined ? '' : `storage: {driver: postgres, dsn: "${dsn}"}\n`
    gateway = await openGateway(`${storage}${providersAt(upstream.url)}${KEYS}`)
  }, 30_000)
  afterAll(() => gateway.stop())

  const ask = (method: string, path: string, body?: unknown, token = OWNER): Promise<Answer> =>
    api(gateway, method, `/api/gateway-keys${path}`, token, body)
  const make = async (body: Json, token = OWNER): Promise<{ id: string; token: string }> => {
    const made = await ask('POST', '', body, token)
    expect([made.status, made.body['error']]).toEqual([201, undefined])
    return { id: String(made.body['id']), token: String(made.body['token']) }
  }
  const events = async (filter: (event: Json) => boolean, count: number): Promise<Json[]> => {
    let found: Json[] = []
    await eventually(async () => {
      const { body } = await api(gateway, 'GET', '/api/audit?limit=500', OWNER)
      found = (body['items'] as Json[]).filter(filter)
      return found.length >= count
    })
    return found.reverse()
  }

  test('a change of one list of rules leaves the others as they are; null and an empty list clear one', async () => {
    const rules = {
      models: ['gpt-4o*'],
      providers: ['openai'],
      routes: ['/openai/*'],
      networks: ['127.0.0.0/8'],
    }
    const { id } = await make({ ...rules, name: 'bound', labels: { a: 'b' }, expires_at: '2099-01-01' })
    const changed = await ask('PATCH', `/${id}`, { models: ['gpt-5*'] })
    expect(changed.body).toMatchObject({ ...rules, models: ['gpt-5*'] })
    const cleared = await ask('PATCH', `/${id}`, { networks: null, routes: [] })
    expect(cleared.body).toMatchObject({ models: ['gpt-5*'], providers: ['openai'], name: 'bound' })
    expect(['networks' in cleared.body, 'routes' in cleared.body]).toEqual([false, false])
    const rest = await ask('PATCH', `/${id}`, { name: null, labels: null, expires_at: null })
    expect(['name', 'labels', 'expires_at'].filter((member) => member in rest.body)).toEqual([])
    expect(rest.body).toMatchObject({ models: ['gpt-5*'], providers: ['openai'] })
  })

  test('limits are granted as everything else is: at least as strict in every dimension, or not at all', async () => {
    const own = {
      name: 'own',
      requests_per_minute: 100,
      tokens_per_minute: 1000,
      concurrent_requests: 5,
      max_request_bytes: 5000,
      budget: { cost_usd: 10, tokens: 5000, period: 'day' },
      on_backend_failure: 'deny',
    }
    const maker = await make({ role: 'owner', limits: [own] })
    const makes = async (limits: unknown): Promise<unknown[]> =>
      shown(await ask('POST', '', { role: 'viewer', limits }, maker.token))
    const wider: Json[] = [
      { ...own, requests_per_minute: 101 },
      { ...own, tokens_per_minute: 0 },
      { ...own, concurrent_requests: 6 },
      { ...own, max_request_bytes: 0 },
      { ...own, budget: { ...own.budget, cost_usd: 10.01 } },
      { ...own, budget: { ...own.budget, tokens: 0 } },
      { ...own, budget: { ...own.budget, enforcement: 'soft' } },
      { ...own, budget: { ...own.budget, time_zone: 'Asia/Tokyo' } },
      { ...own, budget: { ...own.budget, period: 'rolling', rolling_hours: 1 } },
      { ...own, on_backend_failure: 'allow' },
      { ...own, match: { model: 'gpt-4o' } },
      { ...own, match: { provider: 'openai' } },
      { ...own, split_by: 'model' },
    ]
    for (const limit of wider) expect([limit, await makes([limit])]).toEqual([limit, DENIED])
    expect(await makes([{ ...own, name: 'tighter', requests_per_minute: 1 }])).toEqual([201, ''])
    expect(await makes([{ ...own, budget: { ...own.budget, period: 'month' } }])).toEqual([201, ''])
    const inheriting = await ask('POST', '', { role: 'viewer' }, maker.token)
    expect(inheriting.body['limits']).toMatchObject([{ name: 'own', requests_per_minute: 100 }])
    const cleared = { limits: [] }
    expect(shown(await ask('PATCH', `/${String(inheriting.body['id'])}`, cleared, maker.token))).toEqual(
      DENIED,
    )
    // Nor does it handle who has more: a new token would be its own way out.
    const free = await make({ role: 'viewer' })
    expect(shown(await ask('POST', `/${free.id}/rotate`, {}, maker.token))).toEqual(DENIED)
    expect(shown(await ask('DELETE', `/${free.id}`, undefined, maker.token))).toEqual(DENIED)
  })

  test('a key can tighten its own limits, and neither lift nor begin them anew', async () => {
    const own = { name: 'own', requests_per_minute: 2, match: { model: 'gpt*' } }
    const { id, token } = await make({ role: 'owner', limits: [own], models: ['gpt*'] })
    const change = async (body: Json): Promise<unknown[]> => shown(await ask('PATCH', `/${id}`, body, token))
    expect(await change({ limits: [{ ...own, requests_per_minute: 3 }] })).toEqual(DENIED)
    expect(await change({ limits: [] })).toEqual(DENIED)
    expect(await change({ limits: null })).toEqual(DENIED)
    // As strict, but counted from nothing.
    expect(await change({ limits: [{ ...own, name: 'other' }] })).toEqual(DENIED)
    expect(await change({ limits: [{ name: 'own', requests_per_minute: 2 }] })).toEqual(DENIED)
    expect(await change({ models: null })).toEqual(DENIED)
    expect(await change({ limits: [own, { ...own, name: 'more' }] })).toEqual([200, ''])
    const rotated = await ask('POST', `/${id}/rotate`, {}, token)
    expect(rotated.body['limits']).toMatchObject([{ name: 'own' }, { name: 'more' }])
  })

  test('a policy of the configuration that names a key binds what it makes', async () => {
    const made = await ask('POST', '', { role: 'viewer' }, NAMED)
    expect(made.body['limits']).toMatchObject([{ name: 'of-named', requests_per_minute: 1000 }])
    const wider = { limits: [{ name: 'x', requests_per_minute: 1001 }] }
    expect(shown(await ask('POST', '', wider, NAMED))).toEqual(DENIED)
  })

  test('a key may send and not read: role custom, whose permissions are those that it is given', async () => {
    const sender = await make({ role: 'custom', permissions: ['proxy:write'] })
    expect(await call(gateway, sender.token)).toBe(200)
    for (const path of [
      '/api/traces',
      '/api/analytics/summary',
      '/api/limits',
      '/api/gateway-keys',
      '/api/audit',
    ])
      expect([path, (await api(gateway, 'GET', path, sender.token)).status]).toEqual([path, 403])
    expect((await ask('GET', '')).body['items']).toContainEqual(
      expect.objectContaining({ id: sender.id, role: 'custom', permissions: ['proxy:write'] }),
    )
    // It makes what it is, and nothing more.
    const maker = await make({ role: 'custom', permissions: ['proxy:write', 'keys:manage'] })
    expect(shown(await ask('POST', '', {}, maker.token))).toEqual(DENIED)
    expect(shown(await ask('POST', '', { role: 'viewer' }, maker.token))).toEqual(DENIED)
    expect(shown(await ask('PATCH', `/${sender.id}`, { role: 'developer' }, maker.token))).toEqual(DENIED)
    const made = await make({ role: 'custom', permissions: ['proxy:write'] }, maker.token)
    expect(await call(gateway, made.token)).toBe(200)
    // Without a permission it would be a key for nothing.
    for (const permissions of [[], null])
      expect(shown(await ask('PATCH', `/${sender.id}`, { permissions }))).toEqual([400, 'bad_request'])
    expect((await ask('PATCH', `/${sender.id}`, { permissions: ['analytics:read'] })).status).toBe(200)
    expect(await call(gateway, sender.token)).toBe(403)
  })

  test('a key that has expired can be renamed; only what is changed is checked', async () => {
    const expiresAt = new Date(Date.now() + 1500).toISOString()
    const { id, token } = await make({ name: 'before', expires_at: expiresAt })
    const { body: before } = await ask('GET', `/${id}`)
    await eventually(async () => (await call(gateway, token)) === 401)
    const renamed = await ask('PATCH', `/${id}`, { name: 'after', description: 'gone' })
    expect([renamed.status, renamed.body]).toMatchObject([200, { name: 'after', description: 'gone' }])
    expect((await ask('PATCH', `/${id}`, { name: 'same', expires_at: before['expires_at'] })).status).toBe(
      200,
    )
    const past = await ask('PATCH', `/${id}`, { expires_at: '2020-01-01' })
    expect([past.status, past.body['error']]).toEqual([400, 'expires_at must be in the future'])
    // A role that an import brought over, and that means nothing here.
    const statement = `UPDATE gateway_keys SET role = 'sender' WHERE id = '${id}'`
    if (dsn === undefined) {
      const database = new Database(`${gateway.folder}/data/traces.db`)
      database.run('PRAGMA busy_timeout = 10000')
      database.run(statement)
      database.close()
    } else await server.query(dsn, statement)
    expect((await ask('PATCH', `/${id}`, { name: 'again' })).body).toMatchObject({
      name: 'again',
      role: 'sender',
    })
    expect(shown(await ask('PATCH', `/${id}`, { role: 'sender' }))).toEqual([400, 'bad_request'])
  })

  test('a scope is granted by who has it, and never changes', async () => {
    expect(shown(await ask('POST', '', { scope: 'organization' }))).toEqual(DENIED)
    expect(shown(await ask('POST', '', { scope: 'galaxy' }))).toEqual([400, 'bad_request'])
    const { id } = await make({})
    expect(shown(await ask('PATCH', `/${id}`, { scope: 'organization' }))).toEqual([400, 'bad_request'])
    expect((await ask('GET', `/${id}`)).body['scope']).toBe('workspace')
  })

  test('what is refused has changed nothing: rotating or creating with a token that is taken', async () => {
    const [one, two] = [await make({}), await make({})]
    const before = await ask('GET', '')
    for (const taken of [two.token, one.token, OWNER, VIEWER]) {
      expect([taken, ...shown(await ask('POST', `/${one.id}/rotate`, { token: taken }))]).toEqual([
        taken,
        409,
        'gateway_key_exists',
      ])
      expect(shown(await ask('POST', '', { token: taken }))).toEqual([409, 'gateway_key_exists'])
    }
    expect((await ask('GET', '')).body).toEqual(before.body)
    expect([await call(gateway, one.token), await call(gateway, two.token)]).toEqual([200, 200])
  })

  test('of many that want one token at once, one gets it and the others keep what they had', async () => {
    const keys = await Promise.all(Array.from({ length: 8 }, () => make({})))
    const wanted = 'wanted-by-many-0123456789abcdef'
    const answers = await Promise.all([
      ...keys.map(({ id }) => ask('POST', `/${id}/rotate`, { token: wanted })),
      ...keys.map(() => ask('POST', '', { token: wanted })),
    ])
    const statuses = answers.map(({ status }) => status)
    expect(statuses.filter((status) => status < 300)).toHaveLength(1)
    expect(statuses.filter((status) => status === 409)).toHaveLength(15)
    const still = await Promise.all(keys.map(({ token }) => call(gateway, token)))
    const rotated = answers.slice(0, 8).filter(({ status }) => status === 200).length
    expect(still.filter((status) => status === 200)).toHaveLength(8 - rotated)
    expect(await call(gateway, wanted)).toBe(200)
  })

  test('of many changes of one key at once, each is made, and a revocation among them holds', async () => {
    const { id, token } = await make({})
    const lists = {
      models: ['gpt-4o*'],
      providers: ['openai'],
      routes: ['/openai/*'],
      networks: ['127.0.0.0/8'],
    }
    const patches = (): Promise<Answer>[] =>
      Object.entries({ ...lists, name: 'bound' }).map(([name, value]) =>
        ask('PATCH', `/${id}`, { [name]: value }),
      )
    const answers = await Promise.all([...patches(), ...patches(), ask('POST', `/${id}/rotate`, { token })])
    expect(answers.slice(0, 10).map(({ status }) => status)).toEqual(Array(10).fill(200))
    expect((await ask('GET', `/${id}`)).body).toMatchObject({ ...lists, name: 'bound' })

    const [revoked] = await Promise.all([ask('DELETE', `/${id}`), ...patches(), ...patches()])
    expect(revoked.status).toBe(204)
    expect([(await ask('GET', `/${id}`)).status, await call(gateway, token)]).toEqual([404, 401])
  })

  test('bodies are of JSON’s own types, each member once', async () => {
    const wrong: [string, string][] = [
      ['{"id":5}', 'invalid json body: id must be a string'],
      ['{"expires_at":5}', 'invalid json body: expires_at must be a string'],
      ['{"limits":"x"}', 'invalid json body: limits must be a list of objects'],
      ['{"limits":[null]}', 'invalid json body: limits[0] must be an object'],
      [
        '{"limits":[{"name":"a","requests_per_minute":"5"}]}',
        'invalid json body: limits[0].requests_per_minute must be an integer',
      ],
      [
        '{"limits":[{"name":"a","requests_per_minute":1.5}]}',
        'invalid json body: limits[0].requests_per_minute must be an integer',
      ],
      [
        '{"limits":[{"name":null,"requests_per_minute":1}]}',
        'invalid json body: limits[0].name must be a string',
      ],
      [
        '{"limits":[{"name":"a","budget":{"cost_usd":1,"warn_at":["0.5"]}}]}',
        'invalid json body: limits[0].budget.warn_at must be a list of numbers',
      ],
      ['{"permissions":[1]}', 'invalid json body: permissions must be a list of strings'],
      ['{"models":[null]}', 'invalid json body: models must be a list of strings'],
      ['{"models":"gpt"}', 'invalid json body: models must be a list of strings'],
      ['{"name":true}', 'invalid json body: name must be a string'],
      ['{"labels":{"a":null}}', 'invalid json body: labels must be an object of texts'],
      ['{"name":"a","name":"b"}', 'invalid json body'],
      ['{"name":"a","NAME":"b"}', 'invalid json body'],
      ['{"labels":{"a":"1","a":"2"}}', 'invalid json body'],
      ['\ufeff{"name":"a"}', 'invalid json body'],
      ['{"name":"\\u0000"}', 'invalid json body'],
      ['{"name":"\\ud800"}', 'invalid json body'],
      ['{"labels":{"\\udc00":"x"}}', 'invalid json body'],
      [`{"labels":${'['.repeat(30_000)}${']'.repeat(30_000)}}`, 'invalid json body'],
      ['{name:"a"}', 'invalid json body'],
      ["{'name':'a'}", 'invalid json body'],
      ['5', 'invalid json body'],
      ['"x"', 'invalid json body'],
    ]
    for (const [body, message] of wrong) {
      const { status, body: answer } = await ask('POST', '', body)
      expect([body, status, answer['error']]).toEqual([body, 400, message])
    }
    const { id } = await make({})
    const bytes = await fetch(`${gateway.url}/api/gateway-keys/${id}`, {
      method: 'PATCH',
      headers: { 'X-OngoingAI-Gateway-Key': OWNER, 'content-type': 'application/json' },
      body: Uint8Array.from([...Buffer.from('{"name":"'), 0xff, ...Buffer.from('"}')]),
    })
    expect(bytes.status).toBe(400)
    const grace = { grace_period_seconds: '5' }
    expect(shown(await ask('POST', `/${id}/rotate`, grace))).toEqual([400, 'bad_request'])
    expect(shown(await ask('POST', '', 'null'))).toEqual([201, ''])
    const numbers = { limits: [{ name: 'a', budget: { cost_usd: 1.5, warn_at: [0.5, 1] } }] }
    const made = await ask('POST', '', numbers)
    // What is shown can be sent back.
    const shownAgain = await ask('PATCH', `/${String(made.body['id'])}`, { limits: made.body['limits'] })
    expect(shownAgain.body['limits']).toEqual(made.body['limits'])
  })

  test('a refused change is audited with the key that it was about, at every place that refuses', async () => {
    const bound = await make({ role: 'developer', permissions: ['keys:manage'], models: ['gpt*'] })
    const owner = await make({ role: 'owner', id: `target-${crypto.randomUUID()}` })
    await ask('DELETE', `/${owner.id}`, undefined, VIEWER)
    await ask('POST', `/${owner.id}/rotate`, {}, bound.token)
    await ask('POST', '', { id: owner.id })
    await ask('PATCH', `/${owner.id}`, { role: 'king' })
    await ask('POST', `/${owner.id}/rotate`, { token: OWNER })
    const of = await events(({ target, action }) => target === owner.id && action !== 'key.create', 4)
    expect(of.map((e) => [e['action'], e['outcome'], e['actor'], e['reason'], e['status']])).toEqual([
      ['key.revoke', 'deny', 'viewer', 'permission_denied', 403],
      ['key.rotate', 'deny', bound.id, 'permission_denied', 403],
      ['key.update', 'error', 'root', 'invalid_json', 400],
      ['key.rotate', 'error', 'root', 'conflict', 409],
    ])
    const made = await events(({ target, action }) => target === owner.id && action === 'key.create', 2)
    expect(made.map((e) => [e['outcome'], e['reason']])).toEqual([
      ['success', undefined],
      ['error', 'conflict'],
    ])
    await ask('DELETE', '/nobody-at-all')
    const [none] = await events(({ target }) => target === 'nobody-at-all', 1)
    expect(none).toMatchObject({
      action: 'key.revoke',
      outcome: 'error',
      reason: 'not_found',
      org_id: 'org-a',
    })
  })
})

test('the command line: what is refused has changed nothing and is audited with its target', async () => {
  const gateway = await openGateway(`${providersAt(upstream.url)}${KEYS}`)
  const run = (...words: string[]): ReturnType<typeof runProgram> =>
    runProgram([...words, '--config', 'ongoingai.yaml'], { cwd: gateway.folder })
  const here = ['--org-id', 'org-a', '--workspace-id', 'ws']
  const first = await run('keys', 'create', '--id', 'one', '--token', 'first-token-0123456789abcdef', ...here)
  expect([first.status, first.err]).toEqual([0, ''])
  const again = ['keys', 'create', '--id', 'one', '--org-id', 'elsewhere', '--workspace-id', 'ws']
  expect((await run(...again, '--token', 'first-token-0123456789abcdef')).err).toBe(
    'gateway key already exists\n',
  )
  expect((await run('keys', 'rotate', 'one', '--token', OWNER)).err).toBe(
    'gateway key token already exists\n',
  )
  expect((await run('keys', 'revoke', 'nobody')).err).toBe('gateway key not found\n')
  await eventually(async () => (await call(gateway, 'first-token-0123456789abcdef')) === 200)
  const database = new Database(`${gateway.folder}/data/traces.db`, { readonly: true })
  expect(database.query('SELECT id FROM organizations').all()).toEqual([{ id: 'org-a' }])
  const told = database
    .query(
      'SELECT action, target, outcome, reason, organization_id AS org FROM audit_events WHERE actor = ? ORDER BY seq',
    )
    .all('cli')
  database.close()
  expect(told).toEqual([
    { action: 'key.create', target: 'one', outcome: 'success', reason: '', org: 'org-a' },
    { action: 'key.create', target: 'one', outcome: 'error', reason: 'conflict', org: 'elsewhere' },
    { action: 'key.rotate', target: 'one', outcome: 'error', reason: 'conflict', org: 'org-a' },
    {
      action: 'key.revoke',
      target: 'nobody',
      outcome: 'error',
      reason: 'not_found',
      org: 'default',
    },
  ])
  await gateway.stop()
})
