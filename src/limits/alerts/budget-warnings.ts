import type { CallerLimits } from '../policies/caller-limits.ts'
import type { CountedLimits, Limit } from '../policies/limit.ts'
import type { LimitPolicy } from '../policies/policy.ts'
import { standingOf, type LimitStanding } from '../policies/standing.ts'
import type { CounterState } from '../policies/take.ts'

/** Warnings remembered here as sent. The store remembers all. */
const MAX_GIVEN = 10_000

/** A budget that is nearly or completely spent. */
export interface BudgetWarning {
  /** Share that was reached; 1 for a budget that is spent. */
  readonly share: number
  readonly standing: LimitStanding
  /** Whose: the ledger's subject. */
  readonly subject: string
  readonly organizationId: string
  readonly workspaceId: string
}

/** What warnings need around them. */
export interface BudgetWarningPorts {
  /** Whether something happens for the first time on any gateway, remembered until a time (epoch milliseconds). */
  readonly once: (name: string, untilMs: number) => Promise<boolean>
  readonly warn: (warning: BudgetWarning) => void
}

/** Warns about budgets that are nearly spent: once per period for each share, on the gateway that sees it first. */
export class BudgetWarnings {
  readonly #ports: BudgetWarningPorts
  readonly #given = new Set<string>()
  /** Share of each budget that was spent at its last settlement. */
  readonly #spent = new Map<Limit, number>()

  constructor(ports: BudgetWarningPorts) {
    this.#ports = ports
  }

  /** For each policy, the largest spent share of its budgets, as far as this process has settled requests. */
  spent(nowMs: number): Record<string, number> {
    const shares: Record<string, number> = {}
    for (const [limit, share] of this.#spent) {
      const { window, policy } = limit
      if (!window || window.endMs <= nowMs) this.#spent.delete(limit)
      else shares[policy.name] = Math.max(shares[policy.name] ?? 0, share)
    }
    return shares
  }

  /** Budgets were reset or raised, so their shares changed. */
  forgetShares(): void {
    this.#spent.clear()
  }

  /** Sends the warnings that are due. @param states where the limits of a settled request stand, in their order */
  give(counted: CountedLimits, limits: CallerLimits, states: readonly CounterState[]): void {
    for (const [i, limit] of counted.limits.entries()) {
      const { policy, value, counter, kind, window, forgiven = 0 } = limit
      const state = states[i]
      if (!window || !state) continue
      const share = (state.used - forgiven) / value
      if (this.#spent.size >= MAX_GIVEN) this.#spent.clear()
      this.#spent.set(limit, share)
      for (const at of warningShares(policy)) {
        if (share < at) break
        const rolling = policy.budget.period === 'rolling'
        const name = `budget ${policy.name} ${kind} ${counter} ${rolling ? '' : window.startMs} ${at}${changeOf(limit)}`
        if (this.#given.has(name)) continue
        if (this.#given.size >= MAX_GIVEN) this.#given.clear()
        this.#given.add(name)
        const lastsMs = rolling ? policy.budget.rollingHours * 3_600_000 : window.endMs - Date.now()
        const untilMs = Math.min(Date.now() + lastsMs, Number.MAX_SAFE_INTEGER / 1000)
        // A rolling period has no end. It may warn again when its length has passed.
        if (rolling) setTimeout(() => this.#given.delete(name), Math.min(lastsMs, 2 ** 31 - 1)).unref()
        const { organizationId, workspaceId } = limits.caller
        const standing = standingOf(limit, state, Date.now())
        this.#ports.once(name, untilMs).then(
          (first) => {
            if (!first) return false
            limits.tally.warnings += 1
            this.#ports.warn({ share: at, standing, subject: counter, organizationId, workspaceId })
            return true
          },
          () => this.#given.delete(name),
        )
      }
    }
  }
}

/** Distinguishes a budget after a reset or raise, so that it warns again. */
function changeOf({ policy, kind, value, forgiven = 0 }: Limit): string {
  const raised = kind === 'cost' && value !== Math.round(policy.budget.costUsd * 1e9)
  return raised || forgiven > 0 ? ` ${value} ${forgiven}` : ''
}

/** Shares of a budget that warn, lowest first. A spent budget always warns. */
function warningShares(policy: LimitPolicy): readonly number[] {
  let shares = SHARES.get(policy)
  if (!shares) {
    shares = [...new Set([...policy.budget.warnAt, 1])].sort((a, b) => a - b)
    SHARES.set(policy, shares)
  }
  return shares
}

const SHARES = new WeakMap<LimitPolicy, readonly number[]>()
