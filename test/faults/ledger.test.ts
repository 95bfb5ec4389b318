import { Database } from 'bun:sqlite'
import { expect, setDefaultTimeout, test } from 'bun:test'
import { join } from 'node:path'
import { eventually } from '../support/eventually.ts'
import { openGateway, providersAt } from '../support/gateway.ts'
import { startPostgresServer } from '../support/postgres-server.ts'
import { serveProgram } from '../support/process.ts'
import { respondJson, Upstream } from '../support/upstream.ts'

setDefaultTimeout(30_000)

const TOKEN = 'key-token-0123456789abcdef'
const USAGE = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 }
const COST_USD = 0.000_004_5
const AUTH = `auth:
  enabled: true
  pepper: 0123456789abcdef0123456789abcdef
  keys: [{id: key-1, token: ${TOKEN}, org_id: org, workspace_id: ws, role: owner}]
`

async function ask(url: string): Promise<number> {
  const response = await fetch(`${url}/openai/v1/chat/completions`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      authorization: 'Bearer sk-provider-0123456789',
      'X-OngoingAI-Gateway-Key': TOKEN,
    },
    body: '{"model":"gpt-4o-mini","messages":[{"role":"user","content":"hello"}]}',
  })
  await response.arrayBuffer()
  return response.status
}

test('killed under load again and again: what was spent is what the receipts say, and the budget goes on from there', async () => {
  const upstream = await Upstream.start(respondJson({ id: 'x', model: 'gpt-4o-mini', usage: USAGE }))
  let gateway = await serveProgram(
    `storage: {path: ./data/traces.db}\n${providersAt(upstream.url)}${AUTH}limits:\n  policies: [{name: money, per: key, budget: {cost_usd: 1, tokens: 1000000000, period: total}}]\n`,
  )
  for (let life = 0; life < 3; life++) {
    const { url } = gateway
    const running = new AbortController()
    const load = Array.from({ length: 8 }, async () => {
      while (!running.signal.aborted) await ask(url).catch(() => undefined)
    })
    await Bun.sleep(600)
    // The store is locked for a while, so that some of it is in the journal when the end comes.
    const lock = new Database(join(gateway.folder, 'data/traces.db'))
    lock.run('PRAGMA busy_timeout = 10000')
    lock.run('BEGIN IMMEDIATE')
    await Bun.sleep(400)
    gateway.kill('SIGKILL')
    await gateway.exited()
    running.abort()
    lock.run('ROLLBACK')
    lock.close()
    await Promise.all(load)
    gateway = await gateway.restart()
  }
  const database = new Database(join(gateway.folder, 'data/traces.db'), { readonly: true })
  const sums = (sql: string): Record<string, number> => database.query(sql).get() as Record<string, number>
  const receipts = (): Record<string, number> =>
    sums('SELECT SUM(cost_nano_usd) AS cost, SUM(total_tokens) AS tokens, COUNT(*) AS n FROM traces')
  await eventually(async () => {
    const before = receipts()['n']
    await Bun.sleep(500)
    return receipts()['n'] === before
  })
  const { n, ...expected } = receipts()
  expect(n).toBeGreaterThan(50)
  for (const subject of ['key:org/ws/key-1', 'workspace:org/ws', 'organization:org']) {
    expect(
      sums(
        `SELECT SUM(cost_nano_usd) AS cost, SUM(tokens) AS tokens FROM spend WHERE subject = '${subject}'`,
      ),
    ).toEqual(expected)
  }
  // What came from the journal was told to the counters with the next reading of the ledger.
  await eventually(async () => {
    const response = await fetch(`${gateway.url}/api/limits`, {
      headers: { 'X-OngoingAI-Gateway-Key': TOKEN },
    })
    const { limits } = (await response.json()) as { limits: { kind: string; used: number }[] }
    return Math.round(limits.find(({ kind }) => kind === 'cost')!.used * 1e9) === expected['cost']
  })
  console.log(`${n} exchanges over three lives, each ended by SIGKILL: ${expected['cost']} nano-USD in both`)
  database.close()
  gateway.kill('SIGTERM')
  await gateway.exited()
  gateway.remove()
  await upstream.stop()
}, 120_000)

test('PostgreSQL dies in the middle of load: what may pass passes, nothing is lost, and the budget is held again after', async () => {
  const server = await startPostgresServer()
  const upstream = await Upstream.start(respondJson({ id: 'x', model: 'gpt-4o-mini', usage: USAGE }))
  const gateway = await openGateway(
    `storage: {driver: postgres, dsn: "${server.url}"}\n${providersAt(upstream.url)}${AUTH}limits:\n  backend: postgres\n  backend_timeout_ms: 300\n  policies: [{name: money, per: key, budget: {cost_usd: ${(COST_USD * 400).toFixed(9)}, period: total}, on_backend_failure: allow}]\n`,
    { 'X-OngoingAI-Gateway-Key': TOKEN },
  )
  for (let i = 0; i < 100; i++) expect(await ask(gateway.url)).toBe(200)
  const during: number[] = []
  const load = Promise.all(
    Array.from({ length: 4 }, async () => {
      for (let i = 0; i < 100; i++) during.push(await ask(gateway.url))
    }),
  )
  await Bun.sleep(50)
  await server.kill()
  await load
  expect(new Set(during)).toEqual(new Set([200]))
  await server.start()
  // 100 before, 400 during: the ledger has them when the journal has been replayed.
  await eventually(async () => (await ask(gateway.url).catch(() => 0)) === 429, 30_000)
  await eventually(() => gateway.gateway.diagnostics().journal_records === 0)
  const get = async (path: string): Promise<unknown> =>
    (await fetch(`${gateway.url}${path}`, { headers: { 'X-OngoingAI-Gateway-Key': TOKEN } })).json()
  let used = 0
  await eventually(async () => {
    const { limits } = (await get('/api/limits')) as { limits: { used: number; reserved: number }[] }
    const { total_cost_usd: receipts } = (await get('/api/analytics/summary')) as { total_cost_usd: number }
    used = limits[0]!.used
    return limits[0]!.reserved === 0 && Math.abs(used - receipts) < 1e-12
  })
  expect(used).toBeGreaterThanOrEqual(COST_USD * 500 - 1e-9)
  await gateway.stop()
  await server?.stop()
  await upstream.stop()
}, 120_000)
