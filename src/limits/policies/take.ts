import type { BudgetEnforcement } from './policy.ts'

/** What one limit counts. The same for every request that the limit applies to. */
export type Take =
  | {
      /** In any 60 seconds. */
      readonly kind: 'rate'
      readonly counter: string
      readonly limit: number
      /** Tokens are corrected afterwards. Requests are one each. */
      readonly settles: boolean
    }
  | { readonly kind: 'concurrency'; readonly counter: string; readonly limit: number }
  | {
      readonly kind: 'budget'
      /** Subject of the ledger. */
      readonly counter: string
      /** Nano-USD or tokens. */
      readonly unit: 'cost' | 'tokens'
      readonly limit: number
      readonly enforcement: BudgetEnforcement
      /** Epoch milliseconds; the end may be `Infinity`. */
      readonly startMs: number
      readonly endMs: number
    }

/** What a budget counts. */
export type Budget = Extract<Take, { kind: 'budget' }>

/** Where a counter stands. */
export interface CounterState {
  readonly used: number
  /** Budgets only: reserved by unsettled requests. */
  readonly reserved: number
  /** Milliseconds until there is room again, as far as known. `Infinity` for never. */
  readonly resetMs: number
}
