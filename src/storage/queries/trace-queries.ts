import { sql, type Kysely } from 'kysely'
import type { Trace } from '../../traces/trace.ts'
import type { Cursor } from '../cursor.ts'
import type { Tables } from '../schema.ts'
import type {
  ListOptions,
  Measured,
  MeasureOptions,
  Page,
  Tenant,
  TraceFilter,
  TraceReader,
  TraceSummary,
} from '../storage.ts'
import { readBodies } from './body-queries.ts'
import { longestOf, measure } from './measure.ts'
import { endingWithin, filtered, tracesOf, type Read, type TracesQuery } from './tables.ts'
import { fromRows, fromTraceRow } from './trace-rows.ts'

/** Reads traces of one tenant, or of all when made without one. */
export class TraceQueries implements TraceReader {
  readonly #read: Read
  readonly #tenant: Tenant | undefined

  /** @param read gives a view of the same tenant */
  constructor(read: Read, tenant: Tenant | undefined) {
    this.#read = read
    this.#tenant = tenant
  }

  getTrace(id: string): Promise<Trace | undefined> {
    return this.#read(async (database) => {
      const row = await tracesOf(database, this.#tenant)
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
      const query = await this.#page(database, filter, options)
      return page(await query.selectAll('traces').execute(), options, fromTraceRow)
    })
  }

  wholeTraces(
    filter: TraceFilter,
    options: ListOptions & { readonly bodies: boolean },
  ): Promise<Page<Trace>> {
    return this.#read(async (database) => {
      const query = await this.#page(database, filter, options)
      const rows = await query
        .innerJoin('trace_details', 'trace_details.seq', 'traces.seq')
        .selectAll('traces')
        .select('trace_details.document')
        .execute()
      const bodies = options.bodies ? await readBodies(database, rows.slice(0, options.limit)) : new Map()
      return page(rows, options, (row) => fromRows(row, row.document, bodies.get(row.seq)))
    })
  }

  lastArrival(): Promise<Cursor | undefined> {
    return this.#read(async (database) => {
      const row = await tracesOf(database, this.#tenant)
        .select(['id', 'created_at_us'])
        .orderBy('seq', 'desc')
        .limit(1)
        .executeTakeFirst()
      return row && { id: row.id, createdAtUs: row.created_at_us }
    })
  }

  countTraces(): Promise<number> {
    return this.#read(async (database) => {
      const row = await tracesOf(database, this.#tenant)
        .select(sql<number>`COUNT(*)`.as('traces'))
        .executeTakeFirstOrThrow()
      return Number(row.traces)
    })
  }

  measure(filter: TraceFilter, options: MeasureOptions): Promise<Measured> {
    return this.#read((database) => measure(database, this.#tenant, filter, options))
  }

  /** The rows of a page and one more, which tells whether another page follows. */
  async #page(database: Kysely<Tables>, filter: TraceFilter, options: ListOptions): Promise<TracesQuery> {
    const { after, limit, order } = options
    // The first tag is joined below, the others are conditions.
    const tags =
      order === 'arrival' ? filter.tags : Object.fromEntries(Object.entries(filter.tags ?? {}).slice(1))
    let query = filtered(tracesOf(database, this.#tenant), { ...filter, ...(tags ? { tags } : {}) }).limit(
      limit + 1,
    )
    if (order === 'arrival') {
      const last = after && (await this.#placeOf(database, after.id))
      if (last !== undefined) query = query.where('traces.seq', '>', last)
      return query.orderBy('traces.seq')
    }
    // Read in the order of whichever index finds the traces: that of their tag, or that of their end.
    const [tag] = Object.entries(filter.tags ?? {})
    const endedAt = tag
      ? sql.ref<number>('trace_tags.created_at_us')
      : sql.ref<number>('traces.created_at_us')
    if (tag) {
      query = query
        .innerJoin('trace_tags', 'trace_tags.seq', 'traces.seq')
        .where('trace_tags.key', '=', tag[0])
        .where('trace_tags.value', '=', tag[1])
    }
    if (after) {
      query = query.where(sql<boolean>`(${endedAt}, traces.id) < (${after.createdAtUs}, ${after.id})`)
    }
    if (filter.fromUs !== undefined || filter.toUs !== undefined) {
      query = endingWithin(query, filter, await longestOf(database, this.#tenant), endedAt)
    }
    return query.orderBy(endedAt, 'desc').orderBy('traces.id', 'desc')
  }

  /** Place in the order of arrival; `undefined` for a trace that is not there (any more). */
  async #placeOf(database: Kysely<Tables>, id: string): Promise<number | undefined> {
    const row = await tracesOf(database, this.#tenant)
      .select('traces.seq')
      .where('traces.id', '=', id)
      .executeTakeFirst()
    return row?.seq
  }
}

function page<Row, Item extends TraceSummary>(
  rows: readonly Row[],
  { limit, order }: ListOptions,
  read: (row: Row) => Item,
): Page<Item> {
  const items = rows.slice(0, limit).map(read)
  const last = items.at(-1)
  if (!last || (order === 'newest' && rows.length <= limit)) return { items }
  return { items, next: { createdAtUs: last.createdAtUs, id: last.id } }
}
