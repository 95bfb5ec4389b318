import type { Config } from '../config/config.ts'
import { contractJson } from '../wire/json/contract-json.ts'
import { sumMark } from '../presentation/estimate-marks.ts'
import { visible } from '../presentation/visible.ts'
import type { Storage } from '../storage/contract/storage.ts'
import type { TimeRange } from '../storage/contract/trace-filter.ts'
import type { StoredTrace } from '../storage/contract/trace-maintenance.ts'
import { untilFree } from '../storage/until-free.ts'
import { formatSecond } from '../time/rfc3339.ts'
import { repriced } from '../traces/reprice.ts'
import type { Trace } from '../traces/trace.ts'
import type { ModelNames } from '../usage/model-names.ts'
import { nanoToUsd, usdText } from '../usage/money.ts'
import type { PriceList } from '../usage/price-list.ts'
import { type Io, readFormat } from './command.ts'
import { readRangeFlags } from './filter-flags.ts'
import type { Arguments } from './flags.ts'
import { openStore } from './open-store.ts'
import { Progress } from './progress.ts'
import { textTable } from './text-table.ts'

/** Traces that are priced in one transaction: short, so that a running gateway is not kept waiting. */
const PAGE = 200

/** `ongoingai reprice`: prices stored traces again by the current lists. */
export async function reprice(parsed: Arguments, io: Io): Promise<number> {
  const options = readOptions(parsed)
  if ('problem' in options) {
    io.err(`${options.problem}\n`)
    return 2
  }
  if (io.confirm && !options.dryRun && !options.yes && options.format === 'text') {
    const preview = await run(parsed, { ...options, dryRun: true }, io)
    if (!preview) return 1
    if (preview.changed === 0) return 0
    await io.drained()
    if (!io.confirm(`Change ${preview.changed} traces?`)) {
      io.out('nothing was changed\n')
      return 0
    }
  }
  return (await run(parsed, options, io)) ? 0 : 1
}

/** Prices traces again, or shows what that would change. @returns `undefined` after the reason was shown */
async function run(parsed: Arguments, options: Options, io: Io): Promise<Result | undefined> {
  const store = await openStore(parsed, io, options.dryRun ? 'read' : 'write')
  if (!store) return undefined
  try {
    const result = await repriceAll(store.storage, store.config, options, io)
    if (options.format === 'json') io.out(`${contractJson(resultJson(result, options), 2)}\n`)
    else writeText(result, options, io)
    return result
  } catch (error) {
    io.err(`reprice stopped: ${error instanceof Error ? error.message : String(error)}\n`)
    io.err('what was done is kept; run the same command again to go on from there\n')
    return undefined
  } finally {
    await store.storage.close()
  }
}

interface Options extends TimeRange {
  readonly format: 'text' | 'json'
  readonly dryRun: boolean
  readonly yes: boolean
}

function readOptions(parsed: Arguments): Options | { problem: string } {
  const { values, positional } = parsed
  if (positional.length > 0) return { problem: 'reprice does not accept positional arguments' }
  const format = readFormat('reprice', parsed)
  if ('problem' in format) return format
  const range = readRangeFlags(parsed)
  if ('problem' in range) return range
  return {
    ...range,
    format: format.format,
    dryRun: values.get('dry-run') === 'true',
    yes: values.get('yes') === 'true',
  }
}

/** Sums of one model, in nano-USD over the traces whose cost is known. */
interface ModelChange {
  traces: number
  changed: number
  beforeNanoUsd: number
  afterNanoUsd: number
  unknownBefore: number
  unknownAfter: number
  estimatedBefore: number
  estimatedAfter: number
  /** The list prices of traces that a subscription paid for. */
  listBeforeNanoUsd: number
  listAfterNanoUsd: number
}

interface Result {
  readonly models: ReadonlyMap<string, ModelChange>
  readonly traces: number
  readonly changed: number
  /** An interrupted run was taken up again: the sums are of the rest. */
  readonly resumed: boolean
  /** Names of the bundled lists. */
  readonly lists: readonly string[]
}

async function repriceAll(storage: Storage, config: Config, options: Options, io: Io): Promise<Result> {
  const jobs = storage.maintenance()
  // Loaded here: the price list is megabytes that `serve` must not carry.
  const { PriceList } = await import('../usage/price-list.ts')
  const { tableLabels } = await import('../usage/price-tables.ts')
  const lists = tableLabels(config.pricing.list?.table)
  const prices = new PriceList(config.pricing)
  const job = jobName(config, options, lists)
  const start = options.dryRun ? 0 : await jobs.progress(job)
  const total = await jobs.count(options, start)
  const progress = new Progress(total, 'traces', io)
  const models = new Map<string, ModelChange>()
  const replacedAt = formatSecond(Date.now() * 1000)
  let [seq, traces, changed] = [start, 0, 0]
  for (;;) {
    const page = await jobs.page(options, seq, PAGE)
    if (page.length === 0) break
    const updates: StoredTrace[] = []
    for (const stored of page) {
      const again = repriced(
        stored.trace,
        (names) => ratesFor(prices, config, stored.trace, names),
        replacedAt,
      )
      if (again) updates.push({ seq: stored.seq, trace: again })
      note(models, stored.trace, again)
    }
    seq = page.at(-1)!.seq
    if (!options.dryRun) await untilFree(storage, () => jobs.replaceCosts(job, updates, seq))
    traces += page.length
    changed += updates.length
    progress.show(traces)
  }
  if (!options.dryRun) await jobs.finish(job)
  progress.clear()
  return { models, traces, changed, resumed: start > 0, lists }
}

/** A job may continue after an interruption only with the same range and prices. */
function jobName({ pricing }: Config, { fromUs, toUs }: TimeRange, lists: readonly string[]): string {
  const prices = Bun.SHA256.hash(JSON.stringify(pricing), 'hex').slice(0, 16)
  return `reprice ${fromUs ?? ''}..${toUs ?? ''} ${lists.join(' ')} ${prices}`
}

function ratesFor(
  prices: PriceList,
  { providers }: Config,
  trace: Trace,
  names: ModelNames,
): ReturnType<PriceList['find']> {
  const provider = providers.find(({ name }) => name === trace.provider)
  return prices.find({
    provider: trace.provider,
    upstreamUrl: provider?.upstream ?? `https://${trace.detail.upstream.url_host}`,
    dialect: provider?.api ?? 'openai',
    api: trace.api,
    organizationId: trace.organizationId,
    workspaceId: trace.workspaceId,
    keyId: trace.gatewayKeyId,
    names,
    at: trace.startedAtUs / 1000,
  })
}

function note(models: Map<string, ModelChange>, before: Trace, after: Trace | undefined): void {
  const now = after ?? before
  let model = models.get(before.model)
  if (!model) {
    model = {
      traces: 0,
      changed: 0,
      beforeNanoUsd: 0,
      afterNanoUsd: 0,
      unknownBefore: 0,
      unknownAfter: 0,
      estimatedBefore: 0,
      estimatedAfter: 0,
      listBeforeNanoUsd: 0,
      listAfterNanoUsd: 0,
    }
    models.set(before.model, model)
  }
  model.traces += 1
  if (after) model.changed += 1
  model.beforeNanoUsd += before.costNanoUsd ?? 0
  model.afterNanoUsd += now.costNanoUsd ?? 0
  model.listBeforeNanoUsd += before.listPriceNanoUsd ?? 0
  model.listAfterNanoUsd += now.listPriceNanoUsd ?? 0
  if (before.costNanoUsd === null) model.unknownBefore += 1
  if (now.costNanoUsd === null) model.unknownAfter += 1
  if (before.costStatus === 'estimated') model.estimatedBefore += 1
  if (now.costStatus === 'estimated') model.estimatedAfter += 1
}

function changedModels({ models }: Result): [string, ModelChange][] {
  return [...models]
    .filter(([, model]) => model.changed > 0)
    .sort(([a, x], [b, y]) => y.changed - x.changed || (a < b ? -1 : 1))
}

function resultJson(result: Result, { dryRun }: Options): object {
  return {
    schema_version: 'reprice.v1',
    dry_run: dryRun,
    resumed: result.resumed,
    price_lists: result.lists,
    traces: result.traces,
    changed: result.changed,
    models: changedModels(result).map(([model, change]) => ({
      model,
      traces: change.traces,
      changed: change.changed,
      before_usd: nanoToUsd(change.beforeNanoUsd),
      after_usd: nanoToUsd(change.afterNanoUsd),
      difference_usd: nanoToUsd(change.afterNanoUsd - change.beforeNanoUsd),
      unknown_before: change.unknownBefore,
      unknown_after: change.unknownAfter,
      estimated_before: change.estimatedBefore,
      estimated_after: change.estimatedAfter,
      included_list_before_usd: nanoToUsd(change.listBeforeNanoUsd),
      included_list_after_usd: nanoToUsd(change.listAfterNanoUsd),
    })),
  }
}

function writeText(result: Result, { dryRun }: Options, io: Io): void {
  const verb = dryRun ? 'would change' : 'changed'
  io.out(`${result.changed} of ${result.traces} traces ${verb} (${result.lists.map(visible).join(', ')})\n`)
  if (result.resumed) io.out('an interrupted run was taken up; the sums are of the rest\n')
  const rows = changedModels(result)
  if (rows.length === 0) return
  const listed = rows.some(([, change]) => change.listBeforeNanoUsd + change.listAfterNanoUsd > 0)
  io.out(
    textTable([
      [
        'MODEL',
        'CHANGED',
        'BEFORE_USD',
        'AFTER_USD',
        'DIFFERENCE_USD',
        'UNKNOWN',
        ...(listed ? ['INCLUDED_LIST_USD'] : []),
      ],
      ...rows.map(([model, change]) => {
        const difference = change.afterNanoUsd - change.beforeNanoUsd
        return [
          model,
          `${change.changed}/${change.traces}`,
          `${sumMark({ estimatedCostRequests: change.estimatedBefore })}${usdText(change.beforeNanoUsd)}`,
          `${sumMark({ estimatedCostRequests: change.estimatedAfter })}${usdText(change.afterNanoUsd)}`,
          `${difference < 0 ? '-' : '+'}${usdText(Math.abs(difference))}`,
          `${change.unknownBefore} → ${change.unknownAfter}`,
          ...(listed ? [`${usdText(change.listBeforeNanoUsd)} → ${usdText(change.listAfterNanoUsd)}`] : []),
        ]
      }),
    ]),
  )
}
