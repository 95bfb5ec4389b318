import type { AuditEvent } from '../audit/audit-event.ts'
import type { AuditTrailStore } from '../storage/contract/audit-trail.ts'
import { CoalescingTimer } from '../time/coalescing-timer.ts'
import type { JournalBatch } from './journal-batch.ts'
import { type Journal, JournalFullError } from './journal.ts'

/** Events that are stored in one transaction at most. */
const BATCH_EVENTS = 256

/** How long events wait for others. */
const FLUSH_MS = 50

/** How long the writer waits before it tries a store again that did not respond. */
const RETRY_MS = 1000

/** How often events of gateways that have ended are looked for. */
const LOOK_MS = 5000

/** What the writer needs around it. */
export interface AuditWriterPorts {
  readonly store: () => AuditTrailStore
  readonly journal: Journal
  /** Whether an event was refused because of its content. */
  readonly isRefusal: (error: unknown) => boolean
  /** Puts such an event aside; throws when it cannot. */
  readonly quarantine: (payload: Uint8Array, reason: string) => void
  readonly log: (level: 'INFO' | 'WARN' | 'ERROR', message: string, fields: Record<string, unknown>) => void
}

/** Gets audit events into the store, or into a journal of their own until it takes them. */
export class AuditWriter {
  readonly #ports: AuditWriterPorts
  #pending: AuditEvent[] = []
  readonly #flushTimer = new CoalescingTimer(() => void this.#flush())
  readonly #retryTimer = new CoalescingTimer(() => void this.#flush({ retry: true }))
  readonly #lookTimer = new CoalescingTimer(() => this.#look())
  #busy: Promise<void> = Promise.resolve()
  #failing = false

  constructor(ports: AuditWriterPorts) {
    this.#ports = ports
    this.#look()
  }

  add(events: readonly AuditEvent[]): void {
    this.#pending.push(...events)
    this.#flushTimer.arm(FLUSH_MS)
  }

  async close(): Promise<void> {
    await this.#flush({ retry: true })
    for (const timer of [this.#flushTimer, this.#retryTimer, this.#lookTimer]) timer.cancel()
    this.#ports.journal.close()
  }

  #look(): void {
    this.#lookTimer.arm(LOOK_MS)
    this.#ports.journal.adopt()
    if (this.#ports.journal.records > 0) this.#retryTimer.arm(0)
  }

  /** One at a time, in order. After a failure the store gets a pause: meanwhile events go to the journal at once. */
  #flush({ retry } = { retry: false }): Promise<void> {
    this.#busy = this.#busy.then(() => (this.#failing && !retry ? this.#spill() : this.#write()))
    return this.#busy
  }

  async #write(): Promise<void> {
    try {
      await this.#replay()
      while (this.#pending.length > 0) {
        const batch = this.#pending.slice(0, BATCH_EVENTS)
        await this.#ports.store().append(batch)
        this.#pending.splice(0, batch.length)
      }
      this.#failing = false
    } catch (error) {
      if (!this.#failing)
        this.#ports.log('WARN', 'audit events wait in the journal: the store does not take them', {
          error: error instanceof Error ? error.message : String(error),
        })
      this.#failing = true
      this.#spill()
      this.#retryTimer.arm(RETRY_MS)
    }
  }

  async #replay(): Promise<void> {
    const { journal } = this.#ports
    while (journal.records > 0) {
      const batch = journal.peek(BATCH_EVENTS, Infinity)
      const missing = batch.lost + batch.damaged
      if (missing > 0)
        this.#ports.log('ERROR', 'audit events of the journal are lost', { failed_count: missing })
      else if (batch.payloads.length === 0) return
      else {
        const refused = await this.#append(batch.payloads)
        for (const { payload, error } of refused) this.#putAside(payload, error, batch)
        batch.commit()
      }
    }
  }

  /** Stores events of the journal. @returns those that the store refuses because of their content */
  async #append(payloads: readonly Uint8Array[]): Promise<{ payload: Uint8Array; error: unknown }[]> {
    try {
      await this.#ports.store().append(payloads.map(eventOf))
      return []
    } catch (error) {
      if (!this.#ports.isRefusal(error)) throw error
      if (payloads.length === 1) return [{ payload: payloads[0]!, error }]
      const refused = []
      for (const payload of payloads) refused.push(...(await this.#append([payload])))
      return refused
    }
  }

  #putAside(payload: Uint8Array, error: unknown, batch: JournalBatch): void {
    const reason = error instanceof Error ? error.message : String(error)
    try {
      this.#ports.quarantine(payload, reason)
    } catch {
      batch.keepFile()
    }
    this.#ports.log('ERROR', 'an audit event cannot be stored; put in quarantine', { error: reason })
  }

  #spill(): void {
    if (this.#pending.length === 0) return
    const events = this.#pending.splice(0)
    try {
      this.#ports.journal.append(events.map((event) => Buffer.from(JSON.stringify(event))))
    } catch (error) {
      // They are in the log all the same.
      this.#ports.log('ERROR', 'audit events were dropped', {
        failed_count: events.length,
        error: error instanceof JournalFullError ? 'their journal is full' : String(error),
      })
    }
  }
}

/** @throws SyntaxError when it is not JSON */
function eventOf(payload: Uint8Array): AuditEvent {
  return JSON.parse(Buffer.from(payload).toString('utf8')) as AuditEvent
}
