import type { DirectoryEntries } from '../contract/tenant-directory.ts'

/** A row of the Go gateway's table `traces`, as its database returns it: texts, JSON and times as texts; null as null. */
export interface GoTraceRow {
  /** Place in the order in which rows are read. */
  readonly position: number
  readonly id: string | null
  readonly trace_group_id: string | null
  readonly org_id: string | null
  readonly workspace_id: string | null
  readonly timestamp: string | null
  readonly provider: string | null
  readonly model: string | null
  readonly request_method: string | null
  readonly request_path: string | null
  readonly request_headers: string | null
  readonly request_body: string | null
  readonly response_status: number | null
  readonly response_headers: string | null
  readonly response_body: string | null
  readonly input_tokens: number | null
  readonly output_tokens: number | null
  readonly total_tokens: number | null
  readonly latency_ms: number | null
  readonly time_to_first_token_ms: number | null
  readonly time_to_first_token_us: number | null
  readonly api_key_hash: string | null
  readonly estimated_cost_usd: number | null
  readonly metadata: string | null
  readonly created_at: string | null
  readonly gateway_key_id: string | null
}

/** Columns that every database of the Go gateway has; older ones lack some of the others. */
export const GO_COLUMNS = [
  'id',
  'trace_group_id',
  'org_id',
  'workspace_id',
  'timestamp',
  'provider',
  'model',
  'request_method',
  'request_path',
  'request_headers',
  'request_body',
  'response_status',
  'response_headers',
  'response_body',
  'input_tokens',
  'output_tokens',
  'total_tokens',
  'latency_ms',
  'time_to_first_token_ms',
  'time_to_first_token_us',
  'api_key_hash',
  'estimated_cost_usd',
  'metadata',
  'created_at',
  'gateway_key_id',
] as const satisfies readonly (keyof GoTraceRow)[]

/** A database of the Go gateway, read and never changed. */
export interface GoSource {
  /** The source's name, as it may be shown. */
  readonly place: string
  count(): Promise<number>
  /** Rows behind a position, oldest first; empty at the end. */
  rows(after: number, limit: number): Promise<readonly GoTraceRow[]>
  /** Organizations, workspaces and gateway keys; empty where it has none. */
  directory(): Promise<DirectoryEntries>
  close(): Promise<void>
}
