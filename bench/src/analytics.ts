import type { ReadScope, Tenant } from '../../src/access/key-store.ts'
import type { Storage } from '../../src/storage/contract/storage.ts'
import type { TraceFilter } from '../../src/storage/contract/trace-filter.ts'
import type { TraceReader } from '../../src/storage/contract/traces.ts'
import { openStorage } from '../../src/storage/open-storage.ts'
import type { StorageConfig } from '../../src/storage/settings.ts'
import type { Trace } from '../../src/traces/trace.ts'
import { median } from './measure.ts'
import { CORPUS_START_US, traceCorpus } from './trace-corpus.ts'
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'

const TRACES = Number(process.env['BENCH_TRACES'] ?? 1_000_000)
/** A folder where databases stay between runs. */
const FOLDER = process.env['BENCH_FOLDER'] ?? 'data'
/** A PostgreSQL database of our own; SQLite without one. */
const POSTGRES = process.env['BENCH_POSTGRES_URL']
const ROUNDS = 5
const BATCH = 2000
const DAY_US = 86_400_000_000

/** How long every question of the API takes over a large store. Makes the store first, unless it is there. */
export async function analytics(): Promise<void> {
  const settings = settingsOf()
  const storage = await openStorage(settings, 'write')
  try {
    await fill(storage)
    const { traces } = await storage.maintenance().counters()
    console.log(
      `${settings.driver}, ${traces} traces, ${((await storage.sizeBytes()) / 1e9).toFixed(2)} GB; median of ${ROUNDS} [all rounds], ms`,
    )
    for (const [name, ask] of questions(storage)) {
      const times: number[] = []
      for (let round = 0; round < ROUNDS; round++) {
        const startedAt = performance.now()
        await ask()
        times.push(performance.now() - startedAt)
      }
      const all = times.map((time) => time.toFixed(1)).join(' ')
      console.log(`${median(times).toFixed(1).padStart(9)}  ${name.padEnd(72)} [${all}]`)
    }
  } finally {
    await storage.close()
  }
}

function settingsOf(): StorageConfig {
  if (POSTGRES) return { driver: 'postgres', dsn: POSTGRES, maxConnections: 4, queryTimeoutMs: 600_000 }
  if (!existsSync(FOLDER)) mkdirSync(FOLDER, { recursive: true })
  return { driver: 'sqlite', path: join(FOLDER, `analytics-${TRACES}.db`) }
}

async function fill(storage: Storage): Promise<void> {
  const stored = (await storage.maintenance().counters()).traces
  if (stored >= TRACES) return
  const startedAt = performance.now()
  let batch: Trace[] = []
  let written = 0
  const write = async (): Promise<void> => {
    await storage.write(batch)
    written += batch.length
    batch = []
    if (written % (10 * BATCH) === 0) while ((await storage.maintenance().rollUp(5000)) > 0);
    if (written % 200_000 === 0) {
      const rate = Math.round((written / (performance.now() - startedAt)) * 1000)
      console.log(`wrote ${written} of ${TRACES - stored} traces, ${rate} a second`)
    }
  }
  let skipped = 0
  for (const trace of traceCorpus(TRACES)) {
    if (skipped++ < stored) continue
    batch.push(trace)
    if (batch.length === BATCH) await write()
  }
  if (batch.length > 0) await write()
  while ((await storage.maintenance().rollUp(5000)) > 0);
  // As autovacuum does; not every server has it on.
  if (POSTGRES) await new Bun.SQL(POSTGRES).unsafe('ANALYZE')
}

/** What the API is asked: by an operator who sees all, and by the largest and a small workspace. */
function* questions(storage: Storage): Generator<[name: string, ask: () => Promise<unknown>]> {
  const at = (day: number, hours = 0): number => CORPUS_START_US + day * DAY_US + hours * 3.6e9
  const month: TraceFilter = { fromUs: at(30, 9.4), toUs: at(60, 15.7) }
  const scopes: [string, TraceReader][] = [
    ['all', storage.everywhere()],
    ['large', storage.within(scopeOf(tenant(0)))],
    ['small', storage.within(scopeOf(tenant(17)))],
  ]
  for (const [scope, reader] of scopes) {
    yield [`${scope}: summary`, () => reader.measure({}, {})]
    yield [`${scope}: summary of 30.3 days`, () => reader.measure(month, {})]
    yield [`${scope}: models`, () => reader.measure({}, { group: 'model' })]
    yield [`${scope}: keys`, () => reader.measure({}, { group: 'api_key' })]
    yield [
      `${scope}: cost by day and model`,
      () => reader.measure({}, { group: 'model', bucket: 'day', limit: 1000 }),
    ]
    yield [
      `${scope}: cost by day of Berlin`,
      () => reader.measure({}, { bucket: 'day', timeZone: 'Europe/Berlin' }),
    ]
    yield [
      `${scope}: cost by month of Kathmandu and model, 30.3 days`,
      () =>
        reader.measure(month, { group: 'model', bucket: 'month', timeZone: 'Asia/Kathmandu', limit: 1000 }),
    ]
    yield [
      `${scope}: cost by key and model`,
      () => reader.measure({}, { group: 'key', secondGroup: 'model', limit: 1000 }),
    ]
    yield [`${scope}: usage by hour, 30.3 days`, () => reader.measure(month, { bucket: 'hour' })]
    yield [`${scope}: latency`, () => reader.measure({}, { percentiles: true })]
    yield [
      `${scope}: latency by model`,
      () => reader.measure({}, { group: 'model', percentiles: true, limit: 1000 }),
    ]
    yield [
      `${scope}: latency by route, 30.3 days`,
      () => reader.measure(month, { group: 'route', percentiles: true, limit: 1000 }),
    ]
    yield [
      `${scope}: latency by key`,
      () => reader.measure({}, { group: 'key', percentiles: true, limit: 1000 }),
    ]
    yield [`${scope}: errors by provider`, () => reader.measure({}, { group: 'provider' })]
    yield [
      `${scope}: cost by session, the 1000 busiest`,
      () => reader.measure({}, { group: 'session', limit: 1000 }),
    ]
    yield [
      `${scope}: cost by day and end user, the 1000 busiest`,
      () => reader.measure({}, { group: 'end_user', bucket: 'day', limit: 1000 }),
    ]
    yield [`${scope}: cost by client`, () => reader.measure({}, { group: 'client', limit: 1000 })]
    yield [`${scope}: cost by tag`, () => reader.measure({}, { group: 'tag.project', limit: 1000 })]
    yield [
      `${scope}: models of one client`,
      () => reader.measure({ client: 'codex_exec' }, { group: 'model' }),
    ]
    yield [
      `${scope}: one end user's models`,
      () => reader.measure({ endUser: 'user-0-3' }, { group: 'model' }),
    ]
    yield [
      `${scope}: one client's sessions (two dimensions), one day`,
      () =>
        reader.measure(
          { client: 'codex_exec', fromUs: at(40), toUs: at(41) - 1 },
          { group: 'session', limit: 1000 },
        ),
    ]
    const list = (filter: TraceFilter) => () => reader.listTraces(filter, { limit: 50, order: 'newest' })
    yield [`${scope}: first page`, list({})]
    yield [`${scope}: first page of a model that is rare`, list({ model: 'mistral-large-3' })]
    yield [`${scope}: first page of one key`, list({ apiKeyHash: 'hash-17-3'.padEnd(64, '0') })]
    yield [`${scope}: first page of a status that is rare`, list({ status: 503 })]
    yield [`${scope}: first page of many tokens`, list({ minTokens: 31_300 })]
    yield [`${scope}: first page of a model that nobody used`, list({ model: 'nobody' })]
    yield [`${scope}: first page of a day 80 days back`, list({ fromUs: at(9), toUs: at(10) - 1 })]
    yield [`${scope}: first page of one session`, list({ sessionId: 'session-2s' })]
    yield [`${scope}: first page of a tag`, list({ tags: { project: 'p7' } })]
    yield [
      `${scope}: a page by arrival`,
      () =>
        reader.listTraces(
          {},
          {
            limit: 200,
            order: 'arrival',
            after: { createdAtUs: 0, id: (TRACES / 2).toString(16).padStart(32, '0') },
          },
        ),
    ]
    yield [`${scope}: one trace`, () => reader.getTrace((TRACES - 7).toString(16).padStart(32, '0'))]
  }
}

function tenant(workspace: number): Tenant {
  return { organizationId: `org-${workspace % 5}`, workspaceId: `team-${workspace}` }
}

function scopeOf({ organizationId, workspaceId }: Tenant): ReadScope {
  return { organizationId, workspaceIds: [workspaceId] }
}
