import { Ajv2020 } from 'ajv/dist/2020.js'
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { join } from 'node:path'
import { parse } from 'yaml'
import { ROUTES } from '../../src/api/routes.ts'
import { openSqliteStorage } from '../../src/storage/drivers/sqlite.ts'
import { eventually } from '../support/eventually.ts'
import { openGateway, providersAt, type TestGateway } from '../support/gateway.ts'
import { sampleTrace } from '../support/trace.ts'
import { respondJson, Upstream } from '../support/upstream.ts'

type Json = Record<string, unknown>

interface Operation {
  readonly operationId: string
  readonly security?: readonly unknown[]
  readonly 'x-permission'?: string
  readonly parameters?: readonly Json[]
  readonly responses: Readonly<Record<string, Json>>
}

const text = await Bun.file(join(import.meta.dir, '../../openapi.yaml')).text()
const document = parse(text) as { paths: Record<string, Record<string, Operation>>; components: Json }
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
)

const TOKEN = 'owner-token-0123456789abcdef'
const KEY = { 'x-ongoingai-gateway-key': TOKEN }

/** One request for each `cost_status`, by the model that is asked for and the credential that is sent. */
const COSTS = {
  exact: ['gpt-5.4-mini', 'sk-a'],
  estimated: ['gpt-5.4-mini', 'sk-b'],
  unknown: ['model-of-tomorrow', 'sk-a'],
  included: ['claude-sonnet-4-5', 'sk-ant-oat01-AAAA'],
} as const
const PATHS = { openai: '/openai/v1/chat/completions', anthropic: '/anthropic/v1/messages' }

let upstream: Upstream
let gateway: TestGateway
beforeAll(async () => {
  upstream = await Upstream.start((request, socket) => {
    const { model } = JSON.parse(request.body.toString()) as { model: string }
    const sent = request.field('authorization')
    if (model.startsWith('claude')) {
      const usage = { input_tokens: 5, output_tokens: 7 }
      const limits = { 'anthropic-ratelimit-unified-status': 'allowed' }
      return respondJson({ id: 'm', type: 'message', model, content: [], usage }, limits)(request, socket)
    }
    const usage = { prompt_tokens: 5, completion_tokens: 7, total_tokens: 12 }
    const told = sent === 'Bearer sk-b' ? {} : { usage }
    return respondJson({ id: 'c', model, choices: [{ message: { content: 'hi' } }], ...told })(
      request,
      socket,
    )
  })
  gateway = await openGateway(
    `${providersAt(upstream.url)}limits:
  policies:
    - {name: a, per: workspace, requests_per_minute: 100, budget: {cost_usd: 10, count_included: true, enforcement: soft}}
    - {name: people, per: end_user, budget: {cost_usd: 1, enforcement: soft}}
auth: {enabled: true, keys: [{id: root, token: ${TOKEN}, org_id: default, workspace_id: default, role: owner}]}\n`,
  )
  const storage = await openSqliteStorage(`${gateway.folder}/data/traces.db`, 'write')
  const group = { lineage_group_id: 'g', lineage_checkpoint_seq: 1 }
  await storage.write([sampleTrace({ traceGroupId: 'g', metadata: group, requestBody: Buffer.from('{}') })])
  await storage.close()
  for (const [model, token] of Object.values(COSTS)) {
    const response = await fetch(
      `${gateway.url}${model.startsWith('claude') ? PATHS.anthropic : PATHS.openai}`,
      {
        method: 'POST',
        headers: { ...KEY, authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify({ model, messages: [{ role: 'user', content: 'hello there' }] }),
      },
    )
    expect([model, response.status]).toEqual([model, 200])
    await response.arrayBuffer()
  }
  await eventually(async () => (await everyTrace()).length === 5)
}, 60_000)
afterAll(async () => {
  await gateway.stop()
  await upstream.stop()
})

async function everyTrace(): Promise<Json[]> {
  const response = await fetch(`${gateway.url}/api/traces`, { headers: KEY })
  return ((await response.json()) as { items: Json[] }).items
}

const ajv = new Ajv2020({ strict: false, validateFormats: false })
ajv.addSchema({ $id: 'openapi', ...document })

/** A schema of the document with its references pointing into it. */
function located(schema: unknown): object {
  return JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"openapi#/')) as object
}

function resolved(part: Json): Json {
  const reference = part['$ref']
  if (typeof reference !== 'string') return part
  return reference
    .slice(2)
    .split('/')
    .reduce<unknown>((value, name) => (value as Json)[name], document) as Json
}

function contentOf(response: Json): { schema?: unknown; example?: unknown } {
  const content = (resolved(response)['content'] ?? {}) as Record<
    string,
    { schema?: unknown; example?: unknown }
  >
  return content['application/json'] ?? {}
}

test('the document and the route table hold the same routes with the same need for a key', () => {
  const documented = operations.map(({ path, method, operation }) => [
    `${method} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}`,
    operation.security?.length === 0 ? 'public' : (operation['x-permission'] ?? 'analytics:read'),
  ])
  const routed = ROUTES.map(({ method, path, permission }) => [`${method} ${path}`, permission])
  expect(new Map(documented as [string, string][])).toEqual(new Map(routed as [string, string][]))
  expect(documented.length).toBe(routed.length)
})

test('each operation names the parameters that its route takes, and no other', () => {
  const documented = operations.map(({ path, method, operation }) => [
    `${method} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}`,
    (operation.parameters ?? [])
      .map(resolved)
      .filter((parameter) => parameter['in'] === 'query')
      .map((parameter) => String(parameter['name']).replace('<key>', ''))
      .sort(),
  ])
  const routed = ROUTES.map(({ method, path, query }) => [
    `${method} ${path}`,
    query === 'any' ? [] : [...query].sort(),
  ])
  expect(new Map(documented as [string, string[]][])).toEqual(new Map(routed as [string, string[]][]))
})

test('each operation is named after its handler', () => {
  const handlers = new Map(
    ROUTES.map(({ method, path, handler }) => [
      `${method} ${path.replaceAll(/:(\w+)/g, '{$1}')}`,
      handler.name,
    ]),
  )
  for (const { path, method, operation } of operations) {
    expect([path, operation.operationId]).toEqual([path, handlers.get(`${method} ${path}`)!])
  }
})

test('every example is what its schema says', () => {
  let checked = 0
  for (const { path, operation } of operations) {
    for (const [status, response] of Object.entries(operation.responses)) {
      const { schema, example } = contentOf(response)
      if (path === '/api/openapi.yaml' || status === '204') continue
      expect([path, status, schema !== undefined, example !== undefined]).toEqual([path, status, true, true])
      const valid = ajv.validate(located(schema), example)
      expect([path, status, valid, ajv.errorsText()]).toEqual([path, status, true, 'No errors'])
      checked += 1
    }
  }
  expect(checked).toBeGreaterThan(50)
})

test('a trace of every kind of cost is what the document says, and holds no field that it does not name', async () => {
  const traces = await everyTrace()
  for (const status of Object.keys(COSTS)) {
    const { id } = traces.find((trace) => trace['cost_status'] === status)!
    const response = await fetch(`${gateway.url}/api/traces/${String(id)}`, { headers: KEY })
    const { schema } = contentOf(document.paths['/api/traces/{id}']!['get']!.responses['200']!)
    const trace = (await response.json()) as Json
    const valid = ajv.validate(located(schema), trace)
    expect([status, valid, ajv.errorsText()]).toEqual([status, true, 'No errors'])
    const names = namesIn(schema)
    const held = [trace, trace['cost'], trace['usage'], trace['timing'], trace['upstream']] as Json[]
    expect([status, held.flatMap(Object.keys).filter((name) => !names.has(name))]).toEqual([status, []])
  }
})

test('what the gateway answers is what the document says, and holds no field that it does not name', async () => {
  const answers: Record<string, string[]> = {
    '/api/traces': ['?limit=1', '?limit=1&order=asc'],
    '/api/traces/{id}': [''],
    '/api/traces/{id}/replay': [''],
    '/api/analytics/usage': ['', '?bucket=hour&group_by=model', '?group_by=model&group_by=key&bucket=month'],
    '/api/analytics/cost': ['', '?group_by=provider'],
    '/api/analytics/latency': ['', '?group_by=key'],
    '/api/analytics/errors': ['', '?group_by=workspace', '?group_by=workspace&group_by=provider'],
  }
  const bodies: Record<string, string> = {
    '/api/gateway-keys': '{"id":"trace-1","name":"n"}',
    '/api/limits/{policy}/reset': '{"end_user":"ada"}',
    '/api/limits/{policy}/raise': '{"end_user":"ada","by_usd":1}',
  }
  for (const { path, method, operation } of operations) {
    if (path === '/api/openapi.yaml') continue
    for (const query of answers[path] ?? ['']) {
      const url = `${gateway.url}${path.replace('{id}', 'trace-1').replace('{policy}', 'people')}${query}`
      const body = method === 'POST' ? bodies[path] : undefined
      const headers = { ...KEY, ...(body === undefined ? {} : { 'content-type': 'application/json' }) }
      const response = await fetch(url, { method, headers, ...(body === undefined ? {} : { body }) })
      if (method === 'DELETE') {
        expect([path, response.status]).toEqual([path, 204])
        continue
      }
      const answer: unknown = await response.json()
      const { schema } = contentOf(operation.responses[String(response.status)]!)
      const valid = ajv.validate(located(schema), answer)
      expect([path, query, response.status, valid, ajv.errorsText()]).toEqual([
        path,
        query,
        path === '/api/gateway-keys' && method === 'POST' ? 201 : 200,
        true,
        'No errors',
      ])
      const names = namesIn(schema)
      const strange = Object.keys(answer as Json).filter((name) => !names.has(name))
      expect([path, query, strange]).toEqual([path, query, []])
      const [item] = ((answer as Json)['items'] ?? []) as Json[]
      expect([path, query, Object.keys(item ?? {}).filter((name) => !names.has(name))]).toEqual([
        path,
        query,
        [],
      ])
    }
  }
})

/** Names of all properties of a schema, of whatever depth. */
function namesIn(schema: unknown, found = new Set<string>()): Set<string> {
  if (schema === null || typeof schema !== 'object') return found
  const part = resolved(schema as Json)
  for (const name of Object.keys(part['properties'] ?? {})) found.add(name)
  for (const child of Object.values(part)) namesIn(child, found)
  return found
}

test('every documented bound of a parameter is held', async () => {
  let held = 0
  for (const { path, operation } of operations) {
    for (const parameter of (operation.parameters ?? []).map(resolved)) {
      const { type, minimum, maximum, enum: words } = parameter['schema'] as Json
      const name = String(parameter['name'])
      const wrong =
        type === 'integer'
          ? [Number(minimum) - 1, Number(maximum) + 1, 'x', '1.5']
          : words
            ? ['no such word']
            : []
      for (const value of wrong) {
        const query = `${name}=${encodeURIComponent(String(value))}`
        const response = await fetch(
          `${gateway.url}${path.replace('{id}', 'trace-1').replace('{policy}', 'people')}?${query}`,
          {
            headers: KEY,
          },
        )
        expect([path, query, response.status]).toEqual([path, query, 400])
        held += 1
      }
    }
  }
  expect(held).toBeGreaterThan(40)
})

test('the gateway serves the document itself', async () => {
  const response = await fetch(`${gateway.url}/api/openapi.yaml`)
  expect([response.headers.get('content-type'), await response.text()]).toEqual(['application/yaml', text])
})
