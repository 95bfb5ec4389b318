import type { Clock } from '../time/coalescing-timer.ts'
import type { Trace } from '../traces/trace.ts'
import type { JournalBatch } from './journal-batch.ts'
import type { Journal } from './journal.ts'
import type { StoreCalls } from './store-calls.ts'
import { decodeTrace, encodeTrace } from './trace-codec.ts'
import type { WriterTotals } from './writer-totals.ts'

/** Traces and bytes that are replayed in one transaction at most; of bytes, about. */
const BATCH_RECORDS = 256
const REPLAY_BYTES = 8 * 1024 * 1024

/** At this delay of new exchanges a replay pauses, and for how long. */
const LATE_MS = 50
const GIVE_WAY_MS = 20

/** What a replay needs around it. */
export interface ReplayPorts {
  readonly journal: Journal
  readonly store: StoreCalls
  readonly totals: WriterTotals
  readonly clock: Clock
  /** Puts a record in quarantine. @param id its trace's; empty when it cannot be known @returns whether it is there */
  readonly putAside: (payload: Uint8Array, id: string, error: unknown) => boolean
  /** Whether the record of an exchange is still to come: then what an earlier thread left of it is not stored. */
  readonly isComing: (id: string) => boolean
  /** Traces came out of the journal and are stored. */
  readonly replayed: (traces: readonly Trace[]) => void
  /** The totals have changed. */
  readonly changed: () => void
  /** A batch was stored. */
  readonly succeeded: () => void
  /** The store failed: the replay continues later. */
  readonly retryLater: () => void
  /** Writes new traces, if they are due. */
  readonly flushDue: () => Promise<void>
  readonly log: (level: 'ERROR', message: string, fields: Record<string, unknown>) => void
}

/** A record of the journal that the store refuses because of its content. */
interface RefusedRecord {
  readonly payload: Uint8Array
  /** Empty when it cannot be known. */
  readonly id: string
  readonly error: unknown
}

/** Moves the journal into the store. New traces come first. */
export class JournalReplay {
  readonly #ports: ReplayPorts
  /** When a replay must end, by the clock; set when the process does. */
  until = Infinity
  /** How long ago the newest trace ended when it arrived. */
  latenessMs = 0

  constructor(ports: ReplayPorts) {
    this.#ports = ports
  }

  /** Moves records into the store, the oldest first, until there are none or the store fails. */
  async run(): Promise<void> {
    const { journal, totals, clock } = this.#ports
    while (journal.records > 0 && clock.now() < this.until) {
      await this.#giveWay()
      // New traces queue up behind the journal.
      await this.#ports.flushDue()
      const batch = journal.peek(BATCH_RECORDS, REPLAY_BYTES)
      if (batch.lost + batch.damaged > 0) this.#countMissing(batch)
      // What cannot be read now is tried again with the next look.
      else if (batch.payloads.length === 0) return
      else {
        const stored = await this.#store(batch.payloads)
        if (!stored) return this.#ports.retryLater()
        for (const { payload, id, error } of stored.refused) {
          if (this.#ports.putAside(payload, id, error)) continue
          batch.keepFile()
          totals.quarantined += 1
        }
        batch.commit()
        totals.stored += stored.stored.length
        totals.replayed += stored.stored.length
        this.#ports.replayed(stored.stored)
        this.#ports.changed()
      }
    }
    if (journal.records === 0) await this.#runUnfinished()
  }

  /** Stores the drafts of exchanges that were in progress when their process ended. They count once they are stored. */
  async #runUnfinished(): Promise<void> {
    const { journal, totals, clock, isComing } = this.#ports
    while (journal.hasUnfinished && journal.records === 0 && clock.now() < this.until) {
      const { payloads, commit } = journal.peekUnfinished()
      for (let i = 0; i < payloads.length; i += BATCH_RECORDS) {
        const stored = await this.#store(payloads.slice(i, i + BATCH_RECORDS), isComing)
        if (!stored) return this.#ports.retryLater()
        totals.recovered += stored.added
        totals.stored += stored.added
        totals.replayed += stored.added
        for (const { payload, id, error } of stored.refused)
          if (this.#ports.putAside(payload, id, error)) totals.recovered += 1
        this.#ports.changed()
      }
      commit()
    }
  }

  /**
   * Stores records: those that can be read and that the store takes.
   *
   * @param skip records that are left out
   * @returns `undefined` when the store failed, and all must come again
   */
  async #store(
    payloads: readonly Uint8Array[],
    skip: (id: string) => boolean = () => false,
  ): Promise<{ stored: readonly Trace[]; added: number; refused: RefusedRecord[] } | undefined> {
    const { store } = this.#ports
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
      const added = await store.write(traces, call)
      this.#ports.succeeded()
      return { stored: traces, added, refused }
    } catch (error) {
      if (!store.countFailure(error, 'replay')) return undefined
      const singly = await store.writeSingly(traces, call)
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

  #countMissing({ lost, damaged }: JournalBatch): void {
    const { totals, log, changed } = this.#ports
    totals.quarantined += damaged
    if (lost > 0) {
      totals.drop('journal_lost', lost)
      log('ERROR', 'a journal file was taken away; its trace records are lost', { failed_count: lost })
    }
    changed()
  }

  /** Replaying is not urgent: while new exchanges arrive late they come first, or they would pile up before this thread. */
  async #giveWay(): Promise<void> {
    await new Promise(setImmediate)
    while (this.latenessMs > LATE_MS) {
      this.latenessMs = 0
      await new Promise<void>((resolve) => this.#ports.clock.after(GIVE_WAY_MS, resolve))
      await this.#ports.flushDue()
    }
  }
}
