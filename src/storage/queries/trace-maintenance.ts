import { sql, type Kysely } from 'kysely'
import { MEASURE_LIST } from '../rollups/measures.ts'
import { SPANS, type RollupDelta } from '../rollups/rollup-delta.ts'
import type { NextSums, RecentSums } from '../rollups/recent-sums.ts'
import { rollUp } from '../rollups/rollup-sums.ts'
import { ROLLUP_KEY } from '../rollups/upsert.ts'
import type { CounterName, Tables } from '../schema.ts'
import type { TimeRange } from '../contract/trace-filter.ts'
import type {
  CostUpdate,
  Counters,
  HourPlace,
  RollupCheck,
  SeenModel,
  StoredTrace,
  TraceMaintenance,
} from '../contract/trace-maintenance.ts'
import { wrongChunks } from './check-chunks.ts'
import { readRolledUpSeq, RECOUNTED } from './counters.ts'
import { deleteBodies, deleteTraces, OWNER } from './deletions.ts'
import { nextHour, refineHour } from './refine-hours.ts'
import { replaceCosts } from './replace-costs.ts'
import { inRange, readPage } from './stored-pages.ts'
import type { Read, Write } from './tables.ts'
import { fromTraceRow } from './trace-rows.ts'

/** Adds sums to the rollups, in the transaction of `database`. */
export type AddToRollups = (database: Kysely<Tables>, deltas: readonly RollupDelta[]) => Promise<void>

/** Sums that need not be read, as `RecentSums` has them. */
export type KnownSums = Pick<RecentSums, 'after' | 'forget'>

/** Long jobs over all traces, a page at a time. */
export class TraceMaintenanceQueries implements TraceMaintenance {
  readonly #read: Read
  readonly #write: Write
  readonly #addToRollups: AddToRollups
  readonly #known: KnownSums | undefined

  /** @param read of all tenants @param known absent when all traces must be read to be summed up */
  constructor(read: Read, write: Write, addToRollups: AddToRollups, known?: KnownSums) {
    this.#read = read
    this.#write = write
    this.#addToRollups = addToRollups
    this.#known = known
  }

  async rollUp(limit: number): Promise<number> {
    const waiting = await this.#read(async (database) => {
      const last = await readRolledUpSeq(database)
      return database.selectFrom('traces').select('seq').where('seq', '>', last).limit(1).executeTakeFirst()
    })
    if (!waiting) return 0
    return this.#write(async (database) => {
      const after = await readRolledUpSeq(database)
      const next = this.#known?.after(after, limit) ?? (await readSums(database, after, limit))
      if (!next) return 0
      await this.#addToRollups(database, next.deltas)
      await database
        .updateTable('counters')
        .set({ value: next.lastSeq })
        .where('name', '=', 'rolled_up_seq')
        .execute()
      return next.traces
    })
  }

  count(range: TimeRange, afterSeq: number): Promise<number> {
    return this.#read(async (database) => {
      const row = await inRange(database, range, afterSeq)
        .select(sql<number>`COUNT(*)`.as('traces'))
        .executeTakeFirstOrThrow()
      return Number(row.traces)
    })
  }

  page(range: TimeRange, afterSeq: number, limit: number): Promise<readonly StoredTrace[]> {
    return this.#read((database) => readPage(inRange(database, range, afterSeq), limit))
  }

  progress(job: string): Promise<number> {
    return this.#read(async (database) => {
      const row = await database
        .selectFrom('job_progress')
        .select('last_seq')
        .where('job', '=', job)
        .executeTakeFirst()
      return row ? Number(row.last_seq) : 0
    })
  }

  replaceCosts(job: string, updates: readonly CostUpdate[], lastSeq: number): Promise<void> {
    return this.#write(async (database) => {
      this.#known?.forget()
      if (updates.length > 0) await replaceCosts(database, updates)
      await database
        .insertInto('job_progress')
        .values({ job, last_seq: lastSeq })
        .onConflict((conflict) => conflict.column('job').doUpdateSet({ last_seq: lastSeq }))
        .execute()
    })
  }

  finish(job: string): Promise<void> {
    return this.#write(async (database) => {
      await database.deleteFrom('job_progress').where('job', '=', job).execute()
    })
  }

  seenModels(): Promise<readonly SeenModel[]> {
    return this.#read(async (database) => {
      const rows = await database
        .selectFrom('traces')
        .select([
          'provider',
          'model',
          'requested_model',
          'organization_id',
          'workspace_id',
          sql<number>`COUNT(*)`.as('traces'),
          sql<number>`MAX(created_at_us)`.as('last_at_us'),
          sql<number>`SUM(input_tokens)`.as('input_tokens'),
          sql<number>`SUM(output_tokens)`.as('output_tokens'),
        ])
        .where('total_tokens', '>', 0)
        .groupBy(['provider', 'model', 'requested_model', 'organization_id', 'workspace_id'])
        .orderBy('traces', 'desc')
        .orderBy('model')
        .orderBy('provider')
        .orderBy('requested_model')
        .orderBy('organization_id')
        .orderBy('workspace_id')
        .execute()
      return rows.map((row) => ({
        provider: row.provider,
        model: row.model,
        requestedModel: row.requested_model,
        organizationId: row.organization_id,
        workspaceId: row.workspace_id,
        traces: Number(row.traces),
        lastAtUs: Number(row.last_at_us),
        inputTokens: Number(row.input_tokens),
        outputTokens: Number(row.output_tokens),
      }))
    })
  }

  counters(): Promise<Counters> {
    return this.#read(async (database) => {
      const rows = await database.selectFrom('counters').selectAll().execute()
      const of = (name: CounterName): number => Number(rows.find((row) => row.name === name)?.value ?? 0)
      const { waiting } = await database
        .selectFrom('traces')
        .select(sql<number>`COUNT(*)`.as('waiting'))
        .where('seq', '>', of('rolled_up_seq'))
        .executeTakeFirstOrThrow()
      return {
        traces: of('traces'),
        traceBytes: of('trace_bytes'),
        bodyBytes: of('body_bytes'),
        notRolledUp: Number(waiting),
      }
    })
  }

  async deleteBodies(beforeUs: number, limit: number): Promise<number> {
    // The search is outside the transaction: writers wait for the change, not for the search.
    const owners = await this.#read((database) =>
      database
        .selectFrom('trace_bodies')
        .innerJoin('traces', 'traces.seq', 'trace_bodies.seq')
        .select(OWNER)
        .where('trace_bodies.created_at_us', '<', beforeUs)
        .orderBy('trace_bodies.created_at_us')
        .limit(limit)
        .execute(),
    )
    if (owners.length > 0) await this.#write((database) => deleteBodies(database, owners))
    return owners.length
  }

  async deleteTraces(beforeUs: number, limit: number): Promise<number> {
    const owners = await this.#read(async (database) =>
      database
        .selectFrom('traces')
        .select(OWNER)
        .where('created_at_us', '<', beforeUs)
        // What is deleted must be in the sums.
        .where('seq', '<=', await readRolledUpSeq(database))
        // Numbers continue from the largest row. Without one they would restart below what followers have seen.
        .where(sql<boolean>`seq < (SELECT MAX(seq) FROM traces)`)
        .orderBy('created_at_us')
        .limit(limit)
        .execute(),
    )
    if (owners.length === 0) return 0
    return this.#write((database) => deleteTraces(database, owners))
  }

  async deleteRollups(beforeUs: number, limit: number): Promise<number> {
    const width = sql`CASE span
      WHEN ${sql.lit(SPANS.quarter.code)} THEN ${sql.lit(SPANS.quarter.widthUs)}
      WHEN ${sql.lit(SPANS.hour.code)} THEN ${sql.lit(SPANS.hour.widthUs)}
      ELSE ${sql.lit(SPANS.day.widthUs)} END`
    const old = await this.#read((database) =>
      database
        .selectFrom('rollups')
        .select(ROLLUP_KEY)
        .where('start_us', '<', beforeUs)
        .where(sql<boolean>`start_us + ${width} <= ${beforeUs}`)
        .limit(limit)
        .execute(),
    )
    if (old.length === 0) return 0
    return this.#write(async (database) => {
      for (const key of old) {
        let query = database.deleteFrom('rollups')
        for (const column of ROLLUP_KEY) query = query.where(column, '=', key[column])
        await query.execute()
      }
      return old.length
    })
  }

  async refineHour(after: HourPlace | undefined): Promise<HourPlace | undefined> {
    const hour = await nextHour(this.#read, after)
    if (hour) await refineHour(this.#write, this.#addToRollups, hour)
    return hour
  }

  oldest(): Promise<{ readonly tracesUs?: number; readonly bodiesUs?: number }> {
    return this.#read(async (database) => {
      const traces = await database
        .selectFrom('traces')
        .select('created_at_us')
        .orderBy('created_at_us')
        .limit(1)
        .executeTakeFirst()
      const bodies = await database
        .selectFrom('trace_bodies')
        .select('created_at_us')
        .orderBy('created_at_us')
        .limit(1)
        .executeTakeFirst()
      return {
        ...(traces ? { tracesUs: traces.created_at_us } : {}),
        ...(bodies ? { bodiesUs: bodies.created_at_us } : {}),
      }
    })
  }

  checkCounts(): Promise<readonly string[]> {
    return this.#read(async (database) => {
      const wrong: string[] = []
      for (const [name, count] of RECOUNTED) {
        const row = await database
          .selectFrom('counters')
          .select(['value', count.as('counted')])
          .where('name', '=', name)
          .executeTakeFirstOrThrow()
        if (Number(row.value) !== Number(row.counted)) {
          wrong.push(`the counter ${name} says ${Number(row.value)}, there are ${Number(row.counted)}`)
        }
      }
      const orphans = await database
        .selectFrom('trace_bodies')
        .select(sql<number>`COUNT(*)`.as('rows'))
        .where('seq', 'not in', (traces) => traces.selectFrom('traces').select('seq'))
        .executeTakeFirstOrThrow()
      if (Number(orphans.rows) > 0) wrong.push(`${Number(orphans.rows)} bodies belong to no trace`)
      return [...wrong, ...(await wrongChunks(database))]
    })
  }

  checkRollups(fromUs: number, untilUs: number): Promise<RollupCheck> {
    return this.#read(async (database) => {
      const sums = MEASURE_LIST.filter(({ joining }) => joining === 'sum')
      const rows = await database
        .selectFrom('rollups')
        .select(sums.map(({ column }) => sql<number>`COALESCE(SUM(${sql.ref(column)}), 0)`.as(column)))
        .where('span', 'in', [SPANS.quarter.code, SPANS.hour.code])
        .where('dimension', '=', '')
        .where('start_us', '>=', fromUs)
        .where('start_us', '<', untilUs)
        .executeTakeFirstOrThrow()
      const traces = await database
        .selectFrom('traces')
        .where('seq', '<=', await readRolledUpSeq(database))
        .select(
          sums.map((measure) => sql<number>`COALESCE(SUM(${sql.raw(measure.sql)}), 0)`.as(measure.column)),
        )
        .where('started_at_us', '>=', fromUs)
        .where('started_at_us', '<', untilUs)
        .executeTakeFirstOrThrow()
      const different = sums
        .map(({ column }) => ({ column, rollups: Number(rows[column]), traces: Number(traces[column]) }))
        .filter((sum) => sum.rollups !== sum.traces)
      return { traces: Number(traces.requests), different }
    })
  }
}

/** Sums of the traces that come after a place in the order of arrival; `undefined` when there are none. */
async function readSums(
  database: Kysely<Tables>,
  afterSeq: number,
  limit: number,
): Promise<NextSums | undefined> {
  const rows = await database
    .selectFrom('traces')
    .selectAll()
    .where('seq', '>', afterSeq)
    .orderBy('seq')
    .limit(limit)
    .execute()
  const last = rows.at(-1)
  return last && { deltas: rollUp(rows.map(fromTraceRow)), lastSeq: last.seq, traces: rows.length }
}
