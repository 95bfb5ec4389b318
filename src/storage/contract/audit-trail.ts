import type { ReadScope } from '../../access/key-store.ts'
import type { AuditEvent } from '../../audit/audit-event.ts'

/** The audit trail. */
export interface AuditTrailStore {
  /** Adds events, all or none. An event that is already stored stays unchanged. */
  append(events: readonly AuditEvent[]): Promise<void>
  /** Newest first. @param scope all when absent @param beforeSeq where to continue; 0 for the newest */
  list(
    scope: ReadScope | undefined,
    filter: AuditFilter,
    limit: number,
    beforeSeq: number,
  ): Promise<readonly StoredAuditEvent[]>
  /** Deletes events before a time, oldest first. @returns how many */
  deleteBefore(beforeUs: number, limit: number): Promise<number>
}

/** Which events of the audit trail; absent conditions do not matter. Times are epoch microseconds, inclusive. */
export interface AuditFilter {
  readonly action?: string
  readonly actor?: string
  readonly outcome?: string
  readonly fromUs?: number
  readonly toUs?: number
}

/** An event and its place in the order of arrival. */
export interface StoredAuditEvent extends AuditEvent {
  readonly seq: number
}
