import { sql, type Kysely } from 'kysely'
import type { Tables } from '../schema.ts'
import { addToCounter, detailBytes } from './counters.ts'
import { chunksOf } from './trace-rows.ts'

/** A trace whose rows are deleted, and whose they are. */
export interface Owner {
  readonly seq: number
  readonly organization_id: string
  readonly workspace_id: string
}

/** The columns of an owner. */
export const OWNER = ['traces.seq', 'traces.organization_id', 'traces.workspace_id'] as const

/** Deletes traces that are still there, with all that hangs on them. @returns how many */
export async function deleteTraces(database: Kysely<Tables>, owners: readonly Owner[]): Promise<number> {
  await deleteBodies(database, owners)
  const seqs = owners.map(({ seq }) => seq)
  const bytes = await detailBytes(database, seqs)
  await database.deleteFrom('trace_tags').where('seq', 'in', seqs).execute()
  await database.deleteFrom('trace_details').where('seq', 'in', seqs).execute()
  const { numDeletedRows } = await database
    .deleteFrom('traces')
    .where('seq', 'in', seqs)
    .executeTakeFirstOrThrow()
  await addToCounter(database, 'traces', -Number(numDeletedRows))
  await addToCounter(database, 'trace_bytes', -bytes)
  return Number(numDeletedRows)
}

/** Deletes bodies and the chunks that nothing refers to any more. */
export async function deleteBodies(database: Kysely<Tables>, owners: readonly Owner[]): Promise<void> {
  if (owners.length === 0) return
  const seqs = owners.map(({ seq }) => seq)
  const rows = await database.selectFrom('trace_bodies').selectAll().where('seq', 'in', seqs).execute()
  let freed = 0
  const uses = new Map<string, { owner: Owner; hash: Uint8Array; times: number }>()
  for (const row of rows) {
    const owner = owners.find(({ seq }) => seq === row.seq)!
    freed += (row.request_body?.length ?? 0) + (row.response_body?.length ?? 0)
    for (const hash of chunksOf(row)) {
      const name = `${owner.organization_id}\0${owner.workspace_id}\0${Buffer.from(hash).toString('latin1')}`
      const known = uses.get(name)
      if (known) known.times += 1
      else uses.set(name, { owner, hash, times: 1 })
    }
  }
  for (const { owner, hash, times } of uses.values()) {
    const chunk = await database
      .updateTable('body_chunks')
      .set({ uses: sql`uses - ${times}` })
      .where('organization_id', '=', owner.organization_id)
      .where('workspace_id', '=', owner.workspace_id)
      .where('hash', '=', hash)
      .returning(['uses', sql<number>`LENGTH(data)`.as('stored')])
      .executeTakeFirst()
    if (!chunk || Number(chunk.uses) > 0) continue
    freed += Number(chunk.stored)
    await database
      .deleteFrom('body_chunks')
      .where('organization_id', '=', owner.organization_id)
      .where('workspace_id', '=', owner.workspace_id)
      .where('hash', '=', hash)
      .execute()
  }
  await database.deleteFrom('trace_bodies').where('seq', 'in', seqs).execute()
  await addToCounter(database, 'body_bytes', -freed)
}
