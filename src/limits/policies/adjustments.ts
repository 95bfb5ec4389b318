import type { BudgetWindow } from './budget-window.ts'

/** What an operator changed of one policy's budget for one subject. Amounts are whole nano-USD and tokens; times are epoch milliseconds. */
export interface Adjustment {
  readonly policy: string
  /** Subject of the ledger. */
  readonly counter: string
  /** The last reset: what was spent from here on until then does not count; -1 for never. */
  readonly resetFromMs: number
  readonly forgivenNanoUsd: number
  readonly forgivenTokens: number
  /** The last raise: what may be spent until then; 0 for none. */
  readonly raisedToNanoUsd: number
  readonly raisedUntilMs: number
}

/** What a reset or a raise changes of an adjustment; the rest stays. */
export type AdjustmentChange =
  | Pick<Adjustment, 'resetFromMs' | 'forgivenNanoUsd' | 'forgivenTokens'>
  | Pick<Adjustment, 'raisedToNanoUsd' | 'raisedUntilMs'>

/** The adjustments that are known, by policy and subject. */
export class Adjustments {
  #all: ReadonlyMap<string, Adjustment> = new Map()
  /** Changes with every change of theirs. */
  version = 0

  /** Takes over what the store holds. @returns whether anything changed */
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
  /** From where on spending counts, epoch milliseconds. */
  readonly startMs: number
  readonly forgivenNanoUsd: number
  readonly forgivenTokens: number
  /** What may be spent. */
  readonly nanoUsd: number
  /** Until when these terms hold. */
  readonly untilMs: number
}

/**
 * The terms of a budget after what an operator changed. A reset counts as long as its beginning lies in the period; a raise until it ends.
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
