import type { Kysely, SelectQueryBuilder } from 'kysely'
import type { Tables } from '../schema.ts'
import type { TimeRange } from '../contract/trace-filter.ts'
import type { StoredTrace } from '../contract/trace-maintenance.ts'
import { fromRows } from './trace-rows.ts'

type TracesSelect = SelectQueryBuilder<Tables, 'traces', object>

/** Traces of a range that come after a place in the order of arrival. */
export function inRange(
  database: Kysely<Tables>,
  { fromUs, toUs }: TimeRange,
  afterSeq: number,
): TracesSelect {
  let query = database.selectFrom('traces').where('traces.seq', '>', afterSeq)
  if (fromUs !== undefined) query = query.where('traces.started_at_us', '>=', fromUs)
  if (toUs !== undefined) query = query.where('traces.started_at_us', '<=', toUs)
  return query
}

/** Reads whole traces without bodies, in the order of arrival. */
export async function readPage(query: TracesSelect, limit: number): Promise<StoredTrace[]> {
  const rows = await query
    .innerJoin('trace_details', 'trace_details.seq', 'traces.seq')
    .selectAll('traces')
    .select('trace_details.document')
    .orderBy('traces.seq')
    .limit(limit)
    .execute()
  return rows.map((row) => ({ seq: row.seq, trace: fromRows(row, row.document) }))
}
