import type { BudgetWindow } from './budget-window.ts'

/**
 * An operator's changes to one policy's budget for one subject. Amounts are whole nano-USD and tokens; times are
 * epoch milliseconds.
 */
export interface Adjustment {
  readonly policy: string
  /** Subject of the ledger. */
  readonly counter: string
  /** The last reset: what was spent between these times does not count. -1 for never. */
  readonly resetFromMs: number
  readonly forgivenNanoUsd: number
  readonly forgivenTokens: number
  /** The last raise: what may be spent until then; 0 for none. */
  readonly raisedToNanoUsd: number
  readonly raisedUntilMs: number
}

/** The members of an adjustment that a reset or a raise changes. */
export type AdjustmentChange =
  | Pick<Adjustment, 'resetFromMs' | 'forgivenNanoUsd' | 'forgivenTokens'>
  | Pick<Adjustment, 'raisedToNanoUsd' | 'raisedUntilMs'>

/** The known adjustments, by policy and subject. */
export class Adjustments {
  #all: ReadonlyMap<string, Adjustment> = new Map()
  /** Changes whenever an adjustment changes. */
  version = 0

  /** Loads the adjustments of the store. @returns whether anything changed */
  replace(list: readonly Adjustment[]): boolean {
    const all = new Map(list.map((one) => [nameOf(one.policy, one.counter), one]))
    if (Bun.deepEquals(all, this.#all)) return false
    this.#all = all
    this.version += 1
    return true
  }

  of(policy: string, counter: string): Adjustment | undefined {
    return this.#all.size === 0 ? undefined : this.#all.get(nameOf(policy, counter))
  }
}

function nameOf(policy: string, counter: string): string {
  return `${policy} ${counter}`
}

/** A budget's terms at one moment, adjusted. */
export interface AdjustedTerms {
  /** When counted spending begins, epoch milliseconds. */
  readonly startMs: number
  readonly forgivenNanoUsd: number
  readonly forgivenTokens: number
  /** What may be spent. */
  readonly nanoUsd: number
  /** Until when these terms hold. */
  readonly untilMs: number
}

/**
 * The terms of a budget after what an operator changed. A reset applies while its beginning lies in the period, a
 * raise until it ends.
 *
 * @param nanoUsd what the policy allows; 0 for no limit of money
 */
export function adjustedTerms(
  nanoUsd: number,
  { startMs, endMs }: BudgetWindow,
  change: Adjustment | undefined,
  nowMs: number,
): AdjustedTerms {
  const reset = change !== undefined && change.resetFromMs >= startMs
  const raised = change !== undefined && change.raisedToNanoUsd > 0 && change.raisedUntilMs > nowMs
  return {
    startMs: reset ? change.resetFromMs : startMs,
    forgivenNanoUsd: reset ? change.forgivenNanoUsd : 0,
    forgivenTokens: reset ? change.forgivenTokens : 0,
    nanoUsd: raised && nanoUsd > 0 ? change.raisedToNanoUsd : nanoUsd,
    untilMs: raised ? Math.min(endMs, change.raisedUntilMs) : endMs,
  }
}
