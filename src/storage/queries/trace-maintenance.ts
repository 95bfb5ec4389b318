import { sql, type Kysely } from 'kysely'
import type { Tables } from '../schema.ts'
import type { CostUpdate, SeenModel, StoredTrace, TimeRange, TraceMaintenance } from '../storage.ts'
import { fromRows, toDetailsRow } from './trace-rows.ts'

/** Long jobs over all traces, a page at a time, by the order of arrival. */
export class TraceMaintenanceQueries implements TraceMaintenance {
  readonly #database: Kysely<Tables>

  constructor(database: Kysely<Tables>) {
    this.#database = database
  }

  async count(range: TimeRange, afterSeq: number): Promise<number> {
    const row = await this.#in(range, afterSeq)
      .select(sql<number>`COUNT(*)`.as('traces'))
      .executeTakeFirstOrThrow()
    return Number(row.traces)
  }

  async page(range: TimeRange, afterSeq: number, limit: number): Promise<readonly StoredTrace[]> {
    const rows = await this.#in(range, afterSeq)
      .innerJoin('trace_details', 'trace_details.seq', 'traces.seq')
      .selectAll('traces')
      .select('trace_details.document')
      .orderBy('traces.seq')
      .limit(limit)
      .execute()
    return rows.map((row) => ({
      seq: row.seq,
      trace: fromRows(row, { seq: row.seq, document: row.document }, undefined),
    }))
  }

  async progress(job: string): Promise<number> {
    const row = await this.#database
      .selectFrom('job_progress')
      .select('last_seq')
      .where('job', '=', job)
      .executeTakeFirst()
    return row ? Number(row.last_seq) : 0
  }

  async replaceCosts(job: string, updates: readonly CostUpdate[], lastSeq: number): Promise<void> {
    await this.#database.transaction().execute(async (transaction) => {
      for (const { seq, trace } of updates) {
        await transaction
          .updateTable('traces')
          .set({ cost_status: trace.costStatus, cost_nano_usd: trace.costNanoUsd })
          .where('seq', '=', seq)
          .execute()
        await transaction
          .updateTable('trace_details')
          .set({ document: toDetailsRow(seq, trace).document })
          .where('seq', '=', seq)
          .execute()
      }
      await transaction
        .insertInto('job_progress')
        .values({ job, last_seq: lastSeq })
        .onConflict((conflict) => conflict.column('job').doUpdateSet({ last_seq: lastSeq }))
        .execute()
    })
  }

  async finish(job: string): Promise<void> {
    await this.#database.deleteFrom('job_progress').where('job', '=', job).execute()
  }

  async seenModels(): Promise<readonly SeenModel[]> {
    const rows = await this.#database
      .selectFrom('traces')
      .select([
        'provider',
        'model',
        'organization_id',
        'workspace_id',
        sql<number>`COUNT(*)`.as('traces'),
        sql<number>`MAX(created_at_us)`.as('last_at_us'),
      ])
      .where('total_tokens', '>', 0)
      .groupBy(['provider', 'model', 'organization_id', 'workspace_id'])
      .orderBy('traces', 'desc')
      .orderBy('model')
      .execute()
    return rows.map((row) => ({
      provider: row.provider,
      model: row.model,
      organizationId: row.organization_id,
      workspaceId: row.workspace_id,
      traces: Number(row.traces),
      lastAtUs: Number(row.last_at_us),
    }))
  }

  #in({ fromUs, toUs }: TimeRange, afterSeq: number) {
    let query = this.#database.selectFrom('traces').where('traces.seq', '>', afterSeq)
    if (fromUs !== undefined) query = query.where('traces.started_at_us', '>=', fromUs)
    if (toUs !== undefined) query = query.where('traces.started_at_us', '<=', toUs)
    return query
  }
}
