import { Database } from 'bun:sqlite'
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openPostgresStorage } from '../../src/storage/drivers/postgres.ts'
import { openSqliteStorage } from '../../src/storage/drivers/sqlite.ts'
import type { Trace } from '../../src/traces/trace.ts'
import { eventually } from '../support/eventually.ts'
import { freePort } from '../support/free-port.ts'
import { openTestPostgres, type TestPostgres } from '../support/postgres.ts'
import { runProgram, serveProgram } from '../support/process.ts'
import { PROGRAM } from '../support/program.ts'
import { sampleTrace } from '../support/trace.ts'

const folder = mkdtempSync(join(tmpdir(), 'ongoingai-operator-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const T0 = Date.parse('2026-02-18T14:00:00Z') * 1000

// `doctor` fails where the port is taken.
const env = { ONGOINGAI_PORT: String(await freePort()) }
const run = (...words: string[]): ReturnType<typeof runProgram> => runProgram(words, { cwd: folder, env })

/** What a provider says of its cache, in one trace. */
const MISS = { type: 'tools_changed', cache_missed_input_tokens: 41_000 }

/** 1,203 traces; one in ten has bodies, one an unusual text. */
const TRACES: Trace[] = Array.from({ length: 1203 }, (_, i) =>
  sampleTrace({
    id: `trace-${String(i).padStart(5, '0')}`,
    startedAtUs: T0 + i * 60_000_123,
    createdAtUs: T0 + i * 60_000_123 + 120_000,
    model: i === 7 ? 'odd, "model"\nwith\u001b[31m everything' : 'gpt-4o-mini',
    provider: i % 3 === 0 ? 'anthropic' : 'openai',
    costNanoUsd: i % 100 === 5 ? null : 180_000 + i,
    costStatus: i % 100 === 5 ? 'unknown' : 'exact',
    requestBody: i % 10 === 0 ? Buffer.from(`{"turn":${i},"text":"${'word '.repeat(400)}"}`) : null,
    sessionId: `s${i % 4}`,
    traceGroupId: i < 500 ? 'g' : '',
    tags: i % 2 === 0 ? { team: 'a' } : {},
    ...(i === 3 ? { detail: { ...sampleTrace().detail, cache: { provider_says: MISS } } } : {}),
  }),
)

beforeAll(async () => {
  writeFileSync(join(folder, 'ongoingai.yaml'), 'storage: {path: ./g.db}\n')
  const storage = await openSqliteStorage(join(folder, 'g.db'), 'write')
  for (let i = 0; i < TRACES.length; i += 200) await storage.write(TRACES.slice(i, i + 200))
  await storage.maintenance().rollUp(900)
  await storage.close()
})

const ids = TRACES.map(({ id }) => id)

describe('export', () => {
  test('JSON lines on standard output, all of them, bodies only when asked', async () => {
    const { status, out, err } = await run('export')
    const lines = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    expect([status, err, lines.map((line) => line['id'])]).toEqual([0, '', ids])
    expect(lines[10]).toMatchObject({ organization_id: 'default', total_tokens: 18, usage: { buckets: {} } })
    expect([lines[3]!['cache'], lines[4]!['cache']]).toEqual([{ provider_says: MISS }, undefined])
    expect(out).not.toContain('word word')
    const bodies = await run('export', '--bodies', '--tag', 'team=a', '--from', '2026-02-19')
    const [first] = bodies.out.split('\n').map((line) => JSON.parse(line || '{}') as Record<string, unknown>)
    expect(String(first!['request_body'])).toContain('word word')
  })

  test('CSV in a file, which others cannot read, with awkward texts whole', async () => {
    expect(await run('export', '--format', 'csv', '--out', 'all.csv')).toEqual({
      status: 0,
      out: '',
      err: 'wrote 1203 traces to all.csv\n',
    })
    const text = readFileSync(join(folder, 'all.csv'), 'utf8')
    expect(text.startsWith('id,timestamp,created_at,organization_id,')).toBe(true)
    expect(text).toContain('"odd, ""model""\nwith\u001b[31m everything"')
    expect(text.split('\r\n').length).toBe(1203 + 2)
    expect(statSync(join(folder, 'all.csv')).mode & 0o777).toBe(0o600)
    expect(existsSync(join(folder, 'all.csv.part'))).toBe(false)
    expect(await run('export', '--format', 'csv', '--out', 'all.csv')).toMatchObject({
      status: 1,
      err: expect.stringContaining('"all.csv" exists already'),
    })
  })

  test('Parquet that another program reads, to the microsecond and the nano-dollar', async () => {
    const { status, err } = await run('export', '--format', 'parquet', '--out', 'all.parquet', '--bodies')
    expect([status, err]).toEqual([0, 'wrote 1203 traces to all.parquet\n'])
    const file = await asyncBufferFromFile(join(folder, 'all.parquet'))
    const rows = (await parquetReadObjects({ file })) as Record<string, unknown>[]
    expect(rows.map((row) => row['id'])).toEqual(ids)
    expect(rows[3]).toMatchObject({
      timestamp: new Date(Math.floor((T0 + 3 * 60_000_123) / 1000)),
      cost_nano_usd: 180_003n,
      estimated_cost_usd: 0.000180003,
      total_tokens: 18n,
      tags: '{}',
      cache: JSON.stringify({ provider_says: MISS }),
    })
    expect(rows[5]).toMatchObject({ cost_nano_usd: null, estimated_cost_usd: null, cost_status: 'unknown' })
    expect(rows[7]!['model']).toBe(TRACES[7]!.model)
    expect(String(rows[10]!['request_body'])).toContain('"turn":10')
    const raw = await parquetReadObjects({ file, parsers: { timestampFromMicroseconds: Number } })
    expect((raw[3] as Record<string, unknown>)['timestamp']).toBe(T0 + 3 * 60_000_123)
    expect((await run('export', '--format', 'parquet')).err).toContain('parquet needs --out')
  })

  test('an export that was cut off goes on where it was, without a gap or a repetition', async () => {
    for (const format of ['jsonl', 'csv']) {
      const [whole, cut] = [`whole.${format}`, `cut.${format}`]
      await run('export', '--format', format, '--out', whole)
      // What a crash in the middle of a page leaves: a page that was noted, and half of one that was not.
      const question = JSON.stringify({ format, bodies: false, filter: {} })
      const text = readFileSync(join(folder, whole), 'utf8')
      const end =
        text
          .split('\n')
          .slice(0, format === 'csv' ? 502 : 500)
          .join('\n').length + 1
      writeFileSync(join(folder, `${cut}.part`), `${text.slice(0, end)}torn`)
      const after = { createdAtUs: TRACES[499]!.createdAtUs, id: TRACES[499]!.id }
      writeFileSync(
        join(folder, `${cut}.part.json`),
        JSON.stringify({ question, bytes: Buffer.byteLength(text.slice(0, end)), traces: 500, after }),
      )
      const other = await run('export', '--format', format, '--out', cut, '--provider', 'openai')
      expect(other).toMatchObject({ status: 1, err: expect.stringContaining('was begun with other options') })
      const { status, err } = await run('export', '--format', format, '--out', cut)
      expect([status, err]).toEqual([
        0,
        `going on after 500 traces that were written before\nwrote 1203 traces to ${cut}\n`,
      ])
      expect(readFileSync(join(folder, cut), 'utf8')).toBe(readFileSync(join(folder, whole), 'utf8'))
    }
  })

  test('an export of a span back from now goes on with the range that it was begun with', async () => {
    const fromUs = TRACES[600]!.startedAtUs
    const question = JSON.stringify({ format: 'jsonl', bodies: false, filter: { fromUs } })
    const words = JSON.stringify([['since', '9000d']])
    writeFileSync(join(folder, 'span.jsonl.part'), '')
    writeFileSync(
      join(folder, 'span.jsonl.part.json'),
      JSON.stringify({ question, words, bytes: 0, traces: 0, after: null }),
    )
    expect((await run('export', '--since', '9001d', '--out', 'span.jsonl')).err).toContain('other options')
    expect((await run('export', '--since', '9000d', '--out', 'span.jsonl')).err).toBe(
      'wrote 603 traces to span.jsonl\n',
    )
  })

  test('a range is given as times, dates of a time zone, or spans back from now', async () => {
    const count = async (...words: string[]): Promise<number> =>
      (await run('export', ...words)).out.split('\n').length - 1
    const day = new Date(T0 / 1000).toISOString().slice(0, 10)
    const wanted = (fromUs: number): number =>
      TRACES.filter(({ startedAtUs }) => startedAtUs >= fromUs && startedAtUs < fromUs + 86_400_000_000)
        .length
    const midnight = Date.parse(`${day}T00:00:00Z`) * 1000
    expect(await count('--from', day, '--to', day)).toBe(wanted(midnight))
    // Nine hours ahead, all year.
    expect(await count('--since', day, '--to', day, '--time-zone', 'Asia/Tokyo')).toBe(
      wanted(midnight - 9 * 3.6e9),
    )
    expect(await count('--since', '99999w', '--to', '0m')).toBe(
      TRACES.filter(({ startedAtUs }) => startedAtUs <= Date.now() * 1000).length,
    )
    for (const command of ['report', 'export', 'reprice']) {
      const told = async (...words: string[]): Promise<unknown> => {
        const { status, out, err } = await run(command, ...words)
        return [status, out, err]
      }
      const both = '--since is the same as --from: give one of them\n'
      expect(await told('--since', '7d', '--from', '7d')).toEqual([2, '', both])
      expect(await told('--from', 'soon')).toEqual([
        2,
        '',
        expect.stringContaining('invalid from: expected RFC3339'),
      ])
      expect(await told('--since', '7')).toEqual([
        2,
        '',
        expect.stringContaining('invalid since: expected RFC3339'),
      ])
      const zone = 'invalid time-zone: "Mars"; expected a name of the IANA database such as Europe/Berlin\n'
      expect(await told('--time-zone', 'Mars')).toEqual([2, '', zone])
    }
  })

  test.if(process.platform !== 'win32')('a disk that is full says so', async () => {
    const limited = ['sh', '-c', `trap '' XFSZ; ulimit -f 200; exec "$@"`, 'sh', ...PROGRAM]
    const child = Bun.spawn([...limited, 'export', '--out', 'full.jsonl'], {
      cwd: folder,
      env: { PATH: process.env['PATH'] ?? '' },
      stdout: 'ignore',
      stderr: 'pipe',
    })
    const err = await new Response(child.stderr).text()
    expect([await child.exited, existsSync(join(folder, 'full.jsonl'))]).toEqual([1, false])
    expect(err).toContain('export stopped: EFBIG')
    expect(err).toContain('run the same command again to go on from there')
  })
})

describe('traces tail', () => {
  test('shows the last ones, then each as it comes, and only what the filter says', async () => {
    const upstreamless = await serveProgram('providers: {openai: {upstream: "http://127.0.0.1:1"}}\n')
    const start = (...words: string[]): { text: () => string; end: () => Promise<number> } => {
      const child = Bun.spawn([...PROGRAM, 'traces', 'tail', ...words], {
        cwd: upstreamless.folder,
        env: { PATH: process.env['PATH'] ?? '' },
        stdout: 'pipe',
        stderr: 'inherit',
      })
      let text = ''
      void (async () => {
        for await (const chunk of child.stdout) text += Buffer.from(chunk).toString('utf8')
      })()
      const end = (): Promise<number> => {
        child.kill('SIGINT')
        return child.exited
      }
      return { text: () => text, end }
    }
    const call = (model: string): Promise<unknown> =>
      fetch(`${upstreamless.url}/openai/v1/chat/completions`, {
        method: 'POST',
        headers: { authorization: 'Bearer sk-test', 'content-type': 'application/json' },
        body: JSON.stringify({ model, messages: [] }),
      })
    await call('before')
    const stored = async (count: number): Promise<boolean> => {
      const { body } = await fetch(`${upstreamless.url}/api/traces`).then(async (answer) => ({
        body: (await answer.json()) as { items: unknown[] },
      }))
      return body.items.length >= count
    }
    await eventually(() => stored(1))
    const all = start()
    const filtered = start('--model', 'wanted', '--format', 'json', '--limit', '200')
    await eventually(() => all.text().includes(' before '))
    await call('wanted')
    await call('other\u001b[2J')
    await eventually(() => all.text().includes(' other') && filtered.text().includes('wanted'))
    expect(all.text().split('\n').length).toBe(4)
    expect(all.text()).not.toContain('\u001b')
    expect(all.text()).toContain(' 502 openai wanted /openai/v1/chat/completions ')
    const lines = filtered.text().trimEnd().split('\n')
    expect(lines.map((line) => (JSON.parse(line) as { model: string }).model)).toEqual(['wanted'])
    expect([await all.end(), await filtered.end()]).toEqual([0, 0])
    upstreamless.kill('SIGTERM')
    await upstreamless.exited()
    upstreamless.remove()
  }, 30_000)
})

describe('db', () => {
  test('status says what there is', async () => {
    const { status, out } = await run('db', 'status', '--format', 'json')
    expect(status).toBe(0)
    expect(JSON.parse(out)).toMatchObject({
      schema_version: 'db-status.v1',
      driver: 'sqlite',
      place: './g.db (SQLite)',
      traces: 1203,
      not_rolled_up: 303,
      oldest_trace_at: '2026-02-18T14:00:00Z',
      migrations: [
        '001_traces',
        '002_attribution',
        '003_rollups_and_chunks',
        '004_tenants_and_keys',
        '005_key_schemes',
        '006_age_of_bodies',
        '007_tenants_of_tags',
        '008_key_lifecycle',
        '009_shared_limits',
        '010_limits_at_one_moment',
        '011_scopes',
        '012_bytes_of_details',
        '013_failed_answers',
        '014_quarter_hours',
        '015_included_cost',
        '018_limit_adjustments',
        '019_consumption_pages',
        '020_attempts',
      ],
      warnings: [],
    })
    expect((await run('db', 'status')).out).toContain('Schema             001_traces\n')
  })

  test('check finds a wrong sum, a wrong count and a lost chunk, each by name', async () => {
    expect(await run('db', 'check')).toEqual({
      status: 0,
      out: '1203 traces checked: all is well\n',
      err: '',
    })
    const path = join(folder, 'damaged.db')
    await Bun.write(path, Bun.file(join(folder, 'g.db')))
    const database = new Database(path)
    database.run(
      `UPDATE rollups SET input_tokens = input_tokens + 1 WHERE span = 15 AND dimension = '' AND start_us = ${T0}`,
    )
    database.run(`UPDATE counters SET value = 1200 WHERE name = 'traces'`)
    database.run('DELETE FROM body_chunks WHERE rowid = 1')
    database.close()
    writeFileSync(join(folder, 'damaged.yaml'), 'storage: {path: ./damaged.db}\n')
    const { status, out } = await run('db', 'check', '--config', 'damaged.yaml')
    expect(status).toBe(1)
    expect(out).toContain('the counter traces says 1200, there are 1203')
    expect(out).toContain('body chunks that bodies refer to are missing')
    expect(out).toMatch(/sums of 2026-02-18: input_tokens is \d+ in the rollups and \d+ in the traces/)
  })

  test('migrate makes a store and says what it did', async () => {
    writeFileSync(join(folder, 'new.yaml'), 'storage: {path: ./new/new.db}\n')
    const first = await run('db', 'migrate', '--config', 'new.yaml')
    expect([first.status, first.out]).toEqual([
      0,
      'applied 001_traces\napplied 002_attribution\napplied 003_rollups_and_chunks\napplied 004_tenants_and_keys\napplied 005_key_schemes\napplied 006_age_of_bodies\napplied 007_tenants_of_tags\napplied 008_key_lifecycle\napplied 009_shared_limits\napplied 010_limits_at_one_moment\napplied 011_scopes\napplied 012_bytes_of_details\napplied 013_failed_answers\napplied 014_quarter_hours\napplied 015_included_cost\napplied 018_limit_adjustments\napplied 019_consumption_pages\napplied 020_attempts\n',
    ])
    expect((await run('db', 'migrate', '--config', 'new.yaml')).out).toBe('the schema is current\n')
    const database = new Database(join(folder, 'new/new.db'))
    database.run("DELETE FROM ongoingai_migrations WHERE name LIKE '004%' OR name LIKE '005%'")
    for (const table of ['organizations', 'workspaces', 'gateway_keys', 'installation'])
      database.run(`DROP TABLE ${table}`)
    database.close()
    expect(await run('report', '--config', 'new.yaml')).toMatchObject({
      status: 1,
      err: expect.stringContaining('the schema is of an older version; `ongoingai db migrate`'),
    })
    expect((await run('db', 'migrate', '--config', 'new.yaml')).out).toBe(
      'applied 004_tenants_and_keys\napplied 005_key_schemes\n',
    )
    expect((await run('report', '--config', 'new.yaml')).status).toBe(0)
  })
})

describe('doctor', () => {
  const checks = async (settings: string): Promise<[number, Record<string, string>, string]> => {
    writeFileSync(join(folder, 'doctor.yaml'), settings)
    const { status, out } = await run('doctor', '--config', 'doctor.yaml', '--format', 'json')
    const document = JSON.parse(out) as {
      schema_version: string
      overall_status: string
      checks: { name: string; status: string }[]
    }
    expect(document.schema_version).toBe('doctor.v1')
    const found = Object.fromEntries(document.checks.map((check) => [check.name, check.status]))
    return [status, { ...found, overall: document.overall_status }, out]
  }
  const KEY = 'auth: {enabled: true, keys: [{id: a, token: a-token-of-some-length, role: owner}]}\n'

  test('a healthy gateway passes, and nothing is created', async () => {
    const [status, found] = await checks(`storage: {path: ./nowhere/x.db}\n${KEY}`)
    expect(Object.keys(found).slice(0, 4)).toEqual(['config', 'storage', 'route_wiring', 'auth_posture'])
    expect([status, found['storage'], found['auth_posture'], found['upstreams']]).toEqual([
      0,
      'pass',
      'pass',
      'skip',
    ])
    expect(existsSync(join(folder, 'nowhere'))).toBe(false)
  })

  test('says in words what is wrong, by its check', async () => {
    const text = await run('doctor')
    expect(text.status).toBe(0)
    expect(text.out).toContain('Overall status  WARN\n')
    expect(text.out).toContain('- [PASS] storage: connected to sqlite trace storage\n')
    expect(text.out).toContain('- [WARN] auth_posture: gateway auth is disabled\n  auth.enabled=false')
    expect(text.out).toContain('- [WARN] prices: requests of unknown cost')
    const [status, found, out] = await checks('providers: {openai: {prefix: /api}}\n')
    expect([status, found['config'], found['storage'], found['overall']]).toEqual([1, 'fail', 'skip', 'fail'])
    expect(out).toContain('must not overlap with /api routes')
    expect((await checks('auth: {enabled: true}\n'))[0]).toBe(1)
    expect((await checks('auth: {header: Authorization}\n'))[2]).toContain(
      'conflicts with Authorization/X-API-Key',
    )
    writeFileSync(join(folder, 'text.db'), 'this is no database at all, whatever its name may say')
    expect((await checks('storage: {path: ./text.db}\n'))[1]).toMatchObject({
      storage: 'fail',
      overall: 'fail',
    })
    expect((await run('doctor', '--format', 'yaml')).status).toBe(2)
    expect((await run('doctor', 'extra')).status).toBe(2)
  })

  test('says what policies look at on its way, and what they do not', async () => {
    const [status, found, out] = await checks(
      `storage: {path: ./nowhere/x.db}\n${KEY}pii: {mode: redact_upstream}\n`,
    )
    expect([status, found['redaction']]).toEqual([0, 'pass'])
    expect(out).toContain('not looked at: header fields')
    expect(out).toContain('redact modes send path and query as they came')
    const [, , off] = await checks(`storage: {path: ./nowhere/x.db}\n${KEY}`)
    expect(off).toContain('no policy looks at content on its way')
  })

  test('contacts the upstreams only with --online', async () => {
    writeFileSync(
      join(folder, 'online.yaml'),
      `storage: {path: ./g.db}\nproviders: {openai: {upstream: "http://127.0.0.1:1"}}\n`,
    )
    const { status, out } = await run('doctor', '--config', 'online.yaml', '--online')
    expect(status).toBe(1)
    expect(out).toContain('openai: http://127.0.0.1:1 cannot be reached')
  })
})

describe('report', () => {
  test('as a page that needs nothing else and obeys no text', async () => {
    const { status, out } = await run('report', '--format', 'html')
    expect(status).toBe(0)
    expect(out.startsWith('<!doctype html>')).toBe(true)
    expect(out).not.toMatch(/<script|<link|src=|url\(|@import|https?:/)
    expect(out).toContain('odd, &quot;model&quot;')
    expect(out.match(/<svg/g)!.length).toBe(5)
  })

  test('has latency, errors and sessions', async () => {
    const { out } = await run('report')
    expect(out).toContain('\nLatency\nMODEL')
    expect(out).toContain('\nErrors\nPROVIDER')
    expect(out).toMatch(/\nSessions\nSESSION_ID[^\n]*\ns0 /)
    const json = JSON.parse((await run('report', '--format', 'json')).out) as Record<string, unknown>
    expect(json['latency']).toMatchObject({ request_count: 1203, p50_ms: 120, p99_ms: 120 })
    expect(json['sessions']).toHaveLength(4)
  })
})

test('a reader that is slow gets all of it, however much it is', async () => {
  const program = PROGRAM.map((word) => `"${word}"`).join(' ')
  const words = `${program} report --format html | (sleep 0.5; wc -c)`
  const child = Bun.spawn(['sh', '-c', words], { cwd: folder, stdout: 'pipe' })
  const whole = (await run('report', '--format', 'html')).out
  expect(whole.length).toBeGreaterThan(10_000)
  expect(Number(await new Response(child.stdout).text())).toBe(Buffer.byteLength(whole))
  const lines = `${program} export --bodies | (sleep 0.5; wc -l)`
  const exported = Bun.spawn(['sh', '-c', lines], { cwd: folder, stdout: 'pipe' })
  expect(Number(await new Response(exported.stdout).text())).toBe(1203)
  const debug = `${program} debug --trace-group-id g --format json --limit 500 | (sleep 0.5; wc -l)`
  const chain = Bun.spawn(['sh', '-c', debug], { cwd: folder, stdout: 'pipe' })
  const all = (await run('debug', '--trace-group-id', 'g', '--format', 'json', '--limit', '500')).out
  expect(all.length).toBeGreaterThan(300_000)
  expect(Number(await new Response(chain.stdout).text())).toBe(all.split('\n').length - 1)
})

describe('debug', () => {
  test('bundles are private, whole, and checked by their manifest', async () => {
    const { status, err, out } = await run(
      'debug',
      '--trace-id',
      'trace-00700',
      '--diff',
      '--include-bodies',
      '--format',
      'json',
      '--bundle-out',
      'bundle',
    )
    expect([status, err]).toEqual([0, 'wrote debug bundle: bundle/manifest.json\n'])
    const chain = readFileSync(join(folder, 'bundle/debug-chain.json'))
    expect(chain.toString('utf8')).toBe(out)
    const manifest = JSON.parse(readFileSync(join(folder, 'bundle/manifest.json'), 'utf8')) as Record<
      string,
      unknown
    >
    expect(manifest).toMatchObject({
      schema_version: 'debug-bundle.v1',
      selection_mode: 'trace_id',
      chain: { source_trace_id: 'trace-00700', checkpoint_count: 1, diff_count: 0 },
      files: [{ name: 'debug-chain.json', bytes: chain.length, sha256: Bun.SHA256.hash(chain, 'hex') }],
    })
    expect(statSync(join(folder, 'bundle/debug-chain.json')).mode & 0o777).toBe(0o600)
    const onto = await run('debug', '--bundle-out', 'g.db')
    expect([onto.status, onto.err.includes('failed to write debug bundle: create bundle directory')]).toEqual(
      [1, true],
    )
  })
})

describe('on PostgreSQL', () => {
  let server: TestPostgres
  beforeAll(async () => {
    server = await openTestPostgres()
    const dsn = await server.createDatabase()
    writeFileSync(join(folder, 'pg.yaml'), `storage: {driver: postgres, dsn: "${dsn}"}\n`)
    const storage = await openPostgresStorage({
      dsn,
      mode: 'write',
      maxConnections: 2,
      queryTimeoutMs: 10_000,
    })
    await storage.write(TRACES)
    await storage.maintenance().rollUp(900)
    await storage.close()
  }, 60_000)
  afterAll(() => server?.stop(), 60_000)

  test('every command says the same as on SQLite', async () => {
    const same = [
      'report --format json --limit 20',
      'debug last --format json',
      'export --format csv --bodies',
    ]
    for (const words of same) {
      const [here, there] = await Promise.all([
        run(...words.split(' '), '--config', 'pg.yaml'),
        run(...words.split(' ')),
      ])
      const plain = (text: string): string =>
        text.replaceAll(/"generated_at": "[^"]*"/g, '').replace(/"storage": \{[^}]*\}/, '')
      expect([words, here.status, plain(here.out)]).toEqual([words, 0, plain(there.out)])
    }
  })

  test('status, check and doctor know it, and show no password', async () => {
    const { out } = await run('db', 'status', '--config', 'pg.yaml')
    expect(out).toContain('(PostgreSQL)')
    expect(out).toContain('Not summed up yet  303')
    expect(await run('db', 'check', '--config', 'pg.yaml')).toMatchObject({
      status: 0,
      out: '1203 traces checked: all is well\n',
    })
    const found = await run('doctor', '--config', 'pg.yaml')
    expect(found.out).toContain('[PASS] storage: connected to postgres trace storage')
    expect(`${out}${found.out}`).not.toContain('test:test@')
    const report = JSON.parse((await run('report', '--config', 'pg.yaml', '--format', 'json')).out) as object
    expect(report).toMatchObject({ storage: { driver: 'postgres' } })
  })
})
