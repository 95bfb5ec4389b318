import { requestsCost, tokensCost, toNanoUsd, usdAmount, type Amount } from './money.ts'
import type { ModelRates } from './price-list.ts'
import { BUCKETS, inputTokens, type Bucket, type ModelUsage } from './usage.ts'

/** `exact` with 0 only when nothing was billed; `unknown` is never 0 and never silently passes a budget. */
export type CostStatus = 'exact' | 'estimated' | 'unknown'

/** One line of a receipt. Its amount follows from it: `lineAmount`. */
export interface ReceiptLine {
  readonly model: string
  readonly bucket: Bucket | 'web_search'
  /** Tokens, or requests for `web_search`. */
  readonly tokens: number
  /** USD per million tokens; per thousand requests for `web_search`. */
  readonly usd_per_million: number
  /** Factor of the service tier; absent when 1. */
  readonly factor?: number
}

/** What a line of a receipt comes to, exactly. Lines are summed first and rounded once. */
export function lineAmount({ bucket, tokens, usd_per_million: rate, factor = 1 }: ReceiptLine): Amount {
  return bucket === 'web_search'
    ? requestsCost(tokens, rate)
    : tokensCost(tokens, rate, Math.round(factor * 1000))
}

/** What an exchange cost, and why: the names are those of the JSON contract. */
export interface Cost {
  readonly status: CostStatus
  /** Whole nano-USD; null when unknown. */
  readonly totalNanoUsd: number | null
  /** Name and version of the price list, `provider` for a cost the provider reported, empty when none was used. */
  readonly priceList: string
  readonly lines: readonly ReceiptLine[]
  /** Why the cost is estimated or unknown; absent when there is nothing to say. */
  readonly note?: string
}

/** Nothing was billed. */
export const NO_COST: Cost = { status: 'exact', totalNanoUsd: 0, priceList: '', lines: [] }

/** Multiples of the list price by service tier, as the answer (not the request) names it. */
const TIERS: Readonly<Record<string, number>> = {
  default: 1,
  standard: 1,
  auto: 1,
  on_demand: 1,
  flex: 0.5,
  batch: 0.5,
  priority: 2,
}

/** Tiers whose factor differs from model to model; ours is the most common one. */
const APPROXIMATE = new Set(['priority'])

/** What is to be priced. `model` is the answer's own; `find` looks a model up for the time of the exchange. */
export interface Priced {
  readonly model: string
  readonly usages: readonly ModelUsage[]
  readonly serviceTier?: string | undefined
  /** The provider's own charge; it wins over tokens times price. */
  readonly reportedUsd?: number | undefined
  readonly find: (model: string) => ModelRates | undefined
}

/** Prices usage into a receipt. Amounts are summed exactly and rounded half up once, to whole nano-USD. */
export function priceUsage({ model, usages, serviceTier, reportedUsd, find }: Priced): Cost {
  if (reportedUsd !== undefined) {
    return {
      status: 'exact',
      totalNanoUsd: toNanoUsd(usdAmount(reportedUsd)),
      priceList: 'provider',
      lines: [],
    }
  }
  const lines: ReceiptLine[] = []
  const notes: string[] = []
  let list = ''
  const tier = serviceTier?.toLowerCase() ?? 'default'
  const factor = TIERS[tier]
  if (factor === undefined) notes.push(`no price for service tier ${tier}; the standard rate was used`)
  if (APPROXIMATE.has(tier)) notes.push(`the factor of service tier ${tier} differs by model`)

  for (const entry of usages) {
    const name = entry.model ?? model
    const rates = find(name)
    if (!rates) return unknown(`no price for model ${name}`)
    if (rates.list === 'assumed') notes.push(`no price for model ${name}; the assumed rates were used`)
    if (list === '' || rates.list === 'assumed') list = rates.list
    const size = inputTokens(entry.usage)
    for (const bucket of BUCKETS) {
      const tokens = entry.usage[bucket]
      if (tokens === undefined) continue
      lines.push({
        model: name,
        bucket,
        tokens,
        usd_per_million: rates.rate(bucket, size),
        ...(factor !== undefined && factor !== 1 ? { factor } : {}),
      })
    }
    if (entry.webSearches === undefined) continue
    if (rates.webSearchesPerThousand === undefined) {
      notes.push(`no price for ${entry.webSearches} web searches`)
      continue
    }
    const rate = rates.webSearchesPerThousand
    lines.push({ model: name, bucket: 'web_search', tokens: entry.webSearches, usd_per_million: rate })
  }
  return {
    status: notes.length > 0 ? 'estimated' : 'exact',
    totalNanoUsd: toNanoUsd(lines.reduce<Amount>((sum, line) => sum + lineAmount(line), 0n)),
    priceList: list,
    lines,
    ...(notes.length > 0 ? { note: notes.join('; ') } : {}),
  }
}

/** A cost that cannot be said, with the reason. */
export function unknown(note: string): Cost {
  return { status: 'unknown', totalNanoUsd: null, priceList: '', lines: [], note }
}
