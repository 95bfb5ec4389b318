import type { BudgetWindow } from './budget-window.ts'
import type { LimitKind, LimitPolicy } from './policy.ts'
import type { Take } from './take.ts'

/** One limit as it holds for one request. */
export interface Limit {
  readonly policy: LimitPolicy
  readonly kind: LimitKind
  /** Names what is counted together: the policy and its subject for rates, the subject alone for budgets. */
  readonly counter: string
  /** Requests, tokens, bytes, or nano-USD for `cost`. */
  readonly value: number
  /** Of budgets only. */
  readonly window?: BudgetWindow
  /** Of budgets only: what was spent and does not count, because the budget was reset. */
  readonly forgiven?: number
  /** What is counted of it; absent for limits that count nothing. */
  readonly take?: Take
}

/** Limits that count, and what they count, in the same order. */
export interface CountedLimits {
  readonly limits: readonly Limit[]
  readonly takes: readonly Take[]
  /** An estimate is reserved, which grows with the answer. */
  readonly grows: boolean
  /** What the request came to is to be told. */
  readonly settles: boolean
}

/** Of limits, those that count. */
export function countedOf(all: readonly Limit[]): CountedLimits {
  const limits = all.filter(({ take }) => take !== undefined)
  const takes = limits.map(({ take }) => take!)
  return {
    limits,
    takes,
    grows: takes.some((take) => take.kind === 'budget' && take.enforcement !== 'strict'),
    settles: takes.some((take) => take.kind === 'budget' || (take.kind === 'rate' && take.settles)),
  }
}

/** What is counted of limits other than budgets. */
export function takeOf(kind: LimitKind, counter: string, limit: number): Take | undefined {
  if (kind === 'concurrent_requests') return { kind: 'concurrency', counter, limit }
  if (kind === 'requests_per_minute') return { kind: 'rate', counter, limit, settles: false }
  if (kind === 'tokens_per_minute') return { kind: 'rate', counter, limit, settles: true }
  return undefined
}
