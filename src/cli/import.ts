import { tenantOfFileKey } from '../access/key-administration.ts'
import type { Config } from '../config/config.ts'
import { contractJson } from '../wire/json/contract-json.ts'
import { visible } from '../presentation/visible.ts'
import type { Storage } from '../storage/contract/storage.ts'
import type { DirectoryEntries } from '../storage/contract/tenant-directory.ts'
import type { TraceMaintenance } from '../storage/contract/trace-maintenance.ts'
import type { GoSource } from '../storage/import/go-source.ts'
import { ImportedSpend } from '../storage/import/imported-spend.ts'
import { type UnreadableRow, importedTrace } from '../storage/import/imported-trace.ts'
import { untilFree } from '../storage/until-free.ts'
import type { Trace } from '../traces/trace.ts'
import { audited } from './audited.ts'
import { type Io, readFormat } from './command.ts'
import type { Arguments } from './flags.ts'
import { waitingFor, withConfig } from './open-store.ts'
import { Progress } from './progress.ts'

/** Rows of one transaction. */
const PAGE = 1000

/** Rows that cannot be read are named, up to so many. */
const NAMED = 20

/** `ongoingai import`: brings the traces, tenants and keys of the Go gateway into the store. */
export async function importGo(parsed: Arguments, io: Io): Promise<number> {
  const format = readFormat('import', parsed)
  const from = (parsed.values.get('from') ?? io.environment['ONGOINGAI_IMPORT_FROM'] ?? '').trim()
  const problem =
    parsed.positional.length > 0
      ? 'import does not accept positional arguments'
      : 'problem' in format
        ? format.problem
        : from === ''
          ? 'import needs --from (or ONGOINGAI_IMPORT_FROM, which no process list shows)'
          : undefined
  if (problem !== undefined || 'problem' in format) {
    io.err(`${problem}\n`)
    return 2
  }
  const config = withConfig(parsed, io)
  if (!config) return 1
  const { openGoSource, openStorage } = await import('../storage/open-storage.ts')
  let source: GoSource | undefined
  let storage: Storage | undefined
  try {
    source = await openGoSource(from)
    storage = await openStorage(config.storage, 'write', waitingFor(io))
    const result = await bringOver(source, storage, from, config, io)
    const { place, read, added, tenants } = result
    await audited(storage, { action: 'traces.import', target: place, detail: { read, added, ...tenants } })
    if (format.format === 'json') io.out(`${contractJson(resultJson(result), 2)}\n`)
    else writeText(result, io)
    return 0
  } catch (error) {
    io.err(`import stopped: ${error instanceof Error ? error.message : String(error)}\n`)
    io.err('what was brought over is kept; run the same command again to go on from there\n')
    return 1
  } finally {
    await source?.close()
    await storage?.close()
  }
}

interface Result {
  readonly place: string
  readonly read: number
  readonly added: number
  readonly unreadable: readonly UnreadableRow[]
  readonly unreadableCount: number
  /** Rows that an interrupted run had read before. */
  readonly before: number
  readonly tenants: Readonly<Record<keyof DirectoryEntries, number>>
}

async function bringOver(
  source: GoSource,
  storage: Storage,
  from: string,
  config: Config,
  io: Io,
): Promise<Result> {
  const tenants = await storage.directory().add(await source.directory())
  const jobs = storage.maintenance()
  const spend = await importedSpend(storage, config)
  // The name identifies the source and holds none of its secrets.
  const job = `import ${Bun.SHA256.hash(from, 'hex').slice(0, 32)}`
  const before = await jobs.progress(job)
  const progress = new Progress(await source.count(), 'traces', io)
  const unreadable: UnreadableRow[] = []
  let [position, read, added, bad] = [before, 0, 0, 0]
  for (;;) {
    const rows = await source.rows(position, PAGE)
    const last = rows.at(-1)
    if (!last) break
    const traces: Trace[] = []
    for (const row of rows) {
      const trace = importedTrace(row, config.pii.maskedRequestFields)
      if (!('reason' in trace)) traces.push({ ...trace, spend: spend.of(trace) })
      else {
        bad += 1
        if (unreadable.length < NAMED) unreadable.push(trace)
      }
    }
    added += await untilFree(storage, () => storage.write(traces))
    await untilFree(storage, () => jobs.replaceCosts(job, [], last.position))
    position = last.position
    read += rows.length
    progress.show(before + read)
  }
  await untilFree(storage, () => rollUpAll(jobs))
  await untilFree(storage, () => jobs.finish(job))
  progress.clear()
  return { place: source.place, read, added, unreadable, unreadableCount: bad, before, tenants }
}

/** Budgets continue from earlier spend: those of the configuration, and of keys of the file and the store. */
async function importedSpend(storage: Storage, { auth, limits }: Config): Promise<ImportedSpend> {
  const { keys } = await storage.directory().activeKeys()
  const all = [
    ...keys,
    ...auth.keys.map((key) => ({ ...tenantOfFileKey(key), id: key.id.trim(), limits: key.limits })),
  ]
  return new ImportedSpend(limits.policies, (organizationId, workspaceId, keyId) =>
    all
      .filter(
        (key) => key.id === keyId && key.organizationId === organizationId && key.workspaceId === workspaceId,
      )
      .flatMap((key) => key.limits),
  )
}

async function rollUpAll(jobs: TraceMaintenance): Promise<void> {
  while ((await jobs.rollUp(PAGE * 5)) > 0);
}

function resultJson({ place, tenants, ...result }: Result): object {
  return {
    schema_version: 'import.v1',
    from: place,
    read: result.read,
    read_before: result.before,
    added: result.added,
    already_there: result.read - result.added - result.unreadableCount,
    unreadable: result.unreadableCount,
    unreadable_rows: result.unreadable,
    organizations_added: tenants.organizations,
    workspaces_added: tenants.workspaces,
    gateway_keys_added: tenants.keys,
  }
}

function writeText({ place, tenants, ...result }: Result, io: Io): void {
  const there = result.read - result.added - result.unreadableCount
  if (result.before > 0) io.out(`an interrupted import was taken up after ${result.before} rows\n`)
  io.out(`${result.added} traces brought over from ${place}\n`)
  if (there > 0) io.out(`${there} were there already\n`)
  if (tenants.organizations + tenants.workspaces + tenants.keys > 0) {
    io.out(
      `${tenants.organizations} organizations, ${tenants.workspaces} workspaces and ${tenants.keys} gateway keys brought over; keys work as before\n`,
    )
  }
  if (result.unreadableCount === 0) return
  io.out(`${result.unreadableCount} rows could not be read:\n`)
  for (const { id, reason } of result.unreadable) io.out(`  ${visible(id)}: ${visible(reason)}\n`)
  if (result.unreadableCount > NAMED) io.out(`  and ${result.unreadableCount - NAMED} more\n`)
}
