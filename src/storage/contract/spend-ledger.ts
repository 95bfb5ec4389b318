/** The ledger of spend. It is written with the traces, in their transaction, and outlives them. */
export interface SpendLedger {
  /**
   * Spending since a time, by subject and slot.
   *
   * @param except instances to leave out: the caller has newer figures of them
   */
  read(subjects: readonly string[], fromUs: number, except: readonly string[]): Promise<readonly SpendSlot[]>
  /**
   * Merges old spend rows: drops the gateway, then the time of day, then, after two years, the date.
   *
   * @returns how many rows it merged
   */
  fold(beforeUs: number, limit: number): Promise<number>
}

/** What was spent in a quarter hour. Money is whole nano-USD. */
export interface SpendSlot {
  readonly subject: string
  /** Epoch microseconds. */
  readonly slotUs: number
  readonly costNanoUsd: number
  readonly tokens: number
  /** Charged for exchanges of unknown cost: their estimate. */
  readonly assumedNanoUsd: number
  readonly unknownCostRequests: number
}
