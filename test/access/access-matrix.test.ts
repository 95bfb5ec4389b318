import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { permissionsOf, ROLE_NAMES, type Permission } from '../../src/access/permissions.ts'
import { ROUTES, type Route } from '../../src/api/routes.ts'
import { openSqliteStorage } from '../../src/storage/drivers/sqlite.ts'
import { openGateway, providersAt, type TestGateway } from '../support/gateway.ts'
import { RawClient } from '../support/raw-client.ts'
import { sampleTrace } from '../support/trace.ts'
import { respondJson, Upstream } from '../support/upstream.ts'

setDefaultTimeout(30_000)

// Every role × every route, and every tenant × every object. A route without a row here fails the first test.

/** What each route is asked with, and what it answers somebody who may: the rows of the matrix. */
const ROWS: Readonly<Record<string, { readonly body?: string; readonly allowed: number }>> = {
  'GET /': { allowed: 200 },
  'GET /api/health': { allowed: 200 },
  'GET /api/live': { allowed: 200 },
  'GET /api/hello': { allowed: 200 },
  'GET /api/ready': { allowed: 200 },
  'GET /api/openapi.yaml': { allowed: 200 },
  'GET /api/diagnostics/trace-pipeline': { allowed: 200 },
  'GET /api/traces': { allowed: 200 },
  'GET /api/traces/:id': { allowed: 200 },
  'GET /api/traces/:id/replay': { allowed: 200 },
  'POST /api/traces/:id/fork': { allowed: 200 },
  'GET /api/analytics/usage': { allowed: 200 },
  'GET /api/analytics/cost': { allowed: 200 },
  'GET /api/analytics/models': { allowed: 200 },
  'GET /api/analytics/keys': { allowed: 200 },
  'GET /api/analytics/latency': { allowed: 200 },
  'GET /api/analytics/errors': { allowed: 200 },
  'GET /api/analytics/summary': { allowed: 200 },
  'GET /api/gateway-keys': { allowed: 200 },
  'POST /api/gateway-keys': { body: '{"role":"viewer"}', allowed: 201 },
  'GET /api/gateway-keys/:id': { allowed: 200 },
  'PATCH /api/gateway-keys/:id': { body: '{"name":"changed"}', allowed: 200 },
  'POST /api/gateway-keys/:id/rotate': { allowed: 200 },
  'DELETE /api/gateway-keys/:id': { allowed: 204 },
  'GET /api/limits': { allowed: 200 },
  'GET /api/targets': { allowed: 200 },
  'POST /api/limits/:policy/reset': { body: '{"end_user":"ada"}', allowed: 200 },
  'POST /api/limits/:policy/raise': { body: '{"end_user":"ada","by_usd":1}', allowed: 200 },
  'GET /api/audit': { allowed: 200 },
}

/** The contract's permissions of the roles, written down once more: the code must not be its own witness. */
const ROLES: Readonly<Record<string, readonly Permission[]>> = {
  owner: ['proxy:write', 'analytics:read', 'keys:manage', 'audit:read'],
  admin: ['proxy:write', 'analytics:read', 'keys:manage', 'audit:read'],
  developer: ['proxy:write', 'analytics:read'],
  member: ['proxy:write', 'analytics:read'],
  viewer: ['analytics:read'],
  // What it is given, and nothing else; here it may send and not read.
  custom: ['proxy:write'],
}
const GIVEN: Readonly<Record<string, string>> = { custom: ', permissions: [proxy:write]' }

const tokenOf = (role: string, tenant = 'a'): string => `${role}-of-${tenant}-0123456789abcdef`
const nameOf = ({ method, path }: Route): string => `${method} ${path}`

let upstream: Upstream
let gateway: TestGateway
beforeAll(async () => {
  upstream = await Upstream.start(respondJson({ ok: true }))
  const keys = ['a', 'b'].flatMap((tenant) =>
    ROLE_NAMES.map(
      (role) =>
        // The same workspace id in two organizations.
        `    - {id: ${role}, token: ${tokenOf(role, tenant)}, org_id: org-${tenant}, workspace_id: ws, role: ${role}${GIVEN[role] ?? ''}}\n`,
    ),
  )
  gateway = await openGateway(
    `${providersAt(upstream.url)}limits: {policies: [{name: people, per: end_user, budget: {cost_usd: 1}}]}\nauth:\n  enabled: true\n  keys:\n${keys.join('')}`,
  )
  const storage = await openSqliteStorage(`${gateway.folder}/data/traces.db`, 'write')
  await storage.write([sampleTrace({ id: 'trace-of-a', organizationId: 'org-a', workspaceId: 'ws' })])
  await storage.close()
})
afterAll(async () => {
  await gateway.stop()
  await upstream.stop()
})

interface Asked {
  readonly method: string
  readonly path: string
  readonly token: string | undefined
  readonly body?: string | undefined
}

async function ask({ method, path, token, body }: Asked): Promise<number> {
  const response = await fetch(`${gateway.url}${path}`, {
    method,
    headers: {
      ...(token === undefined ? {} : { 'X-OngoingAI-Gateway-Key': token }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body }),
  })
  await response.arrayBuffer()
  return response.status
}

/** A key for a route that needs one: every cell of the matrix has its own. */
async function freshKey(tenant = 'a'): Promise<string> {
  const response = await fetch(`${gateway.url}/api/gateway-keys`, {
    method: 'POST',
    headers: { 'X-OngoingAI-Gateway-Key': tokenOf('owner', tenant), 'content-type': 'application/json' },
    body: '{"role":"viewer"}',
  })
  return ((await response.json()) as { id: string }).id
}

async function pathOf({ path }: Route): Promise<string> {
  return path
    .replace(':policy', 'people')
    .replace(':id', path.startsWith('/api/gateway-keys') ? await freshKey() : 'trace-of-a')
}

test('every route has a row, and every role its permissions', () => {
  expect(ROUTES.map(nameOf).sort()).toEqual(Object.keys(ROWS).sort())
  expect([...ROLE_NAMES].sort()).toEqual(Object.keys(ROLES).sort())
  for (const role of ROLE_NAMES.filter((name) => name !== 'custom'))
    expect([...permissionsOf(role, [])].sort()).toEqual([...ROLES[role]!].sort())
  expect([...permissionsOf('custom', ['proxy:write'])]).toEqual(['proxy:write'])
  expect([...permissionsOf('', [])].sort()).toEqual(['analytics:read', 'proxy:write'])
  expect(permissionsOf('custom', ['fly']).size).toBe(0)
})

test('every role × every route', async () => {
  let cells = 0
  for (const route of ROUTES) {
    const { body, allowed } = ROWS[nameOf(route)]!
    for (const role of ROLE_NAMES) {
      const may = route.permission === 'public' || ROLES[role]!.includes(route.permission)
      const status = await ask({
        method: route.method,
        path: await pathOf(route),
        token: tokenOf(role),
        body,
      })
      expect([role, nameOf(route), status]).toEqual([role, nameOf(route), may ? allowed : 403])
      cells += 1
      if (route.method !== 'GET') continue
      const head = await ask({ method: 'HEAD', path: await pathOf(route), token: tokenOf(role) })
      expect([role, 'HEAD', route.path, head]).toEqual([role, 'HEAD', route.path, may ? allowed : 403])
    }
    for (const token of [undefined, '', 'nobody-has-this-token-0123456789']) {
      const status = await ask({ method: route.method, path: await pathOf(route), token, body })
      expect([nameOf(route), token, status]).toEqual([
        nameOf(route),
        token,
        route.permission === 'public' ? allowed : 401,
      ])
      cells += 1
    }
  }
  console.log(`${cells} cells of roles and routes`)
}, 60_000)

test('every role × the provider routes, whatever the method', async () => {
  for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PURGE']) {
    for (const role of ROLE_NAMES) {
      const post = method === 'POST'
      const response = await fetch(`${gateway.url}/openai/v1/${post ? 'chat/completions' : 'models'}`, {
        method,
        headers: { authorization: 'Bearer sk-p-0123456789', 'X-OngoingAI-Gateway-Key': tokenOf(role) },
        ...(post ? { body: '{"model":"gpt-5.4-mini"}' } : {}),
      })
      const may = ROLES[role]!.includes('proxy:write')
      // The budget refuses calls of which it does not know what they can cost.
      const passes = ['GET', 'POST', 'DELETE', 'OPTIONS'].includes(method) ? 200 : 429
      expect([method, role, response.status]).toEqual([method, role, may ? passes : 403])
    }
    const seen = upstream.requests.length
    expect([method, (await fetch(`${gateway.url}/openai/v1/models`, { method })).status]).toEqual([
      method,
      401,
    ])
    expect(upstream.requests.length).toBe(seen)
  }
})

test('every tenant × every object: another tenant’s is not there', async () => {
  let cells = 0
  for (const route of ROUTES) {
    if (!route.path.includes(':id')) continue
    const { body, allowed } = ROWS[nameOf(route)]!
    const path = await pathOf(route)
    for (const [tenant, expected] of [
      ['b', 404],
      ['a', allowed],
    ] as const) {
      const status = await ask({ method: route.method, path, token: tokenOf('owner', tenant), body })
      expect([nameOf(route), tenant, status]).toEqual([nameOf(route), tenant, expected])
      cells += 1
    }
  }
  for (const path of ['/api/traces', '/api/gateway-keys', '/api/audit?limit=500']) {
    const response = await fetch(`${gateway.url}${path}`, {
      headers: { 'X-OngoingAI-Gateway-Key': tokenOf('owner', 'b') },
    })
    const { items } = (await response.json()) as { items: { org_id?: string; id: string }[] }
    expect([path, items.filter(({ org_id: org }) => (org ?? 'org-b') !== 'org-b')]).toEqual([path, []])
    expect(JSON.stringify(items)).not.toContain('trace-of-a')
    cells += 1
  }
  console.log(`${cells} cells of tenants and objects`)
})

test('nothing about a path, a method, a host, a target’s form or a case moves a request past its permission', async () => {
  const viewer = tokenOf('viewer')
  const lines = [
    'GET /api/gateway-keys HTTP/1.1',
    'GET /api//gateway-keys HTTP/1.1',
    'GET /api/./gateway-keys HTTP/1.1',
    'GET /api/traces/../gateway-keys HTTP/1.1',
    'GET /api/%67ateway-keys HTTP/1.1',
    'GET /api%2Fgateway-keys HTTP/1.1',
    'GET /API/gateway-keys HTTP/1.1',
    'GET /api/gateway-keys/ HTTP/1.1',
    'GET /api/gateway-keys;x=1 HTTP/1.1',
    'GET /api/gateway-keys%00 HTTP/1.1',
    'GET /api/gateway-keys?/api/health HTTP/1.1',
    'GET /api/health/../gateway-keys HTTP/1.1',
    'GET /api/health/..%2Fgateway-keys HTTP/1.1',
    'GET /openai/../api/gateway-keys HTTP/1.1',
    'GET http://elsewhere/api/gateway-keys HTTP/1.1',
    'GET http://elsewhere/api/health/../gateway-keys HTTP/1.1',
    'HEAD /api/gateway-keys HTTP/1.1',
    'get /api/gateway-keys HTTP/1.1',
    'POST /api/gateway-keys HTTP/1.1',
    'POST /openai/v1/chat/completions HTTP/1.1',
    'POST /%6Fpenai/v1/chat/completions HTTP/1.1',
    'POST /api/health/../../openai/v1/chat/completions HTTP/1.1',
    'POST http://api.openai.com/openai/v1/chat/completions HTTP/1.1',
    'OPTIONS /openai/v1/chat/completions HTTP/1.1',
  ]
  const fields = [
    'X-Original-URL: /api/health',
    'X-Rewrite-URL: /api/health',
    'X-Forwarded-For: 127.0.0.1',
    'X-HTTP-Method-Override: OPTIONS',
    'X-OngoingAI-Role: owner',
    'X-OngoingAI-Org-ID: org-b',
    'Authorization: Bearer sk-provider-0123456789',
  ]
  const seen = upstream.requests.length
  for (const line of lines) {
    for (const host of ['127.0.0.1', '127.0.0.1/api/health?', 'api.openai.com']) {
      const client = await RawClient.open(gateway.port)
      client.send(
        `${line}\r\nHost: ${host}\r\nX-OngoingAI-Gateway-Key: ${viewer}\r\n${fields.join('\r\n')}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`,
      )
      await client.closed()
      const { status, text } = client
      expect([line, host, status === 0 || status >= 400]).toEqual([line, host, true])
      expect([line, text.includes('"items"')]).toEqual([line, false])
    }
  }
  expect(upstream.requests.length).toBe(seen)
})

test('an identity cannot be made up: repeated fields, other cases, spaces, lists', async () => {
  const [owner, viewer] = [tokenOf('owner'), tokenOf('viewer')]
  const attempts: [string, number][] = [
    [`X-OngoingAI-Gateway-Key: ${viewer}\r\nX-OngoingAI-Gateway-Key: ${owner}`, 401],
    [`X-OngoingAI-Gateway-Key: ${owner}\r\nx-ongoingai-gateway-key: ${viewer}`, 401],
    [`X-OngoingAI-Gateway-Key: ${viewer}, ${owner}`, 401],
    [`X-OngoingAI-Gateway-Key: Bearer ${owner}`, 401],
    [`X_OngoingAI_Gateway_Key: ${owner}`, 401],
    [`Authorization: Bearer ${owner}`, 401],
    [`Cookie: X-OngoingAI-Gateway-Key=${owner}`, 401],
    [`X-OngoingAI-Gateway-Key: ${owner.toUpperCase()}`, 401],
    [`X-OngoingAI-Gateway-Key: \t ${owner} \t`, 200],
  ]
  for (const [fields, expected] of attempts) {
    const client = await RawClient.open(gateway.port)
    client.send(`GET /api/gateway-keys HTTP/1.1\r\nHost: x\r\n${fields}\r\nConnection: close\r\n\r\n`)
    await client.closed()
    expect([fields, client.status]).toEqual([fields, expected])
  }
})
