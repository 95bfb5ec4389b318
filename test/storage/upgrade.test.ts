import { Database } from 'bun:sqlite'
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { MIGRATIONS } from '../../src/storage/migrations/migrations.ts'
import { OTHER, OWNER, PEPPER, STORED } from '../fixtures/schema-keys.ts'
import { eventually } from '../support/eventually.ts'
import { openGateway, providersAt } from '../support/gateway.ts'
import { openTestPostgres, type TestPostgres } from '../support/postgres.ts'
import { runProgram } from '../support/process.ts'
import { respondJson, Upstream } from '../support/upstream.ts'

setDefaultTimeout(60_000)

// Stores as earlier versions left them (`scripts/keep-schema.ts`) are opened by this one: nothing is lost, sums are right, keys work.

const FIXTURES = join(import.meta.dir, '../fixtures/schemas')

/** What is known of a trace before the store is opened. */
interface Known {
  readonly id: string
  readonly organization_id: string
  readonly model: string
  readonly response_status: number
  readonly total_tokens: number
  readonly cost_nano_usd: number | null
}
const KNOWN =
  'SELECT id, organization_id, model, response_status, total_tokens, cost_nano_usd FROM traces ORDER BY seq'

let server: TestPostgres
let upstream: Upstream
let folder: string
beforeAll(async () => {
  server = await openTestPostgres()
  upstream = await Upstream.start(
    respondJson({
      model: 'gpt-5.4-mini',
      usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 },
    }),
  )
  folder = mkdtempSync(join(tmpdir(), 'ongoingai-upgrade-'))
})
afterAll(async () => {
  await upstream.stop()
  await server?.stop()
  rmSync(folder, { recursive: true, force: true })
})

const fixture = (name: string): Uint8Array =>
  Bun.gunzipSync(Uint8Array.from(readFileSync(join(FIXTURES, name))))

/** Where a store is: one of both. */
interface Place {
  readonly path?: string
  readonly dsn?: string
}

const settingsOf = ({ path, dsn }: Place): string =>
  path === undefined ? `storage: {driver: postgres, dsn: "${dsn}"}\n` : `storage: {path: ${path}}\n`

/** Puts a store into place. @returns what it holds */
async function restore(driver: string, migration: string): Promise<{ place: Place; known: Known[] }> {
  if (driver === 'sqlite') {
    const path = join(folder, `${migration}.db`)
    writeFileSync(path, fixture(`${migration}.db.gz`))
    const database = new Database(path, { readonly: true })
    const known = database.query(KNOWN).all() as Known[]
    database.close()
    return { place: { path }, known }
  }
  const dsn = await server.createDatabase()
  const client = new pg.Client({ connectionString: dsn })
  await client.connect()
  await client.query(Buffer.from(fixture(`${migration}.sql.gz`)).toString('utf8'))
  await client.end()
  const rows = (await server.query(dsn, KNOWN.replace('FROM ', 'FROM public.'))) as unknown as Known[]
  // The client reads 64-bit numbers as texts.
  const known = rows.map((row) => ({
    ...row,
    total_tokens: Number(row.total_tokens),
    cost_nano_usd: row.cost_nano_usd === null ? null : Number(row.cost_nano_usd),
  }))
  return { place: { dsn }, known }
}

/** Tables, columns, indexes, and what else PostgreSQL has, as the database itself tells. */
async function schemaOf({ path, dsn }: Place): Promise<unknown[]> {
  if (path !== undefined) {
    const database = new Database(path, { readonly: true })
    const tables = database
      .query(
        `SELECT t.name, c.name AS column, c.type, c."notnull", c.dflt_value, c.pk
          FROM sqlite_master t, pragma_table_info(t.name) c WHERE t.type = 'table' ORDER BY t.name, c.name`,
      )
      .all()
    const indexes = database
      .query(`SELECT name, sql FROM sqlite_master WHERE type = 'index' ORDER BY name`)
      .all()
    database.close()
    return [...tables, ...indexes]
  }
  const questions = [
    `SELECT table_name, column_name, data_type, collation_name, is_nullable, column_default, is_identity
      FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, 2`,
    `SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1`,
    `SELECT tablename, policyname, cmd, qual, with_check FROM pg_policies ORDER BY 1, 2`,
    `SELECT relname, relrowsecurity, relforcerowsecurity FROM pg_class
      WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' ORDER BY 1`,
    `SELECT proname, prosrc FROM pg_proc WHERE pronamespace = 'public'::regnamespace ORDER BY 1`,
  ]
  const answers: unknown[] = []
  for (const question of questions) answers.push(...(await server.query(dsn!, question)))
  return answers
}

test('every schema is kept', () => {
  for (const { name } of MIGRATIONS) {
    expect([name, existsSync(join(FIXTURES, `${name}.db.gz`))]).toEqual([name, true])
    // PostgreSQL came with the third.
    if (name < '003') continue
    for (const kind of ['sql', 'journal'])
      expect([name, kind, existsSync(join(FIXTURES, `${name}.${kind}.gz`))]).toEqual([name, kind, true])
  }
})

test.each(MIGRATIONS.map(({ name }) => name).filter((name) => name > '003'))(
  'a journal that a version of %s left is stored',
  async (migration) => {
    const journal = join(folder, `journal-${migration}`)
    mkdirSync(journal)
    // Of a process that is gone.
    const segment = join(journal, 'journal-0000000001-999999999.log')
    writeFileSync(segment, fixture(`${migration}.journal.gz`))
    utimesSync(segment, 0, 0)
    const gateway = await openGateway(
      `storage: {path: ${folder}/from-${migration}.db}\ntracing: {journal: {path: ${journal}}}\n`,
    )
    try {
      const items = await gateway.traces(7)
      const told = items.map((item) => [
        item['model'],
        item['total_tokens'],
        item['estimated_cost_usd'] !== null,
      ])
      expect(told.map((row) => row.join(' ')).sort()).toEqual([
        'claude-sonnet-4-5 29 true',
        'claude-sonnet-4-5 29 true',
        'claude-sonnet-4-5 29 true',
        'gpt-5.4-broken 0 true',
        'gpt-5.4-mini 1234 true',
        'gpt-5.4-mini 1234 true',
        'gpt-5.4-mini 1234 true',
      ])
      expect(String((await gateway.detail(items[0]!['id']))['request_body'])).toContain('Tell me about tea.')
      expect(gateway.gateway.diagnostics()).toMatchObject({ journal_records: 0, quarantined_total: 0 })
      expect((await runProgram(['db', 'check'], { cwd: gateway.folder })).status).toBe(0)
    } finally {
      await gateway.stop()
    }
  },
)

describe.each(['sqlite', 'postgres'])('%s', (driver) => {
  const names = MIGRATIONS.map(({ name }) => name).filter((name) => driver === 'sqlite' || name > '003')

  /** A store as this version makes it. */
  const empty = async (): Promise<Place> => {
    const place =
      driver === 'sqlite'
        ? { path: join(folder, `${crypto.randomUUID()}.db`) }
        : { dsn: await server.createDatabase() }
    const cwd = mkdtempSync(join(folder, 'empty-'))
    writeFileSync(join(cwd, 'ongoingai.yaml'), settingsOf(place))
    expect(await runProgram(['db', 'migrate'], { cwd })).toMatchObject({ status: 0 })
    return place
  }
  let fresh: unknown[]
  beforeAll(async () => {
    fresh = await schemaOf(await empty())
  })

  test.each(names)('a store of %s', async (migration) => {
    const { place, known } = await restore(driver, migration)
    expect(known.length).toBe(7)
    const settings = `${settingsOf(place)}${providersAt(upstream.url)}auth:
  enabled: true
  pepper: ${PEPPER}
  keys:
    - {id: owner, token: ${OWNER}, org_id: acme, workspace_id: one, role: owner}
    - {id: other, token: ${OTHER}, org_id: umbrella, workspace_id: one, role: owner}
`
    const gateway = await openGateway(settings, { 'x-ongoingai-gateway-key': OWNER })
    const ask = async (path: string, key = OWNER): Promise<Record<string, unknown>> => {
      const response = await fetch(gateway.url + path, { headers: { 'x-ongoingai-gateway-key': key } })
      expect([path, response.status]).toEqual([path, 200])
      return (await response.json()) as Record<string, unknown>
    }
    try {
      for (const [key, organization] of [
        [OWNER, 'acme'],
        [OTHER, 'umbrella'],
      ] as const) {
        const own = known.filter(({ organization_id }) => organization_id === organization)
        const { items } = (await ask('/api/traces?order=asc&limit=50', key)) as {
          items: (Record<string, unknown> & { id: string })[]
        }
        const got = items.map((item) => [
          item.id,
          item['model'],
          item['response_status'],
          item['total_tokens'],
        ])
        expect(got).toEqual(own.map((row) => [row.id, row.model, row.response_status, row.total_tokens]))
        const summary = await ask('/api/analytics/summary', key)
        expect([summary['total_requests'], summary['total_tokens']]).toEqual([
          own.length,
          own.reduce((sum, row) => sum + row.total_tokens, 0),
        ])
        // Hours that were summed up are summed up anew by quarter: a range that cuts one is exact then.
        const cut = String(items[0]!['timestamp'])
        const until = `/api/analytics/summary?to=${encodeURIComponent(cut)}`
        await eventually(async () => !('approximate' in (await ask(until, key))))
        expect((await ask(until, key))['total_requests']).toBe(
          items.filter((item) => Date.parse(String(item['timestamp'])) <= Date.parse(cut)).length,
        )
        for (const [i, { id }] of items.entries()) {
          const detail = await ask(`/api/traces/${id}`, key)
          expect(String(detail['request_body'])).toContain('Tell me about tea. It is hot')
          const cost = own[i]!.cost_nano_usd
          expect(Math.round(Number(detail['estimated_cost_usd']) * 1e9)).toBe(cost ?? 0)
        }
        // Nobody sees what is another's.
        const foreign = known.find(({ organization_id }) => organization_id !== organization)!
        const denied = await fetch(`${gateway.url}/api/traces/${foreign.id}`, {
          headers: { 'x-ongoingai-gateway-key': key },
        })
        expect(denied.status).toBe(404)
      }
      const sent = await fetch(`${gateway.url}/openai/v1/chat/completions`, {
        method: 'POST',
        headers: { 'x-ongoingai-gateway-key': OWNER, authorization: 'Bearer sk-x-0123456789' },
        body: '{"model":"gpt-5.4-mini"}',
      })
      await sent.arrayBuffer()
      await gateway.traces(6)
      if (migration >= '008') expect(await ask('/api/traces', STORED)).toHaveProperty('items')
      const checked = await runProgram(['db', 'check'], { cwd: gateway.folder })
      expect([checked.status, checked.err]).toEqual([0, ''])
      expect(await schemaOf(place)).toEqual(fresh)
    } finally {
      await gateway.stop()
    }
  })

  test('failures inside a 200 that were summed up before are counted anew, in every dimension', async () => {
    const { place } = await restore(driver, '011_scopes')
    const fail = `UPDATE traces SET outcome = 'upstream_failed' WHERE response_status = 200 AND model = 'gpt-5.4-mini'`
    if (place.path === undefined) await server.query(place.dsn!, fail.replace('traces', 'public.traces'))
    else new Database(place.path).run(fail)
    const cwd = mkdtempSync(join(folder, 'failed-'))
    writeFileSync(join(cwd, 'ongoingai.yaml'), settingsOf(place))
    expect(await runProgram(['db', 'migrate'], { cwd })).toMatchObject({ status: 0 })
    const counts = `SELECT span, dimension, CAST(SUM(failed_answers) AS INTEGER) AS failures FROM rollups
      GROUP BY span, dimension ORDER BY span, dimension`
    const rows = (
      place.path === undefined
        ? await server.query(place.dsn!, counts.replace('rollups', 'public.rollups'))
        : new Database(place.path).query(counts).all()
    ) as { failures: number }[]
    expect(rows.length).toBeGreaterThan(10)
    expect(rows).toEqual(rows.map((row) => ({ ...row, failures: 3 })))
    expect(await runProgram(['db', 'check'], { cwd })).toMatchObject({ status: 0, err: '' })
  })

  test('a store that a newer version has changed is left alone, and the error says why', async () => {
    const place = await empty()
    const note = `INSERT INTO ongoingai_migrations VALUES ('999_future', 1)`
    if (place.path === undefined) await server.query(place.dsn!, note)
    else new Database(place.path).run(note)
    const before = await schemaOf(place)
    const cwd = mkdtempSync(join(folder, 'newer-'))
    writeFileSync(join(cwd, 'ongoingai.yaml'), settingsOf(place))
    for (const words of [['serve'], ['report'], ['db', 'migrate']]) {
      const { status, out, err } = await runProgram(words, { cwd })
      expect([words, status]).toEqual([words, 1])
      expect(out + err).toContain(
        'the database was changed by a newer version of this gateway (migration "999_future"); start that version, or restore a copy from before',
      )
    }
    expect(await schemaOf(place)).toEqual(before)
  })
})
