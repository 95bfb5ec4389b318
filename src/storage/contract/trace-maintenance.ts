import type { Tenant } from '../../access/key-store.ts'
import type { Trace } from '../../traces/trace.ts'
import type { TimeRange } from './trace-filter.ts'

/** Long jobs over the traces of all tenants. */
export interface TraceMaintenance {
  /** Traces of a range that come after a place in the order of arrival. */
  count(range: TimeRange, afterSeq: number): Promise<number>
  page(range: TimeRange, afterSeq: number, limit: number): Promise<readonly StoredTrace[]>
  /** The last trace a job is done with; 0 before it begins. */
  progress(job: string): Promise<number>
  /** Replaces costs and records the job's progress, all or none. */
  replaceCosts(job: string, updates: readonly CostUpdate[], lastSeq: number): Promise<void>
  /** Removes the progress of a job that is done. */
  finish(job: string): Promise<void>
  /** Models that tokens were counted for, most used first. */
  seenModels(): Promise<readonly SeenModel[]>
  /**
   * Adds new traces to the rollups, in the order of arrival. Sums are exact without it, and faster after it.
   *
   * @returns how many; 0 when none are left
   */
  rollUp(limit: number): Promise<number>
  counters(): Promise<Counters>
  /** Ends of the oldest trace, and of the oldest that still has bodies; absent when there is none. */
  oldest(): Promise<{ readonly tracesUs?: number; readonly bodiesUs?: number }>
  /** Deletes bodies of exchanges that ended before a time, oldest first. @returns the number of traces */
  deleteBodies(beforeUs: number, limit: number): Promise<number>
  /** Deletes traces that ended before a time and are in the rollups, oldest first. The newest arrival stays. */
  deleteTraces(beforeUs: number, limit: number): Promise<number>
  /** Deletes the sums of quarter hours, hours and days that ended before a time. */
  deleteRollups(beforeUs: number, limit: number): Promise<number>
  /**
   * Replaces one hour of one workspace, as an earlier version summed it up, by its quarters, if all its traces are still there.
   *
   * @param after where the last call ended; absent to begin @returns where to continue; `undefined` at the end
   */
  refineHour(after: HourPlace | undefined): Promise<HourPlace | undefined>
  /** Recounts the counters, and counts wrong references to body chunks. */
  checkCounts(): Promise<readonly string[]>
  /** Compares the sums of a range of whole hours with the traces themselves. */
  checkRollups(fromUs: number, untilUs: number): Promise<RollupCheck>
}

/** A trace without its bodies, and its place in the order of arrival. */
export interface StoredTrace {
  readonly seq: number
  readonly trace: Trace
}

/** A trace with a new cost. */
export type CostUpdate = StoredTrace

/** A model that stored traces used. */
export interface SeenModel {
  readonly provider: string
  readonly model: string
  /** The model that the requests named; empty for none. */
  readonly requestedModel: string
  readonly organizationId: string
  readonly workspaceId: string
  readonly traces: number
  /** Epoch microseconds of the newest. */
  readonly lastAtUs: number
  /** Their tokens, summed. */
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

/** Sums in which rollups and traces differ. */
export interface RollupCheck {
  readonly traces: number
  readonly different: readonly {
    readonly column: string
    readonly rollups: number
    readonly traces: number
  }[]
}
