import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { eventually } from '../support/eventually.ts'
import { openGateway } from '../support/gateway.ts'
import { openTestPostgres, type TestPostgres } from '../support/postgres.ts'
import { respondJson, Upstream } from '../support/upstream.ts'

setDefaultTimeout(60_000)

let server: TestPostgres
beforeAll(async () => {
  server = await openTestPostgres()
}, 60_000)
afterAll(() => server?.stop())

test('a database that takes no writes, as after a failover, costs no request and no record; questions are answered', async () => {
  const upstream = await Upstream.start(respondJson({ id: 'x', model: 'gpt-5.4-mini', choices: [] }))
  const dsn = await server.createDatabase()
  const name = new URL(dsn).pathname.slice(1)
  /** For sessions to come, and ends those that there are. */
  const readOnly = async (how: string): Promise<void> => {
    await server.query(dsn, `ALTER ROLE ongoingai_test IN DATABASE ${name} ${how}`)
    await server.query(
      dsn,
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}' AND usename = 'ongoingai_test'`,
    )
  }
  const gateway = await openGateway(
    `storage: {driver: postgres, dsn: "${dsn}"}\nproviders: {openai: {upstream: "${upstream.url}"}}\n`,
  )
  const send = async (): Promise<void> => {
    const answer = await fetch(`${gateway.url}/openai/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: 'Bearer sk-test-0123456789' },
      body: '{"model":"gpt-5.4-mini"}',
    })
    expect(answer.status).toBe(200)
    await answer.arrayBuffer()
  }
  for (let i = 0; i < 10; i++) await send()
  await gateway.traces(10)
  await readOnly('SET default_transaction_read_only = on')
  for (let i = 0; i < 10; i++) await send()
  await eventually(() => gateway.gateway.diagnostics().journal_records === 10)
  expect((await gateway.traces(10)).length).toBe(10)
  await readOnly('RESET default_transaction_read_only')
  await send()
  expect((await gateway.traces(21)).length).toBe(21)
  await eventually(() => gateway.gateway.diagnostics().journal_records === 0)
  expect(gateway.gateway.diagnostics()).toMatchObject({ stored_total: 21, total_dropped_total: 0 })
  await gateway.stop()
  await upstream.stop()
})
