import { priceUsage, type Cost } from '../usage/cost.ts'
import { includedCost } from '../usage/included-cost.ts'
import { nanoToUsd } from '../usage/money.ts'
import type { ModelNames } from '../usage/model-names.ts'
import type { ModelRates } from '../usage/model-rates.ts'
import { placeOf } from '../usage/places.ts'
import { NO_PARTS } from '../usage/usage.ts'
import { fromStoredBills } from './stored-bills.ts'
import type { Trace, TraceCost } from './trace.ts'

/**
 * Prices a stored trace again, from its stored usage.
 *
 * @param find rates for the time of the exchange
 * @param replacedAt RFC 3339; when the old receipt is replaced
 * @returns the trace with the new receipt and the old one behind it; `undefined` when nothing changes, because
 *   nothing was counted, a failed attempt was billed too, it costs the same for the same reasons, or the lists no longer know what was known
 */
export function repriced(
  trace: Trace,
  find: (names: ModelNames) => ModelRates | undefined,
  replacedAt: string,
): Trace | undefined {
  const { usage, cost: before, attempts = [] } = trace.detail
  // Its usage is the sum of what several targets reported, each with prices of its own.
  if (attempts.slice(0, -1).some((attempt) => (attempt.usage?.total_tokens ?? 0) > 0)) return undefined
  const bills = usage.bills
    ? fromStoredBills(usage.bills)
    : [{ usage: usage.buckets, parts: NO_PARTS, ...(usage.units ? { units: usage.units } : {}) }]
  if (
    bills.every(
      (bill) => Object.keys(bill.usage).length === 0 && !bill.units && bill.reportedUsd === undefined,
    )
  ) {
    return undefined
  }
  // The old receipt's price no longer exists.
  let lost = false
  const priced = priceUsage({
    model: trace.model,
    names: usage.models ?? { answered: trace.model, requested: trace.requestedModel },
    bills,
    serviceTier: usage.service_tier,
    speed: usage.speed,
    inferenceGeo: usage.inference_geo,
    // Traces of earlier versions do not store the place. Their address still names it.
    place: usage.place ?? placeOf(trace.requestPath, trace.detail.upstream.url_host),
    at: trace.startedAtUs / 1000,
    find: (names) => {
      const rates = find(names)
      if (!rates || (before.price_list === 'override' && rates.list !== 'override')) lost = true
      return rates
    },
  })
  // A known cost does not become unknown.
  const known = before.status === 'included' ? before.list_price_usd !== null : before.status !== 'unknown'
  if (priced.status === 'unknown' && known) {
    if (lost || before.status !== 'exact') return undefined
    // An earlier version used a stand-in rate for a missing one, and did not say so.
    const note = `${priced.note}; the amount is that of an earlier pricing`
    return withCost(trace, { ...before, status: 'estimated', note }, replacedAt)
  }
  const again = usage.estimated_because === undefined ? priced : estimated(priced, usage.estimated_because)
  // New prices do not change who paid.
  const cost = before.status === 'included' ? includedCost(again) : again
  const after = traceCost(cost)
  if (isSameCost(after, before)) return undefined
  return withCost(
    { ...trace, costNanoUsd: cost.totalNanoUsd, listPriceNanoUsd: cost.listNanoUsd ?? null },
    after,
    replacedAt,
  )
}

/** The trace with a new receipt, followed by its old one. */
function withCost(trace: Trace, cost: TraceCost, replacedAt: string): Trace {
  const { cost: before, cost_history: history = [] } = trace.detail
  return {
    ...trace,
    costStatus: cost.status,
    detail: { ...trace.detail, cost, cost_history: [{ ...before, replaced_at: replacedAt }, ...history] },
  }
}

/** Older receipts have no names, and cost the same. */
function isSameCost(one: TraceCost, other: TraceCost): boolean {
  const text = (cost: TraceCost): string => JSON.stringify({ ...cost, matched: undefined })
  return text(one) === text(other)
}

/** Marks a cost as estimated because its usage is. An unknown cost stays unknown. */
export function estimated(cost: Cost, because: string): Cost {
  if (cost.status === 'unknown') return cost
  return { ...cost, status: 'estimated', note: [cost.note, because].filter(Boolean).join('; ') }
}

/** A cost in the names of the JSON contract. */
export function traceCost(cost: Cost): TraceCost {
  const { status, listNanoUsd, priceList, lines, matched, note } = cost
  const total_usd = usdOf(cost.totalNanoUsd)
  // Most receipts have no more than this.
  if (listNanoUsd === undefined && note === undefined && matched)
    return { status, total_usd, price_list: priceList, lines, matched }
  return {
    status,
    total_usd,
    ...(listNanoUsd === undefined ? {} : { list_price_usd: usdOf(listNanoUsd) }),
    price_list: priceList,
    lines,
    ...(matched === undefined ? {} : { matched }),
    ...(note === undefined ? {} : { note }),
  }
}

function usdOf(nanoUsd: number | null): number | null {
  return nanoUsd === null ? null : nanoToUsd(nanoUsd)
}
