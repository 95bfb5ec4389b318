import type { AttemptCause } from '../../traces/exchange.ts'
import { FairShares } from './fair-shares.ts'
import { RetryBudget } from './retry-budget.ts'
import { SessionPins } from './session-pins.ts'
import { type BreakerSettings, TargetHealth, type TargetState } from './target-health.ts'
import type { Target, TargetPlan } from './target.ts'

/** Settings of the chooser, from `routing`. */
export interface ChooserSettings {
  /** Attempts of one request, the first included; at least 1. */
  readonly attempts: number
  /** Share of the requests of the last 10 s that may be sent again; 0 to 1. */
  readonly retryBudget: number
  readonly breaker: BreakerSettings
}

/** What is known of a request, at its first attempt and later. Times are milliseconds of one clock that never goes back. */
export interface ChoiceRequest {
  /** Names of the targets of the attempts so far, in order; a target that was tried twice stands here twice. */
  readonly tried: readonly string[]
  readonly now: number
  /** Whether a target can be used now for a reason of its own, for example its credentials; absent when all can. */
  readonly usable?: (target: Target) => boolean
}

/** What a target is chosen by. */
export interface TargetQuestion extends ChoiceRequest {
  /** Whose target is kept: the caller with its session or end user; empty for none. */
  readonly session: string
}

/** Why a plan has no target. */
export interface NoTarget {
  /** The breakers of all are open, one rests for a time that it named, or none has a credential. */
  readonly reason: 'open' | 'cooling' | 'unusable'
  /** When the first target becomes available by itself; `undefined` when that is not known. */
  readonly until: number | undefined
}

/** What one more attempt is judged by. `tried` holds the failed attempt too. */
export interface RetryRequest extends ChoiceRequest {
  /** When the exchange must have ended; `undefined` for no limit. */
  readonly deadline: number | undefined
}

/** Whether there may be one more attempt; if not, why. */
export type RetryVerdict = 'yes' | 'attempts' | 'budget' | 'deadline' | 'no_target'

/**
 * Chooses the target of each attempt by tier, health, affinity and weight. It reads no clock.
 *
 * Report every target of an alias that `choose` returned, with the very object: a half-open target takes no other request before. What works is reported
 * when that is known, and again if it fails later.
 */
export class TargetChooser {
  readonly #health = new Map<string, TargetHealth>()
  readonly #shares = new FairShares()
  readonly #pins = new SessionPins()
  readonly #budget = new RetryBudget()
  #settings: ChooserSettings

  constructor(settings: ChooserSettings) {
    this.#settings = settings
  }

  /** Takes over other settings. @param isKept whether a target of that name is the same as before; the state of others is forgotten */
  configure(settings: ChooserSettings, isKept: (target: string) => boolean): void {
    this.#settings = settings
    this.#shares.clear()
    for (const name of this.#health.keys()) if (!isKept(name)) this.#health.delete(name)
  }

  /**
   * Chooses the target of an attempt. With `tried` empty the request counts for the retry budget.
   *
   * A plan without an alias has no choice: its target is returned whatever its state.
   *
   * @returns `undefined` when no target is available
   */
  choose(plan: TargetPlan, request: TargetQuestion): Target | undefined {
    const { tried, now } = request
    const { alias, targets } = plan
    if (tried.length === 0) this.#budget.count(now)
    if (alias === undefined) return this.#take(targets[0]!, now)
    const sticky = targets.length > 1 && plan.affinity !== 'none' && request.session !== ''
    const pinned = sticky ? this.#pinned(alias, targets, request) : undefined
    // A single failure moves the request, and not the session.
    const kept = tried.length === 0 ? pinned : undefined
    const target = kept ?? this.#best(alias, targets, request)
    if (!target) return undefined
    // A session that stays takes nobody's turn: new ones are shared out by weight.
    if (targets.length > 1 && !kept) this.#shares.chose(alias, target)
    if (sticky && !pinned) this.#pins.set(alias, request.session, target.name)
    return this.#take(target, now)
  }

  /**
   * An attempt has ended, or its response is known to be good.
   *
   * @param until after `rate`: until when the target wants to rest, as its `retry-after` said; `undefined` if it did not say
   */
  report(target: Target, cause: AttemptCause, now: number, until?: number): void {
    let health = this.#health.get(target.name)
    if (!health) {
      // Most targets never fail, and need no state.
      if (cause === 'ok' || cause === 'rejected' || cause === 'client_aborted') return
      health = new TargetHealth()
      this.#health.set(target.name, health)
    }
    health.report(target, cause, { now, until, breaker: this.#settings.breaker })
  }

  /**
   * Whether there may be one more attempt. `yes` may take from the retry budget, so ask once for each attempt, before `choose`.
   *
   * The first move to a target that was not tried is always allowed. Repeats, and everything after the second attempt, need budget. A plan
   * without an alias has one attempt.
   */
  mayRetry({ alias, targets }: TargetPlan, request: RetryRequest): RetryVerdict {
    const { tried, now, deadline } = request
    const { attempts, retryBudget } = this.#settings
    if (tried.length >= attempts) return 'attempts'
    if (deadline !== undefined && now >= deadline) return 'deadline'
    const next = alias === undefined ? undefined : this.#best(alias, targets, request)
    if (!next) return 'no_target'
    if (tried.length === 1 && !tried.includes(next.name)) return 'yes'
    return this.#budget.take(retryBudget, now) ? 'yes' : 'budget'
  }

  stateOf(target: string, now: number): TargetState {
    return (
      this.#health.get(target)?.stateAt(now) ?? {
        state: 'available',
        until: undefined,
        lastCause: undefined,
      }
    )
  }

  #take(target: Target, now: number): Target {
    return this.#health.get(target.name)?.take(target, now) ?? target
  }

  /** The target whose turn it is: in the lowest tier that has one, those that were not tried first. */
  #best(alias: string, targets: readonly Target[], request: ChoiceRequest): Target | undefined {
    const fresh = this.#earliest(alias, targets, request, 'untried')
    if (fresh || request.tried.length === 0) return fresh
    return this.#earliest(alias, targets, request, 'tried')
  }

  #earliest(
    alias: string,
    targets: readonly Target[],
    request: ChoiceRequest,
    which: 'untried' | 'tried',
  ): Target | undefined {
    const { tried } = request
    let best: Target | undefined
    let turn = 0
    for (const target of targets) {
      if (best && target.tier > best.tier) continue
      if (tried.includes(target.name) === (which === 'untried') || !this.#isAvailable(target, request))
        continue
      const own = targets.length === 1 ? 0 : this.#shares.turnOf(alias, target)
      if (best && target.tier === best.tier && own >= turn) continue
      best = target
      turn = own
    }
    return best
  }

  /** The target that a session is at, while it is available. */
  #pinned(alias: string, targets: readonly Target[], request: TargetQuestion): Target | undefined {
    const at = this.#pins.of(alias, request.session)
    const target = at === undefined ? undefined : targets.find(({ name }) => name === at)
    return target && this.#isAvailable(target, request) ? target : undefined
  }

  #isAvailable(target: Target, { now, usable }: ChoiceRequest): boolean {
    const health = this.#health.size === 0 ? undefined : this.#health.get(target.name)
    return (health === undefined || health.isAvailable(now)) && (usable === undefined || usable(target))
  }

  /** Why `choose` found no target for the same request. */
  whyNone({ targets }: TargetPlan, { now, usable }: ChoiceRequest): NoTarget {
    const able = targets.filter((target) => usable === undefined || usable(target))
    if (able.length === 0) return { reason: 'unusable', until: undefined }
    const states = able.map(({ name }) => this.stateOf(name, now))
    const times = states.flatMap(({ until }) => until ?? [])
    return {
      reason: states.some(({ state }) => state === 'cooling') ? 'cooling' : 'open',
      until: times.length === 0 ? undefined : Math.min(...times),
    }
  }
}
