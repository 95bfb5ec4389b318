import type { ReadScope } from '../../access/key-store.ts'
import type { Trace } from '../../traces/trace.ts'
import type { MeasureOptions, Measured } from '../contract/analytics.ts'
import type { TraceFilter } from '../contract/trace-filter.ts'
import type { ListOptions, Page, TraceReader, TraceSummary } from '../contract/traces.ts'
import type { Cursor } from '../cursor.ts'
import type { Tables } from '../schema.ts'
import { readBodies } from './body-queries.ts'
import { readRolledUpSeq } from './counters.ts'
import { newTraces } from './measure-parts.ts'
import { measure } from './measure.ts'
import { type Read, type TracesQuery, endingWithin, filtered, inScope, tracesOf } from './tables.ts'
import { daysOf, longestOf } from './trace-extent.ts'
import { fromRows, fromTraceRow } from './trace-rows.ts'
import { type Kysely, sql } from 'kysely'

/** Reads traces of a scope, or all when made without one. */
export class TraceQueries implements TraceReader {
  readonly #read: Read
  readonly #scope: ReadScope | undefined

  /** @param read gives a view of the same scope */
  constructor(read: Read, scope: ReadScope | undefined) {
    this.#read = read
    this.#scope = scope
  }

  getTrace(id: string): Promise<Trace | undefined> {
    return this.#read(async (database) => {
      const row = await tracesOf(database, this.#scope)
        .innerJoin('trace_details', 'trace_details.seq', 'traces.seq')
        .selectAll('traces')
        .select('trace_details.document')
        .where('traces.id', '=', id)
        .executeTakeFirst()
      if (!row) return undefined
      const bodies = await readBodies(database, [row])
      return fromRows(row, row.document, bodies.get(row.seq))
    })
  }

  listTraces(filter: TraceFilter, options: ListOptions): Promise<Page<TraceSummary>> {
    return this.#read(async (database) => {
      const queries = await this.#page(database, filter, options)
      const rows = await Promise.all(queries.map((query) => query.selectAll('traces').execute()))
      return page(rows, options, fromTraceRow)
    })
  }

  wholeTraces(
    filter: TraceFilter,
    options: ListOptions & { readonly bodies: boolean },
  ): Promise<Page<Trace>> {
    return this.#read(async (database) => {
      const queries = await this.#page(database, filter, options)
      const rows = await Promise.all(
        queries.map((query) =>
          query
            .innerJoin('trace_details', 'trace_details.seq', 'traces.seq')
            .selectAll('traces')
            .select('trace_details.document')
            .execute(),
        ),
      )
      const bodies = options.bodies
        ? await readBodies(database, merged(rows, options).slice(0, options.limit))
        : new Map()
      return page(rows, options, (row) => fromRows(row, row.document, bodies.get(row.seq)))
    })
  }

  lastArrival(): Promise<Cursor | undefined> {
    return this.#read(async (database) => {
      const row = await tracesOf(database, this.#scope)
        .select(['id', 'created_at_us'])
        .orderBy('seq', 'desc')
        .limit(1)
        .executeTakeFirst()
      return row && { id: row.id, createdAtUs: row.created_at_us }
    })
  }

  countTraces(): Promise<number> {
    return this.#read(async (database) => {
      const row = await tracesOf(database, this.#scope)
        .select(sql<number>`COUNT(*)`.as('traces'))
        .executeTakeFirstOrThrow()
      return Number(row.traces)
    })
  }

  measure(filter: TraceFilter, options: MeasureOptions): Promise<Measured> {
    return this.#read((database) => measure(database, this.#scope, filter, options))
  }

  /**
   * The rows of a page and one more, which shows whether another page follows. It comes in several parts where that is faster; they
   * may overlap.
   */
  async #page(database: Kysely<Tables>, filter: TraceFilter, options: ListOptions): Promise<TracesQuery[]> {
    if (options.order === 'arrival') return [await this.#arrivals(database, filter, options)]
    const days = await daysOf(database, this.#scope, filter)
    if (days === undefined) {
      return [await this.#newest(database, tracesOf(database, this.#scope), filter, options)]
    }
    // Traces that are not in the rollups yet may be anywhere.
    const since = newTraces(database, this.#scope, await readRolledUpSeq(database))
    const fresh = await this.#newest(database, since, filter, options)
    if (days === 'none') return [fresh]
    const range = {
      fromUs: Math.max(days.fromUs, filter.fromUs ?? 0),
      toUs: Math.min(days.toUs, filter.toUs ?? Infinity),
    }
    const all = tracesOf(database, this.#scope)
    return [fresh, await this.#newest(database, all, { ...filter, ...range }, options)]
  }

  async #arrivals(
    database: Kysely<Tables>,
    filter: TraceFilter,
    { after, limit }: ListOptions,
  ): Promise<TracesQuery> {
    const query = filtered(tracesOf(database, this.#scope), filter).limit(limit + 1)
    const last = after && (await this.#placeOf(database, after.id))
    return (last === undefined ? query : query.where('traces.seq', '>', last)).orderBy('traces.seq')
  }

  async #newest(
    database: Kysely<Tables>,
    start: TracesQuery,
    filter: TraceFilter,
    { after, limit }: ListOptions,
  ): Promise<TracesQuery> {
    // Read in the order of the index in use: that of the tag, or that of the end.
    const [tag, ...others] = Object.entries(filter.tags ?? {})
    const endedAt = tag
      ? sql.ref<number>('trace_tags.created_at_us')
      : sql.ref<number>('traces.created_at_us')
    let query = filtered(start, { ...filter, tags: Object.fromEntries(others) }).limit(limit + 1)
    if (tag) {
      query = query
        .innerJoin('trace_tags', 'trace_tags.seq', 'traces.seq')
        .where('trace_tags.key', '=', tag[0])
        .where('trace_tags.value', '=', tag[1])
      if (this.#scope) query = query.where(inScope('trace_tags', this.#scope))
    }
    if (after) {
      query = query.where(sql<boolean>`(${endedAt}, traces.id) < (${after.createdAtUs}, ${after.id})`)
    }
    if (filter.fromUs !== undefined || filter.toUs !== undefined) {
      query = endingWithin(query, filter, await longestOf(database, this.#scope), endedAt)
    }
    return query.orderBy(endedAt, 'desc').orderBy('traces.id', 'desc')
  }

  /** Place in the order of arrival; `undefined` for a trace that is not there (any more). */
  async #placeOf(database: Kysely<Tables>, id: string): Promise<number | undefined> {
    const row = await tracesOf(database, this.#scope)
      .select('traces.seq')
      .where('traces.id', '=', id)
      .executeTakeFirst()
    return row?.seq
  }
}

interface PlacedRow {
  readonly seq: number
  readonly id: string
  readonly created_at_us: number
}

/** The parts of a page as one list in its order, each row once. */
function merged<Row extends PlacedRow>(
  parts: readonly (readonly Row[])[],
  { order }: ListOptions,
): readonly Row[] {
  if (parts.length === 1) return parts[0]!
  const rows = [...new Map(parts.flat().map((row) => [row.seq, row])).values()]
  if (order === 'arrival') return rows.sort((a, b) => a.seq - b.seq)
  return rows.sort((a, b) => b.created_at_us - a.created_at_us || compareBytes(b.id, a.id))
}

/** As the databases compare texts. */
function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

function page<Row extends PlacedRow, Item extends TraceSummary>(
  parts: readonly (readonly Row[])[],
  options: ListOptions,
  read: (row: Row) => Item,
): Page<Item> {
  const rows = merged(parts, options)
  const items = rows.slice(0, options.limit).map(read)
  const last = items.at(-1)
  if (!last || (options.order === 'newest' && rows.length <= options.limit)) return { items }
  return { items, next: { createdAtUs: last.createdAtUs, id: last.id } }
}
