import { nearest } from '../../wire/nearest.ts'

/** Whose requests a policy counts together. */
export type LimitPer = 'key' | 'workspace' | 'organization' | 'end_user' | 'session'

/** The period of a budget. `rolling` is the last `rollingHours` hours, `total` is all time. */
export type BudgetPeriod = 'day' | 'week' | 'month' | 'rolling' | 'total'

/**
 * What a budget does: `soft` counts and warns; `hard` reserves an estimate and refuses once the money is spent;
 * `strict` reserves the maximum cost of a request.
 */
export type BudgetEnforcement = 'soft' | 'hard' | 'strict'

/** Which requests a policy applies to. All members that are set must match. An empty text always matches. */
export interface LimitMatch {
  readonly orgId: string
  readonly workspaceId: string
  readonly keyId: string
  readonly provider: string
  /** A model's name, or a prefix followed by `*`. */
  readonly model: string
}

/** What may be spent in a period. */
export interface BudgetTerms {
  /** USD; 0 for no limit. */
  readonly costUsd: number
  /** Input and output tokens. 0 for no limit. */
  readonly tokens: number
  readonly period: BudgetPeriod
  /** Length of a `rolling` period. */
  readonly rollingHours: number
  /** IANA name of the zone whose days, weeks (from Monday) and months count. */
  readonly timeZone: string
  readonly enforcement: BudgetEnforcement
  /** Requests that a subscription pays for count too, at list prices. */
  readonly countIncluded: boolean
  /** Shares of the budget that warn, once per period. */
  readonly warnAt: readonly number[]
}

/** A policy of limits: what counts together, and how much is allowed. A limit of 0 is none. */
export interface LimitPolicy {
  /** Permanent name. Counters and responses show it. */
  readonly name: string
  readonly per: LimitPer
  /** Counts every provider or model separately. */
  readonly splitBy: '' | 'provider' | 'model'
  readonly match: LimitMatch
  readonly requestsPerMinute: number
  readonly tokensPerMinute: number
  readonly concurrentRequests: number
  readonly maxRequestBytes: number
  readonly budget: BudgetTerms
  /** What happens while a shared backend does not respond. */
  readonly onBackendFailure: 'allow' | 'deny'
}

/** What can be limited. */
export type LimitKind =
  'requests_per_minute' | 'tokens_per_minute' | 'concurrent_requests' | 'request_bytes' | 'cost' | 'tokens'

const PERS: readonly LimitPer[] = ['key', 'workspace', 'organization', 'end_user', 'session']
const PERIODS: readonly BudgetPeriod[] = ['day', 'week', 'month', 'rolling', 'total']
const ENFORCEMENTS: readonly BudgetEnforcement[] = ['soft', 'hard', 'strict']

/** Largest amount. Sums of many such amounts stay exact. */
const MAX_AMOUNT = 1e12

/** Largest budget in USD, exact in nano-USD. */
export const MAX_USD = 1e6

/**
 * What is wrong with a policy.
 *
 * @returns pairs of the member's dotted name (`budget.period`) and a text that begins with it
 */
export function policyProblems(policy: LimitPolicy): [member: string, message: string][] {
  const problems: [string, string][] = []
  const wrong = (member: string, message: string): void =>
    void problems.push([member, `${member} ${message}`])
  const oneOf = (member: string, value: string, names: readonly string[]): void => {
    if (!names.includes(value)) {
      const shown = names.filter((name) => name !== '').join(', ')
      wrong(member, `must be one of ${shown} (got ${JSON.stringify(value)})`)
    }
  }
  const { budget } = policy
  if (!/^[A-Za-z0-9][\w.-]{0,63}$/.test(policy.name)) {
    wrong('name', `must be 1 to 64 letters, digits, ".", "_" or "-" (got ${JSON.stringify(policy.name)})`)
  }
  oneOf('per', policy.per, PERS)
  oneOf('split_by', policy.splitBy, ['', 'provider', 'model'])
  oneOf('on_backend_failure', policy.onBackendFailure, ['allow', 'deny'])
  oneOf('budget.period', budget.period, PERIODS)
  oneOf('budget.enforcement', budget.enforcement, ENFORCEMENTS)
  for (const [member, value, max] of [
    ['requests_per_minute', policy.requestsPerMinute, MAX_AMOUNT],
    ['tokens_per_minute', policy.tokensPerMinute, MAX_AMOUNT],
    ['concurrent_requests', policy.concurrentRequests, MAX_AMOUNT],
    ['max_request_bytes', policy.maxRequestBytes, MAX_AMOUNT],
    ['budget.tokens', budget.tokens, MAX_AMOUNT],
    ['budget.cost_usd', budget.costUsd, MAX_USD],
  ] as const) {
    if (!(value >= 0 && value <= max)) wrong(member, `must be between 0 and ${max} (got ${value})`)
  }
  if (budget.period === 'rolling' && !(budget.rollingHours >= 1 && budget.rollingHours <= 24 * 366)) {
    wrong('budget.rolling_hours', `must be between 1 and 8784 (got ${budget.rollingHours})`)
  }
  if (!isTimeZone(budget.timeZone)) {
    const close = nearest(budget.timeZone, Intl.supportedValuesOf('timeZone'))
    const hint = close === undefined ? '; write such as Europe/Berlin' : `; did you mean ${close}?`
    wrong('budget.time_zone', `is no IANA time zone (got ${JSON.stringify(budget.timeZone)})${hint}`)
  }
  for (const share of budget.warnAt) {
    if (!(share > 0 && share <= 1))
      wrong('budget.warn_at', `must hold shares above 0 and up to 1 (got ${share})`)
  }
  if (policy.match.model.slice(0, -1).includes('*')) wrong('match.model', 'may have a * only at its end')
  const limits = [
    policy.requestsPerMinute,
    policy.tokensPerMinute,
    policy.concurrentRequests,
    policy.maxRequestBytes,
    budget.tokens,
    budget.costUsd,
  ]
  if (limits.every((value) => value === 0)) wrong('', `${JSON.stringify(policy.name)} limits nothing`)
  return problems
}

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== ''
  } catch {
    return false
  }
}
