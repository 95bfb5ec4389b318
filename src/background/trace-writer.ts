import type { Storage } from '../storage/contract/storage.ts'
import type { RecorderTotals } from '../telemetry/recorder-totals.ts'
import type { BatchWrite } from '../telemetry/telemetry.ts'
import { type Clock, CoalescingTimer, systemClock } from '../time/coalescing-timer.ts'
import type { Trace } from '../traces/trace.ts'
import { type Journal, type JournalBatch, JournalFullError } from './journal.ts'
import type { Fate } from './tenant-pipelines.ts'
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

/** How long the store may keep a batch to itself: then the batch, and what waits behind it, goes to the journal too. */
const SILENT_MS = 500

/** How soon, and then how often, segments of gateways that have ended are looked for. */
const FIRST_LOOK_MS = 1000
const LOOK_MS = 5000

/** How long a replay may go on at the end of the process. */
const CLOSING_REPLAY_MS = 3000

/** Lateness of new exchanges at which a replay gives way, and for how long. */
const LATE_MS = 50
const GIVE_WAY_MS = 20

/** What the writer needs around it. */
export interface TraceWriterPorts {
  readonly storage: () => Storage
  readonly journal: Journal
  /** Puts a record that the store will never take aside; throws when it cannot. */
  readonly quarantine: (payload: Uint8Array, reason: string) => void
  readonly flushIntervalMs: () => number
  readonly maxPendingBytes: () => number
  /** Called with the ids whose fate is known now; with none when only the totals have changed. */
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

/** A batch that the store is being given. */
interface StoreCall {
  /** How many at the head of what is pending it holds; 0 for a replay, and once they have gone to the journal instead. */
  head: number
}

/**
 * Gets traces into the store, in order, and loses none: batches; when the store will not take them, the journal;
 * when that is full too, memory up to a bound; and only past that a drop, counted and logged once per episode.
 */
export class TraceWriter {
  readonly #ports: TraceWriterPorts
  readonly #clock: Clock
  #pending: { trace: Trace; bytes: number }[] = []
  #pendingBytes = 0
  #oldestPendingAt = 0
  readonly #flushTimer: CoalescingTimer
  readonly #retryTimer: CoalescingTimer
  readonly #silenceTimer: CoalescingTimer
  readonly #lookTimer: CoalescingTimer
  #failures = 0
  #dropping = false
  #journalFails = false
  /** The last flush left something behind that neither store nor journal took. */
  #stuck = false
  /** When a replay must end; set when the process does. */
  #replayUntil = Infinity
  /** How long ago the newest trace ended when it arrived here. */
  #latenessMs = 0
  #busy: Promise<void> | undefined
  /** What the store is being given; `undefined` while it is given nothing. */
  #call: StoreCall | undefined
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
    this.#clock = ports.clock ?? systemClock
    this.#flushTimer = new CoalescingTimer(() => void this.flush(), this.#clock)
    this.#retryTimer = new CoalescingTimer(() => void this.#retry(), this.#clock)
    this.#silenceTimer = new CoalescingTimer(() => this.#silent(), this.#clock)
    this.#lookTimer = new CoalescingTimer(() => this.#look(), this.#clock)
    this.#lookTimer.arm(FIRST_LOOK_MS)
    this.#adopt()
  }

  #look(): void {
    this.#lookTimer.arm(LOOK_MS)
    if (this.#adopt() > 0) this.#changed()
  }

  /** Takes over what gateways that have ended left in the journal. @returns how much it was */
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
      writeFailuresByClass: { ...this.#failuresByClass },
    }
  }

  /** Takes a trace; it is in the store or the journal within the flush interval. */
  add(trace: Trace): void {
    const bytes = 2048 + (trace.requestBody?.length ?? 0) + (trace.responseBody?.length ?? 0)
    if (this.#pendingBytes + bytes > this.#ports.maxPendingBytes()) return this.#drop(trace)
    this.#latenessMs = Date.now() - trace.createdAtUs / 1000
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

  /** Writes what is pending; concurrent calls join what is under way. */
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
    this.#replayUntil = this.#clock.now() + CLOSING_REPLAY_MS
    await this.#alone(async () => {
      await this.#flushAll()
      if (this.#ports.journal.records > 0) await this.#replay()
      await this.#flushAll()
    })
    this.#end()
  }

  /** Ends without waiting for the store: what is pending goes to the journal. Does nothing after `close`. */
  abandon(): void {
    this.#replayUntil = 0
    if (this.#spillPending(0) && this.#call) this.#call.head = 0
    this.#end()
  }

  #end(): void {
    for (const timer of [this.#retryTimer, this.#flushTimer, this.#silenceTimer, this.#lookTimer])
      timer.cancel()
    this.#ports.journal.close()
    if (this.#pending.length === 0) return
    this.#countDrop('shutdown', this.#pending.length)
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
      const fates = this.#ports.journal.records > 0 ? this.#spillAs(traces) : await this.#store(traces)
      if (fates === 'journalled') continue
      if (!fates) {
        this.#stuck = true
        return
      }
      this.#settleHead(fates)
    }
  }

  /** Those at the head of what is pending have met their fates. */
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

  /** A store that does not answer, nor fails, must not fill the memory: what came behind its batch goes to the journal. */
  #relieve(): void {
    if (this.#call && this.#pending.length - this.#call.head >= BATCH_RECORDS)
      this.#spillPending(this.#call.head)
  }

  /** The store has kept a batch to itself for long. */
  #silent(): void {
    if (!this.#call) return
    this.#silenceTimer.arm(this.#waitMs())
    if (this.#spillPending(0)) this.#call.head = 0
  }

  /** Journals what is pending, from an index on. @returns whether it could be */
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
   * Stores a batch from the head of what is pending, or spills it.
   *
   * @returns the fate of each; `undefined` when neither worked and the batch must stay in memory; `journalled` when it is no longer at the
   * head, for it went to the journal while the store was silent, from where it comes again
   */
  async #store(traces: readonly Trace[]): Promise<readonly Fate[] | 'journalled' | undefined> {
    const call = { head: traces.length }
    try {
      await this.#write(traces, call)
      if (call.head === 0) return 'journalled'
      this.#totals.stored += traces.length
      this.#recovered()
      return traces.map(() => 'stored')
    } catch (error) {
      const kind = this.#countFailure(error, traces.length > 1 ? 'write_batch' : 'write_trace')
      if (call.head === 0) return 'journalled'
      if (!isRefusal(kind, error)) return this.#spillAs(traces)
      const singly = await this.#storeSingly(traces, call)
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

  async #write(traces: readonly Trace[], call: StoreCall): Promise<number> {
    const startedAt = performance.now()
    let failed = true
    try {
      const added = await this.#give(traces, call)
      failed = false
      return added
    } finally {
      const durationUs = (performance.now() - startedAt) * 1000
      this.#ports.wrote?.({
        startedAtUs: Date.now() * 1000 - durationUs,
        durationUs,
        ids: traces.map(({ id }) => id),
        failed,
      })
    }
  }

  async #give(traces: readonly Trace[], call: StoreCall): Promise<number> {
    this.#call = call
    this.#silenceTimer.arm(SILENT_MS)
    try {
      return await this.#ports.storage().write(traces)
    } finally {
      this.#call = undefined
      this.#silenceTimer.cancel()
    }
  }

  /** A trace that was never in the journal is refused by the store. What quarantine does not take waits there. */
  #refuse(trace: Trace, error: unknown): Fate {
    if (this.#putAside(encodeTrace(trace), trace.id, error)) return 'quarantined'
    if (this.#spill([trace])) return 'journalled'
    this.#countDrop('quarantine')
    this.#ports.log('ERROR', 'trace refused by the store and quarantine failed; trace dropped', {
      trace_id: trace.id,
    })
    return 'dropped'
  }

  /** Puts a record in quarantine. @param id its trace's; empty when it cannot be told. @returns whether it is there */
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
    this.#retryTimer.arm(RETRY_MS[Math.min(this.#failures, RETRY_MS.length - 1)]!)
  }

  /** Writes when nobody else does: two at once would take the same traces. Between the look and the turn nothing may be awaited. */
  async #alone(work: () => Promise<void>): Promise<void> {
    while (this.#busy) await this.#busy
    this.#busy = this.#turn(work)
    await this.#busy
  }

  async #retry(): Promise<void> {
    await this.#alone(() => this.#replay())
    if (this.#pending.length > 0) await this.flush()
  }

  /** Moves the journal into the store, oldest first, until it is empty or the store fails. */
  async #replay(): Promise<void> {
    const { journal } = this.#ports
    while (journal.records > 0 && this.#clock.now() < this.#replayUntil) {
      await this.#giveWay()
      // What came meanwhile queues up behind what is in the journal.
      if (this.#due(this.#clock.now())) await this.#flushAll()
      const batch = journal.peek(BATCH_RECORDS, REPLAY_BYTES)
      if (batch.lost + batch.damaged > 0) this.#countMissing(batch)
      // What cannot be read now is tried again with the next look.
      else if (batch.payloads.length === 0) return
      else {
        const stored = await this.#storeAgain(batch.payloads)
        if (!stored) return this.#retryLater()
        for (const { payload, id, error } of stored.refused) {
          if (this.#putAside(payload, id, error)) continue
          batch.keepFile()
          this.#totals.quarantined += 1
        }
        batch.commit()
        this.#totals.stored += stored.stored.length
        this.#totals.replayed += stored.stored.length
        this.#ports.replayed?.(stored.stored)
        this.#changed()
      }
    }
    if (journal.records === 0) await this.#replayUnfinished()
  }

  /** Stores what was known of exchanges that were worked on when their process ended. They count once they are stored. */
  async #replayUnfinished(): Promise<void> {
    const { journal, isComing } = this.#ports
    while (journal.hasUnfinished && journal.records === 0 && this.#clock.now() < this.#replayUntil) {
      const { payloads, commit } = journal.peekUnfinished()
      for (let i = 0; i < payloads.length; i += BATCH_RECORDS) {
        const stored = await this.#storeAgain(payloads.slice(i, i + BATCH_RECORDS), isComing)
        if (!stored) return this.#retryLater()
        this.#totals.recovered += stored.added
        this.#totals.stored += stored.added
        this.#totals.replayed += stored.added
        for (const { payload, id, error } of stored.refused)
          if (this.#putAside(payload, id, error)) this.#totals.recovered += 1
        this.#changed()
      }
      commit()
    }
  }

  #countMissing({ lost, damaged }: JournalBatch): void {
    this.#totals.quarantined += damaged
    if (lost > 0) {
      this.#countDrop('journal_lost', lost)
      this.#ports.log('ERROR', 'a journal file was taken away; its trace records are lost', {
        failed_count: lost,
      })
    }
    this.#changed()
  }

  /**
   * Stores records of a journal: those that can be read and that the store takes.
   *
   * @param skip records that are left out
   * @returns `undefined` when the store failed, and all must come again
   */
  async #storeAgain(
    payloads: readonly Uint8Array[],
    skip: (id: string) => boolean = () => false,
  ): Promise<{ stored: readonly Trace[]; added: number; refused: RefusedRecord[] } | undefined> {
    const traces: Trace[] = []
    const refused: RefusedRecord[] = []
    for (const payload of payloads) {
      try {
        const trace = decodeTrace(payload)
        if (!skip(trace.id)) traces.push(trace)
      } catch (error) {
        refused.push({ payload, id: '', error })
      }
    }
    if (traces.length === 0) return { stored: [], added: 0, refused }
    const call = { head: 0 }
    try {
      const added = await this.#write(traces, call)
      this.#recovered()
      return { stored: traces, added, refused }
    } catch (error) {
      if (!isRefusal(this.#countFailure(error, 'replay'), error)) return undefined
      const singly = await this.#storeSingly(traces, call)
      if (!singly) return undefined
      const more = singly.refused.map(({ trace, error: reason }) => ({
        payload: encodeTrace(trace),
        id: trace.id,
        error: reason,
      }))
      const left = new Set(singly.refused.map(({ trace }) => trace))
      const stored = traces.filter((trace) => !left.has(trace))
      return { stored, added: singly.added, refused: [...refused, ...more] }
    }
  }

  /** Replaying is not urgent: while new exchanges arrive late they come first, or they would pile up before this thread. */
  async #giveWay(): Promise<void> {
    await new Promise(setImmediate)
    while (this.#latenessMs > LATE_MS) {
      this.#latenessMs = 0
      await new Promise<void>((resolve) => this.#clock.after(GIVE_WAY_MS, resolve))
      if (this.#due(this.#clock.now())) await this.#flushAll()
    }
  }

  /**
   * The store refuses something in the batch for what it is: stores the rest.
   *
   * @returns what it took and refused; `undefined` when it failed for another reason, and all must come again
   */
  async #storeSingly(
    traces: readonly Trace[],
    call: StoreCall,
  ): Promise<{ stored: number; added: number; refused: { trace: Trace; error: unknown }[] } | undefined> {
    const refused: { trace: Trace; error: unknown }[] = []
    let [stored, added] = [0, 0]
    for (const trace of traces) {
      try {
        added += await this.#give([trace], call)
        stored += 1
      } catch (error) {
        if (!(await this.#refuses(error))) return undefined
        refused.push({ trace, error })
      }
    }
    return { stored, added, refused }
  }

  /** Whether a single trace failed for what it is. A driver may trip over a lost connection too: then the store answers nothing else. */
  async #refuses(error: unknown): Promise<boolean> {
    const storage = this.#ports.storage()
    const kind = storage.classify(error)
    if (kind === 'constraint' || !isRefusal(kind, error)) return kind === 'constraint'
    return storage.ping().then(
      () => true,
      () => false,
    )
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
        error: messageOf(error),
      })
    }
    return kind
  }

  /** Counts an exchange of which no trace can be made. */
  drop(id: string, reason: string): void {
    this.#countDrop('build')
    this.#ports.settled([id], 'dropped')
    this.#ports.log('ERROR', 'no trace could be made of an exchange', { trace_id: id, error: reason })
  }

  #drop(trace: Trace): void {
    this.#countDrop('memory_full')
    this.#ports.settled([trace.id], 'dropped')
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

/** A record of the journal that cannot be stored for what it is. */
interface RefusedRecord {
  readonly payload: Uint8Array
  /** Empty when it cannot be told. */
  readonly id: string
  readonly error: unknown
}

/** Whether a write failed for what was to be written: the store says so, or the record is of another shape than ours. */
function isRefusal(kind: string, error: unknown): boolean {
  return kind === 'constraint' || error instanceof TypeError || error instanceof RangeError
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
