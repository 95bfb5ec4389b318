import type { ReadScope } from '../../access/key-store.ts'
import type { SharedOperation, SharedReply, SharedRequest } from '../../limits/counters/shared-counters.ts'
import type { Trace } from '../../traces/trace.ts'
import type { AuditTrailStore } from './audit-trail.ts'
import type { Database } from './database.ts'
import type { LimitRecords } from './limit-records.ts'
import type { SpendLedger } from './spend-ledger.ts'
import type { TenantDirectory } from './tenant-directory.ts'
import type { TraceMaintenance } from './trace-maintenance.ts'
import type { TraceReader } from './traces.ts'

/** Where traces are kept. Drivers name a database; nothing else does. */
export interface Storage extends Database {
  /**
   * Stores traces in one transaction, all or none. A trace whose id is already stored stays unchanged.
   *
   * @returns how many are new
   */
  write(traces: readonly Trace[]): Promise<number>
  within(scope: ReadScope): TraceReader
  /** All tenants, and requests without one. For the offline commands, and for the API while there are no gateway keys. */
  everywhere(): TraceReader
  maintenance(): TraceMaintenance
  directory(): TenantDirectory
  auditTrail(): AuditTrailStore
  spend(): SpendLedger
  limitRecords(): LimitRecords
  /**
   * Counts for all gateways of the store; absent where a store belongs to one machine.
   *
   * @param timeoutMs how long the caller waits; a connection that is silent for long after that is given up
   */
  applyLimits?(operation: SharedOperation, request: SharedRequest, timeoutMs: number): Promise<SharedReply>
}
