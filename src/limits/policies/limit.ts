import type { BudgetWindow } from './budget-window.ts'
import type { LimitKind, LimitPolicy } from './policy.ts'
import type { Take } from './take.ts'

/** One limit as it applies to one request. */
export interface Limit {
  readonly policy: LimitPolicy
  readonly kind: LimitKind
  /** Identifies what is counted together: the policy and its subject for rates, only the subject for budgets. */
  readonly counter: string
  /** Requests, tokens, bytes, or nano-USD for `cost`. */
  readonly value: number
  /** Of budgets only. */
  readonly window?: BudgetWindow
  /** Budgets only: spending that does not count because of a reset. */
  readonly forgiven?: number
  /** What it counts. Absent for limits that count nothing. */
  readonly take?: Take
}

/** Limits that count, and what they count, in the same order. */
export interface CountedLimits {
  readonly limits: readonly Limit[]
  readonly takes: readonly Take[]
  /** The reservation is an estimate, which grows with the response. */
  readonly grows: boolean
  /** The real cost of the request must be reported. */
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

/** Of what limits count, that which is not counted already. @param held counted already, under other limits or the same */
export function countedBeyond(counted: CountedLimits, held: readonly Take[]): CountedLimits {
  if (held.length === 0) return counted
  const known = new Set(held.map(({ kind, counter }) => `${kind} ${counter}`))
  return countedOf(counted.limits.filter(({ take }) => take && !known.has(`${take.kind} ${take.counter}`)))
}

/** What limits other than budgets count. */
export function takeOf(kind: LimitKind, counter: string, limit: number): Take | undefined {
  if (kind === 'concurrent_requests') return { kind: 'concurrency', counter, limit }
  if (kind === 'requests_per_minute') return { kind: 'rate', counter, limit, settles: false }
  if (kind === 'tokens_per_minute') return { kind: 'rate', counter, limit, settles: true }
  return undefined
}
