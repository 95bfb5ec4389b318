import type { Config } from '../config/config.ts'
import { ConfigError, loadConfig } from '../config/load.ts'
import { PRICE, RATES, UNIT_PRICES } from '../config/price-settings.ts'
import { snakeCased } from '../config/setting.ts'
import { contractJson } from '../wire/json/contract-json.ts'
import { priceAgeJson, priceAgeLines } from '../presentation/price-age-text.ts'
import { priceAge } from '../presentation/price-age.ts'
import { queryOf } from '../presentation/price-query.ts'
import { visible } from '../presentation/visible.ts'
import type { SeenModel } from '../storage/contract/trace-maintenance.ts'
import { formatSecond } from '../time/rfc3339.ts'
import { FEES } from '../usage/fees.ts'
import { nameForms, nameMatching } from '../usage/model-names.ts'
import { OPERATION_LIST } from '../usage/operation-prices.ts'
import { overrideApplies } from '../usage/overrides.ts'
import { type ListedModel, PriceList, listedModels } from '../usage/price-list.ts'
import { tableLabel } from '../usage/price-table.ts'
import type { PriceOverride } from '../usage/settings.ts'
import { type Bucket, UNITS } from '../usage/usage.ts'
import { type Io, readFormat } from './command.ts'
import type { Arguments } from './flags.ts'
import { openStore } from './open-store.ts'
import { priceText } from './price-text.ts'
import { outputColumns, textTable } from './text-table.ts'
import { wrapWords } from './wrap-words.ts'

/** What `prices list` does. @returns the exit status */
export function listPrices(parsed: Arguments, io: Io): number {
  return withConfig('prices list', parsed, io, 0, (config, format) => {
    const provider = (parsed.values.get('provider') ?? '').trim()
    const models = listedModels(config.pricing.list?.table, Date.now()).filter(
      ({ vendor }) => provider === '' || vendor === provider,
    )
    if (provider !== '' && models.length === 0) {
      io.err(`no provider "${provider}" in the price lists; there are ${vendors(config).join(', ')}\n`)
      return 1
    }
    const own = config.pricing.list && tableLabel(config.pricing.list.table)
    if (format === 'json') {
      const overrides = config.pricing.overrides.map(overrideJson)
      io.out(`${contractJson({ schema_version: 'prices.v1', overrides, models }, 2)}\n`)
      return 0
    }
    if (config.pricing.overrides.length > 0) {
      io.out('Own prices\n')
      io.out(overrideTable(config.pricing.overrides))
      io.out('\n')
    }
    io.out(
      [...Map.groupBy(models, ({ list }) => list)]
        .map(
          ([list, listed]) =>
            `${list === own ? 'Own list' : 'Bundled prices'} (${visible(list)})\n${textTable([MODEL_HEAD, ...listed.map(modelRow)])}`,
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
    const forms = nameForms({ requested: model })
    const own = config.pricing.overrides.filter((override) => nameMatching(override.model, forms))
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
    if (own.length > 0) io.out(`Own prices\n${overrideTable(own)}`)
    for (const { vendor, model: name, list, prices, comment, doubt } of found) {
      io.out(`\n${visible(`${vendor} ${name} (${list})`)}\n`)
      io.out(textTable(Object.entries(prices).map(([key, price]) => [`  ${key}`, priceText(price)])))
      if (comment !== '') io.out(`  ${visible(comment.trim())}\n`)
      if (doubt !== undefined) io.out(`  not certain: ${visible(doubt)}\n`)
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
    const partly = pricedInPart(store.config, seen)
    const queries = seen.map((model) => queryOf(store.config, model))
    const used = queries.map((query) => ({ query, forms: nameForms(query.names) }))
    const age = priceAge(store.config, seen, Date.now())
    const idle = store.config.pricing.overrides.filter(
      (override) => !used.some(({ query, forms }) => overrideApplies(override, query, forms)),
    )
    if (format.format === 'json') {
      const unused = idle.map(overrideJson)
      const result = {
        schema_version: 'prices-check.v1',
        price_list: priceAgeJson(age),
        missing: missing.map(seenJson),
        partly_priced: partly.map(({ seen: model, lacks }) => ({ ...seenJson(model), lacks })),
        unused_overrides: unused,
      }
      io.out(`${contractJson(result, 2)}\n`)
    } else {
      writeCheck(seen.length, { missing, partly, idle }, io)
      io.out(
        `\n${priceAgeLines(age)
          .map((line) => `${wrapWords(line, outputColumns(), '  ')}\n`)
          .join('')}`,
      )
    }
    return missing.length + partly.length + idle.length > 0 ? 1 : 0
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

function vendors({ pricing }: Config): string[] {
  return [...new Set(listedModels(pricing.list?.table, Date.now()).map(({ vendor }) => vendor))]
}

/** A list's price for a model, by the name on the command line. */
interface FoundModel extends ListedModel {
  /** Why it may not be that model; absent when it is. */
  readonly doubt?: string
}

/** Prices of a model at every provider of the lists, as an exchange now would get them. */
function pricesOf(config: Config, model: string): readonly FoundModel[] {
  const bundled = new PriceList({ ...config.pricing, overrides: [], unknownModel: 'allow' })
  const listed = listedModels(config.pricing.list?.table, Date.now())
  const found = new Map<ListedModel, FoundModel>()
  for (const vendor of vendors(config)) {
    const rates = bundled.find({
      provider: vendor,
      upstreamUrl: '',
      dialect: 'openai',
      organizationId: '',
      workspaceId: '',
      keyId: '',
      names: { answered: model },
      at: Date.now(),
    })
    const entry = listed.find(
      (one) => one.list === rates?.list && one.vendor === rates.vendor && one.model === rates.model,
    )
    if (!entry || found.has(entry)) continue
    found.set(entry, rates?.doubt === undefined ? entry : { ...entry, doubt: rates.doubt })
  }
  const operations = listed.filter((one) => one.list === OPERATION_LIST && one.model === model)
  return [...found.values(), ...operations]
}

function withoutPrice(config: Config, seen: readonly SeenModel[]): readonly SeenModel[] {
  const prices = new PriceList({ ...config.pricing, unknownModel: 'allow' })
  return onceEach(seen.filter((model) => !prices.find(queryOf(config, model))))
}

/** Models of a provider once each, over all tenants and requested names. */
function onceEach(seen: readonly SeenModel[]): readonly SeenModel[] {
  const models = new Map<string, SeenModel>()
  for (const model of seen) {
    const key = `${model.provider} ${model.model}`
    const before = models.get(key)
    models.set(key, before ? { ...before, traces: before.traces + model.traces } : model)
  }
  return [...models.values()]
}

/** One of these rates is enough to price the input, or the output. */
const SIDES: readonly (readonly ['input' | 'output', readonly Bucket[]])[] = [
  ['input', ['input_uncached', 'input_audio', 'input_image']],
  ['output', ['output_text', 'output_audio', 'output_image']],
]

/** A model whose price lacks its input, or its output. */
interface PartlyPriced {
  readonly seen: SeenModel
  readonly lacks: 'input' | 'output'
}

/** Models whose price is incomplete: the cost of such a call is unknown. Models that are billed in other units than tokens are complete. */
function pricedInPart(config: Config, seen: readonly SeenModel[]): readonly PartlyPriced[] {
  const prices = new PriceList({ ...config.pricing, unknownModel: 'allow' })
  return SIDES.flatMap(([lacks, buckets]) => {
    const lacking = seen.filter((model) => {
      if ((lacks === 'input' ? model.inputTokens : model.outputTokens) === 0) return false
      const rates = prices.find(queryOf(config, model))
      if (!rates || UNITS.some((unit) => !FEES.includes(unit) && rates.unit(unit))) return false
      return buckets.every((bucket) => rates.rate(bucket, 0) === undefined)
    })
    return onceEach(lacking).map((model) => ({ seen: model, lacks }))
  })
}

function seenJson({ provider, model, traces, lastAtUs }: SeenModel): object {
  return { provider, model, traces, last_seen_at: formatSecond(lastAtUs) }
}

const SEEN_HEAD = ['PROVIDER', 'MODEL', 'TRACES', 'LAST_SEEN']

function seenRow({ provider, model, traces, lastAtUs }: SeenModel): string[] {
  return [provider, model, String(traces), formatSecond(lastAtUs)]
}

interface Findings {
  readonly missing: readonly SeenModel[]
  readonly partly: readonly PartlyPriced[]
  readonly idle: readonly PriceOverride[]
}

function writeCheck(seen: number, { missing, partly, idle }: Findings, io: Io): void {
  if (missing.length > 0) {
    io.out('Models without a price: their cost is unknown\n')
    io.out(textTable([SEEN_HEAD, ...missing.map(seenRow)]))
    io.out('Give them one under pricing.overrides, then run: ongoingai reprice\n')
  }
  if (partly.length > 0) {
    if (missing.length > 0) io.out('\n')
    io.out('Models priced in part: the cost of what they lack is unknown\n')
    const rows = partly.map(({ seen: model, lacks }) => [...seenRow(model), lacks])
    io.out(textTable([[...SEEN_HEAD, 'LACKS'], ...rows]))
  }
  if (idle.length > 0) {
    if (missing.length + partly.length > 0) io.out('\n')
    io.out('Own prices that no stored trace matches\n')
    io.out(overrideTable(idle))
  }
  if (missing.length + partly.length + idle.length === 0)
    io.out(`every one of ${seen} used models has a price\n`)
}

const OVERRIDE_HEAD = ['PROVIDER', 'MODEL', 'FROM', 'TO', 'INPUT', 'OUTPUT', 'TENANT', 'ALSO']

/** Own prices with the columns in which one of them has something. */
function overrideTable(overrides: readonly PriceOverride[]): string {
  const rows = overrides.map(overrideRow)
  const used = OVERRIDE_HEAD.map((_, i) => rows.some((row) => row[i] !== '-'))
  return textTable([OVERRIDE_HEAD, ...rows].map((row) => row.filter((_, i) => used[i])))
}

function overrideRow(override: PriceOverride): string[] {
  const { provider, model, from, to, free, input, output, orgId, workspaceId, keyId } = override
  const rate = (usd: number): string => (free ? '0' : usd < 0 ? '-' : String(usd))
  return [
    provider || '(any)',
    model,
    from || '(always)',
    to || '-',
    rate(input),
    rate(output),
    [orgId, workspaceId, keyId].filter(Boolean).join('/') || '(any)',
    alsoText(override),
  ]
}

/** What a row has no column for. */
function alsoText(override: PriceOverride): string {
  const { free, discount, brackets, tiers, units } = override
  if (free) return '-'
  const prices = Object.entries({
    ...snakeCased(RATES, { ...override }),
    ...snakeCased(UNIT_PRICES.fields, { ...units }),
  })
  const also = prices.flatMap(([name, usd]) =>
    Number(usd) < 0 || name === 'input' || name === 'output' ? [] : [`${name}=${String(usd)}`],
  )
  if (discount !== 0) also.unshift(`discount=${discount}`)
  if (brackets.length > 0) also.push(`brackets=${brackets.map(({ above }) => above).join(',')}`)
  if (tiers.length > 0) also.push(`tiers=${tiers.map(({ name }) => name).join(',')}`)
  return also.join(' ') || '-'
}

/** An own price under the names of its settings. */
function overrideJson(override: PriceOverride): object {
  return { provider: override.provider, ...snakeCased(PRICE, { ...override }) }
}

const MODEL_HEAD = ['PROVIDER', 'MODEL', 'INPUT', 'CACHE_READ', 'CACHE_WRITE', 'OUTPUT']

function modelRow({ vendor, model, prices }: ListedModel): string[] {
  const keys = ['input_mtok', 'cache_read_mtok', 'cache_write_mtok', 'output_mtok']
  return [vendor, model, ...keys.map((key) => priceText(prices[key]))]
}
