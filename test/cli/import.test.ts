import { Database } from 'bun:sqlite'
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openSqliteStorage } from '../../src/storage/drivers/sqlite.ts'
import { parseGoTime } from '../../src/storage/import/go-time.ts'
import type { Storage } from '../../src/storage/contract/storage.ts'
import { eventually } from '../support/eventually.ts'
import { goTime, goTraces, makeGoPostgres, makeGoSqlite, type GoTrace } from '../support/go-gateway.ts'
import { openTestPostgres, type TestPostgres } from '../support/postgres.ts'
import { runProgram, serveProgram } from '../support/process.ts'
import { respondJson, Upstream } from '../support/upstream.ts'

const folder = mkdtempSync(join(tmpdir(), 'ongoingai-import-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const run = (...words: string[]): ReturnType<typeof runProgram> => runProgram(words, { cwd: folder })
const TRACES = goTraces(2500)

/** What the Go gateway's own queries say, worked out from its rows. */
function analyticsOf(traces: readonly GoTrace[]): object {
  const nano = (usd: number): number => Math.round(usd * 1e9)
  const sum = (rows: readonly GoTrace[], of: (row: GoTrace) => number): number =>
    rows.reduce((all, row) => all + of(row), 0)
  const groups = (of: (row: GoTrace) => string): object[] =>
    [...Map.groupBy(traces, of)]
      .map(([group, rows]) => ({
        group,
        requests: rows.length,
        totalTokens: sum(rows, (row) => row.input + row.output),
        costNanoUsd: sum(rows, (row) => nano(row.usd)),
        latencyMs: sum(rows, (row) => row.latencyMs),
        errors: sum(rows, (row) => (row.status >= 400 ? 1 : 0)),
      }))
      .sort((a, b) => b.requests - a.requests || (a.group < b.group ? -1 : 1))
  return {
    usage: [sum(traces, (row) => row.input), sum(traces, (row) => row.output)],
    models: groups((row) => row.model),
    keys: groups((row) => row.keyHash).filter((row) => (row as { group: string }).group !== ''),
    days: [...Map.groupBy(traces, (row) => goTime(row.us).slice(0, 10))].map(([day, rows]) => [
      day,
      rows.length,
    ]),
    latencies: traces.map((row) => row.latencyMs).sort((a, b) => a - b)[Math.floor((traces.length - 1) / 2)],
  }
}

/** The same of what is in our store. */
async function analyticsIn(storage: Storage): Promise<object> {
  const reader = storage.everywhere()
  const groups = async (group: 'model' | 'api_key'): Promise<object[]> =>
    (await reader.measure({}, { group })).rows.map((row) => ({
      group: row.group,
      requests: row.requests,
      totalTokens: row.totalTokens,
      costNanoUsd: row.costNanoUsd,
      latencyMs: row.latencyMs,
      errors: row.errors4xx + row.errors5xx,
    }))
  const [all] = (await reader.measure({}, { percentiles: true })).rows
  return {
    usage: [all!.inputTokens, all!.outputTokens],
    models: await groups('model'),
    keys: await groups('api_key'),
    days: (await reader.measure({}, { bucket: 'day' })).rows.map((row) => [
      new Date(row.bucketStartUs / 1000).toISOString().slice(0, 10),
      row.requests,
    ]),
    latencies: Math.floor(all!.percentiles!.p50),
  }
}

/** Imports what was spent lately, twice, and asks a gateway what it knows of it. */
async function spendingComesOver(
  from: string,
  storage: string,
  make: (traces: readonly GoTrace[]) => void | Promise<void>,
): Promise<void> {
  const token = 'owner-token-0123456789abcdef'
  const hour = 3_600_000_000
  const now = Date.now() * 1000
  // Two days and a half, one trace an hour: they lie in other days here and there.
  const traces = goTraces(60).map((trace, i) => {
    const { metadata: _, ...rest } = trace
    return {
      ...rest,
      us: now - (i + 0.5) * hour,
      org: 'org-a',
      workspace: 'workspace-a',
      gatewayKeyId: i % 2 === 0 ? 'gk_mover' : 'gk_other',
      usd: (i + 1) / 1000,
    }
  })
  await make(traces)
  const zone = 'Pacific/Auckland'
  const settings = `${storage}auth:
  enabled: true
  keys:
    - id: gk_mover
      token: ${token}
      org_id: org-a
      workspace_id: workspace-a
      role: owner
      limits: [{name: own, match: {provider: openai}, budget: {cost_usd: 100, period: total}}]
limits:
  policies:
    - {name: day, per: workspace, budget: {cost_usd: 100, period: day, time_zone: ${zone}}}
    - {name: all, per: organization, budget: {tokens: 1000000, period: total}}
    - {name: mini, per: key, split_by: model, match: {model: gpt-4o*}, budget: {cost_usd: 100, period: total}}
`
  writeFileSync(join(folder, 'spend.yaml'), settings)
  for (let time = 0; time < 2; time++)
    expect(await run('import', '--from', from, '--config', 'spend.yaml')).toMatchObject({
      status: 0,
      out: expect.stringContaining(time === 0 ? '60 traces' : '60 were there already'),
    })
  const gateway = await serveProgram(settings.replace('./spend.db', join(folder, 'spend.db')))
  const used = async (): Promise<Record<string, number>> => {
    const response = await fetch(`${gateway.url}/api/limits?model=gpt-4o-mini&provider=openai`, {
      headers: { 'x-ongoingai-gateway-key': token },
    })
    const { limits } = (await response.json()) as { limits: { name: string; used: number }[] }
    return Object.fromEntries(limits.map((limit) => [limit.name, limit.used]))
  }
  const dayOf = (us: number): string => new Date(us / 1000).toLocaleDateString('en', { timeZone: zone })
  const usd = (rows: readonly GoTrace[]): number =>
    rows.reduce((sum, row) => sum + Math.round(row.usd * 1e9), 0) / 1e9
  const own = traces.filter(({ gatewayKeyId }) => gatewayKeyId === 'gk_mover')
  try {
    // The clock goes on meanwhile: a day may end there.
    const expected = (): object => ({
      day: usd(traces.filter(({ us }) => dayOf(us) === dayOf(Date.now() * 1000))),
      all: traces.reduce((sum, row) => sum + row.input + row.output, 0),
      mini: usd(own.filter(({ model }) => model === 'gpt-4o-mini')),
      own: usd(own.filter(({ provider }) => provider === 'openai')),
    })
    expect(await used()).toEqual(expected() as Record<string, number>)
  } finally {
    gateway.kill('SIGTERM')
    await gateway.exited()
    gateway.remove()
  }
}

describe('from SQLite', () => {
  const from = join(folder, 'go.db')
  beforeAll(() => {
    makeGoSqlite(from, TRACES)
    writeFileSync(join(folder, 'ongoingai.yaml'), 'storage: {path: ./ours.db}\n')
  })

  test('everything comes over once, however often it is imported, and sums to the same', async () => {
    const bytes = readFileSync(from)
    expect(await run('import', '--from', 'go.db')).toEqual({
      status: 0,
      out: '2500 traces brought over from go.db (SQLite)\n',
      err: '',
    })
    for (let time = 0; time < 2; time++) {
      const storage = await openSqliteStorage(join(folder, 'ours.db'), 'read')
      expect(await analyticsIn(storage)).toEqual(analyticsOf(TRACES))
      await storage.close()
      const again = JSON.parse((await run('import', '--from', 'go.db', '--format', 'json')).out) as object
      expect(again).toMatchObject({ schema_version: 'import.v1', read: 2500, added: 0, already_there: 2500 })
    }
    expect(readFileSync(from)).toEqual(bytes)
    expect(await run('db', 'check')).toMatchObject({ status: 0 })
    const storage = await openSqliteStorage(join(folder, 'ours.db'), 'read')
    const events = await storage.auditTrail().list(undefined, { action: 'traces.import' }, 10, 0)
    await storage.close()
    expect(
      events.map(({ actor, target, detail }) => [actor, target, detail['read'], detail['added']]),
    ).toEqual([
      ['cli', 'go.db (SQLite)', 2500, 0],
      ['cli', 'go.db (SQLite)', 2500, 0],
      ['cli', 'go.db (SQLite)', 2500, 2500],
    ])
  })

  test('ids, times, lineage, metadata, bodies and costs are as they were; credentials are masked', async () => {
    const storage = await openSqliteStorage(join(folder, 'ours.db'), 'read')
    const trace = (await storage.everywhere().getTrace(TRACES[50]!.id))!
    expect(trace).toMatchObject({
      startedAtUs: TRACES[50]!.us,
      createdAtUs: TRACES[50]!.us,
      traceGroupId: 'group-0',
      threadId: 'thread-1',
      metadata: { lineage_checkpoint_seq: 50, odd: '<&>' },
      timeToFirstTokenMs: 43,
      timeToFirstTokenUs: 42_123,
      usageSource: 'reported',
      costNanoUsd: Math.round(TRACES[50]!.usd * 1e9),
      costStatus: 'estimated',
      requestHeaders: { Authorization: ['[REDACTED]'], 'Content-Type': ['application/json'] },
    })
    expect(Buffer.from(trace.requestBody!).toString('utf8')).toBe('{"q":"naïve 50"}')
    await storage.close()
    expect(readFileSync(join(folder, 'ours.db')).includes('sk-canary')).toBe(false)
    const replay = await run('debug', '--trace-group-id', 'group-5', '--format', 'json', '--limit', '500')
    expect((JSON.parse(replay.out) as { chain: { checkpoint_count: number } }).chain.checkpoint_count).toBe(
      250,
    )
  })

  test('rows of old versions and rows that cannot be read: the first come over, the others are named', async () => {
    const path = join(folder, 'odd.db')
    const database = new Database(path, { create: true })
    database.run(`CREATE TABLE traces (id TEXT PRIMARY KEY, timestamp DATETIME NOT NULL, provider TEXT NOT NULL,
      model TEXT NOT NULL, request_method TEXT, request_path TEXT, request_headers TEXT, input_tokens INTEGER,
      output_tokens INTEGER, estimated_cost_usd REAL, metadata TEXT, created_at DATETIME)`)
    const insert = database.prepare('INSERT INTO traces VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)')
    const row = (id: string, time: string, more: Record<string, unknown> = {}): unknown => {
      const { headers = null, input = 3, usd = 0.5, metadata = null } = more
      return insert.run(
        ...([id, time, 'openai', '', 'POST', '/x', headers, input, 4, usd, metadata, null] as string[]),
      )
    }
    row('iso', '2026-02-18T14:00:00.5Z')
    row('offset', '2026-02-18 15:00:00.25+01:00')
    row('naked', '2026-02-18 14:00:01')
    row('', '2026-02-18 14:00:02 +0000 UTC')
    row('raw', '2026-02-18 14:00:03 +0000 UTC', { metadata: 'not json', headers: 'neither' })
    row('bad-time', 'yesterday')
    row('bad-tokens', '2026-02-18 14:00:04', { input: 'many' })
    row('bad-cost', '2026-02-18 14:00:05', { usd: -1 })
    insert.finalize()
    database.close()
    writeFileSync(join(folder, 'odd.yaml'), 'storage: {path: ./odd-ours.db}\n')
    const { status, out } = await run('import', '--from', 'odd.db', '--config', 'odd.yaml')
    expect(status).toBe(0)
    expect(out).toContain('5 traces brought over')
    expect(out).toContain('3 rows could not be read:\n  bad-time: timestamp "yesterday" is not a time\n')
    expect(out).toContain('bad-tokens: input is not a whole number: "many"')
    expect(out).toContain('bad-cost: estimated_cost_usd is not an amount: -1')
    const storage = await openSqliteStorage(join(folder, 'odd-ours.db'), 'read')
    const { items } = await storage
      .everywhere()
      .wholeTraces({}, { limit: 9, order: 'arrival', bodies: false })
    expect(items.map(({ id, startedAtUs }) => [id, new Date(startedAtUs / 1000).toISOString()])).toEqual([
      ['iso', '2026-02-18T14:00:00.500Z'],
      ['offset', '2026-02-18T14:00:00.250Z'],
      ['naked', '2026-02-18T14:00:01.000Z'],
      ['go-4', '2026-02-18T14:00:02.000Z'],
      ['raw', '2026-02-18T14:00:03.000Z'],
    ])
    expect(items[4]!.metadata).toEqual({ raw: 'not json', imported_request_headers: 'neither' })
    await storage.close()
  })

  test('an import that was cut off goes on where it was', async () => {
    writeFileSync(join(folder, 'cut.yaml'), 'storage: {path: ./cut.db}\n')
    await run('db', 'migrate', '--config', 'cut.yaml')
    const database = new Database(join(folder, 'cut.db'))
    const job = `import ${Bun.SHA256.hash('go.db', 'hex').slice(0, 32)}`
    database.run('INSERT INTO job_progress VALUES (?, 2000)', [job])
    database.close()
    expect((await run('import', '--from', 'go.db', '--config', 'cut.yaml')).out).toBe(
      'an interrupted import was taken up after 2000 rows\n500 traces brought over from go.db (SQLite)\n',
    )
  })

  test('what was spent there counts in budgets here, once, in the days of their time zones', async () => {
    await spendingComesOver('spend-go.db', 'storage: {path: ./spend.db}\n', (traces) =>
      makeGoSqlite(join(folder, 'spend-go.db'), traces),
    )
  })

  test('what is none of the Go gateway is refused, and serve says what to run', async () => {
    expect((await run('import')).status).toBe(2)
    expect((await run('import', '--from', 'nothing.db')).err).toContain('"nothing.db" does not exist')
    expect((await run('import', '--from', 'ours.db')).err).toContain('is none of the Go gateway')
    writeFileSync(join(folder, 'serve.yaml'), 'server: {port: 18999}\nstorage: {path: ./go.db}\n')
    const before = readFileSync(from)
    const { status, err } = await run('serve', '--config', 'serve.yaml')
    expect([status, readFileSync(from).equals(before)]).toEqual([1, true])
    expect(err).toContain('is a database of the Go gateway')
    expect(err).toContain('ongoingai import --from "./go.db"')
  })
})

describe('from PostgreSQL', () => {
  let server: TestPostgres
  beforeAll(async () => {
    server = await openTestPostgres()
  }, 60_000)
  afterAll(() => server?.stop(), 60_000)

  test('traces, tenants and keys come over; a key goes on working, a revoked one does not', async () => {
    const [from, to] = [await server.createDatabase(), await server.createDatabase()]
    await makeGoPostgres(from, TRACES.slice(0, 700))
    const upstream = await Upstream.start(respondJson({ id: 'x', choices: [] }))
    const settings = `storage: {driver: postgres, dsn: "${to}"}\nauth: {enabled: true}\nproviders: {openai: {upstream: "${upstream.url}"}}\n`
    writeFileSync(join(folder, 'pg.yaml'), settings)
    const { status, out, err } = await run('import', '--from', from, '--config', 'pg.yaml')
    expect([status, err, out]).toEqual([
      0,
      '',
      '700 traces brought over from PostgreSQL\n2 organizations, 2 workspaces and 2 gateway keys brought over; keys work as before\n',
    ])
    expect((await run('import', '--from', from, '--config', 'pg.yaml')).out).toBe(
      '0 traces brought over from PostgreSQL\n700 were there already\n',
    )
    const gateway = await serveProgram(settings)
    const ask = async (path: string, token: string): Promise<Response> =>
      fetch(`${gateway.url}${path}`, { headers: { 'x-ongoingai-gateway-key': token } })
    const summary = await ask('/api/analytics/summary', 'ogk_of_the_go_gateway')
    expect(await summary.json()).toMatchObject({
      total_requests: TRACES.slice(0, 700).filter(({ org }) => org === 'org-a').length,
    })
    expect((await ask('/api/analytics/summary', 'ogk_revoked')).status).toBe(401)
    const served = await fetch(`${gateway.url}/openai/v1/chat/completions`, {
      method: 'POST',
      headers: { 'x-ongoingai-gateway-key': 'ogk_of_the_go_gateway', authorization: 'Bearer sk-1' },
      body: '{"model":"m"}',
    })
    expect(served.status).toBe(200)
    // At its first use the key got a hash that is worth nothing without the pepper, and works as before.
    const hashes = async (): Promise<Record<string, unknown>[]> =>
      server.query(to, "SELECT id, scheme, hash FROM gateway_keys WHERE id = 'gk_imported'")
    await eventually(async () => (await hashes())[0]!['scheme'] === 'hmac-sha256')
    expect((await hashes())[0]!['hash']).not.toBe(Bun.SHA256.hash('ogk_of_the_go_gateway', 'hex'))
    await eventually(async () => (await ask('/api/traces?limit=1', 'ogk_of_the_go_gateway')).status === 200)
    expect(statSync(join(gateway.folder, 'data/gateway-keys.pepper')).mode & 0o777).toBe(0o600)
    gateway.kill('SIGTERM')
    await gateway.exited()
    const again = await gateway.restart()
    const answer = await fetch(`${again.url}/api/traces?limit=1`, {
      headers: { 'x-ongoingai-gateway-key': 'ogk_of_the_go_gateway' },
    })
    expect(answer.status).toBe(200)
    again.kill('SIGTERM')
    await again.exited()
    // Another gateway, with a pepper of its own, would refuse every key: it says so instead of starting.
    writeFileSync(join(folder, 'other.yaml'), `server: {port: 18998}\n${settings}`)
    expect(await run('serve', '--config', 'other.yaml')).toMatchObject({
      status: 1,
      err: expect.stringContaining('hashed with another pepper'),
    })
    again.remove()
    await upstream.stop()
  }, 30_000)

  test('what was spent there counts in budgets here, once, in the days of their time zones', async () => {
    const [from, to] = [await server.createDatabase(), await server.createDatabase()]
    const storage = `storage: {driver: postgres, dsn: "${to}"}\n`
    await spendingComesOver(from, storage, (traces) => makeGoPostgres(from, traces))
  })

  test('auth without any key, in file or store, does not start', async () => {
    const dsn = await server.createDatabase()
    writeFileSync(
      join(folder, 'nokeys.yaml'),
      `server: {port: 18999}\nstorage: {driver: postgres, dsn: "${dsn}"}\nauth: {enabled: true}\n`,
    )
    expect(await run('serve', '--config', 'nokeys.yaml')).toMatchObject({
      status: 1,
      err: expect.stringContaining('auth is enabled but no gateway keys are configured'),
    })
  })
})

test('times of Go in every form that its databases hold', () => {
  const at = (text: string): number => Date.parse(text) * 1000
  expect(parseGoTime('2026-02-18 14:02:00.5 +0000 UTC')).toBe(at('2026-02-18T14:02:00.500Z'))
  expect(parseGoTime('2026-11-23 00:15:03.973400562 +0000 UTC')).toBe(at('2026-11-23T00:15:03Z') + 973_400)
  expect(parseGoTime(' 2026-02-18T16:00:00+02:00 ')).toBe(at('2026-02-18T14:00:00Z'))
  expect(parseGoTime('2026-02-18 16:00:00 +0200 CEST')).toBe(at('2026-02-18T14:00:00Z'))
  expect(parseGoTime('2026-02-18 14:00:00')).toBe(at('2026-02-18T14:00:00Z'))
  for (const text of ['', 'x', '0001-01-01 00:00:00 +0000 UTC', '2026-02-18', '2026-13-01 00:00:00']) {
    expect(parseGoTime(text)).toBeUndefined()
  }
})
