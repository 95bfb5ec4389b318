import type { AttemptCause } from '../../traces/exchange.ts'
import type { Target, TargetPlan } from './target.ts'

/** Settings of the chooser, from `routing`. Durations are milliseconds. */
export interface RoutingSettings {
  /** Attempts of one request, the first included; at least 1. */
  readonly attempts: number
  /** Share of the requests of the last 10 s that may be sent again; 0 to 1. */
  readonly retryBudget: number
  readonly breaker: {
    /** So many failures within `windowMs` open it. */
    readonly failures: number
    readonly windowMs: number
    /** How long it stays open. */
    readonly openMs: number
  }
}

/** What a target is chosen by. Times are milliseconds of one clock that never goes back. */
export interface ChoiceRequest {
  /** Whose target is kept: the caller, and its session or end user. Empty for none. */
  readonly session: string
  /** Names of the targets of the attempts so far, in order; a target that was tried twice stands here twice. */
  readonly tried: readonly string[]
  readonly now: number
  /** Whether a target can be used now for a reason of its own, for example its credentials. Every one can if absent. */
  readonly usable?: (target: Target) => boolean
}

/** Why no target is chosen: all of them are out (`open`), rest (`cooling`), or have no credential (`unusable`). */
export type NoTargetReason = 'open' | 'cooling' | 'unusable'

export type Choice =
  | {
      readonly kind: 'target'
      readonly target: Target
      /** The target that the session had before; `undefined` when it did not move. */
      readonly movedFrom: string | undefined
    }
  | {
      readonly kind: 'none'
      readonly reason: NoTargetReason
      /** When a target becomes available again; `undefined` when that is not known. */
      readonly until: number | undefined
    }

/** What one more attempt is judged by. */
export interface RetryRequest {
  /** As in `ChoiceRequest`, the failed attempt included. */
  readonly tried: readonly string[]
  readonly now: number
  /** When the exchange must have ended (`total_ms`); `undefined` for no limit. */
  readonly deadline: number | undefined
  readonly usable?: (target: Target) => boolean
}

/** Whether there may be one more attempt; if not, why. */
export type RetryVerdict = 'yes' | 'attempts' | 'budget' | 'deadline' | 'no_target'

/** State of a target, as `/api/targets` shows it. */
export interface TargetState {
  readonly state: 'available' | 'cooling' | 'open' | 'half_open'
  /** When it changes by itself; `undefined` when it does not. */
  readonly until: number | undefined
  readonly lastCause: AttemptCause | undefined
}

/**
 * Chooses the target of each attempt, by tier, weight, health and affinity. It reads no clock.
 *
 * Every target that `choose` returned is reported once, however its attempt ended: a half-open target takes no other request before.
 */
export interface TargetChooser {
  /** Chooses the target of an attempt. With `tried` empty the request counts for the retry budget. */
  choose(plan: TargetPlan, request: ChoiceRequest): Choice
  /**
   * An attempt has ended, or its response is known to be good.
   *
   * @param until after `rate`: when the target may be asked again, as its `retry-after` said
   */
  report(target: Target, cause: AttemptCause, now: number, until?: number): void
  /** Whether there may be one more attempt. `yes` takes from the retry budget, so ask once for each, before `choose`. */
  mayRetry(plan: TargetPlan, request: RetryRequest): RetryVerdict
  stateOf(target: string, now: number): TargetState
}
