import { patternWithin } from './name-pattern.ts'
import type { BudgetTerms, LimitPolicy } from './policy.ts'

/**
 * Compares the limits of two keys. Each dimension of each outer policy needs an inner policy that covers at least the
 * same requests, counts them together, and allows no more.
 *
 * @param outer the limits of a key
 * @param inner the limits of the other
 * @returns the first policy and dimension that is wider, in words; `undefined` when nothing is
 */
export function widerLimit(outer: readonly LimitPolicy[], inner: readonly LimitPolicy[]): string | undefined {
  for (const policy of outer) {
    const holding = inner.filter((other) => holdsFor(other, policy))
    for (const [name, dimension] of Object.entries(DIMENSIONS)) {
      if (dimension.of(policy) === 0 || holding.some((other) => isWithin(dimension, policy, other))) continue
      return `${name} of the limit ${JSON.stringify(policy.name)}`
    }
  }
  return undefined
}

/**
 * As `widerLimit`, for a key that changes itself. Its limits must keep their counts, which belong to the limit's
 * name, its match and its `split_by`.
 */
export function widerOwnLimit(
  before: readonly LimitPolicy[],
  after: readonly LimitPolicy[],
): string | undefined {
  for (const policy of before) {
    const same = after.filter((other) => countsAs(other, policy))
    const wider = widerLimit([policy], same)
    if (wider !== undefined) return wider
  }
  return undefined
}

interface Dimension {
  /** What a policy allows; 0 for no limit. */
  readonly of: (policy: LimitPolicy) => number
  /** It counts over a budget's period. */
  readonly ofBudget?: true
}

const DIMENSIONS: Readonly<Record<string, Dimension>> = {
  requests_per_minute: { of: (policy) => policy.requestsPerMinute },
  tokens_per_minute: { of: (policy) => policy.tokensPerMinute },
  concurrent_requests: { of: (policy) => policy.concurrentRequests },
  max_request_bytes: { of: (policy) => policy.maxRequestBytes },
  'budget.cost_usd': { of: ({ budget }) => budget.costUsd, ofBudget: true },
  'budget.tokens': { of: ({ budget }) => budget.tokens, ofBudget: true },
}

function isWithin({ of, ofBudget }: Dimension, outer: LimitPolicy, inner: LimitPolicy): boolean {
  if (of(inner) === 0 || of(inner) > of(outer)) return false
  if (outer.onBackendFailure === 'deny' && inner.onBackendFailure !== 'deny') return false
  if (!ofBudget) return true
  if (STRICTNESS[inner.budget.enforcement] < STRICTNESS[outer.budget.enforcement]) return false
  if (outer.budget.countIncluded && !inner.budget.countIncluded) return false
  return periodCovers(inner.budget, outer.budget)
}

const STRICTNESS: Readonly<Record<BudgetTerms['enforcement'], number>> = { soft: 0, hard: 1, strict: 2 }

/** Whether a policy covers every request of another, and does not split counts further. */
function holdsFor({ match, splitBy }: LimitPolicy, other: LimitPolicy): boolean {
  return (
    (match.provider === '' || match.provider === other.match.provider) &&
    (match.model === '' || (other.match.model !== '' && patternWithin(match.model, other.match.model))) &&
    (splitBy === '' || splitBy === other.splitBy)
  )
}

function countsAs(a: LimitPolicy, b: LimitPolicy): boolean {
  return (
    a.name === b.name &&
    a.splitBy === b.splitBy &&
    a.match.provider === b.match.provider &&
    a.match.model === b.match.model &&
    a.budget.countIncluded === b.budget.countIncluded
  )
}

/** Whether every shorter period lies within a longer one. */
function periodCovers(longer: BudgetTerms, shorter: BudgetTerms): boolean {
  if (longer.period === 'total') return true
  if (longer.period === 'rolling') {
    return shorter.period === 'rolling' && longer.rollingHours >= shorter.rollingHours
  }
  if (longer.timeZone !== shorter.timeZone) return false
  return longer.period === shorter.period || shorter.period === 'day'
}
