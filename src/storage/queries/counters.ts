import { sql, type Kysely, type RawBuilder } from 'kysely'
import type { CounterName, Tables } from '../schema.ts'

/** The last trace, in the order of arrival, that the rollups hold; 0 for none. */
export async function readRolledUpSeq(database: Kysely<Tables>): Promise<number> {
  const row = await database
    .selectFrom('counters')
    .select('value')
    .where('name', '=', 'rolled_up_seq')
    .executeTakeFirstOrThrow()
  return Number(row.value)
}

/** Adds to a counter. */
export async function addToCounter(database: Kysely<Tables>, name: CounterName, by: number): Promise<void> {
  if (by === 0) return
  await database
    .updateTable('counters')
    .set({ value: sql`value + ${by}` })
    .where('name', '=', name)
    .execute()
}

/** Bytes of the details of some traces, as the counter `trace_bytes` counts them. */
export async function detailBytes(database: Kysely<Tables>, seqs: readonly number[]): Promise<number> {
  const { bytes } = await database
    .selectFrom('trace_details')
    .select(sql<number>`COALESCE(SUM(OCTET_LENGTH(document)), 0)`.as('bytes'))
    .where('seq', 'in', seqs)
    .executeTakeFirstOrThrow()
  return Number(bytes)
}

/** What counters must say, counted again. */
export const RECOUNTED: readonly (readonly [CounterName, RawBuilder<number>])[] = [
  ['traces', sql<number>`(SELECT COUNT(*) FROM traces)`],
  ['trace_bytes', sql<number>`(SELECT COALESCE(SUM(OCTET_LENGTH(document)), 0) FROM trace_details)`],
  [
    'body_bytes',
    sql<number>`(SELECT COALESCE(SUM(COALESCE(LENGTH(request_body), 0) + COALESCE(LENGTH(response_body), 0)), 0) FROM trace_bodies)
      + (SELECT COALESCE(SUM(LENGTH(data)), 0) FROM body_chunks)`,
  ],
]
