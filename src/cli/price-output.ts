import type { Config, PriceOverride } from '../config/config.ts'
import { ConfigError, loadConfig } from '../config/load.ts'
import { contractJson } from '../http/json-response.ts'
import { formatSecond } from '../rfc3339.ts'
import type { SeenModel } from '../storage/storage.ts'
import { OPERATION_LIST } from '../usage/operation-prices.ts'
import {
  listedModels,
  matchesModel,
  overrideApplies,
  PriceList,
  type ListedModel,
} from '../usage/price-list.ts'
import { readFormat, type Io } from './command.ts'
import type { Arguments } from './flags.ts'
import { openStore } from './open-store.ts'
import { textTable } from './text-table.ts'

/** What `prices list` does. @returns the exit status */
export function listPrices(parsed: Arguments, io: Io): number {
  return withConfig('prices list', parsed, io, 0, (config, format) => {
    const provider = (parsed.values.get('provider') ?? '').trim()
    const models = listedModels(Date.now()).filter(({ vendor }) => provider === '' || vendor === provider)
    if (provider !== '' && models.length === 0) {
      io.err(`no provider "${provider}" in the price lists; there are ${vendors().join(', ')}\n`)
      return 1
    }
    if (format === 'json') {
      const overrides = config.pricing.overrides.map(overrideJson)
      io.out(`${contractJson({ schema_version: 'prices.v1', overrides, models }, 2)}\n`)
      return 0
    }
    if (config.pricing.overrides.length > 0) {
      io.out('Own prices\n')
      io.out(textTable([OVERRIDE_HEAD, ...config.pricing.overrides.map(overrideRow)]))
      io.out('\n')
    }
    io.out(
      [...Map.groupBy(models, ({ list }) => list)]
        .map(
          ([list, listed]) => `Bundled prices (${list})\n${textTable([MODEL_HEAD, ...listed.map(modelRow)])}`,
        )
        .join('\n'),
    )
    return 0
  })
}

/** What `prices show` does. @returns the exit status */
export function showPrice(parsed: Arguments, io: Io): number {
  return withConfig('prices show', parsed, io, 1, (config, format) => {
    const model = parsed.positional[0]!
    const provider = (parsed.values.get('provider') ?? '').trim()
    const own = config.pricing.overrides.filter((override) => matchesModel(override, model))
    const found = pricesOf(config, model).filter(({ vendor }) => provider === '' || vendor === provider)
    if (format === 'json') {
      const overrides = own.map(overrideJson)
      io.out(`${contractJson({ schema_version: 'price.v1', model, overrides, prices: found }, 2)}\n`)
      return own.length + found.length > 0 ? 0 : 1
    }
    if (own.length + found.length === 0) {
      io.err(`no price is known for "${model}": its cost is unknown. Set pricing.overrides to give it one.\n`)
      return 1
    }
    if (own.length > 0) io.out(`Own prices\n${textTable([OVERRIDE_HEAD, ...own.map(overrideRow)])}`)
    for (const { vendor, model: name, list, prices, comment } of found) {
      io.out(`\n${vendor} ${name} (${list})\n`)
      io.out(textTable(Object.entries(prices).map(([key, price]) => [`  ${key}`, priceText(price)])))
      if (comment !== '') io.out(`  ${comment.trim()}\n`)
    }
    return 0
  })
}

/** What `prices check` does. @returns the exit status */
export async function checkPrices(parsed: Arguments, io: Io): Promise<number> {
  const format = readFormat('prices check', parsed)
  if ('problem' in format || parsed.positional.length > 0) {
    io.err(`${'problem' in format ? format.problem : 'prices check does not accept positional arguments'}\n`)
    return 2
  }
  const store = await openStore(parsed, io)
  if (!store) return 1
  try {
    const seen = await store.storage.maintenance().seenModels()
    const missing = withoutPrice(store.config, seen)
    const idle = store.config.pricing.overrides.filter(
      (override) => !seen.some((model) => overrideApplies(override, questionOf(store.config, model))),
    )
    if (format.format === 'json') {
      const missingModels = missing.map(({ provider, model, traces, lastAtUs }) => ({
        provider,
        model,
        traces,
        last_seen_at: formatSecond(lastAtUs),
      }))
      const unused = idle.map(overrideJson)
      const result = { schema_version: 'prices-check.v1', missing: missingModels, unused_overrides: unused }
      io.out(`${contractJson(result, 2)}\n`)
    } else writeCheck(seen.length, missing, idle, io)
    return missing.length + idle.length > 0 ? 1 : 0
  } catch (error) {
    io.err(`failed to check prices: ${error instanceof Error ? error.message : String(error)}\n`)
    return 1
  } finally {
    await store.storage.close()
  }
}

function withConfig(
  command: string,
  parsed: Arguments,
  io: Io,
  words: number,
  run: (config: Config, format: 'text' | 'json') => number,
): number {
  const format = readFormat(command, parsed)
  if ('problem' in format || parsed.positional.length !== words) {
    const expected = words === 0 ? 'does not accept positional arguments' : 'expects the name of a model'
    io.err(`${'problem' in format ? format.problem : `${command} ${expected}`}\n`)
    return 2
  }
  try {
    return run(loadConfig(parsed.values.get('config'), io.environment).config, format.format)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    io.err(`${error.stage === 'load' ? 'failed to load config' : 'config is invalid'}: ${error.message}\n`)
    return 1
  }
}

function vendors(): string[] {
  return [...new Set(listedModels(Date.now()).map(({ vendor }) => vendor))]
}

/** Prices of a model at every provider of the lists, as an exchange now would get them. */
function pricesOf(config: Config, model: string): readonly ListedModel[] {
  const bundled = new PriceList({ ...config.pricing, overrides: [], unknownModel: 'allow' })
  const listed = listedModels(Date.now())
  const found = vendors().flatMap((vendor) => {
    const rates = bundled.find({
      provider: vendor,
      upstreamUrl: '',
      dialect: 'openai',
      organizationId: '',
      workspaceId: '',
      model,
      at: Date.now(),
    })
    const entry = listed.find((one) => one.vendor === rates?.vendor && one.model === rates.model)
    return entry ? [entry] : []
  })
  const operations = listed.filter((one) => one.list === OPERATION_LIST && one.model === model)
  return [...new Set([...found, ...operations])]
}

function questionOf({ providers }: Config, seen: SeenModel): Parameters<PriceList['find']>[0] {
  const provider = providers.find(({ name }) => name === seen.provider)
  return {
    provider: seen.provider,
    upstreamUrl: provider?.upstream ?? '',
    dialect: provider?.api ?? 'openai',
    organizationId: seen.organizationId,
    workspaceId: seen.workspaceId,
    model: seen.model,
    at: seen.lastAtUs / 1000,
  }
}

function withoutPrice(config: Config, seen: readonly SeenModel[]): readonly SeenModel[] {
  const prices = new PriceList({ ...config.pricing, unknownModel: 'allow' })
  const missing = new Map<string, SeenModel>()
  for (const model of seen) {
    if (prices.find(questionOf(config, model))) continue
    const key = `${model.provider} ${model.model}`
    const before = missing.get(key)
    missing.set(key, before ? { ...before, traces: before.traces + model.traces } : model)
  }
  return [...missing.values()]
}

function writeCheck(
  seen: number,
  missing: readonly SeenModel[],
  idle: readonly PriceOverride[],
  io: Io,
): void {
  if (missing.length > 0) {
    io.out('Models without a price: their cost is unknown\n')
    const rows = missing.map(({ provider, model, traces, lastAtUs }) => [
      provider,
      model,
      String(traces),
      formatSecond(lastAtUs),
    ])
    io.out(textTable([['PROVIDER', 'MODEL', 'TRACES', 'LAST_SEEN'], ...rows]))
    io.out('Give them one under pricing.overrides, then run: ongoingai reprice\n')
  }
  if (idle.length > 0) {
    if (missing.length > 0) io.out('\n')
    io.out('Own prices that no stored trace matches\n')
    io.out(textTable([OVERRIDE_HEAD, ...idle.map(overrideRow)]))
  }
  if (missing.length + idle.length === 0) io.out(`every one of ${seen} used models has a price\n`)
}

const OVERRIDE_HEAD = ['PROVIDER', 'MODEL', 'FROM', 'INPUT', 'OUTPUT', 'TENANT']

function overrideRow({
  provider,
  model,
  from,
  free,
  input,
  output,
  orgId,
  workspaceId,
}: PriceOverride): string[] {
  const rate = (usd: number): string => (free ? '0' : usd < 0 ? '-' : String(usd))
  return [
    provider || '(any)',
    model,
    from || '(always)',
    rate(input),
    rate(output),
    [orgId, workspaceId].filter(Boolean).join('/') || '(any)',
  ]
}

/** An own price under the names of its settings. */
function overrideJson(override: PriceOverride): object {
  return {
    provider: override.provider,
    org_id: override.orgId,
    workspace_id: override.workspaceId,
    model: override.model,
    from: override.from,
    free: override.free,
    input: override.input,
    output: override.output,
    cache_read: override.cacheRead,
    cache_write: override.cacheWrite,
    cache_write_1h: override.cacheWrite1h,
  }
}

const MODEL_HEAD = ['PROVIDER', 'MODEL', 'INPUT', 'CACHE_READ', 'CACHE_WRITE', 'OUTPUT']

function modelRow({ vendor, model, prices }: ListedModel): string[] {
  const keys = ['input_mtok', 'cache_read_mtok', 'cache_write_mtok', 'output_mtok']
  return [vendor, model, ...keys.map((key) => priceText(prices[key]))]
}

/** A price in USD, with its brackets. */
function priceText(price: ListedModel['prices'][string]): string {
  if (price === undefined) return '-'
  if (typeof price === 'number') return String(price)
  return [String(price.base), ...price.tiers.map((tier) => `${tier.price} above ${tier.start}`)].join(', ')
}
