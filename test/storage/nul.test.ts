import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { ROUTES } from '../../src/api/routes.ts'
import { encodeCursor } from '../../src/storage/cursor.ts'
import { eventually } from '../support/eventually.ts'
import { openGateway, providersAt, type TestGateway } from '../support/gateway.ts'
import { openTestPostgres, type TestPostgres } from '../support/postgres.ts'
import { respondJson, Upstream } from '../support/upstream.ts'

setDefaultTimeout(30_000)

// NUL and halves of surrogate pairs: no door lets them to a database that does not take them, and every store answers the same.

let upstream: Upstream
let server: TestPostgres
beforeAll(async () => {
  upstream = await Upstream.start(respondJson({}))
  server = await openTestPostgres()
}, 60_000)
afterAll(async () => {
  await upstream.stop()
  await server?.stop()
}, 60_000)

const OWNER = 'owner-token-0123456789abcdef'
const FIELDS = { 'X-OngoingAI-Gateway-Key': OWNER }

describe.each(['sqlite', 'postgres'] as const)('on %s', (driver) => {
  let gateway: TestGateway
  beforeAll(async () => {
    const storage =
      driver === 'postgres' ? `storage: {driver: postgres, dsn: "${await server.createDatabase()}"}\n` : ''
    gateway = await openGateway(
      `${storage}${providersAt(upstream.url)}auth: {enabled: true, keys: [{id: root, token: ${OWNER}, role: owner}]}\n`,
      FIELDS,
    )
  }, 30_000)
  afterAll(() => gateway.stop())

  const get = async (path: string, init: RequestInit = {}): Promise<[number, unknown]> => {
    const response = await fetch(`${gateway.url}${path}`, {
      ...init,
      headers: { ...FIELDS, ...init.headers },
    })
    const text = await response.text()
    return [response.status, text.startsWith('{') ? (JSON.parse(text) as { code?: string }).code : text]
  }

  test('every filter and every id of every route refuses a NUL', async () => {
    const names = [
      'provider',
      'model',
      'api_key_hash',
      'gateway_key_id',
      'session_id',
      'end_user',
      'client',
      'tag.team',
      'tag.%00',
      '%00',
      'trace_group_id',
      'thread_id',
      'run_id',
      'status',
      'from',
      'to',
      'cursor',
      'order',
      'limit',
      'group_by',
      'bucket',
      'actor',
      'action',
      'outcome',
      'key_id',
      'checkpoint_id',
      'workspace_id',
      'org_id',
    ]
    for (const { method, path, permission } of ROUTES) {
      if (permission === 'public') continue
      const json = { method, headers: { 'content-type': 'application/json' } }
      if (path.includes(':id')) {
        for (const id of ['%00', 'a%00', 'a%00b']) {
          const asked = path.replace(':id', id)
          expect([method, asked, ...(await get(asked, json))]).toEqual([method, asked, 400, 'bad_request'])
        }
      }
      // Those that read nothing of the query cannot be hurt by it.
      if (method !== 'GET' || path.endsWith('trace-pipeline')) continue
      const at = path.replace(':id', 'root')
      for (const name of names) {
        const asked = `${at}?${name}=a%00b`
        expect([asked, ...(await get(asked))]).toEqual([asked, 400, 'bad_request'])
      }
    }
    // Escapes that are no UTF-8, halves of surrogate pairs among them, are malformed pairs, which count as absent.
    expect((await get('/api/traces?model=%ED%A0%80'))[0]).toBe(200)
    const cursor = encodeCursor({ createdAtUs: 0, id: 'a\0b' })
    expect(await get(`/api/traces?cursor=${cursor}`)).toEqual([400, 'invalid_parameter'])
  })

  test('what clients and providers send is stored and found, whatever is in its texts', async () => {
    upstream.play = respondJson({
      id: 'resp\u0000\ud800',
      model: 'gpt\u0000-4o',
      object: 'chat.completion',
      choices: [
        { index: 0, finish_reason: 'st\u0000op', message: { role: 'assistant', content: 'x\u0000' } },
      ],
      usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
    })
    const user = 'u\\u0000\\ud800'
    const response = await fetch(`${gateway.url}/openai/v1/chat/completions`, {
      method: 'POST',
      headers: {
        ...FIELDS,
        'content-type': 'application/json',
        authorization: 'Bearer sk-provider-0123456789',
        'x-ongoingai-trace-group-id': 'group',
      },
      body: `{"model":"gpt\\u0000-4o","user":"${user}","metadata":{"session_id":"s\\u0000"},"messages":[]}`,
    })
    await response.arrayBuffer()
    const [trace] = await gateway.traces(1)
    expect(String(trace!['requested_model'])).toBe('gpt\ufffd-4o')
    const [status] = await get(`/api/traces/${String(trace!['id'])}/replay`)
    expect(status).toBe(200)
    await eventually(() => gateway.gateway.diagnostics().queue_depth === 0)
    expect(gateway.gateway.diagnostics()).toMatchObject({ quarantined_total: 0, stored_total: 1 })
    const found = `/api/traces?end_user=${encodeURIComponent(String(trace!['end_user']))}`
    const listed = (await (await fetch(`${gateway.url}${found}`, { headers: FIELDS })).json()) as {
      items: unknown[]
    }
    expect(listed.items).toHaveLength(1)
  })
})

test('a key of the configuration cannot be named with a NUL', async () => {
  const settings = `${providersAt(upstream.url)}auth: {enabled: true, keys: [{id: "a\\0b", token: ${OWNER}, role: owner}]}\n`
  expect(openGateway(settings)).rejects.toThrow('auth.keys[0].id must not hold a NUL character')
})
