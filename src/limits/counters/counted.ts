import type { Budget, Take } from '../policies/take.ts'
import type { SlidingWindow } from './sliding-window.ts'
import type { SubjectSpend } from './subject-spend.ts'

/**
 * The counters of a list of takes, by kind, with the index of each take. Looked up once for all requests of a kind,
 * because every request needs it.
 */
export interface Counted {
  readonly places: readonly { readonly counter: Places; readonly take: Take; readonly index: number }[]
  readonly rates: readonly {
    readonly counter: SlidingWindow
    readonly take: Take & { readonly kind: 'rate' }
    readonly index: number
  }[]
  /** Those that refuse. */
  readonly budgets: readonly {
    readonly subject: SubjectSpend
    readonly take: Budget
    readonly index: number
  }[]
  /** Each subject once, however many budgets it has. */
  readonly spenders: readonly Spender[]
}

/** A subject of budgets, and the takes whose amounts are reserved for it. */
export interface Spender {
  readonly subject: SubjectSpend
  /** It is charged for requests that subscriptions pay. */
  readonly included: boolean
  /** Indices of the takes that reserve most, of money and of tokens; -1 for none. */
  readonly cost: number
  readonly tokens: number
  /** The reservation is an estimate, which may be too small. */
  readonly grows: boolean
}

/** Requests in progress. */
export class Places {
  taken = 0
}
