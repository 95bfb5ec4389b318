import { GatewayError, type GatewayErrorCode } from '../../errors.ts'
import { usdText } from '../../usage/money.ts'
import type { Limit } from '../policies/limit.ts'
import type { LimitKind } from '../policies/policy.ts'
import { standingOf, type LimitStanding } from '../policies/standing.ts'
import type { CounterState } from '../policies/take.ts'

/** A request that a limit refuses. */
export class LimitRefusal extends GatewayError {
  readonly standing: LimitStanding
  /** The contract's code for the original's limits; empty for others. */
  readonly contractCode: string
  /** How long it waited for room. */
  readonly waitedUs: number
  /** A budget without money: waiting for requests under way does not help. */
  readonly spent: boolean
  readonly windowSeconds: number | undefined

  constructor(limit: Limit, state: CounterState, nowMs: number, waitedUs: number) {
    const standing = standingOf(limit, state, nowMs)
    const { kind, value, forgiven = 0 } = limit
    const budget = kind === 'cost' || kind === 'tokens'
    const spent = budget && state.used >= value + forgiven
    const whenOthersEnd = kind === 'concurrent_requests' || (budget && !spent)
    const seconds = whenOthersEnd ? 1 : Math.max(1, Math.ceil(state.resetMs / 1000))
    const known = Number.isFinite(seconds) && kind !== 'request_bytes'
    super(codeOfLimit(kind), messageOf(limit, standing), known ? { retryAfterSeconds: seconds } : {})
    this.standing = standing
    this.waitedUs = waitedUs
    this.contractCode = contractCodeOf(limit)
    this.spent = spent
    this.windowSeconds = windowSecondsOf(limit)
  }
}

function messageOf({ policy, kind }: Limit, standing: LimitStanding): string {
  const { name, per } = policy
  const whose = per.replace('_', ' ')
  if (name === 'per_key' || name === 'per_workspace') {
    if (kind === 'requests_per_minute') return `request rate limit exceeded for ${per}`
    return `daily ${kind === 'cost' ? 'cost' : 'token'} limit exceeded for ${per}`
  }
  const { limit, used, reserved = 0, reset } = standing
  switch (kind) {
    case 'requests_per_minute':
      return `limit "${name}" exceeded: ${limit} requests per minute for each ${whose}`
    case 'tokens_per_minute':
      return `limit "${name}" exceeded: ${limit} tokens per minute for each ${whose}`
    case 'concurrent_requests':
      return `limit "${name}" reached: ${limit} concurrent requests for each ${whose}`
    case 'request_bytes':
      return `request body exceeds ${limit} bytes, the limit "${name}"`
    case 'cost':
    case 'tokens': {
      const unit = kind === 'cost' ? 'USD' : 'tokens'
      const show = (amount: number): string =>
        kind === 'cost' ? usdText(amount * 1e9).replace(/\.?0+$/, '') : String(amount)
      const under = reserved > 0 ? ` and ${show(reserved)} reserved by requests under way` : ''
      const of = `${show(limit)} ${unit} per ${periodOf(policy.budget.period)}`
      if (used < limit) return `budget "${name}" has no room now: ${show(used)} spent${under}, of ${of}`
      const when = policy.budget.period === 'rolling' ? 'there is room again' : 'it renews'
      const renews = reset === undefined ? '' : `; ${when} at ${reset}`
      return `budget "${name}" is spent: ${show(used)}${under} of ${of}${renews}`
    }
    default:
      return kind satisfies never
  }
}

function periodOf(period: string): string {
  return period === 'rolling' ? 'rolling period' : period === 'total' ? 'all time' : period
}

/** The original's codes, for the original's limits. */
function contractCodeOf({ policy: { name, per }, kind }: Limit): string {
  if (name !== 'per_key' && name !== 'per_workspace') return ''
  if (kind === 'requests_per_minute') return `${per.toUpperCase()}_RATE_LIMIT_EXCEEDED`
  return `${per.toUpperCase()}_DAILY_${kind.toUpperCase()}_EXCEEDED`
}

function windowSecondsOf({ kind, window }: Limit): number | undefined {
  if (kind === 'requests_per_minute' || kind === 'tokens_per_minute') return 60
  if (!window || !Number.isFinite(window.endMs)) return undefined
  return Math.round((window.endMs - window.startMs) / 1000)
}

function codeOfLimit(kind: LimitKind): GatewayErrorCode {
  switch (kind) {
    case 'requests_per_minute':
      return 'rate_limit_exceeded'
    case 'tokens_per_minute':
      return 'token_limit_exceeded'
    case 'concurrent_requests':
      return 'concurrency_limit_exceeded'
    case 'request_bytes':
      return 'request_body_too_large'
    case 'cost':
    case 'tokens':
      return 'budget_exceeded'
    default:
      return kind satisfies never
  }
}
