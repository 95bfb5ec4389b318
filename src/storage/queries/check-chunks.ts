import type { Kysely } from 'kysely'
import type { Tables } from '../schema.ts'
import { chunksOf } from './trace-rows.ts'

/** Counts the uses of every chunk again, a page of bodies at a time. @returns the mistakes, in words */
export async function wrongChunks(database: Kysely<Tables>): Promise<string[]> {
  const uses = new Map<string, number>()
  const nameOf = (organization: string, workspace: string, hash: Uint8Array): string =>
    `${organization}\0${workspace}\0${Buffer.from(hash).toString('latin1')}`
  let seq = 0
  for (;;) {
    const rows = await database
      .selectFrom('trace_bodies')
      .innerJoin('traces', 'traces.seq', 'trace_bodies.seq')
      .selectAll('trace_bodies')
      .select(['traces.organization_id', 'traces.workspace_id'])
      .where('trace_bodies.seq', '>', seq)
      .orderBy('trace_bodies.seq')
      .limit(500)
      .execute()
    for (const row of rows) {
      for (const hash of chunksOf(row)) {
        const name = nameOf(row.organization_id, row.workspace_id, hash)
        uses.set(name, (uses.get(name) ?? 0) + 1)
      }
    }
    const last = rows.at(-1)
    if (!last) break
    seq = last.seq
  }
  const chunks = await database
    .selectFrom('body_chunks')
    .select(['organization_id', 'workspace_id', 'hash', 'uses'])
    .execute()
  let miscounted = 0
  for (const { organization_id, workspace_id, hash, uses: stored } of chunks) {
    const name = nameOf(organization_id, workspace_id, hash)
    if (uses.get(name) !== Number(stored)) miscounted += 1
    uses.delete(name)
  }
  return [
    ...(miscounted > 0 ? [`${miscounted} body chunks are used another number of times than they say`] : []),
    ...(uses.size > 0 ? [`${uses.size} body chunks that bodies refer to are missing`] : []),
  ]
}
