import { join } from 'node:path'
import type { AuditEvent } from '../audit/audit-event.ts'
import { wireApiNamed } from '../providers/registry.ts'
import type { Exchange } from '../traces/exchange.ts'
import { interruptedTrace, unreadContent } from '../traces/interrupted-trace.ts'
import { Journal } from './journal.ts'
import type { JournalLog } from './journal-notes.ts'
import type { RecorderSettings } from './protocol.ts'
import { TraceBuilder } from './trace-builder.ts'
import { encodeTrace } from './trace-codec.ts'

/** How the recorder ended. */
export type RecorderEnd =
  | { readonly kind: 'stored' }
  /** The thread did not finish: the known part of these exchanges is in the journal, and the next start stores it. */
  | { readonly kind: 'journalled'; readonly records: number }
  /** Nor could it be journalled. */
  | { readonly kind: 'lost'; readonly records: number; readonly reason: string }

/** Writes what the serving thread knows of exchanges that the recorder thread has not made safe. The next start stores it. */
export function journalExchanges(
  settings: RecorderSettings,
  exchanges: readonly Exchange[],
  log: JournalLog,
): RecorderEnd {
  const records = exchanges.length
  if (records === 0) return { kind: 'stored' }
  try {
    const builder = new TraceBuilder(settings)
    const journal = new Journal(settings.journalPath, settings.journalMaxBytes, log)
    const payloads = exchanges.map((exchange) => {
      const trace = builder.build(exchange, unreadContent(wireApiNamed(exchange.wire.api)))
      return encodeTrace(
        interruptedTrace(trace, 'the recorder did not get to it before the gateway ended', 'unread'),
      )
    })
    journal.keepUnfinished(payloads)
    journal.close()
    return { kind: 'journalled', records }
  } catch (error) {
    return { kind: 'lost', records, reason: messageOf(error) }
  }
}

/** Writes audit events that no thread has taken. */
export function journalAuditEvents(
  { journalPath }: RecorderSettings,
  events: readonly AuditEvent[],
  log: JournalLog,
): void {
  if (events.length === 0) return
  const journal = new Journal(join(journalPath, 'audit'), Infinity, log)
  try {
    journal.append(events.map((event) => Buffer.from(JSON.stringify(event))))
    journal.close()
  } catch (error) {
    log('ERROR', 'audit events were dropped', { failed_count: events.length, error: messageOf(error) })
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
