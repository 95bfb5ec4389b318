import { Database } from 'bun:sqlite'
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { eventually } from '../support/eventually.ts'
import { openTestPostgres, type TestPostgres } from '../support/postgres.ts'
import { serveProgram, type GatewayProcess } from '../support/process.ts'
import { respond, stream, Upstream } from '../support/upstream.ts'

setDefaultTimeout(60_000)

// Every request fails at its first target, most of them after that has reported usage. Gateways are killed meanwhile. What the attempts cost is
// what the traces cost, and that is what the ledger has, and what the budget counts from.

const TOKEN = 'key-token-0123456789abcdef'
const event = (value: unknown): string => `data: ${JSON.stringify(value)}\n\n`
const USAGE = { prompt_tokens: 100, completion_tokens: 10, total_tokens: 110 }
const BODY = '{"model":"fast","stream":true,"messages":[{"role":"user","content":"hello"}]}'
const SSE = { fields: { 'Content-Type': 'text/event-stream' } }

let postgres: TestPostgres
let failing: Upstream
let good: Upstream
beforeAll(async () => {
  postgres = await openTestPostgres()
  const billed = event({ choices: [], usage: USAGE })
  const plays = [
    stream([billed, event({ error: { type: 'overloaded_error' } })], SSE),
    stream([billed], { ...SSE, cut: true }),
    stream([billed], SSE),
    respond(503, {}, ''),
  ]
  failing = await Upstream.start((request, socket) =>
    plays[failing.requests.length % plays.length]!(request, socket),
  )
  good = await Upstream.start(
    stream(
      [
        event({ choices: [{ delta: { content: 'Hi' } }] }),
        event({ choices: [{ delta: {}, finish_reason: 'stop' }], usage: USAGE }),
        'data: [DONE]\n\n',
      ],
      SSE,
    ),
  )
})
afterAll(async () => {
  await failing.stop()
  await good.stop()
  await postgres?.stop()
})

const settings = (storage: string): string => `storage: ${storage}
tracing: { journal: { path: ./journal } }
providers:
  one: { upstream: "${failing.url}", prefix: /one, api: openai }
  two: { upstream: "${good.url}", prefix: /two, api: openai }
models: [{ name: fast, targets: [{ provider: one, model: alpha }, { provider: two, model: beta, tier: 2 }] }]
routing: { breaker: { failures: 1000000 } }
pricing:
  overrides: [{ provider: one, model: '*', input: 1, output: 2 }, { provider: two, model: '*', input: 10, output: 20 }]
auth:
  enabled: true
  pepper: 0123456789abcdef0123456789abcdef
  keys: [{ id: key-1, token: ${TOKEN}, org_id: org, workspace_id: ws, role: owner }]
limits:
  policies: [{ name: money, per: key, budget: { cost_usd: 1000, period: total } }]
`

/** Rows of the store. */
type Rows = (sql: string) => Promise<readonly Record<string, unknown>[]>

async function load(gateway: GatewayProcess, forMs: number): Promise<void> {
  const running = new AbortController()
  const workers = Array.from({ length: 4 }, async () => {
    while (!running.signal.aborted) {
      await fetch(`${gateway.url}/v1/chat/completions`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          authorization: 'Bearer sk-provider-0123456789',
          'X-OngoingAI-Gateway-Key': TOKEN,
        },
        body: BODY,
      })
        .then((response) => response.text())
        .catch(() => undefined)
    }
  })
  await Bun.sleep(forMs)
  gateway.kill('SIGKILL')
  await gateway.exited()
  running.abort()
  await Promise.all(workers)
}

/** Compares attempts, traces, ledger and budget once nothing more comes. */
async function compare(rows: Rows, { url }: GatewayProcess): Promise<void> {
  const count = async (): Promise<number> => Number((await rows('SELECT COUNT(*) AS n FROM traces'))[0]!['n'])
  await eventually(async () => {
    const before = await count()
    await Bun.sleep(500)
    return (await count()) === before
  })
  const traces = await rows(
    'SELECT cost_nano_usd, total_tokens, traces.attempts AS attempts, document FROM traces JOIN trace_details ON trace_details.seq = traces.seq',
  )
  expect(traces.length).toBeGreaterThan(20)
  let [cost, tokens, several, billedFailures] = [0, 0, 0, 0]
  for (const trace of traces) {
    const { detail } = JSON.parse(String(trace['document'])) as {
      detail: { attempts?: { cost_usd: number | null; usage: { total_tokens: number } }[] }
    }
    cost += Number(trace['cost_nano_usd'] ?? 0)
    tokens += Number(trace['total_tokens'])
    if (!detail.attempts || detail.attempts.length < 2) continue
    several += 1
    const sums = detail.attempts.map((attempt) => [
      Math.round((attempt.cost_usd ?? 0) * 1e9),
      attempt.usage.total_tokens,
    ])
    if (sums[0]![0]! > 0) billedFailures += 1
    expect(Number(trace['attempts'])).toBe(detail.attempts.length)
    expect([
      sums.reduce((sum, [one]) => sum + one!, 0),
      sums.reduce((sum, [, one]) => sum + one!, 0),
    ]).toEqual([Number(trace['cost_nano_usd'] ?? 0), Number(trace['total_tokens'])])
  }
  expect(several).toBeGreaterThan(20)
  expect([billedFailures > several / 2, billedFailures < several]).toEqual([true, true])
  const [spent] = await rows(
    "SELECT SUM(cost_nano_usd) AS cost, SUM(tokens) AS tokens FROM spend WHERE subject = 'key:org/ws/key-1'",
  )
  expect([Number(spent!['cost']), Number(spent!['tokens'])]).toEqual([cost, tokens])
  await eventually(async () => {
    const response = await fetch(`${url}/api/limits`, { headers: { 'X-OngoingAI-Gateway-Key': TOKEN } })
    const { limits } = (await response.json()) as { limits: { used: number; reserved: number }[] }
    return Math.round(limits[0]!.used * 1e9) === cost && limits[0]!.reserved === 0
  })
}

function journalBytes({ folder }: GatewayProcess): number {
  const path = join(folder, 'journal')
  const segments = readdirSync(path).filter((name) => name.startsWith('journal-'))
  return segments.reduce((sum, name) => sum + statSync(join(path, name)).size, 0)
}

test('SQLite: attempts, traces and ledger agree after kills, from the journal too', async () => {
  let gateway = await serveProgram(settings('{ path: ./data/traces.db }'))
  const path = join(gateway.folder, 'data/traces.db')
  for (let life = 0; life < 2; life++) {
    const running = load(gateway, 1200)
    await Bun.sleep(700)
    // The store is locked for a while, so that some of it is in the journal when the end comes.
    const lock = new Database(path)
    lock.run('PRAGMA busy_timeout = 10000')
    lock.run('BEGIN IMMEDIATE')
    await running
    lock.run('ROLLBACK')
    lock.close()
    expect(journalBytes(gateway)).toBeGreaterThan(0)
    gateway = await gateway.restart()
  }
  const database = new Database(path, { readonly: true })
  await compare(async (sql) => database.query(sql).all() as Record<string, unknown>[], gateway)
  database.close()
  gateway.kill('SIGTERM')
  await gateway.exited()
  gateway.remove()
})

test('PostgreSQL: attempts, traces and ledger agree after kills, from the journal too', async () => {
  const dsn = await postgres.createDatabase()
  let gateway = await serveProgram(settings(`{ driver: postgres, dsn: "${dsn}" }`))
  for (let life = 0; life < 2; life++) {
    const running = load(gateway, 1500)
    await Bun.sleep(500)
    const lock = new pg.Client({ connectionString: dsn })
    await lock.connect()
    await lock.query('BEGIN; LOCK TABLE traces IN ACCESS EXCLUSIVE MODE')
    await running
    await lock.end()
    expect(journalBytes(gateway)).toBeGreaterThan(0)
    gateway = await gateway.restart()
  }
  await compare(async (sql) => postgres.query(dsn, sql), gateway)
  gateway.kill('SIGTERM')
  await gateway.exited()
  gateway.remove()
})
