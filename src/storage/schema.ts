import type { Generated } from 'kysely'

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
}

/** Tags of traces, one row each, by the trace's `seq`. */
export interface TraceTagsTable {
  seq: number
  key: string
  value: string
}

/** How far a long job has come, so that it can go on where it was interrupted. */
export interface JobProgressTable {
  job: string
  last_seq: number
}

/** What is read only when one trace is looked at, by the trace's `seq`. */
export interface TraceDetailsTable {
  seq: number
  /** JSON text: header fields, metadata, usage, receipt, timing. One text, because four cost the recorder twice as much. */
  document: string
}

/** Captured bodies, apart because they have a retention of their own. Bytes, not necessarily text. */
export interface TraceBodiesTable {
  seq: number
  request_body: Uint8Array | null
  response_body: Uint8Array | null
}

/** The tables, by name. */
export interface Tables {
  traces: TracesTable
  trace_details: TraceDetailsTable
  trace_bodies: TraceBodiesTable
  trace_tags: TraceTagsTable
  job_progress: JobProgressTable
}
