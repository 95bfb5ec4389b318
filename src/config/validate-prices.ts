import { parseTime } from '../time/rfc3339.ts'
import { PriceFileError } from '../usage/price-file/findings.ts'
import { LEAST_BRACKET, type FiledTable } from '../usage/price-table.ts'
import type {
  OwnTierName,
  PriceOverride,
  PricingConfig,
  RateBracket,
  Rates,
  TierRates,
  UnitPrices,
} from '../usage/settings.ts'
import type { PricingSettings } from './config.ts'
import { nearest } from '../wire/nearest.ts'
import { RATES, UNIT_PRICES } from './price-settings.ts'
import { quote } from './scalar.ts'
import { camelCased } from './setting.ts'
import type { Surroundings } from './validate-connection.ts'
import type { Wrong } from './validate-providers.ts'

/** Pricing as decoded, not yet checked. */
export interface RawPricing {
  unknownModel: string
  file: string
  allowUpdate: boolean
  assumed: Rates
  overrides: PriceOverride[]
}

/** The inputs of the checks, and where they report. */
interface PriceChecks {
  readonly priceList: Surroundings['priceList']
  readonly wrong: Wrong
  readonly doubtful: Wrong
}

const TIER_NAMES: readonly OwnTierName[] = ['batch', 'flex', 'priority', 'fast']

/** A larger price is a mistake. */
const MAX_USD = 1_000_000

/** Names of the prices, in `Config` and in the file. */
const RATE_NAMES = namesOf(RATES) as readonly (readonly [keyof Rates, string])[]
const UNIT_NAMES = namesOf(UNIT_PRICES.fields) as readonly (readonly [keyof UnitPrices, string])[]

function namesOf(fields: object): (readonly [string, string])[] {
  return Object.keys(fields).map((name) => [Object.keys(camelCased({ [name]: 0 }) as object)[0]!, name])
}

/**
 * Checks own prices: those under `pricing.overrides`, then those of each provider, which become overrides of that provider.
 *
 * @param providers what the file says of providers, by name
 */
export function checkPricing(
  { unknownModel, file: given, allowUpdate, assumed, overrides: own }: RawPricing,
  providers: Readonly<Record<string, { readonly prices: readonly Omit<PriceOverride, 'provider'>[] }>>,
  { priceList, wrong, doubtful }: PriceChecks,
): PricingSettings {
  if (!['allow', 'assume', 'block'].includes(unknownModel)) {
    wrong(
      'pricing.unknown_model',
      `pricing.unknown_model must be one of allow, assume, block (got ${quote(unknownModel)})`,
    )
  }
  if (unknownModel === 'assume' && (assumed.input < 0 || assumed.output < 0)) {
    wrong('pricing.assumed', 'pricing.assumed needs input and output when pricing.unknown_model=assume')
  }
  checkSizes(assumed, 'pricing.assumed', wrong)
  const overrides: PriceOverride[] = []
  const add = (override: PriceOverride, path: string): void => {
    checkProvider(override.provider, Object.keys(providers), path, wrong)
    checkOverride(override, path, wrong, doubtful)
    overrides.push(override)
  }
  own.forEach((override, i) => add(override, `pricing.overrides[${i}]`))
  for (const [name, { prices }] of Object.entries(providers)) {
    prices.forEach((price, i) => add({ ...price, provider: name }, `providers.${name}.prices[${i}]`))
  }
  const file = given.trim()
  const list = file === '' ? undefined : checkPriceFile(file, priceList, wrong)
  for (const warning of list?.warnings ?? []) doubtful('pricing.file', `pricing.file: ${warning}`)
  return {
    unknownModel: unknownModel as PricingConfig['unknownModel'],
    file,
    allowUpdate,
    assumed,
    overrides,
    ...(list ? { list } : {}),
  }
}

function checkPriceFile(
  file: string,
  priceList: Surroundings['priceList'],
  wrong: Wrong,
): FiledTable | undefined {
  try {
    return priceList(file)
  } catch (error) {
    if (!(error instanceof PriceFileError)) throw error
    wrong(
      'pricing.file',
      `pricing.file: ${quote(file)} cannot be used:\n  ${error.message.replaceAll('\n', '\n  ')}`,
    )
    return undefined
  }
}

function checkProvider(provider: string, known: readonly string[], path: string, wrong: Wrong): void {
  if (provider === '' || known.includes(provider)) return undefined
  const close = nearest(provider, known)
  const hint = close === undefined ? '' : `; did you mean ${close}?`
  return wrong(
    `${path}.provider`,
    `${path}.provider is not a configured provider (got ${quote(provider)})${hint}`,
  )
}

function checkOverride(override: PriceOverride, path: string, wrong: Wrong, doubtful: Wrong): void {
  const { model, from, to, free, discount, brackets, tiers, units } = override
  if (model === '') wrong(`${path}.model`, `${path}.model is required; write a name, or "*" for every model`)
  for (const [name, day] of [
    ['from', from],
    ['to', to],
  ] as const) {
    if (day === '' || parseTime(`${day}T00:00:00Z`) !== undefined) continue
    wrong(`${path}.${name}`, `${path}.${name} must be YYYY-MM-DD, a day that there is (got ${quote(day)})`)
  }
  if (from !== '' && to !== '' && to < from) {
    wrong(`${path}.to`, `${path}.to must not be before from (got ${to}, and from is ${from})`)
  }
  if (!(discount < 1 && discount >= -10)) {
    wrong(
      `${path}.discount`,
      `${path}.discount must be at least -10 and less than 1 (got ${discount}); write 0.15 for 15 % off, -0.1 for 10 % more`,
    )
  }
  checkSizes(override, path, wrong)
  for (const [key, name] of UNIT_NAMES) checkSize(units[key], `${path}.units.${name}`, wrong)
  const sets =
    setRates(override).length + brackets.length + tiers.length > 0 ||
    discount !== 0 ||
    UNIT_NAMES.some(([key]) => units[key] >= 0)
  if (!free && !sets) {
    wrong(
      path,
      `${path} sets no price; write rates in USD per million tokens such as input and output, a discount, or free: true`,
    )
  }
  if (free && sets) doubtful(path, `${path} is free: true, so the prices beside it do not count`)
  brackets.forEach((bracket, i) => checkBracket(override, bracket, i, `${path}.brackets[${i}]`, wrong))
  tiers.forEach((tier, i) => checkTier(tiers.slice(0, i), tier, `${path}.tiers[${i}]`, wrong))
}

function checkBracket(
  override: PriceOverride,
  bracket: RateBracket,
  i: number,
  path: string,
  wrong: Wrong,
): void {
  if (bracket.above < LEAST_BRACKET) {
    wrong(`${path}.above`, `${path}.above must be >= ${LEAST_BRACKET} (got ${bracket.above})`)
  }
  if (override.brackets.slice(0, i).some(({ above }) => above === bracket.above)) {
    wrong(`${path}.above`, `${path}.above is ${bracket.above} a second time; join the two brackets`)
  }
  checkSizes(bracket, path, wrong)
  const rates = setRates(bracket)
  if (rates.length === 0) wrong(path, `${path} sets no rate; write such as input and output`)
  const base = setRates(override)
  for (const name of rates.filter((rate) => !base.includes(rate))) {
    wrong(`${path}.${name}`, `${path}.${name} needs ${name} beside brackets too: the rate below the bracket`)
  }
}

function checkTier(before: readonly TierRates[], tier: TierRates, path: string, wrong: Wrong): void {
  const { name, factor } = tier
  if (!TIER_NAMES.includes(name)) {
    const close = nearest(name, TIER_NAMES)
    const hint = close === undefined ? '' : `; did you mean ${close}?`
    wrong(`${path}.name`, `${path}.name must be one of ${TIER_NAMES.join(', ')} (got ${quote(name)})${hint}`)
  } else if (before.some((one) => one.name === name)) {
    wrong(`${path}.name`, `${path}.name is ${name} a second time; join the two tiers`)
  }
  checkSizes(tier, path, wrong)
  const rates = setRates(tier)
  if (factor < 0 && rates.length === 0) {
    wrong(path, `${path} sets no price; write a factor such as 0.5, or rates in USD per million tokens`)
  }
  if (factor >= 0 && rates.length > 0) {
    wrong(`${path}.factor`, `${path} sets factor and ${rates[0]}; write the factor, or rates`)
  }
  if (factor >= 0 && !(factor <= 1000 && Math.round(factor * 1000) / 1000 === factor)) {
    wrong(
      `${path}.factor`,
      `${path}.factor must have at most three decimals, and be 1000 at most (got ${factor})`,
    )
  }
}

/** The rates that are set, by their names in the file. */
function setRates(rates: Rates): string[] {
  return RATE_NAMES.flatMap(([key, name]) => (rates[key] >= 0 ? [name] : []))
}

function checkSizes(rates: Rates, path: string, wrong: Wrong): void {
  for (const [key, name] of RATE_NAMES) checkSize(rates[key], `${path}.${name}`, wrong)
}

function checkSize(usd: number, path: string, wrong: Wrong): void {
  if (usd > MAX_USD) wrong(path, `${path} must be ${MAX_USD} USD at most (got ${usd})`)
}
