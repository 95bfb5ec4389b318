import { tokensCost, toNanoUsd, unitsCost, usdAmount, type Amount } from './money.ts'
import type { ModelRates } from './price-list.ts'
import { tierPrice } from './service-tiers.ts'
import {
  addQuantities,
  BUCKETS,
  inputTokens,
  UNITS,
  type Bucket,
  type ModelUsage,
  type Unit,
} from './usage.ts'

/**
 * `exact` with 0 only when nothing was billed; `unknown` is never 0 and never silently passes a budget; `included` is 0 because a
 * subscription pays.
 */
export type CostStatus = 'exact' | 'estimated' | 'unknown' | 'included'

interface Line {
  readonly model: string
  /** Factor of the service tier; absent when 1. */
  readonly factor?: number
}

/** A line of tokens: what follows from it is `lineAmount`. */
export interface TokenLine extends Line {
  readonly bucket: Bucket
  readonly tokens: number
  readonly usd_per_million: number
}

/** A line of other units, or of a charge that the provider reports. */
export interface UnitLine extends Line {
  readonly bucket: Unit | 'provider_charge'
  readonly quantity: number
  /** USD for `price_per` units. */
  readonly price_usd: number
  readonly price_per: number
}

/** One line of a receipt. */
export type ReceiptLine = TokenLine | UnitLine

/** What a line of a receipt comes to, exactly. Lines are summed first and rounded once. */
export function lineAmount(line: ReceiptLine): Amount {
  const permille = Math.round((line.factor ?? 1) * 1000)
  if ('tokens' in line) return tokensCost(line.tokens, line.usd_per_million, permille)
  if (line.bucket === 'provider_charge') return usdAmount(line.price_usd)
  return unitsCost(line.quantity, line.price_usd, line.price_per, permille)
}

/** What an exchange cost, and why: the names are those of the JSON contract. */
export interface Cost {
  readonly status: CostStatus
  /** Whole nano-USD; null when unknown. */
  readonly totalNanoUsd: number | null
  /** Of an `included` cost: what the usage comes to at list prices; null when unknown. */
  readonly listNanoUsd?: number | null
  /** Name and version of the price list, `provider` for a cost the provider reported, empty when none was used. */
  readonly priceList: string
  readonly lines: readonly ReceiptLine[]
  /** Why the cost is estimated or unknown; absent when there is nothing to say. */
  readonly note?: string
}

/** Nothing was billed. */
export const NO_COST: Cost = { status: 'exact', totalNanoUsd: 0, priceList: '', lines: [] }

/** What is to be priced. `model` is the answer's own; `find` looks a model up for the time of the exchange. */
export interface Priced {
  readonly model: string
  readonly bills: readonly ModelUsage[]
  readonly serviceTier?: string | undefined
  readonly speed?: string | undefined
  readonly inferenceGeo?: string | undefined
  readonly find: (model: string) => ModelRates | undefined
}

/** Units that are billed beside tokens. The others are billed in their stead. */
const FEES: readonly Unit[] = ['web_searches', 'file_searches', 'requests', 'text_messages']

/** Fees that few providers take; without a price there is none. */
const RARE_FEES: readonly Unit[] = ['requests', 'text_messages']

/** Prices usage into a receipt. Amounts are summed exactly and rounded half up once, to whole nano-USD. */
export function priceUsage(priced: Priced): Cost {
  const receipt = new Receipt(priced.bills.length > 1)
  for (const bill of priced.bills) {
    const problem = addBill(receipt, bill, priced)
    if (problem !== undefined) return unknown(problem)
  }
  return receipt.cost()
}

/** @returns why the bill cannot be priced at all; `undefined` when it was */
function addBill(receipt: Receipt, bill: ModelUsage, priced: Priced): string | undefined {
  const model = bill.model ?? priced.model
  if (bill.uncertain) {
    receipt.note(`an attempt by ${model} (${inputTokens(bill.usage)} tokens read) may be billed too`)
    return undefined
  }
  for (const charge of bill.unreported ?? []) {
    if (bill.reportedUsd === undefined) receipt.note(`billed apart and not reported: ${charge}`)
  }
  if (bill.reportedUsd !== undefined) {
    receipt.charge(model, bill.reportedUsd)
    return undefined
  }
  const rates = priced.find(model)
  if (!rates) return `no price for model ${model}`
  receipt.list(rates.list)
  if (rates.list === 'assumed') receipt.note(`no price for model ${model}; the assumed rates were used`)
  const size = inputTokens(bill.usage)
  const tier = tierPrice({
    vendor: rates.vendor,
    model: rates.model,
    serviceTier: bill.serviceTier ?? priced.serviceTier,
    speed: priced.speed,
    inferenceGeo: priced.inferenceGeo,
    inputTokens: size,
  })
  if (tier.note !== undefined) receipt.note(tier.note)
  const factor = tier.permille === 1000 ? {} : { factor: tier.permille / 1000 }

  const units = bill.units ? UNITS.filter((unit) => bill.units![unit] !== undefined) : []
  const insteadOfTokens = units.some((unit) => !FEES.includes(unit) && rates.unit(unit) !== undefined)
  let priceless = ''
  let tokensPriced = false
  for (const bucket of BUCKETS) {
    const tokens = bill.usage[bucket]
    if (tokens === undefined) continue
    const rate = rates.rate(bucket, size)
    if (rate === undefined) {
      if (!insteadOfTokens) priceless ||= bucket
      continue
    }
    tokensPriced = true
    receipt.add({ model, bucket, tokens, usd_per_million: rate, ...factor })
  }
  if (priceless !== '') return `no price for ${priceless} of model ${model}`
  for (const unit of units) {
    const quantity = Math.max(bill.units![unit]!, rates.minimum(unit))
    const price = rates.unit(unit)
    if (price) {
      receipt.add({ model, bucket: unit, quantity, price_usd: price.usd, price_per: price.per })
    } else if (FEES.includes(unit)) {
      if (!RARE_FEES.includes(unit)) receipt.note(`no price for ${quantity} ${unit}`)
    } else if (!tokensPriced && !insteadOfTokens) {
      return `no price for ${unit} of model ${model}`
    }
  }
  // Perplexity's fee depends on how much of the web it was to read; the list has the largest.
  if (bill.units?.requests !== undefined && rates.unit('requests')) {
    receipt.note('the fee per request depends on the size of the search context')
  }
  return undefined
}

/** Lines of the same model, kind and rate become one, so that a batch of thousands has a short receipt. */
class Receipt {
  readonly #merges: boolean
  readonly #lines: ReceiptLine[] = []
  /** Where a line of that kind stands in `#lines`. */
  readonly #places = new Map<string, number>()
  readonly #notes: string[] = []
  #list = ''

  /** @param merges several bills are added; one has no two lines alike */
  constructor(merges: boolean) {
    this.#merges = merges
  }

  list(name: string): void {
    if (this.#list === '' || this.#list === 'provider' || name === 'assumed') this.#list = name
  }

  note(text: string): void {
    if (!this.#notes.includes(text)) this.#notes.push(text)
  }

  charge(model: string, usd: number): void {
    if (this.#list === '') this.#list = 'provider'
    this.#lines.push({ model, bucket: 'provider_charge', quantity: 1, price_usd: usd, price_per: 1 })
  }

  add(line: ReceiptLine): void {
    if (!this.#merges) return void this.#lines.push(line)
    const rate = 'tokens' in line ? line.usd_per_million : line.price_usd
    const key = `${line.model}\n${line.bucket}\n${rate}\n${line.factor ?? 1}`
    const place = this.#places.get(key)
    if (place === undefined) {
      this.#places.set(key, this.#lines.length)
      this.#lines.push(line)
      return undefined
    }
    const before = this.#lines[place]!
    if ('tokens' in line && 'tokens' in before) {
      this.#lines[place] = { ...before, tokens: before.tokens + line.tokens }
    } else if ('quantity' in line && 'quantity' in before) {
      this.#lines[place] = { ...before, quantity: addQuantities(before.quantity, line.quantity) }
    }
    return undefined
  }

  cost(): Cost {
    const lines = this.#lines
    const notes = this.#notes
    return {
      status: notes.length > 0 ? 'estimated' : 'exact',
      totalNanoUsd: toNanoUsd(lines.reduce<Amount>((sum, line) => sum + lineAmount(line), 0n)),
      priceList: this.#list,
      lines,
      ...(notes.length > 0 ? { note: notes.join('; ') } : {}),
    }
  }
}

/** A cost that cannot be said, with the reason. */
export function unknown(note: string): Cost {
  return { status: 'unknown', totalNanoUsd: null, priceList: '', lines: [], note }
}
