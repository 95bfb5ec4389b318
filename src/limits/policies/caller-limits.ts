import { matches } from './name-pattern.ts'
import type { Caller } from '../../traces/exchange.ts'
import { adjustedTerms, type Adjustments } from './adjustments.ts'
import { budgetWindow, slotOf } from './budget-window.ts'
import { includedSubject } from './included-subject.ts'
import { countedOf, takeOf, type CountedLimits, type Limit } from './limit.ts'
import type { BudgetTerms, LimitKind, LimitPolicy } from './policy.ts'
import {
  fixedSubject,
  part,
  spenderOf,
  subjectOf,
  tenantPart,
  type LimitCaller,
  type LimitFacts,
} from './subject.ts'
import type { LimitTally } from './tenant-tallies.ts'

/** A policy that may apply to a key, judging by the key alone. */
interface Prepared {
  readonly policy: LimitPolicy
  /** The subject, if it does not depend on the request. */
  readonly subject: string | undefined
}

const NANO_PER_USD = 1e9

/** The policies that may apply to one caller. */
export class CallerLimits {
  readonly #of: LimitCaller
  readonly #prepared: readonly Prepared[]
  readonly #adjustments: Adjustments
  #version = 0
  readonly #resolved = new Map<string, Map<string, ResolvedLimits>>()
  /** The subjects of every request: organization, workspace and key. */
  readonly spenders: readonly string[]
  /** Whether anything is limited. */
  readonly any: boolean
  /** Whether a limit needs something of the request's content. */
  readonly needContent: boolean
  /** How money is limited, of requests that are billed and of those that a subscription pays for. */
  readonly money: Readonly<Record<'billed' | 'included', MoneyLimits>>
  /** Whether a limit counts end users or sessions. */
  readonly needAttribution: boolean

  /** Counts of the requests of the caller's tenant. */
  readonly tally: LimitTally

  /** @param own the key's own limits */
  constructor(
    policies: readonly LimitPolicy[],
    own: readonly LimitPolicy[],
    of: LimitCaller,
    tally: LimitTally,
    adjustments: Adjustments,
  ) {
    const { caller, counterId } = of
    this.tally = tally
    this.#adjustments = adjustments
    this.#of = of
    const holding = [
      ...policies.filter(({ match, per }) => {
        if (per === 'key' && counterId === '') return false
        return (
          (match.orgId === '' || match.orgId === caller.organizationId) &&
          (match.workspaceId === '' || match.workspaceId === caller.workspaceId) &&
          (match.keyId === '' || match.keyId === caller.keyId)
        )
      }),
      ...own,
    ]
    this.#prepared = holding.map((policy) => ({ policy, subject: fixedSubject(policy, of) }))
    this.spenders = [
      `organization:${part(caller.organizationId)}`,
      `workspace:${tenantPart(caller)}`,
      ...(counterId === '' ? [] : [spenderOf(caller, counterId)]),
    ]
    this.any = holding.length > 0
    const budgets = holding.map(({ budget }) => budget)
    this.money = {
      billed: moneyLimits(budgets),
      included: moneyLimits(
        budgets.map((budget) => (budget.countIncluded ? budget : { ...budget, costUsd: 0 })),
      ),
    }
    this.needAttribution = holding.some(({ per }) => per === 'end_user' || per === 'session')
    this.needContent = holding.some(
      ({ per, splitBy, match, tokensPerMinute, budget }) =>
        per === 'end_user' ||
        per === 'session' ||
        splitBy === 'model' ||
        match.model !== '' ||
        tokensPerMinute + budget.tokens + budget.costUsd > 0,
    )
  }

  /**
   * The first budget that refuses what it cannot see the cost of; `undefined` for none. Any may hold for such a request, whichever model
   * it runs and whomever it counts for.
   *
   * @param of `money` where only the price is not known, because the model is not: tokens are counted, unless models are counted apart
   * @param subscription pays for the request, as far as its credential tells
   */
  refusingBudget(provider: string, of: 'money' | 'any', subscription: boolean): LimitPolicy | undefined {
    const holding = this.#prepared.find(({ policy: { match, splitBy, budget } }) => {
      if (budget.enforcement === 'soft' || (match.provider !== '' && match.provider !== provider))
        return false
      const money = budget.costUsd > 0 && (!subscription || budget.countIncluded)
      const countsModels = match.model !== '' || splitBy === 'model'
      return money || ((of === 'any' || countsModels) && budget.tokens > 0)
    })
    return holding?.policy
  }

  /** Whose limits they are. */
  get caller(): Caller {
    return this.#of.caller
  }

  /** Largest content of any request to a provider. 0 for no limit. */
  maxRequestBytes(provider: string): number {
    let least = 0
    for (const { policy, subject } of this.#prepared) {
      const { match, maxRequestBytes } = policy
      if (maxRequestBytes === 0 || subject === undefined || match.model !== '') continue
      if (match.provider !== '' && match.provider !== provider) continue
      least = least === 0 ? maxRequestBytes : Math.min(least, maxRequestBytes)
    }
    return least
  }

  /** The limits of a request, and the subjects that its cost is charged to. @param nowMs epoch milliseconds */
  resolve(facts: LimitFacts, nowMs: number): ResolvedLimits {
    // The key identifies the caller. The rest has few values.
    if (this.needAttribution || facts.models) return this.#resolve(facts, nowMs)
    if (this.#version !== this.#adjustments.version) {
      this.#version = this.#adjustments.version
      this.#resolved.clear()
    }
    const { provider, model } = facts
    let models = this.#resolved.get(provider)
    const known = models?.get(model)
    if (known && nowMs >= known.fromMs && nowMs < known.untilMs) return known
    if (!models) {
      models = new Map()
      this.#resolved.set(provider, models)
    }
    const resolved = this.#resolve(facts, nowMs)
    if (models.size >= MAX_RESOLVED) models.clear()
    models.set(model, resolved)
    return resolved
  }

  #resolve(facts: LimitFacts, nowMs: number): ResolvedLimits {
    const limits: Limit[] = []
    let [fromMs, untilMs] = [0, Infinity]
    for (const { policy, subject: fixed } of this.#prepared) {
      const { match, splitBy, budget } = policy
      if (match.provider !== '' && match.provider !== facts.provider) continue
      if (match.model !== '' && !mayRun(facts, match.model)) continue
      const subject = fixed ?? subjectOf(policy, this.#of, facts)
      if (subject === undefined) continue
      const split =
        splitBy === '' ? '' : `&split_${splitBy}=${part(splitBy === 'model' ? facts.model : facts.provider)}`
      const counted = `${subject}${split}`
      const add = (kind: LimitKind, value: number): void => {
        if (value <= 0) return
        const counter = `${policy.name}:${kind}:${counted}`
        const take = takeOf(kind, counter, value)
        limits.push({ policy, kind, value, counter, ...(take ? { take } : {}) })
      }
      add('request_bytes', policy.maxRequestBytes)
      add('concurrent_requests', policy.concurrentRequests)
      add('requests_per_minute', policy.requestsPerMinute)
      add('tokens_per_minute', policy.tokensPerMinute)
      if (budget.tokens + budget.costUsd === 0) continue
      const window = budgetWindow(budget, nowMs)
      const spender = budget.countIncluded ? includedSubject(counted) : counted
      const terms = adjustedTerms(
        Math.round(budget.costUsd * NANO_PER_USD),
        window,
        this.#adjustments.of(policy.name, spender),
        nowMs,
      )
      const rolling = budget.period === 'rolling'
      fromMs = Math.max(fromMs, rolling ? slotOf(nowMs) : window.startMs)
      untilMs = Math.min(untilMs, terms.untilMs)
      const spend = (kind: 'tokens' | 'cost', value: number, forgiven: number): void => {
        if (value <= 0) return
        const take = {
          kind: 'budget',
          counter: spender,
          unit: kind,
          limit: value + forgiven,
          enforcement: budget.enforcement,
          startMs: terms.startMs,
          endMs: window.endMs,
        } as const
        limits.push({ policy, kind, value, counter: spender, window, take, forgiven })
      }
      spend('tokens', budget.tokens, terms.forgivenTokens)
      spend('cost', terms.nanoUsd, terms.forgivenNanoUsd)
    }
    const subjects = limits.flatMap(({ window, counter }) => (window ? [counter] : []))
    const [size] = limits.filter(({ kind }) => kind === 'request_bytes').sort((a, b) => a.value - b.value)
    const pair = `${this.spenders.at(-1)} ${facts.provider} ${facts.model}`
    return {
      limits,
      counted: countedOf(limits),
      countedIncluded: countedOf(limits.map(withoutRefusal)),
      countedFree: countedOf(limits.filter(({ kind }) => !SPENDING.has(kind))),
      strict: limits.some(({ window, policy }) => window && policy.budget.enforcement === 'strict'),
      size,
      spenders: [...new Set([...this.spenders, ...subjects])],
      pair,
      streamPair: `${pair} stream`,
      inputPair: `${pair} input`,
      fromMs,
      untilMs,
    }
  }
}

/** Whether a request may run a model that a pattern names. Nobody leaves a limit by hiding the model. */
function mayRun({ model, models = [model] }: LimitFacts, pattern: string): boolean {
  return models === 'any' || models.some((name) => matches(pattern, name.toLowerCase()))
}

/** Whether prices must be known before a request. The model's context window comes with them. */
export function budgetNeedsPrices({ costUsd, tokens, enforcement }: BudgetTerms): boolean {
  return costUsd > 0 || (tokens > 0 && enforcement === 'strict')
}

/** How money is limited. */
interface MoneyLimits {
  /** Prices, or the context window, are needed before a request. */
  readonly needPrices: boolean
  /** A request without a price would bypass a budget that refuses. */
  readonly refusesUnpriced: boolean
}

function moneyLimits(budgets: readonly BudgetTerms[]): MoneyLimits {
  return {
    needPrices: budgets.some(budgetNeedsPrices),
    refusesUnpriced: budgets.some(({ costUsd, enforcement }) => costUsd > 0 && enforcement !== 'soft'),
  }
}

/**
 * A limit as it applies to a request that a subscription pays for. A spent budget that does not count such requests
 * refuses none. It still learns the real cost, because the response may say that it was billed.
 */
function withoutRefusal(limit: Limit): Limit {
  const { kind, policy, take } = limit
  if (kind !== 'cost' || policy.budget.countIncluded || take?.kind !== 'budget') return limit
  return { ...limit, take: { ...take, enforcement: 'soft' } }
}

/** Limits that a free request does not affect. */
const SPENDING: ReadonlySet<LimitKind> = new Set(['tokens_per_minute', 'cost', 'tokens'])

/** What applies to a request of a caller. */
export interface ResolvedLimits {
  readonly limits: readonly Limit[]
  /**
   * Limits that count something; the same for a request that a subscription pays for; and those that also count free
   * requests.
   */
  readonly counted: CountedLimits
  readonly countedIncluded: CountedLimits
  readonly countedFree: CountedLimits
  /** A budget reserves the maximum cost of a request. */
  readonly strict: boolean
  /** Largest content; absent for no limit. */
  readonly size: Limit | undefined
  /** Subjects of the ledger that the request's cost is charged to. */
  readonly spenders: readonly string[]
  /** Identify requests that are expected to cost about the same: whole responses, streams, and responses that are no text. */
  readonly pair: string
  readonly streamPair: string
  readonly inputPair: string
  /** Valid between these times, epoch milliseconds, because budget periods begin and end. */
  readonly fromMs: number
  readonly untilMs: number
}

/** Largest number of models cached per caller and provider. */
const MAX_RESOLVED = 200
