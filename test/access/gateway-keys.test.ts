import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { eventually } from '../support/eventually.ts'
import { openGateway, providersAt, type TestGateway } from '../support/gateway.ts'
import { openTestPostgres, type TestPostgres } from '../support/postgres.ts'
import { runProgram } from '../support/process.ts'
import { respondJson, Upstream } from '../support/upstream.ts'

setDefaultTimeout(30_000)

const OWNER = 'owner-token-0123456789abcdef'
const OWNER_B = 'owner-token-of-b-0123456789abcdef'
const KEYS = `auth:
  enabled: true
  keys:
    - {id: root, token: ${OWNER}, org_id: org-a, workspace_id: ws, role: owner, name: Root}
    - {id: root, token: ${OWNER_B}, org_id: org-b, workspace_id: ws, role: owner}
`

let upstream: Upstream
let server: TestPostgres
beforeAll(async () => {
  upstream = await Upstream.start(
    respondJson({
      id: 'x',
      model: 'gpt-4o-mini',
      usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 },
    }),
  )
  server = await openTestPostgres()
}, 60_000)
afterAll(async () => {
  await upstream.stop()
  await server?.stop()
}, 60_000)

type Json = Record<string, unknown>

async function api(
  { url }: { url: string },
  method: string,
  path: string,
  token: string,
  body?: unknown,
): Promise<{ status: number; body: Json; text: string }> {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: {
      'X-OngoingAI-Gateway-Key': token,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  const text = await response.text()
  return { status: response.status, text, body: text.startsWith('{') ? (JSON.parse(text) as Json) : {} }
}

async function call(
  { url }: { url: string },
  token: string,
  fields: Record<string, string> = {},
  model = 'gpt-4o-mini',
): Promise<number> {
  const response = await fetch(`${url}/openai/v1/chat/completions`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      authorization: 'Bearer sk-provider-0123456789',
      'X-OngoingAI-Gateway-Key': token,
      ...fields,
    },
    body: JSON.stringify({ model, messages: [] }),
  })
  await response.arrayBuffer()
  return response.status
}

describe.each(['sqlite', 'postgres'] as const)('gateway keys on %s', (driver) => {
  let gateway: TestGateway
  let settings: string
  beforeAll(async () => {
    const storage =
      driver === 'postgres' ? `storage: {driver: postgres, dsn: "${await server.createDatabase()}"}\n` : ''
    settings = `${storage}${providersAt(upstream.url)}${KEYS}`
    gateway = await openGateway(settings, { 'X-OngoingAI-Gateway-Key': OWNER })
  }, 30_000)
  afterAll(() => gateway.stop())

  test('a key is made, used, changed, renewed and ended; its token is shown once', async () => {
    const made = await api(gateway, 'POST', '/api/gateway-keys', OWNER, {
      NAME: 'CI',
      description: 'builds',
      org_id: 'elsewhere',
      labels: { team: 'build' },
      permissions: ['Analytics:Read', 'analytics:read'],
    })
    expect(made.status).toBe(201)
    const id = String(made.body['id'])
    const token = String(made.body['token'])
    expect(id).toMatch(/^gk_[0-9a-f]{16}$/)
    expect(token).toMatch(/^ogk_[A-Za-z0-9_-]{32}$/)
    expect(made.body).toMatchObject({
      org_id: 'org-a',
      workspace_id: 'ws',
      name: 'CI',
      created_by: 'root',
      role: 'developer',
      permissions: ['analytics:read'],
      last_used_at: '0001-01-01T00:00:00Z',
      token_prefix: token.slice(0, 8),
      labels: { team: 'build' },
      source: 'store',
    })
    expect(await call(gateway, token)).toBe(200)

    const listed = await api(gateway, 'GET', '/api/gateway-keys', OWNER)
    const items = listed.body['items'] as Json[]
    expect(items.map((key) => [key['id'], key['source']])).toEqual([
      [id, 'store'],
      ['root', 'file'],
    ])
    expect(listed.text).not.toContain(token)
    expect(items[1]).toMatchObject({ read_only: true, name: 'Root' })
    expect((await api(gateway, 'GET', `/api/gateway-keys/${id}`, OWNER)).body).toEqual(items[0]!)

    const changed = await api(gateway, 'PATCH', `/api/gateway-keys/${id}`, OWNER, {
      role: 'viewer',
      name: '',
    })
    expect(changed.body).toMatchObject({ role: 'viewer', labels: { team: 'build' } })
    expect('name' in changed.body).toBe(false)
    expect(await call(gateway, token)).toBe(403)
    await api(gateway, 'PATCH', `/api/gateway-keys/${id}`, OWNER, { role: 'developer' })
    expect(await call(gateway, token)).toBe(200)

    const rotated = await api(gateway, 'POST', `/api/gateway-keys/${id}/rotate`, OWNER)
    expect(rotated.status).toBe(200)
    const second = String(rotated.body['token'])
    expect([await call(gateway, token), await call(gateway, second)]).toEqual([401, 200])
    const graced = await api(gateway, 'POST', `/api/gateway-keys/${id}/rotate`, OWNER, {
      grace_period_seconds: 4,
    })
    const third = String(graced.body['token'])
    expect([await call(gateway, second), await call(gateway, third)]).toEqual([200, 200])
    expect(graced.body['previous_token_valid_until']).toBeString()
    await Bun.sleep(4100)
    expect([await call(gateway, second), await call(gateway, third)]).toEqual([401, 200])

    expect((await api(gateway, 'DELETE', `/api/gateway-keys/${id}`, OWNER)).status).toBe(204)
    expect(await call(gateway, third)).toBe(401)
    expect((await api(gateway, 'DELETE', `/api/gateway-keys/${id}`, OWNER)).body['error']).toBe(
      'gateway key not found',
    )
    expect((await api(gateway, 'POST', `/api/gateway-keys`, OWNER, { id })).status).toBe(409)
    // A token that was given up is not given to another.
    expect((await api(gateway, 'POST', `/api/gateway-keys`, OWNER, { token: third })).status).toBe(409)
  })

  test('what cannot be done is said', async () => {
    const refused = async (body: unknown, path = '/api/gateway-keys'): Promise<unknown[]> => {
      const { status, body: answer } = await api(gateway, 'POST', path, OWNER, body)
      return [status, answer['error']]
    }
    expect(await refused('{"name":')).toEqual([400, 'invalid json body'])
    expect(await refused('[]')).toEqual([400, 'invalid json body'])
    expect(await refused('{"name":"a"} {}')).toEqual([400, 'invalid json body'])
    expect(await refused({ nmae: 'a' })).toEqual([
      400,
      'invalid json body: field nmae not found in type gateway key (did you mean name?)',
    ])
    expect(await refused(`{"name":"${'a'.repeat(70_000)}"}`)).toEqual([413, 'request body too large'])
    expect(await refused({ role: 'king' })).toEqual([
      400,
      'role must be one of owner, admin, developer, member, viewer, custom',
    ])
    expect(await refused({ role: 'custom' })).toEqual([
      400,
      'role custom needs permissions: of proxy:write, analytics:read, keys:manage, audit:read',
    ])
    expect(await refused({ token: 'aaaaaaaaaaaaaaaaaaaaaaaa' })).toEqual([
      400,
      'token can be guessed: give it 16 or more random characters, or let the gateway make it',
    ])
    expect(await refused({ networks: ['10.0.0.0/33'] })).toEqual([
      400,
      'networks: "10.0.0.0/33" is neither an address nor a network in CIDR notation',
    ])
    expect(await refused({ expires_at: '2020-01-01' })).toEqual([400, 'expires_at must be in the future'])
    expect(await refused({ limits: [{ name: 'x' }] })).toEqual([
      400,
      'limits[0]"x" limits nothing'.replace(']"', '] "'),
    ])
    expect(await refused({ token: OWNER })).toEqual([409, 'gateway key already exists'])
    expect(await refused({}, '/api/gateway-keys/root/rotate')).toEqual([
      409,
      'gateway key is one of the configuration file; change it there',
    ])
    expect(await refused({}, '/api/gateway-keys/none/rotate')).toEqual([404, 'gateway key not found'])
    expect(await refused({ grace_period_seconds: 1e9 }, '/api/gateway-keys/none/rotate')).toEqual([
      404,
      'gateway key not found',
    ])
  })

  test('nobody hands on what he does not have, nor handles who has more', async () => {
    const key = async (body: Json, by = OWNER): Promise<{ id: string; token: string; status: number }> => {
      const made = await api(gateway, 'POST', '/api/gateway-keys', by, body)
      return { id: String(made.body['id']), token: String(made.body['token']), status: made.status }
    }
    const manager = await key({
      role: 'developer',
      permissions: ['keys:manage'],
      models: ['gpt-4o*'],
      networks: ['127.0.0.0/8'],
      expires_at: '2099-01-01',
    })
    const owner = await key({ role: 'owner' })
    const by = async (method: string, path: string, body?: Json): Promise<unknown[]> => {
      const { status, body: answer } = await api(gateway, method, path, manager.token, body)
      return [status, answer['code'] ?? '']
    }
    const denied = [403, 'permission_denied']
    expect(await by('POST', '/api/gateway-keys', { role: 'owner' })).toEqual(denied)
    expect(await by('POST', '/api/gateway-keys', { permissions: ['audit:read'] })).toEqual(denied)
    expect(await by('POST', '/api/gateway-keys', { models: ['claude-*'] })).toEqual(denied)
    expect(await by('POST', '/api/gateway-keys', { networks: ['0.0.0.0/0'] })).toEqual(denied)
    expect(await by('POST', '/api/gateway-keys', { expires_at: '2099-06-01' })).toEqual(denied)
    expect(await by('POST', `/api/gateway-keys/${owner.id}/rotate`)).toEqual(denied)
    expect(await by('PATCH', `/api/gateway-keys/${owner.id}`, { role: 'viewer' })).toEqual(denied)
    expect(await by('DELETE', `/api/gateway-keys/${owner.id}`)).toEqual(denied)
    expect(await by('PATCH', `/api/gateway-keys/${manager.id}`, { role: 'owner' })).toEqual(denied)
    expect(await by('PATCH', `/api/gateway-keys/${manager.id}`, { models: [] })).toEqual(denied)
    const within = await key({ models: ['gpt-4o-mini'] }, manager.token)
    expect(within.status).toBe(201)
    const shown = await api(gateway, 'GET', `/api/gateway-keys/${within.id}`, OWNER)
    expect(shown.body).toMatchObject({
      created_by: manager.id,
      networks: ['127.0.0.0/8'],
      expires_at: '2099-01-01T00:00:00Z',
    })
  })

  test('a key may be bound to models, providers, routes, networks and a time', async () => {
    const bound = async (rules: Json): Promise<string> =>
      String((await api(gateway, 'POST', '/api/gateway-keys', OWNER, rules)).body['token'])
    const models = await bound({ models: ['gpt-4o*'] })
    expect(await call(gateway, models, {}, 'GPT-4o-mini')).toBe(200)
    expect(await call(gateway, models, {}, 'gpt-5')).toBe(403)
    const reading = await fetch(`${gateway.url}/openai/v1/models`, {
      headers: { authorization: 'Bearer sk-p-0123456789', 'X-OngoingAI-Gateway-Key': models },
    })
    expect(reading.status).toBe(200)
    expect(await call(gateway, await bound({ providers: ['anthropic'] }))).toBe(403)
    expect(await call(gateway, await bound({ routes: ['/openai/v1/chat/*'] }))).toBe(200)
    const embeddings = await bound({ routes: ['/openai/v1/embeddings'] })
    expect(await call(gateway, embeddings)).toBe(403)
    const escaped = await fetch(`${gateway.url}/openai/v1/embeddings/../chat%2Fcompletions`, {
      method: 'POST',
      headers: { authorization: 'Bearer sk-p-0123456789', 'X-OngoingAI-Gateway-Key': embeddings },
      body: '{}',
    })
    expect(escaped.status).toBe(403)
    const remote = await bound({ networks: ['192.0.2.0/24'] })
    expect(await call(gateway, remote)).toBe(403)
    expect(await call(gateway, remote, { 'X-Forwarded-For': '192.0.2.7' })).toBe(403)
    expect((await api(gateway, 'GET', '/api/traces', remote)).status).toBe(403)
    const soon = await bound({ expires_at: new Date(Date.now() + 4000).toISOString() })
    expect(await call(gateway, soon)).toBe(200)
    await Bun.sleep(4100)
    expect(await call(gateway, soon)).toBe(401)
  })

  test('tenants see and handle their own keys only, also those of the same id', async () => {
    expect((await api(gateway, 'POST', '/api/gateway-keys', OWNER, { id: 'shared' })).status).toBe(201)
    const other = await api(gateway, 'POST', '/api/gateway-keys', OWNER_B, { id: 'shared' })
    expect(other.status).toBe(201)
    await api(gateway, 'POST', '/api/gateway-keys', OWNER, { id: 'of-a' })
    expect((await api(gateway, 'GET', '/api/gateway-keys/of-a', OWNER_B)).status).toBe(404)
    expect((await api(gateway, 'DELETE', '/api/gateway-keys/of-a', OWNER_B)).status).toBe(404)
    expect((await api(gateway, 'DELETE', '/api/gateway-keys/shared', OWNER)).status).toBe(204)
    expect(await call(gateway, String(other.body['token']))).toBe(200)
    const { body } = await api(gateway, 'GET', '/api/gateway-keys', OWNER_B)
    expect((body['items'] as Json[]).every((key) => key['org_id'] === 'org-b')).toBe(true)
  })

  test('another gateway of the same store refuses a revoked key within a second', async () => {
    const storage = /^storage:.*$/m.exec(settings)?.[0] ?? `storage: {path: ${gateway.folder}/data/traces.db}`
    const pepper = readFileSync(
      join(gateway.folder, driver === 'postgres' ? '' : 'data', 'gateway-keys.pepper'),
      'utf8',
    )
    const second = await openGateway(
      `${storage}\n${providersAt(upstream.url)}${KEYS.replace('enabled: true', `enabled: true\n  pepper: ${pepper.trim()}`)}`,
    )
    const made = await api(gateway, 'POST', '/api/gateway-keys', OWNER, {})
    const token = String(made.body['token'])
    await eventually(async () => (await call(second, token)) === 200)
    await api(gateway, 'DELETE', `/api/gateway-keys/${String(made.body['id'])}`, OWNER)
    const revokedAt = performance.now()
    await eventually(async () => (await call(second, token)) === 401)
    console.log(
      `${driver}: refused by the other gateway after ${Math.round(performance.now() - revokedAt)} ms`,
    )
    await second.stop()
  })

  test('uses are noted, changes and denials are audited, and no token is kept', async () => {
    const made = await api(gateway, 'POST', '/api/gateway-keys', OWNER, { name: 'noted', role: 'viewer' })
    const [id, token] = [String(made.body['id']), String(made.body['token'])]
    expect(await call(gateway, token)).toBe(403)
    await api(gateway, 'PATCH', `/api/gateway-keys/${id}`, OWNER, { role: 'developer' })
    expect(await call(gateway, token)).toBe(200)
    await eventually(async () => {
      const { body } = await api(gateway, 'GET', '/api/audit?limit=500', OWNER)
      const events = (body['items'] as Json[]).filter(
        (event) => event['target'] === id || event['actor'] === id,
      )
      return events.length >= 3
    })
    const { body } = await api(gateway, 'GET', '/api/audit?limit=500', OWNER)
    const events = (body['items'] as Json[]).filter(
      (event) => event['target'] === id || event['actor'] === id,
    )
    expect(
      events.reverse().map((e) => [e['action'], e['outcome'], e['actor'], e['reason'], e['status']]),
    ).toEqual([
      ['key.create', 'success', 'root', undefined, 201],
      ['gateway_auth', 'deny', id, 'permission_denied', 403],
      ['key.update', 'success', 'root', undefined, 200],
    ])
    expect(events[1]).toMatchObject({ client_address: '127.0.0.1', target: '/openai/v1/chat/completions' })
    const line = gateway.lines.find(
      ({ message, fields }) => message === 'audit gateway auth deny' && fields['key_id'] === id,
    )
    expect(line).toMatchObject({
      level: 'WARN',
      fields: {
        audit_action: 'gateway_auth',
        audit_outcome: 'deny',
        audit_reason: 'permission_denied',
        status_code: 403,
        audit_resource: 'proxy',
        audit_resource_action: 'forward',
        audit_scope: 'workspace',
        provider: 'openai',
        required_permission: 'proxy:write',
        org_id: 'org-a',
        workspace_id: 'ws',
        limit_code: '',
      },
    })
    expect((await api(gateway, 'GET', '/api/audit', OWNER_B)).text).not.toContain(id)
    expect((await api(gateway, 'GET', '/api/audit', token)).status).toBe(403)
    await eventually(async () => {
      const { body: key } = await api(gateway, 'GET', `/api/gateway-keys/${id}`, OWNER)
      return key['last_used_at'] !== '0001-01-01T00:00:00Z'
    }, 20_000)
    expect(JSON.stringify(gateway.lines)).not.toContain(token)
  }, 30_000)
})

describe('the command line', () => {
  test('the first owner key needs no HTTP: create, serve, rotate, revoke', async () => {
    const gateway = await openGateway(providersAt(upstream.url))
    const { folder } = gateway
    await gateway.gateway.stop(0)
    const store = `storage: {path: ${folder}/new/traces.db}\n`
    writeFileSync(join(folder, 'keys.yaml'), `${store}${providersAt(upstream.url)}auth: {enabled: true}\n`)
    const run = (...words: string[]): ReturnType<typeof runProgram> =>
      runProgram([...words, '--config', 'keys.yaml', '--format', 'json'], { cwd: folder })
    const first = await run('keys', 'create', '--role', 'owner', '--name', 'first', '--id', 'me')
    expect([first.status, first.err]).toEqual([0, ''])
    const token = String((JSON.parse(first.out) as Json)['token'])
    expect(existsSync(join(folder, 'new/traces.db'))).toBe(true)
    expect(statSync(join(folder, 'new/gateway-keys.pepper')).mode & 0o777).toBe(0o600)

    const running = await openGateway(
      `${store}${providersAt(upstream.url)}auth: {enabled: true, pepper: ${readFileSync(join(folder, 'new/gateway-keys.pepper'), 'utf8').trim()}}\n`,
    )
    expect(await call(running, token)).toBe(200)
    const remote = ['--base-url', running.url, '--gateway-key', token]
    const made = JSON.parse((await run('keys', 'create', '--models', 'gpt-4o*', ...remote)).out) as Json
    expect(made).toMatchObject({ created_by: 'me', models: ['gpt-4o*'] })
    const listed = JSON.parse((await run('keys', 'list')).out) as { items: Json[] }
    expect(listed.items.map((key) => key['created_by'])).toEqual(['cli', 'me'])
    const rotated = JSON.parse((await run('keys', 'rotate', String(made['id']))).out) as Json
    await eventually(async () => (await call(running, String(rotated['token']))) === 200)
    expect(await call(running, String(made['token']))).toBe(401)
    expect((await run('keys', 'revoke', String(made['id']), ...remote)).status).toBe(0)
    expect(await call(running, String(rotated['token']))).toBe(401)
    const exported = await runProgram(
      ['export', '--config', 'keys.yaml', '--format', 'csv', '--out', 'all.csv', '--bodies'],
      { cwd: folder },
    )
    expect([exported.status, exported.err]).toEqual([0, expect.stringContaining('wrote ')])
    const audit = await api(running, 'GET', '/api/audit?action=traces.export', token)
    expect(audit.body['items']).toMatchObject([
      { actor: 'cli', target: 'all.csv', outcome: 'success', detail: { format: 'csv', bodies: true } },
    ])
    expect((await run('keys', 'revoke', 'nobody')).err).toBe('gateway key not found\n')
    expect((await run('keys', 'create', '--role', 'king')).status).toBe(2)
    const sender = await run('keys', 'create', '--role', 'custom', '--permissions', 'proxy:write')
    expect(JSON.parse(sender.out)).toMatchObject({ role: 'custom', permissions: ['proxy:write'] })
    const text = await runProgram(['keys', 'list', '--config', 'keys.yaml'], { cwd: folder })
    expect(text.out).toMatch(/^me +first +default +default +owner /m)
    expect(text.out).toContain('custom: proxy:write')
    await running.stop()
    rmSync(folder, { recursive: true, force: true })
  }, 60_000)
})

describe('the pepper', () => {
  const [first, second] = [
    'first-pepper-0123456789abcdef-0123456789',
    'second-pepper-0123456789abcdef-012345678',
  ]

  test('can be replaced: keys get a new hash as they are used, and then need the new one alone', async () => {
    const withPepper = (folder: string, pepper: string): Promise<TestGateway> =>
      openGateway(
        `storage: {path: "${folder}/p.db"}\n${providersAt(upstream.url)}${KEYS.replace('enabled: true', `enabled: true\n  ${pepper}`)}`,
      )
    const place = await openGateway(providersAt(upstream.url))
    const { folder } = place
    let gateway = await withPepper(folder, `pepper: ${first}`)
    const token = async (): Promise<string> =>
      String((await api(gateway, 'POST', '/api/gateway-keys', OWNER, {})).body['token'])
    const [used, unused] = [await token(), await token()]
    await gateway.stop()
    const refused = await withPepper(folder, `pepper: ${second}`).catch(String)
    expect(refused).toContain('hashed with another pepper')
    gateway = await withPepper(folder, `pepper: ${second}\n  previous_pepper: ${first}`)
    expect([await call(gateway, used), await call(gateway, await token())]).toEqual([200, 200])
    await Bun.sleep(300)
    await gateway.stop()
    gateway = await withPepper(folder, `pepper: ${second}`)
    expect([await call(gateway, used), await call(gateway, unused)]).toEqual([200, 401])
    await gateway.stop()
    await place.stop()
  }, 30_000)

  test('in its file a new line goes before the old one', async () => {
    const gateway = await openGateway(`${providersAt(upstream.url)}${KEYS}`)
    const path = join(gateway.folder, 'data/gateway-keys.pepper')
    const made = await api(gateway, 'POST', '/api/gateway-keys', OWNER, {})
    const token = String(made.body['token'])
    expect(statSync(path).mode & 0o777).toBe(0o600)
    await gateway.gateway.stop(0)
    writeFileSync(path, `${second}\n${readFileSync(path, 'utf8')}`)
    const again = await openGateway(
      `storage: {path: "${gateway.folder}/data/traces.db"}\ntracing: {journal: {path: "${gateway.folder}/data/journal"}}\n${providersAt(upstream.url)}${KEYS}`,
    )
    expect(await call(again, token)).toBe(200)
    await again.stop()
    rmSync(gateway.folder, { recursive: true, force: true })
  }, 30_000)
})

test('a key that somebody else has changed meanwhile is not changed', async () => {
  const { openSqliteStorage } = await import('../../src/storage/drivers/sqlite.ts')
  const gateway = await openGateway(`${providersAt(upstream.url)}${KEYS}`)
  await api(gateway, 'POST', '/api/gateway-keys', OWNER, { id: 'contested' })
  const storage = await openSqliteStorage(`${gateway.folder}/data/traces.db`, 'write')
  const directory = storage.directory()
  const seen = (await directory.activeKeys()).keys.find(({ id }) => id === 'contested')!
  expect(await directory.updateKey(seen, { role: 'owner' }, Date.now() * 1000)).toMatchObject({
    role: 'owner',
  })
  const token = { hash: 'h', scheme: 'sha256', prefix: '', otherHashes: [] } as const
  expect(await directory.rotateKey(seen, token, 0, Date.now() * 1000)).toBeUndefined()
  expect(await directory.updateKey(seen, { role: 'viewer' }, Date.now() * 1000)).toBeUndefined()
  expect(await directory.revokeKey(seen, Date.now() * 1000)).toBe(false)
  await storage.close()
  await gateway.stop()
})
