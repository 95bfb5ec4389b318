import { Database } from 'bun:sqlite'
import pg from 'pg'

/** A trace as the Go gateway stores it. */
export interface GoTrace {
  readonly id: string
  readonly group?: string
  readonly org?: string
  readonly workspace?: string
  /** Epoch microseconds. */
  readonly us: number
  readonly provider: string
  readonly model: string
  readonly path: string
  readonly status: number
  readonly input: number
  readonly output: number
  readonly latencyMs: number
  readonly ttftUs: number
  readonly keyHash: string
  readonly usd: number
  readonly metadata?: object
  readonly gatewayKeyId?: string
  readonly requestBody?: string
  /** JSON; some usual ones where absent. */
  readonly requestHeaders?: string
  readonly responseHeaders?: string
}

const COLUMNS = `id, trace_group_id, org_id, workspace_id, timestamp, provider, model, request_method, request_path,
  request_headers, request_body, response_status, response_headers, response_body, input_tokens, output_tokens, total_tokens,
  latency_ms, time_to_first_token_ms, time_to_first_token_us, api_key_hash, estimated_cost_usd, metadata, created_at, gateway_key_id`

/** Traces like those of a small team, the same at every call. */
export function goTraces(count: number): GoTrace[] {
  const start = Date.parse('2026-02-01T00:00:00Z') * 1000
  return Array.from({ length: count }, (_, i) => ({
    id: i.toString(16).padStart(32, '0'),
    us: start + i * 37_000_123,
    provider: i % 3 === 0 ? 'anthropic' : 'openai',
    model: ['gpt-4o-mini', 'claude-sonnet-4-latest', 'gpt-4o'][i % 3]!,
    path: i % 3 === 0 ? '/anthropic/v1/messages' : '/openai/v1/chat/completions',
    status: i % 11 === 0 ? 429 : i % 17 === 0 ? 500 : 200,
    input: (i * 13) % 900,
    output: (i * 7) % 300,
    latencyMs: (i * 31) % 1900,
    ttftUs: i % 2 === 0 ? 42_123 : 0,
    keyHash: i % 4 === 0 ? '' : `hash-${i % 4}`,
    usd: ((i * 13) % 900) * 0.000_000_25,
    ...(i % 5 === 0
      ? {
          group: `group-${i % 10}`,
          metadata: {
            lineage_group_id: `group-${i % 10}`,
            lineage_thread_id: 'thread-1',
            lineage_checkpoint_seq: i,
            odd: '<&>',
          },
        }
      : {}),
    ...(i % 6 === 0 ? { org: 'org-a', workspace: 'workspace-a', gatewayKeyId: 'gk_imported' } : {}),
    ...(i % 50 === 0 ? { requestBody: `{"q":"naïve ${i}"}` } : {}),
  }))
}

/** Go's own printing of a time in UTC: fraction without trailing zeros, `+0000 UTC` behind. */
export function goTime(us: number): string {
  const text = new Date(Math.floor(us / 1000)).toISOString()
  const fraction = String(us % 1_000_000)
    .padStart(6, '0')
    .replace(/0+$/, '')
  return `${text.slice(0, 10)} ${text.slice(11, 19)}${fraction === '' ? '' : `.${fraction}`} +0000 UTC`
}

function valuesOf(trace: GoTrace, time: string): (string | number | null)[] {
  return [
    trace.id,
    trace.group ?? '',
    trace.org ?? 'default',
    trace.workspace ?? 'default',
    time,
    trace.provider,
    trace.model,
    'POST',
    trace.path,
    trace.requestHeaders ??
      '{"Authorization":["Bearer sk-canary-of-the-go-gateway"],"Content-Type":["application/json"]}',
    trace.requestBody ?? '',
    trace.status,
    trace.responseHeaders ?? '{}',
    '',
    trace.input,
    trace.output,
    trace.input + trace.output,
    trace.latencyMs,
    Math.ceil(trace.ttftUs / 1000),
    trace.ttftUs,
    trace.keyHash,
    trace.usd,
    JSON.stringify(trace.metadata ?? {}),
    time,
    trace.gatewayKeyId ?? '',
  ]
}

/** Makes a SQLite file as the Go gateway leaves it: columns of its migrations, bookkeeping, times as Go's texts. */
export function makeGoSqlite(path: string, traces: readonly GoTrace[]): void {
  const database = new Database(path, { create: true })
  database.run('PRAGMA journal_mode = WAL')
  database.run(
    `CREATE TABLE schema_migrations (name TEXT PRIMARY KEY, applied_at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP)`,
  )
  database.run(`CREATE TABLE traces (id TEXT PRIMARY KEY, trace_group_id TEXT, org_id TEXT NOT NULL DEFAULT 'default',
    workspace_id TEXT NOT NULL DEFAULT 'default', timestamp DATETIME NOT NULL, provider TEXT NOT NULL, model TEXT NOT NULL,
    request_method TEXT NOT NULL, request_path TEXT NOT NULL, request_headers TEXT, request_body TEXT, response_status INTEGER,
    response_headers TEXT, response_body TEXT, input_tokens INTEGER, output_tokens INTEGER, total_tokens INTEGER,
    latency_ms INTEGER, time_to_first_token_ms INTEGER, time_to_first_token_us INTEGER, api_key_hash TEXT,
    estimated_cost_usd REAL, metadata TEXT, created_at DATETIME DEFAULT CURRENT_TIMESTAMP, gateway_key_id TEXT)`)
  for (const name of ['001_create_traces', '002_add_gateway_key_id']) {
    database.run('INSERT INTO schema_migrations (name) VALUES (?)', [`sqlite/${name}.sql`])
  }
  const insert = database.prepare(
    `INSERT INTO traces (${COLUMNS}) VALUES (${Array(25).fill('?').join(', ')})`,
  )
  database.transaction(() => {
    for (const trace of traces) insert.run(...valuesOf(trace, goTime(trace.us)))
  })()
  insert.finalize()
  database.close()
}

/** Makes the tables of the Go gateway in an empty PostgreSQL database, with a key whose token is `ogk_of_the_go_gateway`. */
export async function makeGoPostgres(dsn: string, traces: readonly GoTrace[]): Promise<void> {
  const client = new pg.Client({ connectionString: dsn })
  await client.connect()
  await client.query(`CREATE TABLE organizations (id TEXT PRIMARY KEY, name TEXT NOT NULL DEFAULT '',
    created_at TIMESTAMPTZ NOT NULL DEFAULT NOW());
    CREATE TABLE workspaces (id TEXT NOT NULL, org_id TEXT NOT NULL, name TEXT NOT NULL DEFAULT '',
    created_at TIMESTAMPTZ NOT NULL DEFAULT NOW());
    CREATE TABLE gateway_keys (id TEXT PRIMARY KEY, token_hash TEXT NOT NULL UNIQUE, token TEXT,
    org_id TEXT NOT NULL DEFAULT 'default', workspace_id TEXT NOT NULL DEFAULT 'default', name TEXT NOT NULL DEFAULT '',
    description TEXT NOT NULL DEFAULT '', created_by TEXT NOT NULL DEFAULT '', last_used_at TIMESTAMPTZ,
    role TEXT NOT NULL DEFAULT 'developer', permissions JSONB, revoked_at TIMESTAMPTZ, created_at TIMESTAMPTZ NOT NULL DEFAULT NOW());
    CREATE TABLE traces (id TEXT PRIMARY KEY, trace_group_id TEXT, org_id TEXT NOT NULL DEFAULT 'default',
    workspace_id TEXT NOT NULL DEFAULT 'default', timestamp TIMESTAMPTZ NOT NULL, provider TEXT NOT NULL, model TEXT NOT NULL,
    request_method TEXT NOT NULL, request_path TEXT NOT NULL, request_headers JSONB, request_body TEXT, response_status INTEGER,
    response_headers JSONB, response_body TEXT, input_tokens INTEGER, output_tokens INTEGER, total_tokens INTEGER,
    latency_ms BIGINT, time_to_first_token_ms BIGINT, time_to_first_token_us BIGINT, api_key_hash TEXT,
    estimated_cost_usd DOUBLE PRECISION, metadata JSONB, created_at TIMESTAMPTZ NOT NULL DEFAULT NOW(), gateway_key_id TEXT);
    INSERT INTO organizations (id, name) VALUES ('default', 'Default Organization'), ('org-a', 'A');
    INSERT INTO workspaces (id, org_id, name) VALUES ('default', 'default', 'Default Workspace'), ('workspace-a', 'org-a', 'WA')`)
  await client.query(
    `INSERT INTO gateway_keys (id, token_hash, token, org_id, workspace_id, name, role, permissions, revoked_at) VALUES
     ('gk_imported', $1, 'redacted:gk_imported', 'org-a', 'workspace-a', 'CI', 'developer', '["keys:manage"]', NULL),
     ('gk_revoked', $2, 'redacted:gk_revoked', 'org-a', 'workspace-a', 'old', 'owner', 'null', NOW())`,
    [Bun.SHA256.hash('ogk_of_the_go_gateway', 'hex'), Bun.SHA256.hash('ogk_revoked', 'hex')],
  )
  for (const trace of traces) {
    const values = valuesOf(trace, new Date(trace.us / 1000).toISOString())
    const iso = `${new Date(Math.floor(trace.us / 1000)).toISOString().slice(0, 19)}.${String(trace.us % 1_000_000).padStart(6, '0')}Z`
    values[4] = values[23] = iso
    const marks = values.map((_, i) => `$${i + 1}`).join(', ')
    await client.query(`INSERT INTO traces (${COLUMNS}) VALUES (${marks})`, values)
  }
  await client.end()
}
