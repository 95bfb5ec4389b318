import { sql, type Kysely, type SelectQueryBuilder } from 'kysely'
import type { Trace } from '../../traces/trace.ts'
import type { Cursor } from '../cursor.ts'
import type { Tables } from '../schema.ts'
import type {
  GroupTotals,
  Tenant,
  Totals,
  TotalsGroup,
  TraceFilter,
  TracePage,
  TraceReader,
} from '../storage.ts'
import { fromRows, fromTraceRow } from './trace-rows.ts'

/** Reads traces of one tenant, or of all when made without one. Every method starts from `#scoped`. */
export class TraceQueries implements TraceReader {
  readonly #database: Kysely<Tables>
  readonly #tenant: Tenant | undefined

  constructor(database: Kysely<Tables>, tenant: Tenant | undefined) {
    this.#database = database
    this.#tenant = tenant
  }

  async getTrace(id: string): Promise<Trace | undefined> {
    const row = await this.#scoped().selectAll('traces').where('traces.id', '=', id).executeTakeFirst()
    if (!row) return undefined
    const details = await this.#database
      .selectFrom('trace_details')
      .selectAll()
      .where('seq', '=', row.seq)
      .executeTakeFirstOrThrow()
    const bodies = await this.#database
      .selectFrom('trace_bodies')
      .selectAll()
      .where('seq', '=', row.seq)
      .executeTakeFirst()
    return fromRows(row, details, bodies)
  }

  async listTraces(filter: TraceFilter, limit: number, after?: Cursor): Promise<TracePage> {
    let query = this.#filtered(filter).selectAll('traces')
    if (after) {
      query = query.where(
        sql<boolean>`(traces.created_at_us, traces.id) < (${after.createdAtUs}, ${after.id})`,
      )
    }
    const rows = await query
      .orderBy('traces.created_at_us', 'desc')
      .orderBy('traces.id', 'desc')
      .limit(limit + 1)
      .execute()
    const items = rows.slice(0, limit).map(fromTraceRow)
    const last = items.at(-1)
    if (rows.length <= limit || !last) return { items }
    return { items, next: { createdAtUs: last.createdAtUs, id: last.id } }
  }

  async countTraces(): Promise<number> {
    const row = await this.#scoped()
      .select(sql<number>`COUNT(*)`.as('traces'))
      .executeTakeFirstOrThrow()
    return Number(row.traces)
  }

  async totals(filter: TraceFilter): Promise<Totals> {
    return readTotals(await this.#filtered(filter).select(TOTALS).executeTakeFirstOrThrow())
  }

  async groupTotals(filter: TraceFilter, group: TotalsGroup): Promise<readonly GroupTotals[]> {
    let query = this.#filtered(filter)
    if (group === 'api_key_hash') query = query.where('traces.api_key_hash', '<>', '')
    const rows = await query
      .select(TOTALS)
      .select([
        sql<string>`${sql.ref(`traces.${group}`)}`.as('group_name'),
        sql<number>`AVG(traces.latency_ms)`.as('avg_latency_ms'),
        sql<number>`AVG(traces.time_to_first_token_ms)`.as('avg_time_to_first_token_ms'),
        sql<number>`MAX(traces.created_at_us)`.as('last_created_at_us'),
      ])
      .groupBy(`traces.${group}`)
      .orderBy('requests', 'desc')
      .orderBy('group_name', 'asc')
      .execute()
    return rows.map((row) => ({
      ...readTotals(row),
      group: row.group_name,
      avgLatencyMs: Number(row.avg_latency_ms),
      avgTimeToFirstTokenMs: Number(row.avg_time_to_first_token_ms),
      lastCreatedAtUs: Number(row.last_created_at_us),
    }))
  }

  #scoped(): SelectQueryBuilder<Tables, 'traces', object> {
    const query = this.#database.selectFrom('traces')
    const tenant = this.#tenant
    if (!tenant) return query
    return query
      .where('traces.organization_id', '=', tenant.organizationId)
      .where('traces.workspace_id', '=', tenant.workspaceId)
  }

  #filtered(filter: TraceFilter): SelectQueryBuilder<Tables, 'traces', object> {
    let query = this.#scoped()
    if (filter.provider !== undefined) query = query.where('traces.provider', '=', filter.provider)
    if (filter.model !== undefined) query = query.where('traces.model', '=', filter.model)
    // The partial indexes leave empty values out; the literal lets the planner see that they apply.
    if (filter.traceGroupId !== undefined) {
      query = query
        .where('traces.trace_group_id', '=', filter.traceGroupId)
        .where(sql<boolean>`traces.trace_group_id <> ''`)
    }
    if (filter.threadId !== undefined) {
      query = query
        .where('traces.thread_id', '=', filter.threadId)
        .where(sql<boolean>`traces.thread_id <> ''`)
    }
    if (filter.runId !== undefined) {
      query = query.where('traces.run_id', '=', filter.runId).where(sql<boolean>`traces.run_id <> ''`)
    }
    if (filter.apiKeyHash !== undefined) query = query.where('traces.api_key_hash', '=', filter.apiKeyHash)
    if (filter.sessionId !== undefined) {
      query = query
        .where('traces.session_id', '=', filter.sessionId)
        .where(sql<boolean>`traces.session_id <> ''`)
    }
    if (filter.endUser !== undefined) {
      query = query.where('traces.end_user', '=', filter.endUser).where(sql<boolean>`traces.end_user <> ''`)
    }
    if (filter.client !== undefined) query = query.where('traces.client', '=', filter.client)
    for (const [key, value] of Object.entries(filter.tags ?? {})) {
      query = query.where('traces.seq', 'in', (tags) =>
        tags
          .selectFrom('trace_tags')
          .select('trace_tags.seq')
          .where('trace_tags.key', '=', key)
          .where('trace_tags.value', '=', value),
      )
    }
    if (filter.status !== undefined) query = query.where('traces.response_status', '=', filter.status)
    if (filter.minTokens !== undefined) query = query.where('traces.total_tokens', '>=', filter.minTokens)
    if (filter.maxTokens !== undefined) query = query.where('traces.total_tokens', '<=', filter.maxTokens)
    if (filter.fromUs !== undefined) query = query.where('traces.started_at_us', '>=', filter.fromUs)
    if (filter.toUs !== undefined) query = query.where('traces.started_at_us', '<=', filter.toUs)
    return query
  }
}

const TOTALS = [
  sql<number>`COUNT(*)`.as('requests'),
  sql<number>`COALESCE(SUM(traces.input_tokens), 0)`.as('input_tokens'),
  sql<number>`COALESCE(SUM(traces.output_tokens), 0)`.as('output_tokens'),
  sql<number>`COALESCE(SUM(traces.total_tokens), 0)`.as('total_tokens'),
  sql<number>`COALESCE(SUM(traces.cost_nano_usd), 0)`.as('cost_nano_usd'),
  sql<number>`COUNT(*) - COUNT(traces.cost_nano_usd)`.as('unknown_cost_requests'),
  sql<number>`COALESCE(SUM(CASE WHEN traces.api = '' AND traces.cost_nano_usd IS NULL THEN 1 ELSE 0 END), 0)`.as(
    'unmetered_requests',
  ),
] as const

interface TotalsRow {
  requests: number
  input_tokens: number
  output_tokens: number
  total_tokens: number
  cost_nano_usd: number
  unknown_cost_requests: number
  unmetered_requests: number
}

function readTotals(row: TotalsRow): Totals {
  return {
    requests: Number(row.requests),
    inputTokens: Number(row.input_tokens),
    outputTokens: Number(row.output_tokens),
    totalTokens: Number(row.total_tokens),
    costNanoUsd: Number(row.cost_nano_usd),
    unknownCostRequests: Number(row.unknown_cost_requests),
    unmeteredRequests: Number(row.unmetered_requests),
  }
}
