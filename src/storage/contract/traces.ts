import type { Trace } from '../../traces/trace.ts'
import type { Cursor } from '../cursor.ts'
import type { Analytics } from './analytics.ts'
import type { TraceFilter } from './trace-filter.ts'

/** Reads stored traces. A reader is made for one tenant, or by the offline commands for all. */
export interface TraceReader extends Analytics {
  /** `undefined` when there is no such trace in the reader's scope. */
  getTrace(id: string): Promise<Trace | undefined>
  listTraces(filter: TraceFilter, options: ListOptions): Promise<Page<TraceSummary>>
  /** As `listTraces`, with everything that is kept of each. */
  wholeTraces(filter: TraceFilter, options: ListOptions & { readonly bodies: boolean }): Promise<Page<Trace>>
  /** Position of the newest in the order of arrival; `undefined` without traces. */
  lastArrival(): Promise<Cursor | undefined>
  countTraces(): Promise<number>
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
 * Order of a list. `newest`: by end, newest first. `arrival`: as the traces came into the store, oldest first, so that a reader that
 * follows them misses no late one.
 */
export type ListOrder = 'newest' | 'arrival'

/** Where and how far a list is read. */
export interface ListOptions {
  /** At least 1. */
  readonly limit: number
  readonly order: ListOrder
  /** Position of the last item seen. One outside this scope starts from the beginning (`arrival`) or counts by its time (`newest`). */
  readonly after?: Cursor
}

/** One page. `next` is where to continue; absent when a list that is `newest` first has ended, or the page is empty. */
export interface Page<Item> {
  readonly items: readonly Item[]
  readonly next?: Cursor
}
