import type { ReadScope } from '../../access/key-store.ts'
import type { TimeRange, TraceFilter } from '../contract/trace-filter.ts'
import type { Tables } from '../schema.ts'
import { type Kysely, type RawBuilder, type SelectQueryBuilder, sql } from 'kysely'

/** Runs queries in one consistent view of a scope's rows, or of all. */
export type Read = <T>(work: (database: Kysely<Tables>) => Promise<T>) => Promise<T>

/** Runs changes, all or none, while no other writer runs. */
export type Write = <T>(work: (database: Kysely<Tables>) => Promise<T>) => Promise<T>

/** A query over traces with conditions on them. */
export type TracesQuery = SelectQueryBuilder<Tables, 'traces', object>

/** Traces of a scope, or all without one. Every query about traces starts here. */
export function tracesOf(database: Kysely<Tables>, scope: ReadScope | undefined): TracesQuery {
  return ofScope(database.selectFrom('traces'), scope)
}

/** Narrows a query over traces down to a scope's. */
export function ofScope(query: TracesQuery, scope: ReadScope | undefined): TracesQuery {
  return scope ? query.where(inScope('traces', scope)) : query
}

/** Whether a row of a table is in a scope. */
export function inScope(
  table: 'traces' | 'trace_tags' | 'rollups' | 'audit_events',
  { organizationId, workspaceIds, unowned }: ReadScope,
): RawBuilder<boolean> {
  const organization = sql.ref(`${table}.organization_id`)
  const workspace = sql.ref(`${table}.workspace_id`)
  // Rows of no tenant have an empty organization, so an empty one may see nothing.
  if (organizationId === '' || workspaceIds.length === 0) return sql<boolean>`1 = 0`
  const inWorkspace =
    workspaceIds === 'all'
      ? sql``
      : workspaceIds.length === 1
        ? sql` AND ${workspace} = ${workspaceIds[0]}`
        : sql` AND ${workspace} IN (${sql.join(workspaceIds)})`
  const owned = sql<boolean>`${organization} = ${organizationId}${inWorkspace}`
  return unowned ? sql<boolean>`(${owned} OR ${organization} = '')` : owned
}

/** Columns that a filter compares as they are. */
const EQUAL = {
  provider: 'provider',
  model: 'model',
  status: 'response_status',
} as const

/** Columns that have partial indexes, without empty values; the literal lets the planner see that they apply. */
const INDEXED = {
  apiKeyHash: 'api_key_hash',
  gatewayKeyId: 'gateway_key_id',
  client: 'client',
  traceGroupId: 'trace_group_id',
  threadId: 'thread_id',
  runId: 'run_id',
  sessionId: 'session_id',
  endUser: 'end_user',
} as const

/** The conditions of a filter. */
export function filtered(start: TracesQuery, filter: TraceFilter): TracesQuery {
  let query = start
  for (const [name, column] of Object.entries(EQUAL)) {
    const value = filter[name as keyof typeof EQUAL]
    if (value !== undefined) query = query.where(sql.ref(`traces.${column}`), '=', value)
  }
  for (const [name, column] of Object.entries(INDEXED)) {
    const value = filter[name as keyof typeof INDEXED]
    if (value === undefined) continue
    const reference: RawBuilder<string> = sql.ref(`traces.${column}`)
    query = query.where(reference, '=', value).where(sql<boolean>`${reference} <> ''`)
  }
  for (const [key, value] of Object.entries(filter.tags ?? {})) {
    query = query.where('traces.seq', 'in', (tags) =>
      tags
        .selectFrom('trace_tags')
        .select('trace_tags.seq')
        .where('trace_tags.key', '=', key)
        .where('trace_tags.value', '=', value),
    )
  }
  // The index of statuses leaves the usual one out.
  if (filter.status !== undefined && filter.status !== 200) {
    query = query.where(sql<boolean>`traces.response_status <> 200`)
  }
  if (filter.minTokens !== undefined) query = query.where('traces.total_tokens', '>=', filter.minTokens)
  if (filter.maxTokens !== undefined) query = query.where('traces.total_tokens', '<=', filter.maxTokens)
  if (filter.fromUs !== undefined) query = query.where('traces.started_at_us', '>=', filter.fromUs)
  if (filter.toUs !== undefined) query = query.where('traces.started_at_us', '<=', filter.toUs)
  return query
}

/**
 * Extends a filter on the start of exchanges to their end, which the indexes cover.
 *
 * @param longestUs no exchange took longer
 * @param endedAt where the end is read
 */
export function endingWithin(
  query: TracesQuery,
  { fromUs, toUs }: TimeRange,
  longestUs: number,
  endedAt: RawBuilder<number> = sql.ref('traces.created_at_us'),
): TracesQuery {
  let bounded = query
  if (fromUs !== undefined && fromUs > 0) bounded = bounded.where(endedAt, '>=', fromUs)
  if (toUs !== undefined) bounded = bounded.where(endedAt, '<=', toUs + longestUs)
  return bounded
}
