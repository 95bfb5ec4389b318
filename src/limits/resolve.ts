import type { GatewayErrorCode } from '../errors.ts'
import { matches } from '../access/key-rules.ts'
import type { Caller } from '../traces/exchange.ts'
import { budgetWindow, slotOf, type BudgetWindow } from './budget-window.ts'
import type { Take } from './counters.ts'
import { includedSubject } from './included-subject.ts'
import type { LimitKind, LimitPolicy } from './policy.ts'
import type { LimitTally } from './tenant-tallies.ts'

/** Whose requests they are, as far as limits count it. */
export interface LimitCaller {
  readonly caller: Caller
  /** Tells keys apart, also those without an id; empty without a key. */
  readonly counterId: string
}

/** What a caller asks for, as far as limits count it. Empty texts: not known. */
export interface LimitFacts {
  readonly endUser: string
  readonly sessionId: string
  readonly provider: string
  readonly model: string
}

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
  /** What is counted of it; absent for limits that count nothing. */
  readonly take?: Take
}

/** A policy that may hold for a key, as far as the key alone tells. */
interface Prepared {
  readonly policy: LimitPolicy
  /** The subject, where it does not depend on the request. */
  readonly subject: string | undefined
}

const NANO_PER_USD = 1e9

/** The policies that may hold for one caller. */
export class CallerLimits {
  readonly #of: LimitCaller
  readonly #prepared: readonly Prepared[]
  readonly #resolved = new Map<string, Map<string, ResolvedLimits>>()
  /** Who spends in any case: organization, workspace and key. */
  readonly spenders: readonly string[]
  /** Whether anything is limited at all. */
  readonly any: boolean
  /** Whether the request's content tells something that a limit needs. */
  readonly needContent: boolean
  /** How money is limited, of requests that are billed and of those that a subscription pays for. */
  readonly money: Readonly<Record<'billed' | 'included', MoneyLimits>>
  /** Whether a limit counts end users or sessions. */
  readonly needAttribution: boolean

  /** What has come of the requests of the caller's tenant. */
  readonly tally: LimitTally

  /** @param own the key's own limits */
  constructor(
    policies: readonly LimitPolicy[],
    own: readonly LimitPolicy[],
    of: LimitCaller,
    tally: LimitTally,
  ) {
    const { caller, counterId } = of
    this.tally = tally
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
      ...(counterId === '' ? [] : [keySubject(of)]),
    ]
    this.any = holding.length > 0
    this.money = {
      billed: moneyLimits(holding),
      included: moneyLimits(holding.filter(({ budget }) => budget.countIncluded)),
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

  /** Whose limits they are. */
  get caller(): Caller {
    return this.#of.caller
  }

  /** Largest content that every request to a provider may have, whatever else is in it; 0 for no limit. */
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

  /** The limits of a request, and whom its cost counts for. @param nowMs epoch milliseconds */
  resolve(facts: LimitFacts, nowMs: number): ResolvedLimits {
    // Whose request it is tells the key; what it asks for is one of a few things.
    if (this.needAttribution) return this.#resolve(facts, nowMs)
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
      if (match.model !== '' && !matches(match.model, facts.model.toLowerCase())) continue
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
      const rolling = budget.period === 'rolling'
      fromMs = Math.max(fromMs, rolling ? slotOf(nowMs) : window.startMs)
      untilMs = Math.min(untilMs, window.endMs)
      const spender = budget.countIncluded ? includedSubject(counted) : counted
      const spend = (kind: 'tokens' | 'cost', value: number): void => {
        if (value <= 0) return
        const take: Take = {
          kind: 'budget',
          counter: spender,
          unit: kind,
          limit: value,
          hard: budget.enforcement === 'hard',
          startMs: window.startMs,
          endMs: window.endMs,
        }
        limits.push({ policy, kind, value, counter: spender, window, take })
      }
      spend('tokens', budget.tokens)
      spend('cost', Math.round(budget.costUsd * NANO_PER_USD))
    }
    const subjects = limits.flatMap(({ window, counter }) => (window ? [counter] : []))
    const [size] = limits.filter(({ kind }) => kind === 'request_bytes').sort((a, b) => a.value - b.value)
    const pair = `${this.spenders.at(-1)} ${facts.provider} ${facts.model}`
    return {
      limits,
      counted: countedOf(limits),
      countedIncluded: countedOf(limits.map(withoutRefusal)),
      countedFree: countedOf(limits.filter(({ kind }) => !SPENDING.has(kind))),
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

/** How money is limited. */
interface MoneyLimits {
  /** Prices are asked for before a request. */
  readonly needPrices: boolean
  /** A hard budget would be passed by what has no price. */
  readonly refusesUnpriced: boolean
}

function moneyLimits(policies: readonly LimitPolicy[]): MoneyLimits {
  const budgets = policies.filter(({ budget }) => budget.costUsd > 0)
  return {
    needPrices: budgets.length > 0,
    refusesUnpriced: budgets.some(({ budget }) => budget.enforcement === 'hard'),
  }
}

/**
 * A limit as it holds for a request that a subscription pays for: a spent budget that counts no such requests refuses none. It is told
 * all the same what the request came to, for the answer may say that it was billed.
 */
function withoutRefusal(limit: Limit): Limit {
  const { kind, policy, take } = limit
  if (kind !== 'cost' || policy.budget.countIncluded || take?.kind !== 'budget') return limit
  return { ...limit, take: { ...take, hard: false } }
}

/** Limits that what costs nothing does not touch. */
const SPENDING: ReadonlySet<LimitKind> = new Set(['tokens_per_minute', 'cost', 'tokens'])

/** What holds for a request of a caller. */
export interface ResolvedLimits {
  readonly limits: readonly Limit[]
  /**
   * Those that count something; the same for a request that a subscription pays for; and of them those that count what costs nothing
   * too.
   */
  readonly counted: CountedLimits
  readonly countedIncluded: CountedLimits
  readonly countedFree: CountedLimits
  /** Largest content; absent for no limit. */
  readonly size: Limit | undefined
  /** Subjects of the ledger that the request's cost counts for. */
  readonly spenders: readonly string[]
  /** Names requests that are expected to cost about the same: those whose answer comes whole, that ask for a stream, whose answer is no text. */
  readonly pair: string
  readonly streamPair: string
  readonly inputPair: string
  /** It holds from here until there, epoch milliseconds: periods of budgets begin and end. */
  readonly fromMs: number
  readonly untilMs: number
}

/** Models of a caller and a provider that are remembered at most. */
const MAX_RESOLVED = 200

/** Limits that count, and what they count, in the same order. */
export interface CountedLimits {
  readonly limits: readonly Limit[]
  readonly takes: readonly Take[]
  /** Something is reserved that grows with the answer. */
  readonly reserves: boolean
  /** What the request came to is to be told. */
  readonly settles: boolean
}

function countedOf(all: readonly Limit[]): CountedLimits {
  const limits = all.filter(({ take }) => take !== undefined)
  const takes = limits.map(({ take }) => take!)
  const reserves = takes.some(({ kind }) => kind === 'budget')
  return {
    limits,
    takes,
    reserves,
    settles: reserves || takes.some((take) => take.kind === 'rate' && take.settles),
  }
}

/** What is counted of limits other than budgets. */
function takeOf(kind: LimitKind, counter: string, limit: number): Take | undefined {
  if (kind === 'concurrent_requests') return { kind: 'concurrency', counter, limit }
  if (kind === 'requests_per_minute') return { kind: 'rate', counter, limit, settles: false }
  if (kind === 'tokens_per_minute') return { kind: 'rate', counter, limit, settles: true }
  return undefined
}

/** A part of a counter's name: whatever it holds, it cannot pass for another part. */
function part(text: string): string {
  const encoded = encodeURIComponent(text.toWellFormed())
  return encoded.length <= 200 ? encoded : `sha256-${Bun.SHA256.hash(text, 'hex')}`
}

/** How a tenant stands in the names of what counts for it or for a part of it. */
export function tenantPart({
  organizationId,
  workspaceId,
}: Pick<Caller, 'organizationId' | 'workspaceId'>): string {
  return `${part(organizationId)}/${part(workspaceId)}`
}

function keySubject({ caller, counterId }: LimitCaller): string {
  return `key:${tenantPart(caller)}/${part(counterId)}`
}

function fixedSubject(policy: LimitPolicy, of: LimitCaller): string | undefined {
  if (policy.per === 'end_user' || policy.per === 'session') return undefined
  return subjectOf(policy, of, { endUser: '', sessionId: '', provider: '', model: '' })
}

/** Who is counted together; `undefined` for a request that does not say whose it is. */
function subjectOf(
  { per, match }: LimitPolicy,
  of: LimitCaller,
  { endUser, sessionId }: LimitFacts,
): string | undefined {
  const { caller } = of
  const workspace = tenantPart(caller)
  // What a policy leaves out, it must not count with what others count.
  const only = [
    match.workspaceId !== '' && per === 'organization' ? `&workspace=${part(match.workspaceId)}` : '',
    match.keyId !== '' && per !== 'key' ? `&key=${part(match.keyId)}` : '',
    match.provider === '' ? '' : `&provider=${part(match.provider)}`,
    match.model === '' ? '' : `&model=${part(match.model)}`,
  ].join('')
  switch (per) {
    case 'organization':
      return `organization:${part(caller.organizationId)}${only}`
    case 'workspace':
      return `workspace:${workspace}${only}`
    case 'key':
      return `${keySubject(of)}${only}`
    case 'end_user':
      return endUser === '' ? undefined : `end_user:${workspace}/${part(endUser)}${only}`
    case 'session':
      return sessionId === '' ? undefined : `session:${workspace}/${part(sessionId)}${only}`
    default:
      return per satisfies never
  }
}

/** The code of a refusal by a limit. */
export function codeOfLimit(kind: LimitKind): GatewayErrorCode {
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
