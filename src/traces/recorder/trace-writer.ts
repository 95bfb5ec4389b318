import type { Storage } from '../../storage/storage.ts'
import type { RecorderTotals } from '../exchange.ts'
import type { BatchWrite } from '../../telemetry/telemetry.ts'
import type { Trace } from '../trace.ts'
import { JournalFullError, type Journal } from './journal.ts'
import { decodeTrace, encodeTrace } from './trace-codec.ts'

/** Traces that are stored in one transaction at most. */
const BATCH_RECORDS = 256

/**
 * Traces that are worth a transaction at once. Small, so that this thread works in short spells: where it shares a
 * processor with the serving thread, a long one would make a request wait for the scheduler's slice.
 */
const EAGER_RECORDS = 16

/** Bytes that are replayed in one transaction at most, about. */
const REPLAY_BYTES = 8 * 1024 * 1024

/** Waiting times between attempts at a store that does not answer. */
const RETRY_MS = [100, 250, 500, 1000, 2000]

/** How long a replay may go on at the end of the process. */
const CLOSING_REPLAY_MS = 3000

/** Lateness of new exchanges at which a replay gives way, and for how long. */
const LATE_MS = 50
const GIVE_WAY_MS = 20

/** What the writer needs around it. */
export interface TraceWriterPorts {
  readonly storage: () => Storage
  readonly journal: Journal
  /** Puts a trace that the store will never take aside; throws when it cannot. */
  readonly quarantine: (trace: Trace, reason: string) => void
  readonly flushIntervalMs: () => number
  readonly maxPendingBytes: () => number
  /** Called with the ids whose fate is known now; with none when only the totals have changed. */
  readonly settled: (ids: readonly string[]) => void
  readonly log: (level: 'INFO' | 'WARN' | 'ERROR', message: string, fields: Record<string, unknown>) => void
  /** The store was given a batch. */
  readonly wrote?: (write: BatchWrite) => void
}

/**
 * Gets traces into the store, in order, and loses none: batches; when the store will not take them, the journal;
 * when that is full too, memory up to a bound; and only past that a drop, counted and logged once per episode.
 */
export class TraceWriter {
  readonly #ports: TraceWriterPorts
  #pending: { trace: Trace; bytes: number }[] = []
  #pendingBytes = 0
  #oldestPendingAt = 0
  #flushTimer: ReturnType<typeof setTimeout> | undefined
  #retryTimer: ReturnType<typeof setTimeout> | undefined
  #failures = 0
  #dropping = false
  #journalFails = false
  /** When a replay must end; set when the process does. */
  #replayUntil = Infinity
  /** How long ago the newest trace ended when it arrived here. */
  #latenessMs = 0
  #busy: Promise<void> | undefined
  /** How many at the head of what is pending the store is being given; `undefined` while it is given nothing. */
  #storing: number | undefined
  #totals = {
    recovered: 0,
    stored: 0,
    spilled: 0,
    replayed: 0,
    quarantined: 0,
    writeDropped: 0,
    lastWriteDropAt: 0,
    lastWriteDropOperation: '',
  }
  readonly #failuresByClass: Record<string, number> = {}

  constructor(ports: TraceWriterPorts) {
    this.#ports = ports
    this.#totals.recovered = ports.journal.records
    if (ports.journal.records > 0) this.#retryLater(0)
  }

  totals(observationsGivenUp: number): RecorderTotals {
    return {
      ...this.#totals,
      journalRecords: this.#ports.journal.records,
      journalBytes: this.#ports.journal.bytes,
      observationsGivenUp,
      writeFailuresByClass: { ...this.#failuresByClass },
    }
  }

  /** Takes a trace; it is in the store or the journal within the flush interval. */
  add(trace: Trace): void {
    const bytes = 2048 + (trace.requestBody?.length ?? 0) + (trace.responseBody?.length ?? 0)
    if (this.#pendingBytes + bytes > this.#ports.maxPendingBytes()) return this.#drop(trace)
    this.#latenessMs = Date.now() - trace.createdAtUs / 1000
    const now = performance.now()
    if (this.#pending.length === 0) this.#oldestPendingAt = now
    this.#pending.push({ trace, bytes })
    this.#pendingBytes += bytes
    if (this.#pendingBytes > this.#ports.maxPendingBytes() / 2) this.#relieve()
    if (this.#due(now)) queueMicrotask(() => void this.flush())
    else this.#flushTimer ??= setTimeout(() => void this.flush(), this.#waitMs())
    return undefined
  }

  /** Half the interval: the other half is for the write itself. */
  #waitMs(): number {
    return this.#ports.flushIntervalMs() / 2
  }

  #due(now: number): boolean {
    if (this.#pending.length >= EAGER_RECORDS) return true
    return this.#pending.length > 0 && now - this.#oldestPendingAt >= this.#waitMs()
  }

  /** Writes what is pending; concurrent calls join the one under way. */
  flush(): Promise<void> {
    this.#busy ??= this.#flushAll().finally(() => {
      this.#busy = undefined
    })
    return this.#busy
  }

  /** Writes or journals everything, for the end of the process. A long journal is left for the next start. */
  async close(): Promise<void> {
    this.#replayUntil = performance.now() + CLOSING_REPLAY_MS
    await this.#alone(async () => {
      await this.#flushAll()
      if (this.#ports.journal.records > 0) await this.#replay()
      await this.#flushAll()
    })
    clearTimeout(this.#retryTimer)
    clearTimeout(this.#flushTimer)
    this.#ports.journal.close()
    if (this.#pending.length === 0) return
    this.#countDrop('shutdown', this.#pending.length)
    this.#ports.log('ERROR', 'trace persistence failed; dropped trace records', {
      operation: 'shutdown',
      failed_count: this.#pending.length,
      error: 'neither the store nor the journal takes traces',
    })
    this.#ports.settled(this.#pending.splice(0).map((entry) => entry.trace.id))
  }

  async #flushAll(): Promise<void> {
    clearTimeout(this.#flushTimer)
    this.#flushTimer = undefined
    while (this.#pending.length > 0) {
      const batch = this.#pending.slice(0, BATCH_RECORDS)
      const traces = batch.map((entry) => entry.trace)
      // While older traces wait in the journal, newer ones queue up behind them there.
      const done = this.#ports.journal.records > 0 ? this.#spill(traces) : await this.#store(traces)
      if (!done) return
      this.#pending.splice(0, batch.length)
      this.#pendingBytes -= batch.reduce((sum, entry) => sum + entry.bytes, 0)
      this.#oldestPendingAt = performance.now()
      this.#ports.settled(traces.map((trace) => trace.id))
    }
  }

  /** A store that does not answer, nor fails, must not fill the memory: what came behind its batch goes to the journal. */
  #relieve(): void {
    if (this.#storing === undefined) return
    const behind = this.#pending.slice(this.#storing)
    if (behind.length < BATCH_RECORDS || !this.#spill(behind.map(({ trace }) => trace))) return
    this.#pending.length = this.#storing
    this.#pendingBytes -= behind.reduce((sum, { bytes }) => sum + bytes, 0)
    this.#ports.settled(behind.map(({ trace }) => trace.id))
  }

  /** Stores a batch, or spills it. @returns false when neither worked and the batch must stay in memory */
  async #store(traces: readonly Trace[]): Promise<boolean> {
    try {
      await this.#write(traces, traces.length)
      this.#totals.stored += traces.length
      this.#recovered()
      return true
    } catch (error) {
      const kind = this.#countFailure(error, traces.length > 1 ? 'write_batch' : 'write_trace')
      if (kind !== 'constraint') return this.#spill(traces)
      const stored = await this.#storeSingly(traces)
      if (stored === undefined) return this.#spill(traces)
      this.#totals.stored += stored
      return true
    }
  }

  /** @param pending how many of them are at the head of what is pending */
  async #write(traces: readonly Trace[], pending: number): Promise<void> {
    this.#storing = pending
    const startedAt = performance.now()
    let failed = true
    try {
      await this.#ports.storage().write(traces)
      failed = false
    } finally {
      this.#storing = undefined
      const durationUs = (performance.now() - startedAt) * 1000
      this.#ports.wrote?.({
        startedAtUs: Date.now() * 1000 - durationUs,
        durationUs,
        ids: traces.map(({ id }) => id),
        failed,
      })
    }
  }

  #quarantine(trace: Trace, error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error)
    try {
      this.#ports.quarantine(trace, reason)
      this.#totals.quarantined += 1
      this.#ports.log('ERROR', 'trace refused by the store; put in quarantine', {
        trace_id: trace.id,
        error: reason,
      })
    } catch (failure) {
      this.#countDrop('quarantine')
      this.#ports.log('ERROR', 'trace refused by the store and quarantine failed; trace dropped', {
        trace_id: trace.id,
        error: failure instanceof Error ? failure.message : String(failure),
      })
    }
  }

  #spill(traces: readonly Trace[]): boolean {
    try {
      this.#ports.journal.append(traces.map(encodeTrace))
      this.#totals.spilled += traces.length
      this.#journalFails = false
      this.#retryLater()
      return true
    } catch (error) {
      this.#retryLater()
      if (this.#journalFails) return false
      this.#journalFails = true
      const full = error instanceof JournalFullError
      this.#ports.log('ERROR', full ? 'trace journal is full' : 'trace journal cannot be written', {
        error: error instanceof Error ? error.message : String(error),
        pending: this.#pending.length,
      })
      return false
    }
  }

  #retryLater(wait = RETRY_MS[Math.min(this.#failures, RETRY_MS.length - 1)]!): void {
    this.#retryTimer ??= setTimeout(() => {
      this.#retryTimer = undefined
      void this.#retry()
    }, wait)
  }

  /** Writes when nobody else does: two at once would take the same traces. Between the look and the turn nothing may be awaited. */
  async #alone(work: () => Promise<void>): Promise<void> {
    while (this.#busy) await this.#busy
    this.#busy = work().finally(() => {
      this.#busy = undefined
    })
    await this.#busy
  }

  async #retry(): Promise<void> {
    await this.#alone(() => this.#replay())
    if (this.#pending.length > 0) await this.flush()
  }

  /** Moves the journal into the store, oldest first, until it is empty or the store fails. */
  async #replay(): Promise<void> {
    const { journal } = this.#ports
    while (journal.records > 0 && performance.now() < this.#replayUntil) {
      await this.#giveWay()
      // What came meanwhile queues up behind what is in the journal.
      if (this.#due(performance.now())) await this.#flushAll()
      const { payloads, commit, lost } = journal.peek(BATCH_RECORDS, REPLAY_BYTES)
      if (lost > 0) {
        this.#countDrop('journal_lost', lost)
        this.#ports.settled([])
        this.#ports.log('ERROR', 'a journal file was taken away; its trace records are lost', {
          failed_count: lost,
        })
        continue
      }
      if (payloads.length === 0) return
      const traces = payloads.map(decodeTrace)
      try {
        await this.#write(traces, 0)
      } catch (error) {
        if (this.#countFailure(error, 'replay') !== 'constraint') return this.#retryLater()
        const stored = await this.#storeSingly(traces)
        if (stored === undefined) return this.#retryLater()
        commit()
        this.#totals.stored += stored
        this.#totals.replayed += stored
        this.#ports.settled([])
        continue
      }
      commit()
      this.#totals.stored += traces.length
      this.#totals.replayed += traces.length
      this.#recovered()
      this.#ports.settled([])
    }
    return undefined
  }

  /** Replaying is not urgent: while new exchanges arrive late they come first, or they would pile up before this thread. */
  async #giveWay(): Promise<void> {
    await new Promise(setImmediate)
    while (this.#latenessMs > LATE_MS) {
      this.#latenessMs = 0
      await new Promise((resolve) => setTimeout(resolve, GIVE_WAY_MS))
    }
  }

  /**
   * The store refuses something in the batch for what it is: stores the rest, and puts that aside.
   *
   * @returns how many were stored; `undefined` when the store failed for another reason, and all must come again
   */
  async #storeSingly(traces: readonly Trace[]): Promise<number | undefined> {
    const refused: { trace: Trace; error: unknown }[] = []
    let stored = 0
    for (const trace of traces) {
      try {
        await this.#ports.storage().write([trace])
        stored += 1
      } catch (error) {
        if (this.#ports.storage().classify(error) !== 'constraint') return undefined
        refused.push({ trace, error })
      }
    }
    for (const { trace, error } of refused) this.#quarantine(trace, error)
    return stored
  }

  #recovered(): void {
    if (this.#failures > 0) this.#ports.log('INFO', 'trace store is back', { failures: this.#failures })
    this.#failures = 0
    this.#dropping = false
  }

  #countFailure(error: unknown, operation: string): string {
    const kind = this.#ports.storage().classify(error)
    this.#failuresByClass[kind] = (this.#failuresByClass[kind] ?? 0) + 1
    this.#failures += 1
    if (this.#failures === 1) {
      this.#ports.log('ERROR', 'trace store does not take traces; they go to the journal', {
        operation,
        error_class: kind,
        error: error instanceof Error ? error.message : String(error),
      })
    }
    return kind
  }

  #drop(trace: Trace): void {
    this.#countDrop('memory_full')
    this.#ports.settled([trace.id])
    if (this.#dropping) return
    this.#dropping = true
    this.#ports.log('ERROR', 'trace persistence failed; dropped trace records', {
      operation: 'memory_full',
      failed_count: 1,
      error: 'neither the store nor the journal takes traces',
    })
  }

  #countDrop(operation: string, records = 1): void {
    this.#totals.writeDropped += records
    this.#totals.lastWriteDropAt = Date.now()
    this.#totals.lastWriteDropOperation = operation
  }
}
