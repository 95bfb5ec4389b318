import { LEAST_BRACKET } from '../usage/price-table.ts'
import {
  addModelUsage,
  inputTokens,
  NO_PARTS,
  type ModelUsage,
  type Units,
  type Usage,
} from '../usage/usage.ts'

/** One bill as a trace stores it: enough to price it again. Names are those of the JSON contract. */
export interface StoredBill {
  readonly model?: string
  readonly apart?: NonNullable<ModelUsage['apart']>
  readonly buckets: Usage
  readonly units?: Units
  readonly service_tier?: string
  readonly uncertain?: true
  readonly reported_usd?: number
  readonly unreported?: readonly string[]
  /** Number of merged bills of the same kind. */
  readonly count?: number
}

/** Bills as stored: those of the same model and tier are added if that changes no price. */
export function toStoredBills(bills: readonly ModelUsage[]): StoredBill[] {
  const stored: { bill: ModelUsage; count: number }[] = []
  const open = new Map<string, { bill: ModelUsage; count: number }>()
  for (const bill of bills) {
    const plain = !bill.uncertain && bill.reportedUsd === undefined && !bill.unreported && !isByRequest(bill)
    const key = `${bill.model ?? ''}\n${bill.serviceTier ?? ''}\n${bill.apart ?? ''}\n${kindsOf(bill)}`
    const entry = plain && inputTokens(bill.usage) < LEAST_BRACKET ? open.get(key) : undefined
    if (entry && inputTokens(entry.bill.usage) + inputTokens(bill.usage) < LEAST_BRACKET) {
      entry.bill = addModelUsage(entry.bill, bill)
      entry.count += 1
      continue
    }
    const added = { bill, count: 1 }
    stored.push(added)
    if (plain) open.set(key, added)
  }
  return stored.map(({ bill, count }) => ({
    ...(bill.model === undefined ? {} : { model: bill.model }),
    ...(bill.apart === undefined ? {} : { apart: bill.apart }),
    buckets: bill.usage,
    ...(bill.units === undefined ? {} : { units: bill.units }),
    ...(bill.serviceTier === undefined ? {} : { service_tier: bill.serviceTier }),
    ...(bill.uncertain ? { uncertain: true } : {}),
    ...(bill.reportedUsd === undefined ? {} : { reported_usd: bill.reportedUsd }),
    ...(bill.unreported ? { unreported: bill.unreported } : {}),
    ...(count > 1 ? { count } : {}),
  }))
}

/** Whether a bill has a minimum per request. */
function isByRequest({ units }: ModelUsage): boolean {
  return units?.audio_seconds !== undefined
}

/** What decides which of a bill's units count. Some units replace tokens, or each other. */
function kindsOf({ usage, units = {} }: ModelUsage): string {
  return [Object.keys(usage).length > 0 ? 'tokens' : '', ...Object.keys(units).toSorted()].join(' ')
}

/** The stored bills of a trace, ready to price again. */
export function fromStoredBills(bills: readonly StoredBill[]): ModelUsage[] {
  return bills.map((bill) => ({
    usage: bill.buckets,
    parts: NO_PARTS,
    ...(bill.model === undefined ? {} : { model: bill.model }),
    ...(bill.apart === undefined ? {} : { apart: bill.apart }),
    ...(bill.units === undefined ? {} : { units: bill.units }),
    ...(bill.service_tier === undefined ? {} : { serviceTier: bill.service_tier }),
    ...(bill.uncertain ? { uncertain: true as const } : {}),
    ...(bill.reported_usd === undefined ? {} : { reportedUsd: bill.reported_usd }),
    ...(bill.unreported ? { unreported: bill.unreported } : {}),
  }))
}
