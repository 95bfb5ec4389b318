import type { Caller } from '../../traces/exchange.ts'

/** Counts of a tenant's requests since this process began. */
export interface LimitTotals {
  readonly admitted: number
  /** By the code of the refusal. */
  readonly refused: Readonly<Record<string, number>>
  readonly backendFailures: number
  /** Requests that waited for room in a budget. */
  readonly waited: number
  /** Warnings of budgets. */
  readonly warnings: number
  /** Exchanges whose cost stayed unknown, charged as estimated. */
  readonly assumed: number
}

/** Totals that are being counted. */
export interface LimitTally extends LimitTotals {
  admitted: number
  readonly refused: Record<string, number>
  backendFailures: number
  waited: number
  warnings: number
  assumed: number
}

/** The tallies of all tenants. */
export class TenantTallies {
  readonly #all = new Map<string, { readonly tenant: Caller; readonly tally: LimitTally }>()

  of(tenant: Caller): LimitTally {
    const name = JSON.stringify([tenant.organizationId, tenant.workspaceId])
    const known = this.#all.get(name)
    if (known) return known.tally
    const tally = emptyTally()
    this.#all.set(name, { tenant, tally })
    return tally
  }

  /** @param selects tenants; all when absent */
  sum(counts: (tenant: Caller) => boolean = () => true): LimitTotals {
    const sum = emptyTally()
    for (const { tenant, tally } of this.#all.values()) {
      if (!counts(tenant)) continue
      sum.admitted += tally.admitted
      sum.backendFailures += tally.backendFailures
      sum.waited += tally.waited
      sum.warnings += tally.warnings
      sum.assumed += tally.assumed
      for (const [code, count] of Object.entries(tally.refused)) {
        sum.refused[code] = (sum.refused[code] ?? 0) + count
      }
    }
    return sum
  }
}

function emptyTally(): LimitTally {
  return { admitted: 0, refused: {}, backendFailures: 0, waited: 0, warnings: 0, assumed: 0 }
}
