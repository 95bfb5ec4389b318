import { contractJson } from '../wire/json/contract-json.ts'
import { formatSecond } from '../time/rfc3339.ts'
import { placeOf } from '../storage/storage-place.ts'
import { readFormat, type Io } from './command.ts'
import type { Arguments } from './flags.ts'
import { openStore, waitingFor, withConfig, type OpenStore } from './open-store.ts'
import { Progress } from './progress.ts'
import { textTable } from './text-table.ts'

const DAY_US = 86_400_000_000

/** `ongoingai db status`: what the store is, how large, and whether its schema is current. */
export async function dbStatus(parsed: Arguments, io: Io): Promise<number> {
  const format = readOptions('db status', parsed, io)
  if (!format) return 2
  return withStore(parsed, io, async ({ storage, config }) => {
    const jobs = storage.maintenance()
    const [state, counters, bytes, oldest] = await Promise.all([
      storage.state(),
      jobs.counters(),
      storage.sizeBytes(),
      jobs.oldest(),
    ])
    const at = (us: number | undefined): string => (us === undefined ? '(none)' : formatSecond(us))
    if (format === 'json') {
      io.out(
        `${contractJson(
          {
            schema_version: 'db-status.v1',
            driver: storage.driver,
            server: state.server,
            place: placeOf(config.storage),
            size_bytes: bytes,
            traces: counters.traces,
            trace_bytes: counters.traceBytes,
            body_bytes: counters.bodyBytes,
            not_rolled_up: counters.notRolledUp,
            ...(oldest.tracesUs === undefined ? {} : { oldest_trace_at: formatSecond(oldest.tracesUs) }),
            ...(oldest.bodiesUs === undefined ? {} : { oldest_body_at: formatSecond(oldest.bodiesUs) }),
            migrations: state.applied,
            warnings: state.warnings,
          },
          2,
        )}\n`,
      )
      return 0
    }
    io.out(
      textTable([
        ['Store', placeOf(config.storage)],
        ['Server', state.server],
        ['Size', `${(bytes / 1e6).toFixed(1)} MB`],
        ['Traces', String(counters.traces)],
        ['Bodies', `${(counters.bodyBytes / 1e6).toFixed(1)} MB as kept`],
        ['Not summed up yet', String(counters.notRolledUp)],
        ['Oldest trace', at(oldest.tracesUs)],
        ['Oldest bodies', at(oldest.bodiesUs)],
        ...state.applied.map((name, i) => [i === 0 ? 'Schema' : '', name]),
        ...state.warnings.map((warning) => ['Warning', warning]),
      ]),
    )
    return 0
  })
}

/** `ongoingai db migrate`: upgrades the schema, and creates the store if there is none. */
export async function dbMigrate(parsed: Arguments, io: Io): Promise<number> {
  if (parsed.positional.length > 0) {
    io.err('db migrate does not accept positional arguments\n')
    return 2
  }
  const config = withConfig(parsed, io)
  if (!config) return 1
  const { openStorage } = await import('../storage/open-storage.ts')
  try {
    const storage = await openStorage(config.storage, 'write', waitingFor(io))
    try {
      const { appliedNow } = await storage.state()
      for (const name of appliedNow) io.out(`applied ${name}\n`)
      if (appliedNow.length === 0) io.out('the schema is current\n')
      return 0
    } finally {
      await storage.close()
    }
  } catch (error) {
    io.err(`failed to migrate: ${error instanceof Error ? error.message : String(error)}\n`)
    return 1
  }
}

/** `ongoingai db check`: whether the store is whole: the database itself, counts, references, and every day's sums. */
export async function dbCheck(parsed: Arguments, io: Io): Promise<number> {
  const format = readOptions('db check', parsed, io)
  if (!format) return 2
  return withStore(parsed, io, async ({ storage }) => {
    const jobs = storage.maintenance()
    const problems = [
      ...(await storage.damage()).map((text) => `database: ${text}`),
      ...(await jobs.checkCounts()),
      ...(await checkDays({ storage }, io)),
    ]
    const { traces } = await jobs.counters()
    if (format === 'json') {
      io.out(`${contractJson({ schema_version: 'db-check.v1', traces, problems }, 2)}\n`)
    } else if (problems.length === 0) io.out(`${traces} traces checked: all is well\n`)
    else for (const problem of problems) io.out(`${problem}\n`)
    return problems.length === 0 ? 0 : 1
  })
}

/** Compares sums and traces, day by day. Retention may have deleted some traces of a day. */
async function checkDays({ storage }: Pick<OpenStore, 'storage'>, io: Io): Promise<string[]> {
  const jobs = storage.maintenance()
  const { rows } = await storage.everywhere().measure({}, { bucket: 'day' })
  const summed = rows.reduce((sum, row) => sum + row.requests, 0)
  const whole = summed === (await storage.everywhere().countTraces())
  const firstUs = whole ? 0 : ((await jobs.oldest()).tracesUs ?? Infinity)
  const progress = new Progress(rows.length, 'days', io)
  const problems: string[] = []
  for (const [i, { bucketStartUs }] of rows.entries()) {
    progress.show(i)
    if (bucketStartUs < firstUs) continue
    const { different } = await jobs.checkRollups(bucketStartUs, bucketStartUs + DAY_US)
    for (const { column, rollups, traces } of different) {
      const day = formatSecond(bucketStartUs).slice(0, 10)
      problems.push(`sums of ${day}: ${column} is ${rollups} in the rollups and ${traces} in the traces`)
    }
  }
  progress.clear()
  return problems
}

function readOptions(name: string, parsed: Arguments, io: Io): 'text' | 'json' | undefined {
  const format = readFormat(name, parsed)
  const problem =
    parsed.positional.length > 0
      ? `${name} does not accept positional arguments`
      : 'problem' in format
        ? format.problem
        : undefined
  if (problem !== undefined) io.err(`${problem}\n`)
  return problem === undefined && 'format' in format ? format.format : undefined
}

async function withStore(
  parsed: Arguments,
  io: Io,
  work: (store: OpenStore) => Promise<number>,
): Promise<number> {
  const store = await openStore(parsed, io)
  if (!store) return 1
  try {
    return await work(store)
  } catch (error) {
    io.err(`failed: ${error instanceof Error ? error.message : String(error)}\n`)
    return 1
  } finally {
    await store.storage.close()
  }
}
