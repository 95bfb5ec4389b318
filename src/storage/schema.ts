import type { Generated } from 'kysely'
import type { MeasureColumnName } from './rollups/measures.ts'

/** Typed columns of a trace: everything that is filtered, sorted or summed. Times are epoch microseconds. */
export interface TracesTable {
  /** Order of arrival. */
  seq: Generated<number>
  id: string
  organization_id: string
  workspace_id: string
  gateway_key_id: string
  trace_group_id: string
  thread_id: string
  run_id: string
  started_at_us: number
  created_at_us: number
  provider: string
  api: string
  requested_model: string
  model: string
  request_method: string
  request_path: string
  response_status: number
  outcome: string
  error_code: string
  provider_error: string
  streaming: number
  input_tokens: number
  output_tokens: number
  total_tokens: number
  cache_read_input_tokens: number
  cache_creation_input_tokens: number
  reasoning_tokens: number
  usage_source: string
  cost_status: string
  /** Whole nano-USD; null when unknown. */
  cost_nano_usd: number | null
  /** Of an included cost: whole nano-USD; null when unknown, and of all others. */
  list_price_nano_usd: number | null
  latency_ms: number
  time_to_first_token_ms: number
  time_to_first_token_us: number
  finish_reason: string
  upstream_request_id: string
  correlation_id: string
  api_key_hash: string
  session_id: string
  end_user: string
  client: string
  client_version: string
  agent: string
  project: string
  /** JSON object; empty for none. */
  tags: string
  consumption_id: string
  /** Null for the usual number: 0 for what was refused, 1 for all else. */
  attempts: number | null
  /** Null for the usual one: `provider/requested_model`. */
  target: string | null
}

/** Tags of traces, one row each, by the trace's `seq`. */
export interface TraceTagsTable {
  seq: number
  key: string
  value: string
  /** End of the trace's exchange, epoch microseconds. */
  created_at_us: number
  organization_id: string
  workspace_id: string
}

/** Running totals of the store. */
export interface CountersTable {
  name: CounterName
  value: number
}

/**
 * In this order: traces, bytes of their details, bytes of their stored bodies, the last trace (by arrival) in the rollups, changes of
 * gateway keys.
 */
export type CounterName = 'traces' | 'trace_bytes' | 'body_bytes' | 'rolled_up_seq' | 'gateway_keys_version'

/** The progress of a long job, so that it can continue after an interruption. */
export interface JobProgressTable {
  job: string
  last_seq: number
}

/** Details that are read only for a single trace, by the trace's `seq`. */
export interface TraceDetailsTable {
  seq: number
  /** JSON text: header fields, metadata, usage, receipt, timing. One text, because four cost the recorder twice as much. */
  document: string
}

/**
 * Captured bodies, apart because they have a retention of their own. Bytes, not necessarily text. A body is either here
 * as it is or a list of chunks; both are null for one that was not captured.
 */
export interface TraceBodiesTable {
  seq: number
  request_body: Uint8Array | null
  response_body: Uint8Array | null
  /** Hashes of the body's chunks, one after the other. */
  request_chunks: Uint8Array | null
  response_chunks: Uint8Array | null
  /** End of the trace's exchange, epoch microseconds. */
  created_at_us: number
}

/** Pieces of bodies, each kept once in its workspace however many bodies it is part of. */
export interface BodyChunksTable {
  organization_id: string
  workspace_id: string
  /** SHA-256 of the piece. */
  hash: Uint8Array
  /** How often bodies refer to it; one that is used no more is deleted. */
  uses: number
  /** Length of the piece. */
  bytes: number
  /** The piece, compressed (zstd) where that makes it smaller than `bytes`. */
  data: Uint8Array
}

/** Sums over the traces of a quarter hour or a UTC day, by provider, model and one dimension; the measures are columns. */
export interface RollupsTable extends Record<MeasureColumnName, number> {
  /** 15 for a quarter hour, 24 for a day, 1 for an hour of an earlier version. */
  span: number
  /** Empty for none. */
  dimension: string
  organization_id: string
  workspace_id: string
  start_us: number
  value: string
  provider: string
  model: string
  /** Encoded latency histogram. */
  latencies: Uint8Array
}

/** Organizations. */
export interface OrganizationsTable {
  id: string
  name: string
  created_at_us: number
}

/** Workspaces of organizations. */
export interface WorkspacesTable {
  organization_id: string
  id: string
  name: string
  created_at_us: number
}

/** Gateway keys; never the tokens themselves. */
export interface GatewayKeysTable {
  id: string
  organization_id: string
  workspace_id: string
  name: string
  description: string
  created_by: string
  /** `workspace` or `organization`. */
  scope: string
  role: string
  /** JSON list. */
  permissions: string
  /** JSON object of texts. */
  labels: string
  /** JSON object: the key's rules. */
  rules: string
  /** JSON list: the key's own limits. */
  limits: string
  /** Beginning of the token, by which people recognise it. */
  prefix: string
  hash: string
  /** How the hash was made: `sha256` or `hmac-sha256`. */
  scheme: string
  /** Hash of the token before the last rotation, valid until a time; empty for none. */
  previous_hash: string
  previous_scheme: string
  previous_until_us: number
  created_at_us: number
  updated_at_us: number
  expires_at_us: number | null
  last_used_at_us: number | null
  revoked_at_us: number | null
}

/** What may happen once only until a time, by all gateways together. */
export interface OnceTable {
  name: string
  until_us: number
}

/** Events of the audit trail: the actor, the action, its target and the outcome. */
export interface AuditEventsTable {
  /** Order of arrival. */
  seq: Generated<number>
  id: string
  organization_id: string
  workspace_id: string
  at_us: number
  actor: string
  action: string
  target: string
  outcome: string
  reason: string
  /** HTTP status; 0 for events that are no requests. */
  status: number
  correlation_id: string
  client_address: string
  /** JSON object. */
  detail: string
}

/** What was spent, by spender, by the quarter hour in which the exchange began, and by the gateway that served it. */
export interface SpendTable {
  subject: string
  slot_us: number
  /** One run of one gateway's process; empty for merged rows. */
  instance: string
  cost_nano_usd: number
  tokens: number
  /** Charged for exchanges of unknown cost: their estimated cost. */
  assumed_nano_usd: number
  unknown_cost_requests: number
}

/** Facts about the installation as a whole: a fingerprint of its pepper, and its id. */
export interface InstallationTable {
  name: 'pepper_print' | 'id'
  value: string
}

/** What operators changed of budgets; see `Adjustment`. Times are epoch milliseconds. */
export interface LimitAdjustmentsTable {
  policy: string
  subject: string
  /** -1 for never. */
  reset_from_ms: number
  forgiven_nano_usd: number
  forgiven_tokens: number
  raised_to_nano_usd: number
  raised_until_ms: number
  changed_at_ms: number
}

/** The tables, by name. */
export interface Tables {
  traces: TracesTable
  trace_details: TraceDetailsTable
  trace_bodies: TraceBodiesTable
  trace_tags: TraceTagsTable
  job_progress: JobProgressTable
  rollups: RollupsTable
  body_chunks: BodyChunksTable
  counters: CountersTable
  organizations: OrganizationsTable
  workspaces: WorkspacesTable
  gateway_keys: GatewayKeysTable
  installation: InstallationTable
  once: OnceTable
  audit_events: AuditEventsTable
  spend: SpendTable
  limit_adjustments: LimitAdjustmentsTable
}
