import type { Storage } from '../storage/contract/storage.ts'
import type { RecorderTotals } from '../telemetry/recorder-totals.ts'
import type { BatchWrite } from '../telemetry/telemetry.ts'
import { type Clock, CoalescingTimer, systemClock } from '../time/coalescing-timer.ts'
import type { Trace } from '../traces/trace.ts'
import { JournalReplay } from './journal-replay.ts'
import { type Journal, JournalFullError } from './journal.ts'
import { StoreCalls } from './store-calls.ts'
import type { Fate } from './tenant-pipelines.ts'
import { encodeTrace } from './trace-codec.ts'
import { WriterTotals } from './writer-totals.ts'

/** Traces that are stored in one transaction at most. */
const BATCH_RECORDS = 256

/** Traces that are worth a transaction at once. Few: a long spell of this thread makes requests wait where both share a processor. */
const EAGER_RECORDS = 16

/** Waiting times between attempts at a store that does not answer. */
const RETRY_MS = [100, 250, 500, 1000, 2000]

/** How soon, and then how often, segments of gateways that have ended are looked for. */
const FIRST_LOOK_MS = 1000
const LOOK_MS = 5000

/** How long a replay may continue at the end of the process. */
const CLOSING_REPLAY_MS = 3000

/** What the writer needs around it. */
export interface TraceWriterPorts {
  readonly storage: () => Storage
  readonly journal: Journal
  /** Puts a record that the store will never take aside; throws when it cannot. */
  readonly quarantine: (payload: Uint8Array, reason: string) => void
  readonly flushIntervalMs: () => number
  readonly maxPendingBytes: () => number
  /** Called with the ids whose fate is now known; with none when only the totals have changed. */
  readonly settled: (ids: readonly string[], fate: Fate) => void
  /** Traces came out of the journal and are stored. */
  readonly replayed?: (traces: readonly Trace[]) => void
  readonly log: (level: 'INFO' | 'WARN' | 'ERROR', message: string, fields: Record<string, unknown>) => void
  /** The store was given a batch. */
  readonly wrote?: (write: BatchWrite) => void
  /** Whether the record of an exchange is still to come: then what an earlier thread left of it is not stored. */
  readonly isComing?: (id: string) => boolean
  readonly clock?: Clock
}

/**
 * Gets traces into the store in batches, in order, and loses none. What the store does not take goes to the journal. If that is full too,
 * traces wait in memory up to a bound. Only beyond that are they dropped, counted, and logged once per episode.
 */
export class TraceWriter {
  readonly #ports: TraceWriterPorts
  readonly #clock: Clock
  #pending: { trace: Trace; bytes: number }[] = []
  #pendingBytes = 0
  #oldestPendingAt = 0
  readonly #flushTimer: CoalescingTimer
  readonly #retryTimer: CoalescingTimer
  readonly #lookTimer: CoalescingTimer
  #dropping = false
  #journalFails = false
  /** The last flush left traces that neither store nor journal took. */
  #stuck = false
  #busy: Promise<void> | undefined
  readonly #totals = new WriterTotals()
  readonly #store: StoreCalls
  readonly #replay: JournalReplay

  constructor(ports: TraceWriterPorts) {
    this.#ports = ports
    this.#clock = ports.clock ?? systemClock
    this.#flushTimer = new CoalescingTimer(() => void this.flush(), this.#clock)
    this.#retryTimer = new CoalescingTimer(() => void this.#retry(), this.#clock)
    this.#lookTimer = new CoalescingTimer(() => this.#look(), this.#clock)
    this.#store = new StoreCalls({
      storage: ports.storage,
      clock: this.#clock,
      silent: () => this.#silent(),
      log: ports.log,
      wrote: ports.wrote,
    })
    this.#replay = new JournalReplay({
      journal: ports.journal,
      store: this.#store,
      totals: this.#totals,
      clock: this.#clock,
      putAside: (payload, id, error) => this.#putAside(payload, id, error),
      isComing: ports.isComing ?? (() => false),
      replayed: ports.replayed ?? (() => undefined),
      changed: () => this.#changed(),
      succeeded: () => this.#succeeded(),
      retryLater: () => this.#retryLater(),
      flushDue: async () => {
        if (this.#due(this.#clock.now())) await this.#flushAll()
      },
      log: ports.log,
    })
    this.#lookTimer.arm(FIRST_LOOK_MS)
    this.#adopt()
  }

  #look(): void {
    this.#lookTimer.arm(LOOK_MS)
    if (this.#adopt() > 0) this.#changed()
  }

  /** Takes over the journal of gateways that have ended. @returns how much it was */
  #adopt(): number {
    const { journal } = this.#ports
    const { records, damaged } = journal.adopt()
    this.#totals.recovered += records + damaged
    this.#totals.quarantined += damaged
    if (journal.records > 0 || journal.hasUnfinished) this.#retryTimer.arm(0)
    return records + damaged
  }

  totals(observationsGivenUp: number): RecorderTotals {
    return {
      ...this.#totals,
      journalRecords: this.#ports.journal.records,
      journalBytes: this.#ports.journal.bytes,
      observationsGivenUp,
      writeFailuresByClass: this.#store.failuresByClass,
    }
  }

  /** Takes a trace; it is in the store or the journal within the flush interval. */
  add(trace: Trace): void {
    const bytes = 2048 + (trace.requestBody?.length ?? 0) + (trace.responseBody?.length ?? 0)
    if (this.#pendingBytes + bytes > this.#ports.maxPendingBytes()) return this.#drop(trace)
    this.#replay.latenessMs = Date.now() - trace.createdAtUs / 1000
    const now = this.#clock.now()
    if (this.#pending.length === 0) this.#oldestPendingAt = now
    this.#pending.push({ trace, bytes })
    this.#pendingBytes += bytes
    if (this.#pendingBytes > this.#ports.maxPendingBytes() / 2) this.#relieve()
    if (this.#due(now)) queueMicrotask(() => void this.flush())
    else this.#flushTimer.arm(this.#waitMs())
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

  /** Writes what is pending. Concurrent calls join the running write. */
  flush(): Promise<void> {
    this.#busy ??= this.#turn(() => this.#flushAll())
    return this.#busy
  }

  /** What came meanwhile and was not taken along has a timer again, whatever the turn was for. */
  async #turn(work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } finally {
      this.#busy = undefined
      // What neither store nor journal took is tried again by `#retryTimer`.
      if (this.#pending.length > 0 && !this.#stuck)
        this.#flushTimer.arm(Math.max(0, this.#oldestPendingAt + this.#waitMs() - this.#clock.now()))
    }
  }

  /** Writes or journals everything, for the end of the process. A long journal is left for the next start. */
  async close(): Promise<void> {
    this.#replay.until = this.#clock.now() + CLOSING_REPLAY_MS
    await this.#alone(async () => {
      await this.#flushAll()
      if (this.#ports.journal.records > 0) await this.#replay.run()
      await this.#flushAll()
    })
    this.#end()
  }

  /** Ends without waiting for the store: pending traces go to the journal. Does nothing after `close`. */
  abandon(): void {
    this.#replay.until = 0
    this.#spillAll()
    this.#end()
  }

  #end(): void {
    for (const timer of [this.#retryTimer, this.#flushTimer, this.#lookTimer]) timer.cancel()
    this.#store.end()
    this.#ports.journal.close()
    if (this.#pending.length === 0) return
    this.#totals.drop('shutdown', this.#pending.length)
    this.#ports.log('ERROR', 'trace persistence failed; dropped trace records', {
      operation: 'shutdown',
      failed_count: this.#pending.length,
      error: 'neither the store nor the journal takes traces',
    })
    this.#ports.settled(
      this.#pending.splice(0).map((entry) => entry.trace.id),
      'dropped',
    )
  }

  async #flushAll(): Promise<void> {
    this.#flushTimer.cancel()
    this.#stuck = false
    while (this.#pending.length > 0) {
      const traces = this.#pending.slice(0, BATCH_RECORDS).map((entry) => entry.trace)
      // While older traces wait in the journal, newer ones queue up behind them there.
      const fates = this.#ports.journal.records > 0 ? this.#spillAs(traces) : await this.#storeHead(traces)
      if (fates === 'journalled') continue
      if (!fates) {
        this.#stuck = true
        return
      }
      this.#settleHead(fates)
    }
  }

  /** The traces at the head of the pending ones have their fates. */
  #settleHead(fates: readonly Fate[]): void {
    const settled = this.#pending.splice(0, fates.length)
    this.#pendingBytes -= settled.reduce((sum, { bytes }) => sum + bytes, 0)
    this.#oldestPendingAt = this.#clock.now()
    for (const fate of new Set(fates)) {
      this.#ports.settled(
        settled.filter((_, i) => fates[i] === fate).map(({ trace }) => trace.id),
        fate,
      )
    }
  }

  /** Only the totals have changed. */
  #changed(): void {
    this.#ports.settled([], 'stored')
  }

  /** A store that neither responds nor fails must not fill the memory: everything behind its batch goes to the journal. */
  #relieve(): void {
    const call = this.#store.current
    if (call && this.#pending.length - call.head >= BATCH_RECORDS) this.#spillPending(call.head)
  }

  /** The store has kept a batch to itself for long: it goes to the journal too. @returns when to look again */
  #silent(): number {
    this.#spillAll()
    return this.#waitMs()
  }

  /** Journals the pending traces, and the batch that the store is working on. */
  #spillAll(): void {
    const call = this.#store.current
    if (this.#spillPending(0) && call) call.head = 0
  }

  /** Journals the pending traces from an index on. @returns whether that worked */
  #spillPending(from: number): boolean {
    const entries = this.#pending.slice(from)
    if (entries.length === 0) return true
    if (!this.#spill(entries.map(({ trace }) => trace))) return false
    this.#pending.length = from
    this.#pendingBytes -= entries.reduce((sum, { bytes }) => sum + bytes, 0)
    this.#ports.settled(
      entries.map(({ trace }) => trace.id),
      'journalled',
    )
    return true
  }

  /**
   * Stores a batch from the head of the pending traces, or spills it to the journal.
   *
   * @returns the fate of each; `undefined` when neither worked and the batch must stay in memory. `journalled` when it went to the journal
   * while the store was silent, so that it is no longer at the head and comes again from there
   */
  async #storeHead(traces: readonly Trace[]): Promise<readonly Fate[] | 'journalled' | undefined> {
    const call = { head: traces.length }
    try {
      await this.#store.write(traces, call)
      if (call.head === 0) return 'journalled'
      this.#totals.stored += traces.length
      this.#succeeded()
      return traces.map(() => 'stored')
    } catch (error) {
      const refusal = this.#store.countFailure(error, traces.length > 1 ? 'write_batch' : 'write_trace')
      if (call.head === 0) return 'journalled'
      if (!refusal) return this.#spillAs(traces)
      const singly = await this.#store.writeSingly(traces, call)
      if (call.head === 0) return 'journalled'
      if (!singly) return this.#spillAs(traces)
      this.#totals.stored += singly.stored
      const refused = new Map(
        singly.refused.map(({ trace, error: reason }) => [trace, this.#refuse(trace, reason)]),
      )
      return traces.map((trace) => refused.get(trace) ?? 'stored')
    }
  }

  /** @returns the fate of each; `undefined` when the journal does not take them */
  #spillAs(traces: readonly Trace[]): readonly Fate[] | undefined {
    return this.#spill(traces) ? traces.map(() => 'journalled') : undefined
  }

  /** A trace that was never in the journal is refused by the store. What quarantine does not take waits there. */
  #refuse(trace: Trace, error: unknown): Fate {
    if (this.#putAside(encodeTrace(trace), trace.id, error)) return 'quarantined'
    if (this.#spill([trace])) return 'journalled'
    this.#totals.drop('quarantine')
    this.#ports.log('ERROR', 'trace refused by the store and quarantine failed; trace dropped', {
      trace_id: trace.id,
    })
    return 'dropped'
  }

  /** Puts a record in quarantine. @param id its trace's; empty when it cannot be known. @returns whether it is there */
  #putAside(payload: Uint8Array, id: string, error: unknown): boolean {
    const reason = messageOf(error)
    try {
      this.#ports.quarantine(payload, reason)
    } catch (failure) {
      this.#ports.log('ERROR', 'the quarantine cannot be written', {
        trace_id: id,
        error: messageOf(failure),
      })
      return false
    }
    this.#totals.quarantined += 1
    this.#ports.log('ERROR', 'trace refused by the store; put in quarantine', { trace_id: id, error: reason })
    return true
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
        error: messageOf(error),
        pending: this.#pending.length,
      })
      return false
    }
  }

  #retryLater(): void {
    this.#retryTimer.arm(RETRY_MS[Math.min(this.#store.failures, RETRY_MS.length - 1)]!)
  }

  /** Writes one batch at a time: two at once would take the same traces. Nothing may be awaited between the check and the turn. */
  async #alone(work: () => Promise<void>): Promise<void> {
    while (this.#busy) await this.#busy
    this.#busy = this.#turn(work)
    await this.#busy
  }

  async #retry(): Promise<void> {
    await this.#alone(() => this.#replay.run())
    if (this.#pending.length > 0) await this.flush()
  }

  #succeeded(): void {
    this.#store.countSuccess()
    this.#dropping = false
  }

  /** Counts an exchange whose trace cannot be built. */
  drop(id: string, reason: string): void {
    this.#totals.drop('build')
    this.#ports.settled([id], 'dropped')
    this.#ports.log('ERROR', 'no trace could be made of an exchange', { trace_id: id, error: reason })
  }

  #drop(trace: Trace): void {
    this.#totals.drop('memory_full')
    this.#ports.settled([trace.id], 'dropped')
    if (this.#dropping) return
    this.#dropping = true
    this.#ports.log('ERROR', 'trace persistence failed; dropped trace records', {
      operation: 'memory_full',
      failed_count: 1,
      error: 'neither the store nor the journal takes traces',
    })
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
