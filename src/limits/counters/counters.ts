import type { CounterState, Take } from '../policies/take.ts'

/** What one request takes. */
export interface Claim {
  /** Of the exchange. */
  readonly id: string
  readonly takes: readonly Take[]
  /** Identifies this process and the term in which the request began, for the ledger. */
  readonly term: string
  /** Of a take, by its index: nano-USD or tokens to reserve; 1 for requests, counted or in progress. It never changes. */
  amountOf(index: number): number
}

/** What a request holds until it is settled. */
export interface Held {
  /** The request is expected to cost more than it reserved. Never refuses. */
  grow(more: Actual): void
  /** The request ended: counters of concurrent requests release it. Reservations stay until `settle`. */
  ended(): void
  /**
   * Replaces the reservation with the real cost, or with nothing if the request was never sent.
   *
   * @returns where its counters stand then, if the backend returns it; otherwise use `read`
   */
  settle(actual: Actual, nowMs: number): Promise<readonly CounterState[]> | undefined
}

/** What an admitted request holds. For a refused one, where each counter stands. */
export type Verdict =
  { readonly held: Held } | { readonly held: undefined; readonly states: readonly CounterState[] }

/** What a request really used. */
export interface Actual {
  /** Nano-USD charged: the cost, or the estimate if the cost stays unknown. */
  readonly costNanoUsd: number
  /** Also charged to budgets that count what subscriptions pay. */
  readonly includedNanoUsd?: number
  readonly tokens: number
}

/** Counters. A request takes all its takes at one moment or none, by the rule of `admission/decide.ts`. */
export interface Counters {
  /** Others count in them too. */
  readonly shared: boolean
  /** Identifies this process and its current term, for the ledger. */
  term(nowMs: number): string
  /** @param nowMs epoch milliseconds @throws Error when the counters cannot be read */
  admit(claim: Claim, nowMs: number): Verdict | Promise<Verdict>
  /** Where counters stand, without taking anything. */
  read(takes: readonly Take[], nowMs: number): readonly CounterState[] | Promise<readonly CounterState[]>
  close(): void | Promise<void>
}

/** What a take counts for a request that costs nothing. */
export function leastAmount(take: Take): number {
  return take.kind === 'concurrency' || (take.kind === 'rate' && !take.settles) ? 1 : 0
}

/** What the ledger holds for a subject, by quarter hour, in epoch milliseconds and nano-USD. Assumed costs count as cost. */
export interface LedgerSlot {
  readonly subject: string
  readonly slotMs: number
  readonly costNanoUsd: number
  readonly tokens: number
}

/** Reads the spending of subjects since a time, without the spending in some terms of a process. */
export type ReadLedger = (
  subjects: readonly string[],
  fromMs: number,
  exceptTerms: readonly string[],
) => Promise<readonly LedgerSlot[]>
