import { StorageError } from '../storage-error.ts'
import { attemptColumns } from './attempt-columns.ts'
import { failedAnswers } from './failed-answers.ts'

/** The parts of SQL that databases write differently. */
export interface SqlDialect {
  /** Primary key that numbers rows in the order of their arrival. */
  readonly serialKey: string
  /** Primary key that is another table's number. */
  readonly rowKey: string
  /** Text that compares byte by byte. */
  readonly text: string
  readonly bytes: string
  /** What ends a table that is its own primary key's index. */
  readonly clustered: string
}

/** One step of the schema. Names are permanent: a database remembers which it has taken. */
export interface Migration {
  readonly name: string
  statements(dialect: SqlDialect): readonly string[]
}

/** The schema, step by step. Statements use only SQL that every supported database understands. */
export const MIGRATIONS: readonly Migration[] = [
  {
    name: '001_traces',
    statements: ({ serialKey, rowKey, text, bytes }) => [
      `CREATE TABLE traces (
        seq ${serialKey},
        id ${text} NOT NULL UNIQUE,
        organization_id ${text} NOT NULL,
        workspace_id ${text} NOT NULL,
        gateway_key_id ${text} NOT NULL,
        trace_group_id ${text} NOT NULL,
        thread_id ${text} NOT NULL,
        run_id ${text} NOT NULL,
        started_at_us BIGINT NOT NULL,
        created_at_us BIGINT NOT NULL,
        provider ${text} NOT NULL,
        api ${text} NOT NULL,
        requested_model ${text} NOT NULL,
        model ${text} NOT NULL,
        request_method ${text} NOT NULL,
        request_path ${text} NOT NULL,
        response_status INTEGER NOT NULL,
        outcome ${text} NOT NULL,
        error_code ${text} NOT NULL,
        streaming INTEGER NOT NULL,
        input_tokens BIGINT NOT NULL,
        output_tokens BIGINT NOT NULL,
        total_tokens BIGINT NOT NULL,
        cache_read_input_tokens BIGINT NOT NULL,
        cache_creation_input_tokens BIGINT NOT NULL,
        reasoning_tokens BIGINT NOT NULL,
        usage_source ${text} NOT NULL,
        cost_status ${text} NOT NULL,
        cost_nano_usd BIGINT,
        latency_ms BIGINT NOT NULL,
        time_to_first_token_ms BIGINT NOT NULL,
        time_to_first_token_us BIGINT NOT NULL,
        finish_reason ${text} NOT NULL,
        upstream_request_id ${text} NOT NULL,
        correlation_id ${text} NOT NULL,
        api_key_hash ${text} NOT NULL
      )`,
      `CREATE INDEX traces_created ON traces (created_at_us)`,
      `CREATE INDEX traces_started ON traces (started_at_us)`,
      `CREATE INDEX traces_tenant ON traces (organization_id, workspace_id, created_at_us)`,
      `CREATE INDEX traces_group ON traces (trace_group_id, created_at_us) WHERE trace_group_id <> ''`,
      `CREATE INDEX traces_thread ON traces (thread_id, created_at_us) WHERE thread_id <> ''`,
      `CREATE INDEX traces_run ON traces (run_id, created_at_us) WHERE run_id <> ''`,
      `CREATE TABLE trace_details (
        seq ${rowKey},
        document ${text} NOT NULL
      )`,
      `CREATE TABLE trace_bodies (
        seq ${rowKey},
        request_body ${bytes},
        response_body ${bytes}
      )`,
    ],
  },
  {
    name: '002_attribution',
    statements: ({ text }) => [
      ...[
        'session_id',
        'end_user',
        'client',
        'client_version',
        'agent',
        'project',
        'tags',
        'consumption_id',
      ].map((column) => `ALTER TABLE traces ADD COLUMN ${column} ${text} NOT NULL DEFAULT ''`),
      `CREATE INDEX traces_session ON traces (session_id, created_at_us) WHERE session_id <> ''`,
      `CREATE INDEX traces_end_user ON traces (end_user, created_at_us) WHERE end_user <> ''`,
      `CREATE INDEX traces_consumption ON traces (consumption_id) WHERE consumption_id <> ''`,
      `CREATE TABLE trace_tags (
        seq BIGINT NOT NULL,
        key ${text} NOT NULL,
        value ${text} NOT NULL,
        PRIMARY KEY (seq, key)
      )`,
      `CREATE INDEX trace_tags_value ON trace_tags (key, value, seq)`,
      `CREATE TABLE job_progress (job ${text} PRIMARY KEY, last_seq BIGINT NOT NULL)`,
    ],
  },
  {
    name: '003_rollups_and_chunks',
    statements: ({ text, bytes, clustered }) => [
      `CREATE TABLE rollups (
        span INTEGER NOT NULL,
        dimension ${text} NOT NULL,
        organization_id ${text} NOT NULL,
        workspace_id ${text} NOT NULL,
        start_us BIGINT NOT NULL,
        value ${text} NOT NULL,
        provider ${text} NOT NULL,
        model ${text} NOT NULL,
        requests BIGINT NOT NULL,
        input_tokens BIGINT NOT NULL,
        output_tokens BIGINT NOT NULL,
        total_tokens BIGINT NOT NULL,
        cache_read_input_tokens BIGINT NOT NULL,
        cache_creation_input_tokens BIGINT NOT NULL,
        reasoning_tokens BIGINT NOT NULL,
        cost_nano_usd BIGINT NOT NULL,
        unknown_cost_requests BIGINT NOT NULL,
        estimated_cost_requests BIGINT NOT NULL,
        unmetered_requests BIGINT NOT NULL,
        errors_4xx BIGINT NOT NULL,
        errors_5xx BIGINT NOT NULL,
        latency_ms BIGINT NOT NULL,
        time_to_first_token_ms BIGINT NOT NULL,
        min_latency_ms BIGINT NOT NULL,
        max_latency_ms BIGINT NOT NULL,
        max_duration_us BIGINT NOT NULL,
        last_created_at_us BIGINT NOT NULL,
        latencies ${bytes} NOT NULL,
        PRIMARY KEY (span, dimension, organization_id, workspace_id, start_us, value, provider, model)
      ) ${clustered}`,
      `CREATE TABLE body_chunks (
        organization_id ${text} NOT NULL,
        workspace_id ${text} NOT NULL,
        hash ${bytes} NOT NULL,
        uses BIGINT NOT NULL,
        bytes BIGINT NOT NULL,
        data ${bytes} NOT NULL,
        PRIMARY KEY (organization_id, workspace_id, hash)
      )`,
      // Ranges are matched by the end of exchanges. Rare filters have an index of their own.
      `DROP INDEX traces_started`,
      `DROP INDEX traces_created`,
      `DROP INDEX traces_tenant`,
      `CREATE INDEX traces_created ON traces (created_at_us, total_tokens)`,
      `CREATE INDEX traces_tenant ON traces (organization_id, workspace_id, created_at_us, total_tokens)`,
      `CREATE INDEX traces_model ON traces (model, created_at_us)`,
      `CREATE INDEX traces_api_key ON traces (api_key_hash, created_at_us) WHERE api_key_hash <> ''`,
      `CREATE INDEX traces_gateway_key ON traces (gateway_key_id, created_at_us) WHERE gateway_key_id <> ''`,
      `CREATE INDEX traces_client ON traces (client, created_at_us) WHERE client <> ''`,
      `CREATE INDEX traces_status ON traces (response_status, created_at_us) WHERE response_status <> 200`,
      `CREATE INDEX traces_arrival ON traces (organization_id, workspace_id, seq)`,
      // With the time in the index, a list by tag is read in order instead of sorted.
      `ALTER TABLE trace_tags ADD COLUMN created_at_us BIGINT NOT NULL DEFAULT 0`,
      `UPDATE trace_tags SET created_at_us = (SELECT created_at_us FROM traces WHERE traces.seq = trace_tags.seq)`,
      `DROP INDEX trace_tags_value`,
      `CREATE INDEX trace_tags_value ON trace_tags (key, value, created_at_us, seq)`,
      `CREATE TABLE counters (name ${text} PRIMARY KEY, value BIGINT NOT NULL)`,
      `INSERT INTO counters (name, value) VALUES ('rolled_up_seq', 0)`,
      `INSERT INTO counters (name, value) SELECT 'traces', COUNT(*) FROM traces`,
      `INSERT INTO counters (name, value) SELECT 'trace_bytes', COALESCE(SUM(LENGTH(document)), 0) FROM trace_details`,
      `INSERT INTO counters (name, value)
        SELECT 'body_bytes', COALESCE(SUM(COALESCE(LENGTH(request_body), 0) + COALESCE(LENGTH(response_body), 0)), 0)
        FROM trace_bodies`,
      `ALTER TABLE trace_bodies ADD COLUMN request_chunks ${bytes}`,
      `ALTER TABLE trace_bodies ADD COLUMN response_chunks ${bytes}`,
    ],
  },
  {
    name: '004_tenants_and_keys',
    statements: ({ text }) => [
      `CREATE TABLE organizations (id ${text} PRIMARY KEY, name ${text} NOT NULL, created_at_us BIGINT NOT NULL)`,
      `CREATE TABLE workspaces (
        organization_id ${text} NOT NULL,
        id ${text} NOT NULL,
        name ${text} NOT NULL,
        created_at_us BIGINT NOT NULL,
        PRIMARY KEY (organization_id, id)
      )`,
      `CREATE TABLE gateway_keys (
        id ${text} PRIMARY KEY,
        organization_id ${text} NOT NULL,
        workspace_id ${text} NOT NULL,
        name ${text} NOT NULL,
        description ${text} NOT NULL,
        created_by ${text} NOT NULL,
        role ${text} NOT NULL,
        permissions ${text} NOT NULL,
        hash ${text} NOT NULL UNIQUE,
        created_at_us BIGINT NOT NULL,
        last_used_at_us BIGINT,
        revoked_at_us BIGINT
      )`,
    ],
  },
  {
    name: '005_key_schemes',
    statements: ({ text }) => [
      `ALTER TABLE gateway_keys ADD COLUMN scheme ${text} NOT NULL DEFAULT 'sha256'`,
      `CREATE TABLE installation (name ${text} PRIMARY KEY, value ${text} NOT NULL)`,
    ],
  },
  {
    name: '006_age_of_bodies',
    statements: () => [
      `ALTER TABLE trace_bodies ADD COLUMN created_at_us BIGINT NOT NULL DEFAULT 0`,
      `UPDATE trace_bodies
        SET created_at_us = (SELECT created_at_us FROM traces WHERE traces.seq = trace_bodies.seq)`,
      `CREATE INDEX trace_bodies_created ON trace_bodies (created_at_us)`,
    ],
  },
  {
    name: '007_tenants_of_tags',
    statements: ({ text }) => [
      ...['organization_id', 'workspace_id'].flatMap((column) => [
        `ALTER TABLE trace_tags ADD COLUMN ${column} ${text} NOT NULL DEFAULT ''`,
        `UPDATE trace_tags SET ${column} = (SELECT ${column} FROM traces WHERE traces.seq = trace_tags.seq)`,
      ]),
      `CREATE INDEX trace_tags_tenant
        ON trace_tags (organization_id, workspace_id, key, value, created_at_us, seq)`,
    ],
  },
  {
    name: '008_key_lifecycle',
    statements: ({ serialKey, text, clustered }) => [
      // A key's id is unique within its workspace: a conflict does not reveal the ids of others.
      `ALTER TABLE gateway_keys RENAME TO gateway_keys_before`,
      `CREATE TABLE gateway_keys (
        organization_id ${text} NOT NULL,
        workspace_id ${text} NOT NULL,
        id ${text} NOT NULL,
        name ${text} NOT NULL,
        description ${text} NOT NULL,
        created_by ${text} NOT NULL,
        role ${text} NOT NULL,
        permissions ${text} NOT NULL,
        labels ${text} NOT NULL,
        rules ${text} NOT NULL,
        limits ${text} NOT NULL,
        prefix ${text} NOT NULL,
        hash ${text} NOT NULL UNIQUE,
        scheme ${text} NOT NULL,
        previous_hash ${text} NOT NULL,
        previous_scheme ${text} NOT NULL,
        previous_until_us BIGINT NOT NULL,
        created_at_us BIGINT NOT NULL,
        updated_at_us BIGINT NOT NULL,
        expires_at_us BIGINT,
        last_used_at_us BIGINT,
        revoked_at_us BIGINT,
        PRIMARY KEY (organization_id, workspace_id, id)
      )`,
      `INSERT INTO gateway_keys
        SELECT organization_id, workspace_id, id, name, description, created_by, role, permissions, '{}', '{}', '[]', '',
          hash, scheme, '', 'sha256', 0, created_at_us, created_at_us, NULL, last_used_at_us, revoked_at_us
        FROM gateway_keys_before`,
      `DROP TABLE gateway_keys_before`,
      `INSERT INTO counters (name, value) VALUES ('gateway_keys_version', 1)`,
      `CREATE TABLE once (name ${text} PRIMARY KEY, until_us BIGINT NOT NULL)`,
      `CREATE TABLE audit_events (
        seq ${serialKey},
        id ${text} NOT NULL UNIQUE,
        organization_id ${text} NOT NULL,
        workspace_id ${text} NOT NULL,
        at_us BIGINT NOT NULL,
        actor ${text} NOT NULL,
        action ${text} NOT NULL,
        target ${text} NOT NULL,
        outcome ${text} NOT NULL,
        reason ${text} NOT NULL,
        status INTEGER NOT NULL,
        correlation_id ${text} NOT NULL,
        client_address ${text} NOT NULL,
        detail ${text} NOT NULL
      )`,
      `CREATE INDEX audit_events_tenant ON audit_events (organization_id, workspace_id, seq)`,
      `CREATE INDEX audit_events_at ON audit_events (at_us)`,
      `CREATE TABLE spend (
        subject ${text} NOT NULL,
        slot_us BIGINT NOT NULL,
        instance ${text} NOT NULL,
        cost_nano_usd BIGINT NOT NULL,
        tokens BIGINT NOT NULL,
        assumed_nano_usd BIGINT NOT NULL,
        unknown_cost_requests BIGINT NOT NULL,
        PRIMARY KEY (subject, slot_us, instance)
      ) ${clustered}`,
    ],
  },
  {
    // For databases that several gateways share; see their own statements.
    name: '009_shared_limits',
    statements: () => [],
  },
  {
    // The function of shared limits, replaced.
    name: '010_limits_at_one_moment',
    statements: () => [],
  },
  {
    // And row-level security for whole organizations, for rows of no tenant, and for spend and counters.
    name: '011_scopes',
    statements: ({ text }) => [
      `ALTER TABLE gateway_keys ADD COLUMN scope ${text} NOT NULL DEFAULT 'workspace'`,
    ],
  },
  {
    // Counted in characters by some, and not where costs were replaced.
    name: '012_bytes_of_details',
    statements: () => [
      `UPDATE counters SET value = (SELECT COALESCE(SUM(OCTET_LENGTH(document)), 0) FROM trace_details)
        WHERE name = 'trace_bytes'`,
      // `db check` looks at this one too from here on.
      `UPDATE counters SET value = (
          SELECT COALESCE(SUM(COALESCE(LENGTH(request_body), 0) + COALESCE(LENGTH(response_body), 0)), 0) FROM trace_bodies
        ) + (SELECT COALESCE(SUM(LENGTH(data)), 0) FROM body_chunks)
        WHERE name = 'body_bytes'`,
    ],
  },
  failedAnswers,
  {
    // Sums are made by quarter of an hour from now on, which earlier versions would not find. Existing hours stay until their
    // traces are summed up again.
    name: '014_quarter_hours',
    statements: () => [],
  },
  {
    // Use that a subscription pays for. The function of shared limits is replaced: it counts that apart.
    name: '015_included_cost',
    statements: () => [
      `ALTER TABLE traces ADD COLUMN list_price_nano_usd BIGINT`,
      `ALTER TABLE rollups ADD COLUMN included_requests BIGINT NOT NULL DEFAULT 0`,
      `ALTER TABLE rollups ADD COLUMN list_price_nano_usd BIGINT NOT NULL DEFAULT 0`,
    ],
  },
  {
    // What operators changed of budgets. Strict budgets change the function of shared limits, too.
    name: '018_limit_adjustments',
    statements: ({ text, clustered }) => [
      `CREATE TABLE limit_adjustments (
        policy ${text} NOT NULL,
        subject ${text} NOT NULL,
        reset_from_ms BIGINT NOT NULL,
        forgiven_nano_usd BIGINT NOT NULL,
        forgiven_tokens BIGINT NOT NULL,
        raised_to_nano_usd BIGINT NOT NULL,
        raised_until_ms BIGINT NOT NULL,
        changed_at_ms BIGINT NOT NULL,
        PRIMARY KEY (policy, subject)
      ) ${clustered}`,
    ],
  },
  {
    // Another index of consumption in SQLite; see its own statements.
    name: '019_consumption_pages',
    statements: () => [],
  },
  attemptColumns,
]

/**
 * A database that a newer version has changed must not be written by an older one.
 *
 * @param taken names of the migrations it has taken
 * @throws StorageError with what to do
 */
export function refuseNewer(taken: readonly string[]): void {
  const strange = taken.find((name) => MIGRATIONS.every((migration) => migration.name !== name))
  if (strange === undefined) return
  throw new StorageError(
    `the database was changed by a newer version of this gateway (migration "${strange}"); start that version, or restore a copy from before`,
  )
}

/**
 * Refuses to read a database with another version's schema, because reading changes nothing.
 *
 * @throws StorageError with what to do
 */
export function refuseOther(taken: readonly string[]): void {
  refuseNewer(taken)
  if (MIGRATIONS.every(({ name }) => taken.includes(name))) return
  throw new StorageError(
    'the schema is of an older version; `ongoingai db migrate` or `serve` bring it up to date',
  )
}
