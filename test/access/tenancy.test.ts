import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { eventually } from '../support/eventually.ts'
import { openGateway, providersAt, type TestGateway } from '../support/gateway.ts'
import { openTestPostgres, type TestPostgres } from '../support/postgres.ts'
import { runProgram } from '../support/process.ts'
import { respondJson, Upstream } from '../support/upstream.ts'

setDefaultTimeout(30_000)

// Who sees what: a workspace its own, an organization's key its organization's, the operator's what concerns the gateway as a whole.

const token = (name: string): string => `${name}-token-0123456789abcdef`
/** `scope` is the workspace's unless it is named. */
const KEYS = [
  '{id: operator, token: operator-token-0123456789abcdef, role: owner, scope: organization}',
  '{id: default, token: default-token-0123456789abcdef, role: owner}',
  '{id: a-all, token: a-all-token-0123456789abcdef, org_id: org-a, workspace_id: one, role: owner, scope: organization}',
  '{id: a-one, token: a-one-token-0123456789abcdef, org_id: org-a, workspace_id: one, role: owner}',
  '{id: a-two, token: a-two-token-0123456789abcdef, org_id: org-a, workspace_id: two, role: owner}',
  '{id: b-one, token: b-one-token-0123456789abcdef, org_id: org-b, workspace_id: one, role: owner}',
  '{id: b-other, token: b-other-token-0123456789abcdef, org_id: org-b, workspace_id: other, role: owner}',
]
const SETTINGS = `auth:
  enabled: true
  keys:
${KEYS.map((key) => `    - ${key}\n`).join('')}limits:
  policies:
    - {name: rate, per: key, requests_per_minute: 3}
`
const NAMES = ['operator', 'default', 'a-all', 'a-one', 'a-two', 'b-one', 'b-other'] as const

type Json = Record<string, unknown>

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

describe.each(['sqlite', 'postgres'] as const)('on %s', (driver) => {
  let gateway: TestGateway
  beforeAll(async () => {
    const storage =
      driver === 'postgres' ? `storage: {driver: postgres, dsn: "${await server.createDatabase()}"}\n` : ''
    gateway = await openGateway(`${storage}${providersAt(upstream.url)}${SETTINGS}`)
    // One of each key, a refusal by a limit for one, and refusals of nobody's.
    for (const name of NAMES) expect(await call(token(name))).toBe(200)
    expect([await call(token('a-two')), await call(token('a-two'))]).toEqual([200, 200])
    expect(await call(token('a-two'))).toBe(429)
    expect([await call(undefined), await call('nobody-has-this-token-0123456789')]).toEqual([401, 401])
    expect((await ask('/api/traces', undefined)).status).toBe(401)
    expect((await ask('/api/no-such-route', undefined)).status).toBe(403)
    await eventually(async () => (await ids('operator')).length === 4)
    await eventually(async () => (await ids('a-all')).length === 6)
    await eventually(async () => (await audited('operator')).length >= 4)
  }, 60_000)
  afterAll(() => gateway.stop())

  async function call(key: string | undefined): Promise<number> {
    const response = await fetch(`${gateway.url}/openai/v1/chat/completions`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        authorization: 'Bearer sk-provider-0123456789',
        'x-ongoingai-trace-group-id': 'group',
        ...(key === undefined ? {} : { 'X-OngoingAI-Gateway-Key': key }),
      },
      body: '{"model":"gpt-4o-mini","messages":[]}',
    })
    await response.arrayBuffer()
    return response.status
  }
  async function ask(
    path: string,
    key: string | undefined,
    method = 'GET',
    body?: Json,
  ): Promise<{ status: number; body: Json }> {
    const response = await fetch(`${gateway.url}${path}`, {
      method,
      headers: {
        ...(key === undefined ? {} : { 'X-OngoingAI-Gateway-Key': key }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    return { status: response.status, body: text.startsWith('{') ? (JSON.parse(text) as Json) : {} }
  }
  const items = async (path: string, name: string): Promise<Json[]> =>
    (await ask(path, token(name))).body['items'] as Json[]
  const ids = async (name: string, query = ''): Promise<unknown[]> =>
    (await items(`/api/traces?limit=200${query}`, name)).map((trace) => trace['id'])
  const audited = (name: string, query = ''): Promise<Json[]> =>
    items(`/api/audit?limit=500&action=gateway_auth${query}`, name)

  test('a workspace sees its own, an organization’s key all of its organization, or the workspaces it names', async () => {
    const counts = async (query: string): Promise<number[]> => {
      const all: number[] = []
      for (const name of NAMES) all.push((await ids(name, query)).length)
      return all
    }
    // The operator's are its workspace's two and two of nobody's.
    expect(await counts('')).toEqual([4, 2, 6, 2, 4, 1, 1])
    const requests = async (name: string, query = ''): Promise<unknown> =>
      (await ask(`/api/analytics/summary${query}`, token(name))).body['total_requests']
    expect([await requests('operator'), await requests('a-all'), await requests('a-one')]).toEqual([4, 6, 2])
    expect(await requests('a-all', '?workspace_id=two')).toBe(4)
    expect(await requests('a-all', '?workspace_id=two&workspace_id=one')).toBe(6)
    expect(await requests('a-one', '?workspace_id=one')).toBe(2)
    expect(await requests('operator', '?workspace_id=default')).toBe(2)
    const keys = async (name: string, query = ''): Promise<unknown[]> =>
      (await items(`/api/gateway-keys${query}`, name)).map((key) => key['id'])
    expect(await keys('a-all')).toEqual(['a-all', 'a-one', 'a-two'])
    expect(await keys('a-all', '?workspace_id=two')).toEqual(['a-two'])
    expect(await keys('a-one')).toEqual(['a-all', 'a-one'])
    expect((await items('/api/gateway-keys', 'a-all')).map((key) => key['scope'])).toEqual([
      'organization',
      'workspace',
      'workspace',
    ])
  })

  test('a workspace that may not be read is 403, on every route that reads', async () => {
    const [trace] = await ids('a-two')
    for (const path of [
      '/api/traces',
      `/api/traces/${String(trace)}`,
      `/api/traces/${String(trace)}/replay`,
      '/api/analytics/usage',
      '/api/analytics/cost',
      '/api/analytics/models',
      '/api/analytics/keys',
      '/api/analytics/latency',
      '/api/analytics/errors',
      '/api/analytics/summary',
      '/api/audit',
      '/api/limits',
      '/api/gateway-keys',
      '/api/gateway-keys/a-two',
    ]) {
      const status = async (name: string, query: string): Promise<number> =>
        (await ask(`${path}?${query}`, token(name))).status
      expect([path, await status('a-all', 'workspace_id=two')]).toEqual([path, 200])
      expect([path, await status('a-one', 'workspace_id=two')]).toEqual([path, 403])
      // Of another organization, of none, and one of several.
      for (const query of [
        'workspace_id=other',
        'workspace_id=none',
        'workspace_id=two&workspace_id=other',
      ]) {
        expect([path, query, await status('a-all', query)]).toEqual([path, query, 403])
      }
    }
  })

  test('a chain stays within its workspace, for every caller', async () => {
    const own = await ids('a-two')
    const { body } = await ask(`/api/traces/${String(own[0])}/replay`, token('a-all'))
    const checkpoints = (body['checkpoints'] as Json[]).map((checkpoint) => checkpoint['id'])
    expect(new Set(checkpoints)).toEqual(new Set(own))
  })

  test('a key of the organization changes its own workspace, or the one that it names', async () => {
    const made = async (query: string, name = 'a-all'): Promise<unknown[]> => {
      const answer = await ask(`/api/gateway-keys${query}`, token(name), 'POST', { role: 'viewer' })
      return [answer.status, answer.body['org_id'], answer.body['workspace_id'], answer.body['id']]
    }
    expect((await made('')).slice(0, 3)).toEqual([201, 'org-a', 'one'])
    const [status, organization, workspace, id] = await made('?workspace_id=two')
    expect([status, organization, workspace]).toEqual([201, 'org-a', 'two'])
    expect((await made('?workspace_id=two', 'a-one'))[0]).toBe(403)
    expect((await made('?workspace_id=one&workspace_id=two'))[0]).toBe(400)
    const path = `/api/gateway-keys/${String(id)}`
    const change = async (method: string, query: string): Promise<number> =>
      (await ask(`${path}${query}`, token('a-all'), method, method === 'DELETE' ? undefined : {})).status
    expect(await change('PATCH', '')).toBe(404)
    expect(await change('PATCH', '?workspace_id=two')).toBe(200)
    expect(await change('DELETE', '')).toBe(404)
    expect(await change('DELETE', '?workspace_id=two')).toBe(204)
    const scoped = await ask('/api/gateway-keys', token('a-all'), 'POST', { scope: 'organization' })
    expect([scoped.status, scoped.body['scope']]).toEqual([201, 'organization'])
    const seen = await ask('/api/traces?limit=200', String(scoped.body['token']))
    expect((seen.body['items'] as Json[]).length).toBe(6)
  })

  test('requests without a valid key belong to nobody: the operator sees them, and no tenant', async () => {
    const refused = async (name: string): Promise<number> =>
      (await items('/api/traces?limit=200&status=401', name)).length
    const told = async (name: string): Promise<number> =>
      (await audited(name)).filter(({ actor }) => actor === 'anonymous').length
    const seen: [string, number, number][] = []
    for (const name of NAMES) seen.push([name, await refused(name), await told(name)])
    expect(seen).toEqual([
      ['operator', 2, 4],
      ...NAMES.slice(1).map((name): [string, number, number] => [name, 0, 0]),
    ])
    const [event] = (await audited('operator')).filter(({ actor }) => actor === 'anonymous')
    expect([event!['org_id'], event!['workspace_id']]).toEqual(['', ''])
    const [trace] = await items('/api/traces?status=401', 'operator')
    const status = async (name: string, more = ''): Promise<number> =>
      (await ask(`/api/traces/${String(trace!['id'])}${more}`, token(name))).status
    expect([await status('operator'), await status('operator', '/replay')]).toEqual([200, 200])
    expect([await status('default'), await status('a-all')]).toEqual([404, 404])
    expect(await ids('operator', '&workspace_id=default')).toHaveLength(2)
  })

  test('totals of limits are the caller’s own; those of the process are the operator’s', async () => {
    const totals = async (name: string, query = ''): Promise<unknown[]> => {
      const { body } = await ask(`/api/limits${query}`, token(name))
      const { admitted_total: admitted, refused_total: refused } = body['totals'] as Json
      return [admitted, refused]
    }
    expect(await totals('a-one')).toEqual([2, {}])
    expect(await totals('a-two')).toEqual([3, { rate_limit_exceeded: 1 }])
    expect(await totals('a-all')).toEqual([5, { rate_limit_exceeded: 1 }])
    expect(await totals('a-all', '?workspace_id=one')).toEqual([2, {}])
    expect(await totals('b-one')).toEqual([1, {}])
    expect(await totals('default')).toEqual([2, {}])
    expect(await totals('operator')).toEqual([9, { rate_limit_exceeded: 1 }])
    const other = await ask('/api/limits?key_id=a-two', token('a-all'))
    expect([other.status, other.body['workspace_id']]).toEqual([200, 'two'])
    expect((await ask('/api/limits?key_id=b-one', token('a-all'))).status).toBe(404)
  })

  test('counts of the pipeline are those of what the caller may read; the operator sees all', async () => {
    const counts = async (name: string, query = ''): Promise<Json> => {
      const { body } = await ask(`/api/diagnostics/trace-pipeline${query}`, token(name))
      expect(body['schema_version']).toBe('trace-pipeline-diagnostics.v1')
      return body['diagnostics'] as Json
    }
    const accepted = async (name: string, query = ''): Promise<unknown> => {
      const own = await counts(name, query)
      const sum = [
        'stored_total',
        'queue_depth',
        'journal_records',
        'quarantined_total',
        'write_dropped_total',
      ]
      expect(own['enqueue_accepted_total']).toBe(sum.reduce((total, one) => total + Number(own[one]), 0))
      return own['enqueue_accepted_total']
    }
    const one = await accepted('a-one')
    const two = await accepted('a-two')
    expect(one).not.toBe(two)
    expect(await accepted('a-all')).toBe(Number(one) + Number(two))
    expect(await accepted('a-all', '?workspace_id=two')).toBe(two)
    expect((await ask('/api/diagnostics/trace-pipeline?workspace_id=one', token('a-two'))).status).toBe(403)
    expect(Number(await accepted('operator'))).toBeGreaterThan(Number(one) + Number(two))
    expect(Object.keys(await counts('b-one'))).toContain('queue_pressure_state')
  })
})

test('with keys off everything is shown, whatever was refused before; the command line needs no key of the operator', async () => {
  const place = await openGateway(`${providersAt(upstream.url)}${SETTINGS}`)
  await (await fetch(`${place.url}/openai/v1/models`)).arrayBuffer()
  const cli = async (...words: string[]): Promise<string> => {
    const { status, out, err } = await runProgram([...words, '--base-url', place.url], { cwd: place.folder })
    expect([words, status, err]).toEqual([words, 0, ''])
    return out
  }
  const [operator, other] = [
    ['--gateway-key', token('operator')],
    ['--gateway-key', token('a-one')],
  ] as const
  expect(await cli('diagnostics', ...operator)).toContain('Enqueue accepted total')
  const own = JSON.parse(await cli('diagnostics', ...other, '--format', 'json')) as { diagnostics: Json }
  expect(own.diagnostics['enqueue_accepted_total']).toBe(0)
  expect(JSON.parse(await cli('diagnostics', ...operator, '--format', 'json'))).toMatchObject({
    diagnostics: { enqueue_accepted_total: 1 },
  })
  expect(await cli('limits', ...other)).toContain('rate')
  await place.gateway.stop(0)

  const open = await openGateway(
    `storage: {path: ${place.folder}/data/traces.db}\ntracing: {journal: {path: ${place.folder}/data/journal}}\n${providersAt(upstream.url)}`,
  )
  expect(await open.traces(1)).toMatchObject([{ response_status: 401 }])
  const audit = (await (await fetch(`${open.url}/api/audit`)).json()) as { items: Json[] }
  expect(audit.items).toMatchObject([{ org_id: '', workspace_id: '', actor: 'anonymous' }])
  const all = (await (await fetch(`${open.url}/api/diagnostics/trace-pipeline`)).json()) as {
    diagnostics: Json
  }
  expect(all.diagnostics['enqueue_accepted_total']).toBeNumber()
  writeFileSync(
    join(place.folder, 'new.yaml'),
    `storage: {path: ${place.folder}/new/traces.db}\nauth: {enabled: true}\n`,
  )
  const keys = async (...words: string[]): Promise<Json> => {
    const { out } = await runProgram(['keys', ...words, '--config', 'new.yaml', '--format', 'json'], {
      cwd: place.folder,
    })
    return JSON.parse(out) as Json
  }
  expect(await keys('create', '--role', 'owner', '--scope', 'organization', '--id', 'me')).toMatchObject({
    scope: 'organization',
  })
  expect((await keys('list'))['items']).toMatchObject([{ id: 'me', scope: 'organization' }])
  await open.stop()
  await place.stop()
})

test.each([
  ['org_id: ""', 'default'],
  ['org_id: "  "', 'default'],
])(
  'a key with %s is of the organization %s, and reads nothing that is nobody’s',
  async (organization, expected) => {
    const gateway = await openGateway(
      `${providersAt(upstream.url)}auth: {enabled: true, keys: [{id: k, token: ${token('k')}, ${organization}, workspace_id: "", role: owner}]}\n`,
    )
    await (await fetch(`${gateway.url}/openai/v1/models`)).arrayBuffer()
    await eventually(() => gateway.gateway.diagnostics().stored_total === 1)
    const ask = async (path: string): Promise<Json> =>
      (await (
        await fetch(`${gateway.url}${path}`, { headers: { 'X-OngoingAI-Gateway-Key': token('k') } })
      ).json()) as Json
    expect((await ask('/api/traces'))['items']).toEqual([])
    expect((await ask('/api/limits'))['org_id']).toBe(expected)
    const answer = await fetch(`${gateway.url}/api/gateway-keys`, {
      method: 'POST',
      headers: { 'X-OngoingAI-Gateway-Key': token('k'), 'content-type': 'application/json' },
      body: '{"org_id":"","workspace_id":""}',
    })
    expect(await answer.json()).toMatchObject({ org_id: 'default', workspace_id: 'default' })
    await gateway.stop()
  },
)
