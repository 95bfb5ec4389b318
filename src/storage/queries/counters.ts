import type { Kysely } from 'kysely'
import type { Tables } from '../schema.ts'

/** The last trace, in the order of arrival, that the rollups hold; 0 for none. */
export async function readRolledUpSeq(database: Kysely<Tables>): Promise<number> {
  const row = await database
    .selectFrom('counters')
    .select('value')
    .where('name', '=', 'rolled_up_seq')
    .executeTakeFirstOrThrow()
  return Number(row.value)
}
