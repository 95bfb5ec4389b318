/** What one limit counts of one request. */
export type Take =
  | {
      /** In any 60 seconds. */
      readonly kind: 'rate'
      readonly counter: string
      readonly limit: number
      /** 1 for requests; expected tokens. */
      readonly amount: number
      /** Tokens are told what they really were; requests are one each. */
      readonly settles: boolean
    }
  | { readonly kind: 'concurrency'; readonly counter: string; readonly limit: number }
  | {
      readonly kind: 'budget'
      /** Subject of the ledger. */
      readonly counter: string
      readonly unit: 'cost' | 'tokens'
      readonly limit: number
      /** Expected nano-USD or tokens. */
      readonly amount: number
      /** A soft budget counts and never refuses. */
      readonly hard: boolean
      readonly startMs: number
      readonly endMs: number
    }

/** Where a counter stands. */
export interface CounterState {
  readonly used: number
  /** Of budgets: expected by requests under way. */
  readonly reserved: number
  /** Milliseconds until there is room again, as far as that can be told; `Infinity` for never. */
  readonly resetMs: number
}

/** Whether a request may pass. */
export interface Verdict {
  /** Index of the take that refuses; -1 when none does, and all were taken. */
  readonly refusedBy: number
  /** Where each counter stood before; when all were taken it may be empty. */
  readonly states: readonly CounterState[]
}

/** What a request really came to. */
export interface Actual {
  /** Nano-USD that are charged: the cost, or what was expected when it stays unknown. */
  readonly costNanoUsd: number
  readonly tokens: number
}

/**
 * Counts. All takes of a request are taken together or not at all, at one moment, whoever else is counting.
 *
 * Budgets refuse once what was spent and what is expected to be reach the limit; while money is left the next request passes.
 */
export interface Counters {
  /** Names this process and its present term in the ledger. */
  term(nowMs: number): string
  /** @param id of the exchange @param nowMs epoch milliseconds @throws Error when what was counted cannot be learnt */
  admit(id: string, takes: readonly Take[], nowMs: number): Verdict | Promise<Verdict>
  /** More is expected of a request under way than was reserved. Never refuses. */
  grow(id: string, takes: readonly Take[], more: Actual): void
  /** A request is over: whatever counts requests under way forgets it. Reservations stay until `settle`. */
  ended(id: string, takes: readonly Take[]): void
  /** Replaces what was reserved by what it came to; nothing when it was never sent. @returns where its budgets stand then */
  settle(
    id: string,
    takes: readonly Take[],
    actual: Actual,
    nowMs: number,
  ): readonly CounterState[] | Promise<readonly CounterState[]>
  /** Where counters stand, without taking anything. */
  read(takes: readonly Take[], nowMs: number): readonly CounterState[] | Promise<readonly CounterState[]>
  close(): void | Promise<void>
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
