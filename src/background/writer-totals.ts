/** What has become of traces, as far as the writer knows. */
export class WriterTotals {
  recovered = 0
  stored = 0
  spilled = 0
  replayed = 0
  quarantined = 0
  writeDropped = 0
  /** Epoch milliseconds; 0 for never. */
  lastWriteDropAt = 0
  lastWriteDropOperation = ''

  /** Counts traces that are lost. */
  drop(operation: string, records = 1): void {
    this.writeDropped += records
    this.lastWriteDropAt = Date.now()
    this.lastWriteDropOperation = operation
  }
}
