import { afterAll, beforeAll, expect, test } from 'bun:test'
import { Database } from 'bun:sqlite'
import { join } from 'node:path'
import { eventually } from '../support/eventually.ts'
import { openGateway, type TestGateway } from '../support/gateway.ts'
import { respondJson, Upstream } from '../support/upstream.ts'

// What a trace redacts of a path stands in no log line and no audit event either, however the request ends.

const KEY = 'a-gateway-key-0123456789'
const EMAIL = 'ann%40example.com'
const SECRET = 'sk-proj-CanaryInAPath0123456789abcdef'

let upstream: Upstream

beforeAll(async () => {
  upstream = await Upstream.start(respondJson({ id: 'x', model: 'm' }))
})
afterAll(() => upstream.stop())

/** Sends a request of each kind that logs or the audit trail tell of. */
async function ask(gateway: TestGateway): Promise<void> {
  const json = { 'content-type': 'application/json', authorization: 'Bearer x-0123456789' }
  const known = { ...json, 'x-ongoingai-gateway-key': KEY }
  const send = async (
    method: string,
    path: string,
    headers: Record<string, string>,
    body?: string,
  ): Promise<void> => {
    await fetch(`${gateway.url}${path}/${EMAIL}/${SECRET}/%1b[31m`, {
      method,
      headers,
      ...(body ? { body } : {}),
    })
  }
  await send('POST', '/openai/v1/refused', json, '{}')
  await send('POST', '/openai/v1/no-credential', { 'x-ongoingai-gateway-key': KEY }, '{}')
  await send('POST', '/gone/v1/unreachable', known, '{}')
  await send('POST', '/strict/v1/blocked', known, '{"text":"ann@example.com"}')
  await send('POST', '/openai/v1/well', known, '{}')
  await send('GET', '/api/traces', {})
  await send('GET', '/api/nothing', known)
  await send('GET', '/nothing-there', {})
  await send('GET', '/gone/v1/socket', {
    ...known,
    connection: 'upgrade',
    upgrade: 'websocket',
    'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
    'sec-websocket-version': '13',
  }).catch(() => undefined)
}

function settings(mode: string): string {
  return `providers:
  openai: {upstream: "${upstream.url}"}
  gone: {upstream: "http://127.0.0.1:1", prefix: /gone}
  strict: {upstream: "${upstream.url}", prefix: /strict}
pii:
  mode: ${mode}
  scopes: [{match: {provider: strict}, mode: block}]
auth: {enabled: true, keys: [{id: k, token: ${KEY}, role: owner}]}
`
}

/** Everything that the log and the tables say, and the paths among it. */
async function everything(gateway: TestGateway): Promise<string> {
  await eventually(() => gateway.lines.filter(({ message }) => message === 'request complete').length >= 9)
  const database = new Database(join(gateway.folder, 'data/traces.db'), { readonly: true })
  let rows: unknown[] = []
  await eventually(() => {
    rows = [
      ...database.query('SELECT * FROM traces').all(),
      ...database.query('SELECT * FROM audit_events').all(),
    ]
    return rows.length >= 10
  })
  database.close()
  return JSON.stringify([gateway.lines, rows])
}

test('a path is shown as the policy of its caller wants it', async () => {
  const gateway = await openGateway(settings('redact_storage'), { 'x-ongoingai-gateway-key': KEY })
  await ask(gateway)
  const text = await everything(gateway)
  for (const message of ['proxy request failed', 'audit gateway auth deny', 'pii guardrail denied request'])
    expect(gateway.lines.map((line) => line.message)).toContain(message)
  expect(text).not.toMatch(/ann(?:%40|@)example/)
  expect(text).not.toContain(SECRET)
  expect(text).toContain('%5BEMAIL_REDACTED%3A')
  await gateway.stop()
})

test('with the policy off it is shown as it is, but without credentials', async () => {
  const gateway = await openGateway(settings('off'), { 'x-ongoingai-gateway-key': KEY })
  await ask(gateway)
  const text = await everything(gateway)
  expect(text).toContain(`/openai/v1/well/${EMAIL}/%5BREDACTED%5D/%1b[31m`)
  expect(text).not.toContain(SECRET)
  await gateway.stop()
})
