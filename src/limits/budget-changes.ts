import { GatewayError } from '../errors.ts'
import type { AdjustmentChange } from './policies/adjustments.ts'
import { slotOf } from './policies/budget-window.ts'
import type { CallerLimits } from './policies/caller-limits.ts'
import type { Limit } from './policies/limit.ts'
import { MAX_USD, type LimitPolicy } from './policies/policy.ts'
import type { LimitFacts } from './policies/subject.ts'
import type { Budget, CounterState } from './policies/take.ts'

/** How much more may be spent, and until when (epoch milliseconds; absent for the end of the period). */
export interface Raise {
  readonly byUsd?: number
  readonly toUsd?: number
  readonly untilMs?: number
}

/** A change of one policy's budget for one subject, and its description. */
export interface BudgetChange {
  readonly policy: string
  /** Subject of the ledger. */
  readonly counter: string
  readonly change: AdjustmentChange
}

/** Reads where counters stand. */
export type ReadStates = (takes: readonly Budget[]) => Promise<readonly CounterState[]>

/**
 * Plans a reset: the budget's period counts from now as if nothing was spent. Reservations and a raise stay.
 *
 * @throws GatewayError `bad_request` when the policy has no budget for such requests
 */
export async function planReset(
  limits: CallerLimits,
  facts: LimitFacts,
  policy: string,
  nowMs: number,
  read: ReadStates,
): Promise<BudgetChange> {
  const [first] = budgetsOf(limits, facts, policy, nowMs)
  const { window, counter } = first
  const rolling = first.policy.budget.period === 'rolling'
  // Spending that leaves a rolling period later must not be forgiven twice. So it counts from the current quarter
  // hour.
  const startMs = rolling ? slotOf(nowMs) : window.startMs
  const take = { ...first.take, startMs }
  const [cost, tokens] = await read([
    { ...take, unit: 'cost' },
    { ...take, unit: 'tokens' },
  ])
  return {
    policy,
    counter,
    change: { resetFromMs: startMs, forgivenNanoUsd: cost!.used, forgivenTokens: tokens!.used },
  }
}

/**
 * Plans a raise: more may be spent for a while. A later raise replaces an earlier one.
 *
 * @throws GatewayError `bad_request` for a policy without a money budget, and for an amount that is no raise
 */
export function planRaise(
  limits: CallerLimits,
  facts: LimitFacts,
  policy: string,
  { byUsd, toUsd, untilMs }: Raise,
  nowMs: number,
): BudgetChange {
  const limit = budgetsOf(limits, facts, policy, nowMs).find(({ kind }) => kind === 'cost')
  if (!limit) throw wrong(`limit "${policy}" has no budget in USD; only such a budget can be raised`)
  const { costUsd, period, rollingHours } = limit.policy.budget
  if ((byUsd === undefined) === (toUsd === undefined)) throw wrong('give either by_usd or to_usd')
  const usd = toUsd ?? costUsd + byUsd!
  if (!(usd > costUsd && usd <= MAX_USD)) {
    throw wrong(`the budget must be raised above its ${costUsd} USD, and to ${MAX_USD} USD at most`)
  }
  if (untilMs !== undefined && untilMs <= nowMs) throw wrong('until must lie in the future')
  const endMs = period === 'rolling' ? nowMs + rollingHours * HOUR_MS : limit.window.endMs
  // A `total` budget has no end, so its raise has none.
  const raisedUntilMs = untilMs ?? Math.min(endMs, FOREVER_MS)
  return {
    policy,
    counter: limit.counter,
    change: { raisedToNanoUsd: Math.round(usd * 1e9), raisedUntilMs },
  }
}

const HOUR_MS = 3_600_000

/** The latest possible date, 275760-09-13. */
export const FOREVER_MS = 8_640_000_000_000_000

type BudgetLimit = Limit & { readonly window: NonNullable<Limit['window']>; readonly take: Budget }

/** The budgets of a policy that apply to a request: one subject, with money, tokens or both. */
function budgetsOf(
  limits: CallerLimits,
  facts: LimitFacts,
  policy: string,
  nowMs: number,
): readonly [BudgetLimit, ...BudgetLimit[]] {
  const [first, ...more] = limits
    .resolve(facts, nowMs)
    .limits.filter(
      (limit): limit is BudgetLimit => limit.policy.name === policy && limit.window !== undefined,
    )
  if (!first) throw wrong(`limit "${policy}" has no budget that holds for this subject`)
  return [first, ...more]
}

/**
 * The members a policy needs to identify a budget and that are missing, in the names of the JSON contract.
 *
 * @param given members that are present
 */
export function missingSubject(
  { per, splitBy, match }: LimitPolicy,
  given: ReadonlySet<string>,
): readonly string[] {
  const needed = {
    key: ['key_id'],
    workspace: ['workspace_id'],
    organization: [],
    end_user: ['end_user'],
    session: ['session_id'],
  }[per]
  const split = splitBy === '' ? [] : [splitBy]
  const ofKey = match.keyId === '' ? [] : ['key_id']
  const matched = [...(match.provider === '' ? [] : ['provider']), ...(match.model === '' ? [] : ['model'])]
  return [...new Set([...needed, ...ofKey, ...split, ...matched])].filter((name) => !given.has(name))
}

function wrong(message: string): GatewayError {
  return new GatewayError('bad_request', message)
}
