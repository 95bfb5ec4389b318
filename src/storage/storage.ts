import type { Trace } from '../traces/trace.ts'
import type { Cursor } from './cursor.ts'

/** A tenant: every query of a handle that `within` returns sees only its rows. */
export interface Tenant {
  readonly organizationId: string
  readonly workspaceId: string
}

/** Conditions on traces, all of which must hold; absent ones do not matter. Times are epoch microseconds, inclusive. */
export interface TraceFilter {
  readonly provider?: string
  readonly model?: string
  readonly traceGroupId?: string
  readonly threadId?: string
  readonly runId?: string
  readonly apiKeyHash?: string
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

/** One page, newest first; `next` is absent on the last page. */
export interface TracePage {
  readonly items: readonly TraceSummary[]
  readonly next?: Cursor
}

/** Sums over the traces of a filter. Money is nano-USD over the traces whose cost is known. */
export interface Totals {
  readonly requests: number
  readonly inputTokens: number
  readonly outputTokens: number
  readonly totalTokens: number
  readonly costNanoUsd: number
  readonly unknownCostRequests: number
  /** Requests of unknown cost whose API is none that is metered. */
  readonly unmeteredRequests: number
}

/** Totals of one group. */
export interface GroupTotals extends Totals {
  /** Value of the grouped column; empty when the traces have none. */
  readonly group: string
  readonly avgLatencyMs: number
  readonly avgTimeToFirstTokenMs: number
  /** Epoch microseconds of the newest. */
  readonly lastCreatedAtUs: number
}

/** Columns that totals may be grouped by. */
export type TotalsGroup = 'provider' | 'model' | 'api_key_hash'

/** What can be asked of stored traces. A handle is made for one tenant, or by the offline commands for all. */
export interface TraceReader {
  /** `undefined` when there is no such trace in the handle's scope. */
  getTrace(id: string): Promise<Trace | undefined>
  /** @param limit at least 1 */
  listTraces(filter: TraceFilter, limit: number, after?: Cursor): Promise<TracePage>
  countTraces(): Promise<number>
  totals(filter: TraceFilter): Promise<Totals>
  /** Ordered by requests descending, then group ascending. */
  groupTotals(filter: TraceFilter, group: TotalsGroup): Promise<readonly GroupTotals[]>
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
  readonly organizationId: string
  readonly workspaceId: string
  readonly traces: number
  /** Epoch microseconds of the newest. */
  readonly lastAtUs: number
}

/** Long jobs of the offline commands over the traces of all tenants. */
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
}

/** Why a write failed, as the diagnostics count it. */
export type WriteErrorClass = 'connection' | 'timeout' | 'contention' | 'constraint' | 'unknown'

/** Where traces are kept. Drivers name a database; nothing else does. */
export interface Storage {
  readonly driver: 'sqlite'
  /** Stores traces in one transaction, all or none. A trace whose id is already stored is left as it is. */
  write(traces: readonly Trace[]): Promise<void>
  within(tenant: Tenant): TraceReader
  /** All tenants. For the offline commands, and for the API while there are no gateway keys. */
  everywhere(): TraceReader
  maintenance(): TraceMaintenance
  /** Size on disk in bytes; 0 when it cannot be told. */
  sizeBytes(): Promise<number>
  /** Throws when the store cannot answer. */
  ping(): Promise<void>
  classify(error: unknown): WriteErrorClass
  close(): Promise<void>
}
