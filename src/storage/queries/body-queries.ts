import type { Kysely } from 'kysely'
import { splitHashes, unpackChunk } from '../bodies/chunks.ts'
import type { Tables } from '../schema.ts'
import { chunksOf } from './trace-rows.ts'

/** Bodies of a trace; null for one that was not captured. */
export interface Bodies {
  readonly request: Uint8Array | null
  readonly response: Uint8Array | null
}

/** Whose bodies are read: chunks are kept by workspace. */
export interface BodyOwner {
  readonly seq: number
  readonly organization_id: string
  readonly workspace_id: string
}

/** Chunks read by one query. */
const CHUNKS = 500

/** Reads the bodies of traces, by their `seq`; a trace without bodies is absent. */
export async function readBodies(
  database: Kysely<Tables>,
  owners: readonly BodyOwner[],
): Promise<Map<number, Bodies>> {
  const found = new Map<number, Bodies>()
  if (owners.length === 0) return found
  const rows = await database
    .selectFrom('trace_bodies')
    .selectAll()
    .where(
      'seq',
      'in',
      owners.map(({ seq }) => seq),
    )
    .execute()
  const chunks = new Map<string, Uint8Array>()
  for (const row of rows) {
    const owner = owners.find(({ seq }) => seq === row.seq)!
    await readChunks(database, owner, chunksOf(row), chunks)
    const join = (hashes: Uint8Array | null): Uint8Array | null =>
      hashes && Buffer.concat(splitHashes(hashes).map((hash) => chunks.get(nameOf(owner, hash))!))
    found.set(row.seq, {
      request: join(row.request_chunks) ?? row.request_body,
      response: join(row.response_chunks) ?? row.response_body,
    })
  }
  return found
}

async function readChunks(
  database: Kysely<Tables>,
  owner: BodyOwner,
  hashes: readonly Uint8Array[],
  chunks: Map<string, Uint8Array>,
): Promise<void> {
  const missing = new Map(
    hashes.map((hash) => [nameOf(owner, hash), hash] as const).filter(([name]) => !chunks.has(name)),
  )
  const wanted = [...missing.values()]
  for (let i = 0; i < wanted.length; i += CHUNKS) {
    const rows = await database
      .selectFrom('body_chunks')
      .select(['hash', 'bytes', 'data'])
      .where('organization_id', '=', owner.organization_id)
      .where('workspace_id', '=', owner.workspace_id)
      .where('hash', 'in', wanted.slice(i, i + CHUNKS))
      .execute()
    for (const { hash, bytes, data } of rows) chunks.set(nameOf(owner, hash), unpackChunk(data, bytes))
  }
}

function nameOf({ organization_id, workspace_id }: BodyOwner, hash: Uint8Array): string {
  return `${organization_id}\0${workspace_id}\0${Buffer.from(hash).toString('latin1')}`
}
