/** Running totals of the recorder thread since the process began (records found in the journal at start included). */
export interface RecorderTotals {
  readonly recovered: number
  readonly stored: number
  readonly spilled: number
  readonly replayed: number
  readonly quarantined: number
  readonly writeDropped: number
  readonly journalRecords: number
  readonly journalBytes: number
  readonly observationsGivenUp: number
  /** Epoch milliseconds; 0 for never. */
  readonly lastWriteDropAt: number
  readonly lastWriteDropOperation: string
  readonly writeFailuresByClass: Readonly<Record<string, number>>
}
