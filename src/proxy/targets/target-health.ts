import type { AttemptCause } from '../../traces/exchange.ts'
import { VERDICT_OF } from './cause.ts'
import type { Target } from './target.ts'

/** When a breaker opens. Durations are milliseconds. */
export interface BreakerSettings {
  /** So many failures within `windowMs` open it. */
  readonly failures: number
  readonly windowMs: number
  /** How long it stays open. */
  readonly openMs: number
}

/** State of a target, as `/api/targets` shows it. */
export interface TargetState {
  readonly state: 'available' | 'cooling' | 'open' | 'half_open'
  /** When it changes by itself; `undefined` when it does not. */
  readonly until: number | undefined
  /** Of the last attempt that did not go well; `undefined` for none. */
  readonly lastCause: AttemptCause | undefined
}

/** Failures count as an outage if at most so many requests went well between them, for each. A busy target always has some failures. */
const SUCCESSES_PER_FAILURE = 4

interface Failure {
  readonly at: number
  /** How many requests had gone well before. */
  readonly successes: number
}

/**
 * What is known of a target that has failed: its breaker, and until when it rests. Times are milliseconds of one clock.
 *
 * Closed → open at `failures` within `windowMs`, or at once when it cannot be connected to. After `openMs` it is half-open: one request tries
 * it, and closes or opens it again.
 */
export class TargetHealth {
  #failures: Failure[] = []
  #successes = 0
  #openUntil: number | undefined
  #trial: Target | undefined
  #restsUntil = 0
  #lastCause: AttemptCause | undefined

  /** Whether it may take a request. One that is half-open may take one, which must be a trial. */
  isAvailable(now: number): boolean {
    if (now < this.#restsUntil) return false
    return this.#openUntil === undefined || (now >= this.#openUntil && this.#trial === undefined)
  }

  /** The target to hand out: a copy of its own for the one trial of a half-open target, by which its report is known. */
  take(target: Target, now: number): Target {
    if (this.#openUntil === undefined || now < this.#openUntil || this.#trial) return target
    this.#trial = { ...target }
    return this.#trial
  }

  /** An attempt has ended. @param until as named by a target that is busy */
  report(target: Target, cause: AttemptCause, at: Reported): void {
    const verdict = VERDICT_OF[cause]
    const isTrial = target === this.#trial
    if (isTrial) this.#trial = undefined
    if (verdict === 'works') return this.#worked(isTrial)
    this.#lastCause = cause
    if (verdict === 'busy') {
      this.#restsUntil = Math.max(this.#restsUntil, at.until ?? 0)
      return this.#worked(isTrial)
    }
    // Requests that began before it opened say nothing new.
    if (verdict === 'nothing' || (this.#openUntil !== undefined && !isTrial)) return undefined
    if (verdict === 'down' || isTrial || this.#failedTooOften(at)) this.#open(at)
    return undefined
  }

  stateAt(now: number): TargetState {
    const lastCause = this.#lastCause
    const openUntil = this.#openUntil
    if (openUntil !== undefined && now < openUntil) return { state: 'open', until: openUntil, lastCause }
    if (now < this.#restsUntil) return { state: 'cooling', until: this.#restsUntil, lastCause }
    if (openUntil !== undefined) return { state: 'half_open', until: undefined, lastCause }
    return { state: 'available', until: undefined, lastCause }
  }

  #worked(isTrial: boolean): undefined {
    this.#successes += 1
    if (!isTrial) return
    this.#openUntil = undefined
    this.#failures = []
  }

  #open({ now, breaker }: Reported): void {
    this.#openUntil = now + breaker.openMs
    this.#failures = []
  }

  #failedTooOften({ now, breaker }: Reported): boolean {
    this.#failures.push({ at: now, successes: this.#successes })
    const first = this.#failures.at(-breaker.failures)
    if (this.#failures.length > breaker.failures) this.#failures.shift()
    return (
      first !== undefined &&
      now - first.at <= breaker.windowMs &&
      this.#successes - first.successes <= SUCCESSES_PER_FAILURE * breaker.failures
    )
  }
}

/** When an attempt was reported, and what its target said. */
interface Reported {
  readonly now: number
  /** Until when a busy target wants to rest; `undefined` when it did not say. */
  readonly until: number | undefined
  readonly breaker: BreakerSettings
}
