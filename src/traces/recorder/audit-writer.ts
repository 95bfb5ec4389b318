import type { AuditEvent } from '../../audit/audit-event.ts'
import type { AuditTrailStore } from '../../storage/storage.ts'
import { JournalFullError, type Journal } from './journal.ts'

/** Events that are stored in one transaction at most. */
const BATCH_EVENTS = 256

/** How long events wait for others. */
const FLUSH_MS = 50

/** How long a store that does not answer is left alone. */
const RETRY_MS = 1000

/** What the writer needs around it. */
export interface AuditWriterPorts {
  readonly store: () => AuditTrailStore
  readonly journal: Journal
  readonly log: (level: 'INFO' | 'WARN' | 'ERROR', message: string, fields: Record<string, unknown>) => void
}

/** Gets audit events into the store, or into a journal of their own until it takes them. */
export class AuditWriter {
  readonly #ports: AuditWriterPorts
  #pending: AuditEvent[] = []
  #timer: ReturnType<typeof setTimeout> | undefined
  #busy: Promise<void> = Promise.resolve()
  #failing = false

  constructor(ports: AuditWriterPorts) {
    this.#ports = ports
    if (ports.journal.records > 0) this.#later(0)
  }

  add(events: readonly AuditEvent[]): void {
    this.#pending.push(...events)
    this.#later(FLUSH_MS)
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer)
    await this.#flush()
    clearTimeout(this.#timer)
    this.#ports.journal.close()
  }

  #later(ms: number): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      void this.#flush()
    }, ms)
  }

  /** One at a time, in order. */
  #flush(): Promise<void> {
    this.#busy = this.#busy.then(() => this.#write())
    return this.#busy
  }

  async #write(): Promise<void> {
    const { journal } = this.#ports
    try {
      while (journal.records > 0) {
        const { payloads, commit } = journal.peek(BATCH_EVENTS, Infinity)
        if (payloads.length === 0) break
        const decoder = new TextDecoder()
        await this.#ports
          .store()
          .append(payloads.map((bytes) => JSON.parse(decoder.decode(bytes)) as AuditEvent))
        commit()
      }
      while (this.#pending.length > 0) {
        const batch = this.#pending.slice(0, BATCH_EVENTS)
        await this.#ports.store().append(batch)
        this.#pending.splice(0, batch.length)
      }
      this.#failing = false
    } catch (error) {
      this.#spill(error)
      this.#later(RETRY_MS)
    }
  }

  #spill(cause: unknown): void {
    const events = this.#pending.splice(0)
    try {
      if (events.length > 0)
        this.#ports.journal.append(events.map((event) => Buffer.from(JSON.stringify(event))))
      if (this.#failing) return
      this.#ports.log('WARN', 'audit events wait in the journal: the store does not take them', {
        error: cause instanceof Error ? cause.message : String(cause),
      })
    } catch (error) {
      // They are in the log all the same.
      this.#ports.log('ERROR', 'audit events were dropped', {
        failed_count: events.length,
        error: error instanceof JournalFullError ? 'their journal is full' : String(error),
      })
    }
    this.#failing = true
  }
}
