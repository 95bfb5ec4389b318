/** The ledger of what was spent. It is written with the traces, in their transaction, and outlives them. */
export interface SpendLedger {
  /**
   * Spending since a time, by subject and slot.
   *
   * @param except instances that are left out: who asks knows better what they spent
   */
  read(subjects: readonly string[], fromUs: number, except: readonly string[]): Promise<readonly SpendSlot[]>
  /**
   * Forgets of what was spent before a time which gateway it was, of what is older which quarter hour of the day, and of what is two
   * years old when.
   *
   * @returns how many rows it took up
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
  /** Charged for exchanges of unknown cost: what they were expected to cost. */
  readonly assumedNanoUsd: number
  readonly unknownCostRequests: number
}
