import type { RecorderTotals } from '../telemetry/recorder-totals.ts'

const NO_TOTALS: RecorderTotals = {
  recovered: 0,
  stored: 0,
  spilled: 0,
  replayed: 0,
  quarantined: 0,
  writeDropped: 0,
  journalRecords: 0,
  journalBytes: 0,
  observationsGivenUp: 0,
  lastWriteDropAt: 0,
  lastWriteDropOperation: '',
  writeFailuresByClass: {},
}

/** Totals of the recorder threads of this process: of the one that runs and of those that died. */
export class TotalsAcrossThreads {
  #now = NO_TOTALS
  /** Totals of threads that died. */
  #before = NO_TOTALS
  /** Records that they left in the journal, and how many the running thread has taken over. */
  #inherited = 0
  #takenOver = 0

  get now(): RecorderTotals {
    return this.#now
  }

  /** Takes the totals of the running thread. What it takes over of its predecessors' journal was accepted before. */
  take(totals: RecorderTotals): void {
    this.#takenOver = totals.recovered
    this.#now = sum(this.#before, { ...totals, recovered: Math.max(0, totals.recovered - this.#inherited) })
  }

  /** The thread died. Its records in the journal outlive it: the next thread reads and counts them itself. */
  threadDied(): void {
    this.#inherited = Math.max(0, this.#inherited - this.#takenOver) + this.#now.journalRecords
    this.#takenOver = 0
    this.#before = { ...this.#now, journalRecords: 0, journalBytes: 0 }
  }
}

function sum(a: RecorderTotals, b: RecorderTotals): RecorderTotals {
  const failures = { ...a.writeFailuresByClass }
  for (const [kind, count] of Object.entries(b.writeFailuresByClass))
    failures[kind] = (failures[kind] ?? 0) + count
  return {
    recovered: a.recovered + b.recovered,
    stored: a.stored + b.stored,
    spilled: a.spilled + b.spilled,
    replayed: a.replayed + b.replayed,
    quarantined: a.quarantined + b.quarantined,
    writeDropped: a.writeDropped + b.writeDropped,
    journalRecords: b.journalRecords,
    journalBytes: b.journalBytes,
    observationsGivenUp: a.observationsGivenUp + b.observationsGivenUp,
    lastWriteDropAt: Math.max(a.lastWriteDropAt, b.lastWriteDropAt),
    lastWriteDropOperation: b.lastWriteDropOperation || a.lastWriteDropOperation,
    writeFailuresByClass: failures,
  }
}
