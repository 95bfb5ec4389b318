import type { KeyReference, KeyStore, ReadScope, StoredGatewayKey, Tenant } from '../access/key-store.ts'
import type { AuditEvent } from '../audit/audit-event.ts'
import type { Adjustment, AdjustmentChange } from '../limits/policies/adjustments.ts'
import type { SharedOperation, SharedReply, SharedRequest } from '../limits/counters/shared-counters.ts'
import type { Trace } from '../traces/trace.ts'
import type { Cursor } from './cursor.ts'
import type { Measures } from './rollups/measures.ts'
import type { Bucket, Group } from './rollups/query.ts'

/** Conditions on traces, all of which must hold; absent ones do not matter. Times are epoch microseconds, inclusive. */
export interface TraceFilter {
  readonly provider?: string
  readonly model?: string
  readonly traceGroupId?: string
  readonly threadId?: string
  readonly runId?: string
  readonly apiKeyHash?: string
  readonly gatewayKeyId?: string
  readonly sessionId?: string
  readonly endUser?: string
  readonly client?: string
  /** Tags that must all be there, with these values. */
  readonly tags?: Readonly<Record<string, string>>
  readonly status?: number
  readonly minTokens?: number
  readonly maxTokens?: number
  readonly fromUs?: number
  readonly toUs?: number
}

/** A trace as lists show it: the typed columns. */
export type TraceSummary = Omit<
  Trace,
  | 'requestHeaders'
  | 'responseHeaders'
  | 'requestBody'
  | 'responseBody'
  | 'metadata'
  | 'detail'
  | 'countedOnce'
>

/**
 * Order of a list: `newest` by end, newest first; `arrival` as the traces came into the store, oldest first, so that a reader who
 * follows misses none that is recorded late.
 */
export type ListOrder = 'newest' | 'arrival'

/** Where and how far a list is read. */
export interface ListOptions {
  /** At least 1. */
  readonly limit: number
  readonly order: ListOrder
  /** Position of the last item that was seen. One that is not of this scope begins again (`arrival`) or counts by its time (`newest`). */
  readonly after?: Cursor
}

/** One page. `next` is where to go on; absent when a list that is `newest` first has ended, or the page is empty. */
export interface Page<Item> {
  readonly items: readonly Item[]
  readonly next?: Cursor
}

/** How sums are taken. */
export interface MeasureOptions {
  readonly group?: Group
  /** Another thing to group by, within each group. */
  readonly secondGroup?: Group
  /** Makes a series; buckets without traces are left out. */
  readonly bucket?: Bucket
  /** IANA name of the zone in which days, weeks and months begin; UTC when absent. Hours are UTC's. */
  readonly timeZone?: string
  /** Also latency percentiles. */
  readonly percentiles?: boolean
  /** Largest number of groups; those with the most requests remain. All when absent. */
  readonly limit?: number
  /** Refuses a question that would read more traces than this one by one. Any number when absent. */
  readonly maxTraces?: number
}

/** Sums of one group in one bucket. */
export interface MeasuredRow extends Measures {
  /** Empty without a group, and for traces that have none. */
  readonly group: string
  readonly secondGroup: string
  /** When the bucket begins, epoch microseconds; 0 without a bucket. */
  readonly bucketStartUs: number
  /** Milliseconds, never more than 0.1 % low; absent unless asked for. */
  readonly percentiles?: { readonly p50: number; readonly p95: number; readonly p99: number }
}

/**
 * Sums by group and bucket. A series is ordered by bucket and then its groups; groups by requests (most first) and then group; two
 * groups by the first and then the second.
 */
export interface Measured {
  readonly rows: readonly MeasuredRow[]
  /** There are more groups than the limit. */
  readonly more: boolean
  /** Some hours of which only an earlier version's sum is left are cut by the range or by a bucket: they count where they begin. */
  readonly approximate?: true
}

/** What can be asked of stored traces. A handle is made for one tenant, or by the offline commands for all. */
export interface TraceReader {
  /** `undefined` when there is no such trace in the handle's scope. */
  getTrace(id: string): Promise<Trace | undefined>
  listTraces(filter: TraceFilter, options: ListOptions): Promise<Page<TraceSummary>>
  /** As `listTraces`, with everything that is kept of each. */
  wholeTraces(filter: TraceFilter, options: ListOptions & { readonly bodies: boolean }): Promise<Page<Trace>>
  /** Position of the newest in the order of arrival; `undefined` without traces. */
  lastArrival(): Promise<Cursor | undefined>
  countTraces(): Promise<number>
  /** Sums over traces: without group and bucket exactly one row. */
  measure(filter: TraceFilter, options: MeasureOptions): Promise<Measured>
}

/** A range of starts of exchanges, in epoch microseconds, inclusive. */
export interface TimeRange {
  readonly fromUs?: number
  readonly toUs?: number
}

/** A trace without its bodies, and where it stands in the order of arrival. */
export interface StoredTrace {
  readonly seq: number
  readonly trace: Trace
}

/** A trace whose cost has been worked out anew. */
export type CostUpdate = StoredTrace

/** A model that stored traces have used. */
export interface SeenModel {
  readonly provider: string
  readonly model: string
  /** The model asked for; empty for none. */
  readonly requestedModel: string
  readonly organizationId: string
  readonly workspaceId: string
  readonly traces: number
  /** Epoch microseconds of the newest. */
  readonly lastAtUs: number
  /** Tokens that they read and wrote, taken together. */
  readonly inputTokens: number
  readonly outputTokens: number
}

/** Running totals of the store. */
export interface Counters {
  readonly traces: number
  /** Bytes of the traces' details: header fields, metadata, usage, receipts. */
  readonly traceBytes: number
  /** Bytes of bodies as they are kept: each piece once, compressed. */
  readonly bodyBytes: number
  /** Traces that came since the last roll-up. */
  readonly notRolledUp: number
}

/** An hour of a workspace, in the order in which hours are refined. */
export interface HourPlace extends Tenant {
  /** Epoch microseconds. */
  readonly startUs: number
}

/** Sums that differ between the rollups and the traces that they are of. */
export interface RollupCheck {
  readonly traces: number
  readonly different: readonly {
    readonly column: string
    readonly rollups: number
    readonly traces: number
  }[]
}

/** Long jobs over the traces of all tenants. */
export interface TraceMaintenance {
  /** Traces of a range that come after a place in the order of arrival. */
  count(range: TimeRange, afterSeq: number): Promise<number>
  page(range: TimeRange, afterSeq: number, limit: number): Promise<readonly StoredTrace[]>
  /** How far a job had come; 0 for one that has not begun. */
  progress(job: string): Promise<number>
  /** Replaces costs and notes how far the job has come, all or none. */
  replaceCosts(job: string, updates: readonly CostUpdate[], lastSeq: number): Promise<void>
  /** Forgets the progress of a job that is done. */
  finish(job: string): Promise<void>
  /** Models that tokens were counted for, most used first. */
  seenModels(): Promise<readonly SeenModel[]>
  /**
   * Adds traces that are not in the rollups yet to them, in the order of arrival. Sums are exact without it, and quicker after it.
   *
   * @returns how many; 0 when none are left
   */
  rollUp(limit: number): Promise<number>
  counters(): Promise<Counters>
  /** Ends of the oldest trace, and of the oldest that still has bodies; absent when there is none. */
  oldest(): Promise<{ readonly tracesUs?: number; readonly bodiesUs?: number }>
  /** Deletes bodies of exchanges that ended before a time, oldest first. @returns of how many traces */
  deleteBodies(beforeUs: number, limit: number): Promise<number>
  /** Deletes traces that ended before a time and are in the rollups, oldest first. The newest arrival stays. */
  deleteTraces(beforeUs: number, limit: number): Promise<number>
  /** Deletes the sums of quarter hours, hours and days that ended before a time. */
  deleteRollups(beforeUs: number, limit: number): Promise<number>
  /**
   * Replaces one hour of one workspace, as an earlier version summed it up, by its quarters, if all its traces are still there.
   *
   * @param after where the last call came to; absent to begin @returns where to go on; `undefined` at the end
   */
  refineHour(after: HourPlace | undefined): Promise<HourPlace | undefined>
  /** Counts what the counters should say, and references to body chunks that are not as they should be. */
  checkCounts(): Promise<readonly string[]>
  /** Compares the sums of a range of whole hours with the traces themselves. */
  checkRollups(fromUs: number, untilUs: number): Promise<RollupCheck>
}

/** An organization as it is stored. Times are epoch microseconds. */
export interface StoredOrganization {
  readonly id: string
  readonly name: string
  readonly createdAtUs: number
}

/** A workspace as it is stored; its id is its own within its organization. */
export interface StoredWorkspace extends StoredOrganization {
  readonly organizationId: string
}

/** What is added to a directory at once. */
export interface DirectoryEntries {
  readonly organizations: readonly StoredOrganization[]
  readonly workspaces: readonly StoredWorkspace[]
  readonly keys: readonly StoredGatewayKey[]
}

/** Organizations, workspaces and gateway keys of all tenants. */
export interface TenantDirectory extends KeyStore {
  /** Grows with every change of a key. */
  keysVersion(): Promise<number>
  /** Notes when keys were used last; what is older than what is noted changes nothing. */
  touchKeys(uses: readonly (KeyReference & { readonly atUs: number })[]): Promise<void>
  /** Replaces the hash of a key's token by another hash of the same token. */
  adoptKey(key: KeyReference, before: string, hmac: string): Promise<void>
  /** Notes what tells the pepper that keys are hashed with, unless one is noted. @returns what is noted */
  claimPepper(print: string): Promise<string>
  /** What is noted of it; `undefined` when nothing is. */
  notedPepper(): Promise<string | undefined>
  /** Notes another pepper in the place of one. */
  changePepper(before: string, print: string): Promise<void>
  /** What tells this installation from others: made up when it is asked for first, the same for all gateways of the store. */
  installationId(): Promise<string>
  /** Whether something happens for the first time until a time: true for exactly one of all who ask. */
  once(name: string, untilUs: number, nowUs: number): Promise<boolean>
  /** Adds what is not there yet; what is stays as it is. @returns how many of each are new */
  add(entries: DirectoryEntries): Promise<Readonly<Record<keyof DirectoryEntries, number>>>
}

/** Which events of the audit trail; absent conditions do not matter. Times are epoch microseconds, inclusive. */
export interface AuditFilter {
  readonly action?: string
  readonly actor?: string
  readonly outcome?: string
  readonly fromUs?: number
  readonly toUs?: number
}

/** An event and where it stands in the order of arrival. */
export interface StoredAuditEvent extends AuditEvent {
  readonly seq: number
}

/** The audit trail. */
export interface AuditTrailStore {
  /** Adds events, all or none; one that is there already stays as it is. */
  append(events: readonly AuditEvent[]): Promise<void>
  /** Newest first. @param scope whose; all when absent @param beforeSeq where to go on; 0 for the newest */
  list(
    scope: ReadScope | undefined,
    filter: AuditFilter,
    limit: number,
    beforeSeq: number,
  ): Promise<readonly StoredAuditEvent[]>
  /** Deletes events before a time, oldest first. @returns how many */
  deleteBefore(beforeUs: number, limit: number): Promise<number>
}

/** What was spent in a quarter hour. Money is whole nano-USD. */
export interface SpendSlot {
  readonly subject: string
  /** Epoch microseconds. */
  readonly slotUs: number
  readonly costNanoUsd: number
  readonly tokens: number
  /** Charged for exchanges of unknown cost: what they were expected to cost. */
  readonly assumedNanoUsd: number
  readonly unknownCostRequests: number
}

/** The ledger of what was spent. It is written with the traces, in their transaction, and outlives them. */
export interface SpendLedger {
  /**
   * Spending since a time, by subject and slot.
   *
   * @param except instances that are left out: who asks knows better what they spent
   */
  read(subjects: readonly string[], fromUs: number, except: readonly string[]): Promise<readonly SpendSlot[]>
  /**
   * Forgets of what was spent before a time which gateway it was, of what is older which quarter hour of the day, and of what is two
   * years old when.
   *
   * @returns how many rows it took up
   */
  fold(beforeUs: number, limit: number): Promise<number>
}

/** What requests of a key to a model came to on average. */
export interface CallAverage extends Tenant {
  /** Empty for requests without a key. */
  readonly keyId: string
  readonly provider: string
  readonly model: string
  readonly costNanoUsd: number
  readonly outputTokens: number
}

/** What limits keep beside the ledger. */
export interface LimitRecords {
  /** What operators changed of budgets, the latest changes first; of very many, the oldest are left out. */
  adjustments(): Promise<readonly Adjustment[]>
  /** Changes a policy's budget for one subject of the ledger; what the change does not name stays. */
  adjust(policy: string, counter: string, change: AdjustmentChange, nowMs: number): Promise<void>
  /** Averages since a day, of what was asked for most first. @param limit how many */
  averages(sinceUs: number, limit: number): Promise<readonly CallAverage[]>
}

/** A store as `db status` shows it. */
export interface StoreState {
  /** Names of the migrations it has taken, in order. */
  readonly applied: readonly string[]
  /** Those of them that were taken when this store was opened. */
  readonly appliedNow: readonly string[]
  /** What an operator should know, in words: a role that bypasses row-level security, a version that is too old. */
  readonly warnings: readonly string[]
  /** The database and its version. */
  readonly server: string
}

/** Why a write failed, as the diagnostics count it. */
export type WriteErrorClass = 'connection' | 'timeout' | 'contention' | 'constraint' | 'unknown'

/**
 * Told when opening a store waits for others who have locked it.
 *
 * @param users the gateways that use it, in their own words; empty when it is another program, or not known
 */
export type Waiting = (path: string, users: readonly string[]) => void

/** Where traces are kept. Drivers name a database; nothing else does. */
export interface Storage {
  readonly driver: 'sqlite' | 'postgres'
  /**
   * Stores traces in one transaction, all or none. A trace whose id is already stored is left as it is.
   *
   * @returns how many are new
   */
  write(traces: readonly Trace[]): Promise<number>
  within(scope: ReadScope): TraceReader
  /** All tenants, and what belongs to none. For the offline commands, and for the API while there are no gateway keys. */
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
  /** Size on disk in bytes; 0 when it cannot be told. */
  sizeBytes(): Promise<number>
  /**
   * Gives some of the space that deletions have left back to the file system.
   *
   * @returns whether there is more
   */
  shrink(): Promise<boolean>
  state(): Promise<StoreState>
  /** Lets the database look at itself. @returns what is damaged, in its own words; nothing when all is well */
  damage(): Promise<readonly string[]>
  /** Throws when the store cannot answer. */
  ping(): Promise<void>
  classify(error: unknown): WriteErrorClass
  close(): Promise<void>
}
