import { CompiledQuery, sql, type Kysely, type Selectable } from 'kysely'
import { alreadyCounted } from '../../traces/already-counted.ts'
import type { Trace } from '../../traces/trace.ts'
import { packChunk, type Chunk } from '../bodies/chunks.ts'
import { toBodiesRow, toTraceRow } from '../queries/trace-rows.ts'
import { SPANS, type RollupDelta } from '../rollups/rollup-delta.ts'
import { ROLLUP_KEY, rollupKeyValues, upsertRollup } from '../rollups/upsert.ts'
import type { CounterName, SpendTable, Tables, TraceBodiesTable } from '../schema.ts'
import { addToSpend } from '../spend-rows.ts'

/** Rows that go in one statement; a statement takes 65,535 parameters at most. */
const ROLLUP_ROWS = 500

/** Inserts traces whose id is not there yet. @returns the numbers of those that were inserted, by their ids */
export async function insertTraces(
  database: Kysely<Tables>,
  traces: readonly Trace[],
): Promise<Map<string, number>> {
  const rows = traces.map(toTraceRow)
  const columns = sql.join(Object.keys(rows[0]!).map((column) => sql.ref(column)))
  const { rows: inserted } = await sql<{ id: string; seq: number }>`
    INSERT INTO traces (${columns})
    SELECT ${columns} FROM json_populate_recordset(NULL::traces, ${JSON.stringify(rows)}::json)
    ON CONFLICT (id) DO NOTHING RETURNING id, seq`.execute(database)
  return new Map(inserted.map(({ id, seq }) => [id, seq]))
}

/** Inserts rows that are new for certain. */
export async function insertRecords(
  database: Kysely<Tables>,
  table: 'trace_details' | 'trace_tags',
  rows: readonly object[],
): Promise<void> {
  const columns = sql.join(Object.keys(rows[0]!).map((column) => sql.ref(column)))
  await sql`INSERT INTO ${sql.ref(table)} (${columns})
    SELECT ${columns} FROM json_populate_recordset(NULL::${sql.ref(table)}, ${JSON.stringify(rows)}::json)`.execute(
    database,
  )
}

/** What may be fetched again counts once: a second one, stored or earlier in the batch, counts nothing. */
export async function countOnce(
  database: Kysely<Tables>,
  traces: readonly Trace[],
): Promise<readonly Trace[]> {
  const asked = traces.filter((trace) => trace.countedOnce && trace.consumptionId !== '')
  if (asked.length === 0) return traces
  const stored = await database
    .selectFrom('traces')
    .select(['id', 'consumption_id'])
    .where(
      'consumption_id',
      'in',
      asked.map((trace) => trace.consumptionId),
    )
    .where(sql<boolean>`consumption_id <> ''`)
    .execute()
  const counted = new Map(stored.map((row) => [row.consumption_id, row.id]))
  return traces.map((trace) => {
    if (trace.consumptionId === '') return trace
    const first = counted.get(trace.consumptionId)
    if (first === undefined) counted.set(trace.consumptionId, trace.id)
    return trace.countedOnce && first !== undefined && first !== trace.id ? alreadyCounted(trace) : trace
  })
}

/** Inserts the bodies of traces that were inserted. @returns how many bytes were added */
export async function insertBodies(
  database: Kysely<Tables>,
  traces: readonly Trace[],
  seqs: ReadonlyMap<string, number>,
): Promise<number> {
  let added = 0
  for (const trace of traces) {
    const bodies = toBodiesRow(seqs.get(trace.id)!, trace)
    if (!bodies) continue
    await database.insertInto('trace_bodies').values(bodies.row).execute()
    added += inlineBytes(bodies.row)
    if (bodies.chunks.length > 0) added += await insertChunks(database, trace, bodies.chunks)
  }
  return added
}

function inlineBytes(row: TraceBodiesTable): number {
  return (row.request_body?.length ?? 0) + (row.response_body?.length ?? 0)
}

/** Counts another use of existing chunks, and inserts the others. @returns how many bytes were added */
async function insertChunks(
  database: Kysely<Tables>,
  { organizationId, workspaceId }: Trace,
  chunks: readonly Chunk[],
): Promise<number> {
  const uses = new Map<string, { chunk: Chunk; times: number }>()
  for (const chunk of chunks) {
    const name = Buffer.from(chunk.hash).toString('latin1')
    const known = uses.get(name)
    if (known) known.times += 1
    else uses.set(name, { chunk, times: 1 })
  }
  const wanted = [...uses.values()]
  const hashes = wanted.map(({ chunk }) => Buffer.from(chunk.hash))
  const times = wanted.map((use) => use.times)
  const { rows: known } = await sql<{ hash: Uint8Array }>`
    UPDATE body_chunks SET uses = uses + more.times
    FROM unnest(${hashes}::bytea[], ${times}::bigint[]) AS more (hash, times)
    WHERE organization_id = ${organizationId} AND workspace_id = ${workspaceId} AND body_chunks.hash = more.hash
    RETURNING body_chunks.hash`.execute(database)
  for (const { hash } of known) uses.delete(Buffer.from(hash).toString('latin1'))
  const missing = [...uses.values()].map((use) => ({ ...use, data: packChunk(use.chunk.bytes) }))
  if (missing.length === 0) return 0
  await sql`INSERT INTO body_chunks (organization_id, workspace_id, hash, uses, bytes, data)
    SELECT ${organizationId}, ${workspaceId}, hash, times, bytes, data
    FROM unnest(${missing.map(({ chunk }) => Buffer.from(chunk.hash))}::bytea[],
      ${missing.map((use) => use.times)}::bigint[],
      ${missing.map(({ chunk }) => chunk.bytes.length)}::bigint[],
      ${missing.map(({ data }) => Buffer.from(data))}::bytea[]) AS new (hash, times, bytes, data)`.execute(
    database,
  )
  return missing.reduce((sum, { data }) => sum + data.length, 0)
}

/** Adds sums to the rollups. The histograms are joined here: writers run one at a time, so none can change in between. */
export async function addToRollups(database: Kysely<Tables>, deltas: readonly RollupDelta[]): Promise<void> {
  for (let i = 0; i < deltas.length; i += ROLLUP_ROWS) {
    const part = deltas.slice(i, i + ROLLUP_ROWS)
    const columns = ROLLUP_KEY.map((column) => `wanted.${column} = rollups.${column}`).join(' AND ')
    const keys = part.map(({ key }, position) => ({
      position,
      span: SPANS[key.span].code,
      dimension: key.dimension,
      organization_id: key.organizationId,
      workspace_id: key.workspaceId,
      start_us: key.startUs,
      value: key.value,
      provider: key.provider,
      model: key.model,
    }))
    const { rows } = await sql<{ position: number; latencies: Uint8Array }>`
      SELECT wanted.position, rollups.latencies
      FROM json_to_recordset(${JSON.stringify(keys)}::json) AS wanted (position INTEGER, span INTEGER, dimension TEXT,
        organization_id TEXT, workspace_id TEXT, start_us BIGINT, value TEXT, provider TEXT, model TEXT)
      JOIN rollups ON ${sql.raw(columns)}`.execute(database)
    const known = new Map(rows.map(({ position, latencies }) => [position, latencies]))
    const parameters = part.flatMap(({ key, measures, latencies }, position) => [
      ...rollupKeyValues(key),
      ...measures,
      Buffer.from(latencies.encode(known.get(position))),
    ])
    const statement = upsertRollup({
      rows: part.length,
      parameter: (index) => `$${index + 1}`,
      least: 'LEAST',
      greatest: 'GREATEST',
    })
    await database.executeQuery(CompiledQuery.raw(statement, parameters))
  }
}

/** Adds rows to the ledger of spend. */
export async function insertSpend(
  database: Kysely<Tables>,
  rows: readonly Selectable<SpendTable>[],
): Promise<void> {
  for (let i = 0; i < rows.length; i += ROLLUP_ROWS) {
    const part = rows.slice(i, i + ROLLUP_ROWS)
    const statement = addToSpend(part.length, (index) => `$${index + 1}`)
    await database.executeQuery(
      CompiledQuery.raw(
        statement,
        part.flatMap((row) => Object.values(row)),
      ),
    )
  }
}

/** Ends the traces' reservations: their cost is booked in the same transaction. */
export async function deleteReservations(database: Kysely<Tables>, traces: readonly Trace[]): Promise<void> {
  const ids = traces.filter(({ spend }) => spend?.reserved).map(({ id }) => id)
  if (ids.length === 0) return
  await sql`DELETE FROM limit_reservations WHERE id = ANY(${ids}::text[])`.execute(database)
}

/** Adds to running totals. */
export async function addToCounters(
  database: Kysely<Tables>,
  counters: { readonly [name in CounterName]?: number },
): Promise<void> {
  await sql`UPDATE counters SET value = value + more.by
    FROM json_to_recordset(${JSON.stringify(
      Object.entries(counters).map(([name, by]) => ({ name, by })),
    )}::json) AS more (name TEXT, by BIGINT) WHERE counters.name = more.name`.execute(database)
}
