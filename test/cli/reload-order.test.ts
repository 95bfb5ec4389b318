import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import pg from 'pg'
import { eventually } from '../support/eventually.ts'
import { openTestPostgres, type TestPostgres } from '../support/postgres.ts'
import { serveProgram } from '../support/process.ts'

setDefaultTimeout(60_000)

let postgres: TestPostgres
beforeAll(async () => {
  postgres = await openTestPostgres()
})
afterAll(() => postgres.stop())

test('of two reloads, the file of the last one is in force, however long the first takes', async () => {
  const dsn = await postgres.createDatabase()
  const settings = (auth: string): string => `storage: {driver: postgres, dsn: "${dsn}"}\nauth: ${auth}\n`
  const KEYS = '{enabled: true, keys: [{id: k, token: reload-order-token-0123456789, role: owner}]}'
  const gateway = await serveProgram(settings(KEYS))
  const change = (auth: string): void => {
    const port = new URL(gateway.url).port
    writeFileSync(gateway.configPath, `server: {port: ${port}}\n${settings(auth)}`)
    gateway.kill('SIGHUP')
  }
  const reloads = (): number => gateway.output().split('"configuration reloaded"').length - 1

  const locking = new pg.Client({ connectionString: postgres.superuserDsn(dsn) })
  await locking.connect()
  await locking.query('BEGIN')
  await locking.query('LOCK TABLE gateway_keys IN ACCESS EXCLUSIVE MODE')
  change(KEYS)
  await eventually(async () => {
    const waiting =
      'SELECT 1 FROM pg_locks WHERE NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())'
    return (await postgres.query(dsn, waiting)).length > 0
  })
  change('{enabled: false}')
  // Time enough for it to be taken over at once, should it not wait for the first.
  for (let i = 0; i < 50; i++) await fetch(`${gateway.url}/api/live`)
  await locking.query('COMMIT')
  await locking.end()
  await eventually(() => reloads() === 2)
  expect((await fetch(`${gateway.url}/api/traces`)).status).toBe(200)

  gateway.kill('SIGTERM')
  expect(await gateway.exited()).toBe(0)
  gateway.remove()
})
