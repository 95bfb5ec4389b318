import { afterAll, beforeAll, expect, test } from 'bun:test'
import { eventually } from '../support/eventually.ts'
import pg from 'pg'
import { startPostgresServer, type PostgresServer } from '../support/postgres-server.ts'
import { serveProgram, type GatewayProcess } from '../support/process.ts'
import { pipeline } from '../support/pipeline.ts'
import { respondJson, Upstream } from '../support/upstream.ts'

/** How long the database is away; the figure of the acceptance run is 60. */
const OUTAGE_SECONDS = Number(process.env['TEST_OUTAGE_SECONDS'] ?? 5)

let server: PostgresServer
beforeAll(async () => {
  server = await startPostgresServer()
}, 60_000)
afterAll(() => server?.stop())

test('two gateways on one PostgreSQL that goes away under load: every request is served, and every trace is there', async () => {
  const upstream = await Upstream.start(respondJson({ id: 'x', model: 'gpt-4o-mini', choices: [] }))
  const settings = `storage: {driver: postgres, dsn: "${server.url}"}
providers: {openai: {upstream: "${upstream.url}"}}
`
  const gateways = await Promise.all([serveProgram(settings), serveProgram(settings)])
  const sent: string[] = []
  const load = new AbortController()
  let [slowestMs, failed] = [0, 0]
  const client = async (gateway: GatewayProcess): Promise<void> => {
    while (!load.signal.aborted) {
      const startedAt = performance.now()
      const answer = await fetch(`${gateway.url}/openai/v1/chat/completions`, {
        method: 'POST',
        headers: { authorization: 'Bearer sk-test', 'content-type': 'application/json' },
        body: '{"model":"gpt-4o-mini","messages":[]}',
      })
      await answer.arrayBuffer()
      if (answer.status !== 200) failed += 1
      sent.push(answer.headers.get('x-ongoingai-trace-id')!)
      slowestMs = Math.max(slowestMs, performance.now() - startedAt)
      await Bun.sleep(5)
    }
  }
  const clients = gateways.flatMap((gateway) => Array.from({ length: 4 }, () => client(gateway)))
  await Bun.sleep(1500)
  await server.kill()
  const during = sent.length
  await Bun.sleep(OUTAGE_SECONDS * 1000)
  const health = (await (await fetch(`${gateways[0].url}/api/health`)).json()) as { status: string }
  // How soon a store is given up depends on how busy the machine is.
  let away = await Promise.all(gateways.map(pipeline))
  await eventually(async () => {
    away = await Promise.all(gateways.map(pipeline))
    return away.every(({ journal_records: waiting }) => waiting > 0)
  }, 30_000)
  const servedDuring = sent.length - during
  await server.start()
  await Bun.sleep(1500)
  load.abort()
  await Promise.all(clients)
  const until = performance.now() + 30_000
  let after = await Promise.all(gateways.map(pipeline))
  while (after.some((one) => one.stored_total < one.enqueue_accepted_total) && performance.now() < until) {
    await Bun.sleep(100)
    after = await Promise.all(gateways.map(pipeline))
  }
  const database = new pg.Client({ connectionString: server.url })
  await database.connect()
  const stored = await database.query('SELECT id FROM traces')
  const summed = (await (await fetch(`${gateways[1].url}/api/analytics/summary`)).json()) as object
  await database.end()
  console.log(
    `outage of ${OUTAGE_SECONDS} s: ${sent.length} requests, ${servedDuring} of them during it, ${away.map((one) => one.journal_records).join(' + ')} traces in the journals at its end, slowest answer ${slowestMs.toFixed(0)} ms`,
  )

  expect(failed).toBe(0)
  expect(health.status).toBe('degraded')
  expect(servedDuring).toBeGreaterThan(100)
  for (const { journal_records } of away) expect(journal_records).toBeGreaterThan(0)
  expect(after.reduce((sum, one) => sum + one.total_dropped_total, 0)).toBe(0)
  expect(new Set((stored.rows as { id: string }[]).map(({ id }) => id))).toEqual(new Set(sent))
  expect(stored.rows.length).toBe(sent.length)
  expect(summed).toMatchObject({ total_requests: sent.length })
  for (const gateway of gateways) {
    gateway.kill('SIGTERM')
    await gateway.exited()
    gateway.remove()
  }
  await upstream.stop()
}, 180_000)

test('a gateway that starts while the database is away serves, and stores what it served when it is back', async () => {
  const upstream = await Upstream.start(respondJson({ id: 'x', model: 'gpt-4o-mini', choices: [] }))
  await server.kill()
  const gateway = await serveProgram(
    `storage: {driver: postgres, dsn: "${server.url}"}\nproviders: {openai: {upstream: "${upstream.url}"}}\n`,
  )
  const answer = await fetch(`${gateway.url}/openai/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: 'Bearer sk-test', 'content-type': 'application/json' },
    body: '{"model":"gpt-4o-mini","messages":[]}',
  })
  expect(answer.status).toBe(200)
  const id = answer.headers.get('x-ongoingai-trace-id')
  await server.start()
  const until = performance.now() + 20_000
  let found = 0
  while (found !== 200 && performance.now() < until) {
    found = (await fetch(`${gateway.url}/api/traces/${id}`)).status
    await Bun.sleep(100)
  }
  expect(found).toBe(200)
  gateway.kill('SIGTERM')
  expect(await gateway.exited()).toBe(0)
  gateway.remove()
  await upstream.stop()
}, 60_000)
