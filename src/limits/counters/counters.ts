import type { CounterState, Take } from '../policies/take.ts'

/** What one request takes. */
export interface Claim {
  /** Of the exchange. */
  readonly id: string
  readonly takes: readonly Take[]
  /** Names this process and the term in which the request began in the ledger. */
  readonly term: string
  /** Of a take, by its index: nano-USD or tokens to reserve; 1 for requests, counted or under way. It never changes. */
  amountOf(index: number): number
}

/** What a request has taken, until it is settled. */
export interface Held {
  /** More is expected of it than was reserved. Never refuses. */
  grow(more: Actual): void
  /** It is over: whatever counts requests under way forgets it. Reservations stay until `settle`. */
  ended(): void
  /**
   * Replaces what was reserved by what it came to; nothing when it was never sent.
   *
   * @returns where its counters stand then, where that comes with it; else `read` tells
   */
  settle(actual: Actual, nowMs: number): Promise<readonly CounterState[]> | undefined
}

/** What a request holds when it passed; else where each counter stands. */
export type Verdict =
  { readonly held: Held } | { readonly held: undefined; readonly states: readonly CounterState[] }

/** What a request really came to. */
export interface Actual {
  /** Nano-USD that are charged: the cost, or what was expected when it stays unknown. */
  readonly costNanoUsd: number
  /** Charged besides to budgets that count what subscriptions pay. */
  readonly includedNanoUsd?: number
  readonly tokens: number
}

/** Counts. All takes of a request are taken together or not at all, at one moment, by the rule of `admission/decide.ts`. */
export interface Counters {
  /** Others count in them too. */
  readonly shared: boolean
  /** Names this process and its present term in the ledger. */
  term(nowMs: number): string
  /** @param nowMs epoch milliseconds @throws Error when what was counted cannot be learnt */
  admit(claim: Claim, nowMs: number): Verdict | Promise<Verdict>
  /** Where counters stand, without taking anything. */
  read(takes: readonly Take[], nowMs: number): readonly CounterState[] | Promise<readonly CounterState[]>
  close(): void | Promise<void>
}

/** What a take takes of a request that costs nothing. */
export function leastAmount(take: Take): number {
  return take.kind === 'concurrency' || (take.kind === 'rate' && !take.settles) ? 1 : 0
}

/** What the ledger knows of a subject, by quarter hours, in epoch milliseconds and nano-USD; assumed costs count as cost. */
export interface LedgerSlot {
  readonly subject: string
  readonly slotMs: number
  readonly costNanoUsd: number
  readonly tokens: number
}

/** Reads the ledger: spending of subjects since a time, but for what was spent in some terms of a process. */
export type ReadLedger = (
  subjects: readonly string[],
  fromMs: number,
  exceptTerms: readonly string[],
) => Promise<readonly LedgerSlot[]>
