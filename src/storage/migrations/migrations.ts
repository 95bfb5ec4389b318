/** One step of the schema. Names are permanent: a database remembers which it has taken. */
export interface Migration {
  readonly name: string
  readonly statements: readonly string[]
}

/** The schema, step by step. Statements keep to what every supported database understands. */
export const MIGRATIONS: readonly Migration[] = [
  {
    name: '001_traces',
    statements: [
      `CREATE TABLE traces (
        seq INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        organization_id TEXT NOT NULL,
        workspace_id TEXT NOT NULL,
        gateway_key_id TEXT NOT NULL,
        trace_group_id TEXT NOT NULL,
        thread_id TEXT NOT NULL,
        run_id TEXT NOT NULL,
        started_at_us BIGINT NOT NULL,
        created_at_us BIGINT NOT NULL,
        provider TEXT NOT NULL,
        api TEXT NOT NULL,
        requested_model TEXT NOT NULL,
        model TEXT NOT NULL,
        request_method TEXT NOT NULL,
        request_path TEXT NOT NULL,
        response_status INTEGER NOT NULL,
        outcome TEXT NOT NULL,
        error_code TEXT NOT NULL,
        streaming INTEGER NOT NULL,
        input_tokens BIGINT NOT NULL,
        output_tokens BIGINT NOT NULL,
        total_tokens BIGINT NOT NULL,
        cache_read_input_tokens BIGINT NOT NULL,
        cache_creation_input_tokens BIGINT NOT NULL,
        reasoning_tokens BIGINT NOT NULL,
        usage_source TEXT NOT NULL,
        cost_status TEXT NOT NULL,
        cost_nano_usd BIGINT,
        latency_ms BIGINT NOT NULL,
        time_to_first_token_ms BIGINT NOT NULL,
        time_to_first_token_us BIGINT NOT NULL,
        finish_reason TEXT NOT NULL,
        upstream_request_id TEXT NOT NULL,
        correlation_id TEXT NOT NULL,
        api_key_hash TEXT NOT NULL
      )`,
      `CREATE INDEX traces_created ON traces (created_at_us)`,
      `CREATE INDEX traces_started ON traces (started_at_us)`,
      `CREATE INDEX traces_tenant ON traces (organization_id, workspace_id, created_at_us)`,
      `CREATE INDEX traces_group ON traces (trace_group_id, created_at_us) WHERE trace_group_id <> ''`,
      `CREATE INDEX traces_thread ON traces (thread_id, created_at_us) WHERE thread_id <> ''`,
      `CREATE INDEX traces_run ON traces (run_id, created_at_us) WHERE run_id <> ''`,
      `CREATE TABLE trace_details (
        seq INTEGER PRIMARY KEY,
        document TEXT NOT NULL
      )`,
      `CREATE TABLE trace_bodies (
        seq INTEGER PRIMARY KEY,
        request_body BLOB,
        response_body BLOB
      )`,
    ],
  },
  {
    name: '002_attribution',
    statements: [
      ...[
        'session_id',
        'end_user',
        'client',
        'client_version',
        'agent',
        'project',
        'tags',
        'consumption_id',
      ].map((column) => `ALTER TABLE traces ADD COLUMN ${column} TEXT NOT NULL DEFAULT ''`),
      `CREATE INDEX traces_session ON traces (session_id, created_at_us) WHERE session_id <> ''`,
      `CREATE INDEX traces_end_user ON traces (end_user, created_at_us) WHERE end_user <> ''`,
      `CREATE INDEX traces_consumption ON traces (consumption_id) WHERE consumption_id <> ''`,
      `CREATE TABLE trace_tags (
        seq INTEGER NOT NULL,
        key TEXT NOT NULL,
        value TEXT NOT NULL,
        PRIMARY KEY (seq, key)
      )`,
      `CREATE INDEX trace_tags_value ON trace_tags (key, value, seq)`,
      `CREATE TABLE job_progress (job TEXT PRIMARY KEY, last_seq BIGINT NOT NULL)`,
    ],
  },
]
