import { FEES, feeOf } from './fees.ts'
import { timesFactor } from './money.ts'
import { isSameModel, type ModelNames } from './model-names.ts'
import type { MatchedName, ModelRates, Origin, Rate } from './model-rates.ts'
import { Receipt } from './receipt.ts'
import { tierPrice } from './service-tiers.ts'
import { BUCKETS, inputTokens, UNITS, type Bucket, type ModelUsage, type Unit } from './usage.ts'

/**
 * `exact` with 0 only when nothing was billed; `unknown` is never 0 and never silently passes a budget; `included` is 0 because a
 * subscription pays.
 */
export type CostStatus = 'exact' | 'estimated' | 'unknown' | 'included'

interface Line {
  readonly model: string
  /** Factor of the service tier; absent when 1. */
  readonly factor?: number
  /** The price list, and the operator's discount on it. Absent when it is the receipt's own list. */
  readonly list?: string
  readonly discount?: number
}

/** A line of tokens. `lineAmount` in `receipt.ts` is its amount. */
export interface TokenLine extends Line {
  readonly bucket: Bucket
  readonly tokens: number
  readonly usd_per_million: number
  /** The published rule that derives the rate from another one. Absent when the list has the rate. */
  readonly rule?: string
}

/** A line of other units, or a charge that the provider reports. */
export interface UnitLine extends Line {
  readonly bucket: Unit | 'provider_charge'
  readonly quantity: number
  /** USD for `price_per` units. */
  readonly price_usd: number
  readonly price_per: number
}

/** One line of a receipt. */
export type ReceiptLine = TokenLine | UnitLine

/** What an exchange cost, and why: the names are those of the JSON contract. */
export interface Cost {
  readonly status: CostStatus
  /** Whole nano-USD; null when unknown. */
  readonly totalNanoUsd: number | null
  /** Only for an `included` cost: the usage at list prices. Null when unknown. */
  readonly listNanoUsd?: number | null
  /** Name and version of the price list, `provider` for a cost the provider reported, empty when none was used. */
  readonly priceList: string
  readonly lines: readonly ReceiptLine[]
  /** The name by which the responding model got its price. Absent when no price was looked up. */
  readonly matched?: MatchedName
  /** Why the cost is estimated or unknown. Absent otherwise. */
  readonly note?: string
}

/** Nothing was billed. */
export const NO_COST: Cost = { status: 'exact', totalNanoUsd: 0, priceList: '', lines: [] }

/** What to price. `find` looks up a model for the time of the exchange. */
export interface Priced {
  /** The model that answered, as receipts call it. */
  readonly model: string
  readonly names: ModelNames
  readonly bills: readonly ModelUsage[]
  readonly serviceTier?: string | undefined
  readonly speed?: string | undefined
  readonly inferenceGeo?: string | undefined
  /** Where it ran, as `placeOf` reads it. */
  readonly place?: string | undefined
  /** When it began, epoch milliseconds. */
  readonly at?: number | undefined
  readonly find: (names: ModelNames) => ModelRates | undefined
}

/** Fees that few providers charge. Without a price there is no fee. */
const RARE_FEES: readonly Unit[] = ['requests', 'text_messages']

/** Prices usage into a receipt. Amounts are summed exactly and rounded half up once, to whole nano-USD. */
export function priceUsage(priced: Priced): Cost {
  const receipt = new Receipt(priced.bills.length > 1)
  const ratesOf = ratesOfBills(priced)
  for (const bill of priced.bills) {
    const problem = addBill(receipt, bill, priced, ratesOf)
    if (problem !== undefined) return unknown(problem)
  }
  return receipt.cost()
}

/**
 * Looks up the rates of bills, each model once.
 *
 * The request's names belong to the responding model. Another model that contributed, or another turn of a session,
 * has only its own name.
 */
function ratesOfBills({ names, bills, find }: Priced): (bill: ModelUsage) => ModelRates | undefined {
  if (bills.length === 1) {
    // Nearly all have one bill.
    const { model, apart } = bills[0]!
    const asked =
      model === undefined ? names : apart === undefined ? { ...names, answered: model } : { answered: model }
    return () => find(asked)
  }
  const own = new Set(bills.flatMap(({ apart, model }) => (apart === undefined ? [model] : [])))
  const asked = names.path || names.requested || ''
  const namesOf = ({ model, apart }: ModelUsage): ModelNames => {
    if (model === undefined) return names
    const isResponse = apart === undefined && (own.size === 1 || isSameModel(asked, model))
    return isResponse ? { ...names, answered: model } : { answered: model }
  }
  const found = new Map<string, ModelRates | undefined>()
  return (bill) => {
    const key = `${bill.apart === undefined} ${bill.model ?? ''}`
    if (!found.has(key)) found.set(key, find(namesOf(bill)))
    return found.get(key)
  }
}

/** How tier, mode and place change a line, and why that is not certain. */
interface Factor {
  readonly line: { readonly factor?: number }
  readonly note: string | undefined
}

/** @returns why the bill cannot be priced at all; `undefined` when it was */
function addBill(
  receipt: Receipt,
  bill: ModelUsage,
  priced: Priced,
  ratesOf: (bill: ModelUsage) => ModelRates | undefined,
): string | undefined {
  const model = bill.model ?? priced.model
  if (bill.uncertain) {
    receipt.note(`an attempt by ${model} (${inputTokens(bill.usage)} tokens read) may be billed too`)
    return undefined
  }
  if (bill.unreported && bill.reportedUsd === undefined)
    for (const charge of bill.unreported) receipt.note(`billed apart and not reported: ${charge}`)
  if (bill.reportedUsd !== undefined) {
    receipt.charge(model, bill.reportedUsd)
    return undefined
  }
  const found = ratesOf(bill)
  if (!found) return `no price for model ${model}`
  receipt.list(found.list)
  if (found.matched && bill.apart === undefined) receipt.matched(found.matched)
  if (found.doubt !== undefined) receipt.note(found.doubt)
  if (found.list === 'assumed') receipt.note(`no price for model ${model}; the assumed rates were used`)
  const pricing = pricingOf(bill, priced, found)
  const tokens = addTokens(receipt, pricing)
  if (tokens.priceless !== '') return `no price for ${tokens.priceless} of model ${model}`
  const problem = addUnits(receipt, pricing, tokens.priced)
  if (problem !== undefined) return problem
  // Perplexity's fee depends on the search context size. The list has the largest.
  const { rates, isOwn } = pricing
  const perRequest = bill.units?.requests === undefined ? undefined : rates.unit('requests')
  if (perRequest && perRequest.usd > 0 && !(isOwn && perRequest.origin === undefined)) {
    receipt.note('the fee per request depends on the size of the search context')
  }
  return undefined
}

/** What a bill is priced by. */
interface BillPricing {
  readonly bill: ModelUsage
  readonly model: string
  readonly rates: RatesInTier
  /** Tokens that the model read: they decide the bracket. */
  readonly size: number
  /** An operator's own rate applies at every place. A list's rate beside it does not. */
  readonly isOwn: boolean
  readonly factorAt: (place: string | undefined) => Factor
  /** The factor of the list's rates; `undefined` for an operator's own. */
  readonly listFactor: Factor | undefined
  readonly place: string | undefined
  readonly units: readonly Unit[]
  /** The model is billed by the unit, not by its tokens. */
  readonly insteadOfTokens: boolean
}

const LIST_LINE: Factor['line'] = {}

type RatesInTier = Pick<ModelRates, 'vendor' | 'model' | 'list' | 'rate' | 'unit' | 'minimum'>

function pricingOf(bill: ModelUsage, priced: Priced, found: ModelRates): BillPricing {
  const size = inputTokens(bill.usage)
  const named = { serviceTier: bill.serviceTier ?? priced.serviceTier, speed: priced.speed }
  const own = found.tier?.(named)
  const rates = own?.rates ?? found
  const factorAt = (place: string | undefined): Factor => {
    const tier = tierPrice({
      vendor: rates.vendor,
      model: rates.model,
      ...(own ? {} : named),
      inferenceGeo: priced.inferenceGeo,
      place,
      at: priced.at,
      inputTokens: size,
    })
    const multiple = timesFactor(tier.permille / 1000, own?.factor ?? 1)
    return { line: multiple === 1 ? LIST_LINE : { factor: multiple }, note: tier.note }
  }
  const isOwn = rates.list === 'override' || rates.list === 'assumed'
  const units = bill.units ? UNITS.filter((unit) => bill.units![unit] !== undefined) : []
  return {
    bill,
    model: bill.model ?? priced.model,
    rates,
    size,
    isOwn,
    factorAt,
    listFactor: isOwn ? undefined : factorAt(priced.place),
    place: priced.place,
    units,
    insteadOfTokens: units.some((unit) => !FEES.includes(unit) && rates.unit(unit) !== undefined),
  }
}

/** @returns the first bucket without a price, empty for none; and whether any had one */
function addTokens(
  receipt: Receipt,
  { bill, model, rates, size, factorAt, listFactor, place, insteadOfTokens }: BillPricing,
): { readonly priceless: string; readonly priced: boolean } {
  let priceless = ''
  let priced = false
  for (const bucket of BUCKETS) {
    const tokens = bill.usage[bucket]
    if (tokens === undefined) continue
    const rate = rates.rate(bucket, size)
    if (rate === undefined) {
      if (!insteadOfTokens) priceless ||= bucket
      continue
    }
    priced = true
    if (rate.reason !== undefined) receipt.note(rate.reason)
    const factor = listFactor ?? factorAt(rate.origin === undefined ? '' : place)
    // A multiple of nothing is certain.
    if (factor.note !== undefined && rate.usdPerMillion > 0) receipt.note(factor.note)
    receipt.add(tokenLine(model, bucket, tokens, rate, factor))
  }
  return { priceless, priced }
}

function tokenLine(model: string, bucket: Bucket, tokens: number, rate: Rate, { line }: Factor): TokenLine {
  const { usdPerMillion, rule, origin } = rate
  // Most lines are at the list price.
  if (rule === undefined && origin === undefined && line === LIST_LINE)
    return { model, bucket, tokens, usd_per_million: usdPerMillion }
  return {
    model,
    bucket,
    tokens,
    usd_per_million: usdPerMillion,
    ...(rule === undefined ? {} : { rule }),
    ...lineOrigin(origin),
    ...line,
  }
}

/** @returns why the bill cannot be priced at all; `undefined` when it was */
function addUnits(
  receipt: Receipt,
  { bill, model, rates, isOwn, listFactor, units, insteadOfTokens }: BillPricing,
  tokensPriced: boolean,
): string | undefined {
  for (const unit of units) {
    const quantity = Math.max(bill.units![unit]!, rates.minimum(unit))
    const listed = rates.unit(unit)
    const fee = feeOf(rates.vendor, model, unit)
    const charged = fee && 'usd' in fee ? fee : undefined
    const price = listed ?? charged
    if (price) {
      receipt.add({
        model,
        bucket: unit,
        quantity,
        price_usd: price.usd,
        price_per: price.per,
        ...lineOrigin(listed?.origin),
      })
      if (listed?.origin?.doubt !== undefined) receipt.note(listed.origin.doubt)
      const ownFee = isOwn && listed !== undefined && listed.origin === undefined
      if (charged?.note !== undefined && !ownFee && price.usd > 0) receipt.note(charged.note)
      if (listFactor?.note !== undefined && price.usd > 0 && !FEES.includes(unit))
        receipt.note(listFactor.note)
    } else if (fee && 'countedBy' in fee && bill.units?.[fee.countedBy] !== undefined) {
      continue
    } else if (FEES.includes(unit)) {
      if (!RARE_FEES.includes(unit)) receipt.note(`no price for ${quantity} ${unit}`)
    } else if (!tokensPriced && !insteadOfTokens) {
      return `no price for ${unit} of model ${model}`
    }
  }
  return undefined
}

/** How a line names its price list. Doubts are in the receipt's note. */
function lineOrigin(origin: Origin | undefined): Pick<Line, 'list' | 'discount'> {
  if (!origin) return {}
  const { list, discount } = origin
  return discount === undefined ? { list } : { list, discount }
}

/** An unknown cost, with the reason. */
export function unknown(note: string): Cost {
  return { status: 'unknown', totalNanoUsd: null, priceList: '', lines: [], note }
}
