import { sha256Of } from '../../access/key-hash.ts'
import { NO_RULES } from '../../access/key-rules.ts'
import type { StoredGatewayKey } from '../../access/key-store.ts'
import type { DirectoryEntries } from '../contract/tenant-directory.ts'
import { GO_COLUMNS, type GoSource, type GoTraceRow } from '../import/go-source.ts'
import { postgresUrl } from '../postgres/dsn.ts'
import { StorageError } from '../storage-error.ts'
import pg from 'pg'

const CONNECT_MS = 5000

/** Texts of times in UTC, whatever the session's zone. */
const TIME = `'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'`

/**
 * Opens a PostgreSQL database of the Go gateway for reading.
 *
 * @throws StorageError when it cannot be reached or is not such a database
 */
export async function openGoPostgres(dsn: string): Promise<GoSource> {
  const client = new pg.Client({ connectionString: postgresUrl(dsn), connectionTimeoutMillis: CONNECT_MS })
  client.on('error', () => undefined)
  try {
    await client.connect()
    await client.query('SET default_transaction_read_only = on')
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new StorageError(`open postgres database: ${reason}`, { cause: error })
  }
  const columnsOf = async (table: string): Promise<Map<string, string>> => {
    const { rows } = await client.query<{ name: string; type: string }>(
      `SELECT attname AS name, atttypid::regtype::text AS type FROM pg_attribute
       WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped`,
      [table],
    )
    return new Map(rows.map(({ name, type }) => [name, type]))
  }
  const known = await columnsOf('traces')
  if (!known.has('id') || !known.has('timestamp')) {
    await client.end()
    throw new StorageError('the postgres database is none of the Go gateway')
  }
  const selected = GO_COLUMNS.map((name) => {
    const type = known.get(name)
    if (type === undefined) return `NULL AS ${name}`
    if (type.startsWith('timestamp')) return `to_char(${name} AT TIME ZONE 'UTC', ${TIME}) AS ${name}`
    if (type === 'bigint') return `${name}::float8 AS ${name}`
    return type === 'jsonb' ? `${name}::text AS ${name}` : name
  })
  let cursor = false
  return {
    place: 'PostgreSQL',
    async count() {
      const { rows } = await client.query<{ rows: number }>('SELECT COUNT(*)::float8 AS rows FROM traces')
      return rows[0]?.rows ?? 0
    },
    /** Read once from front to back: rows have no number to find them by again, so those before the place are skipped. */
    async rows(after, limit) {
      if (!cursor) {
        await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')
        await client.query(
          `DECLARE rows NO SCROLL CURSOR FOR SELECT ${selected.join(', ')} FROM traces ORDER BY created_at, id`,
        )
        cursor = true
        if (after > 0) await client.query(`MOVE FORWARD ${after} IN rows`)
      }
      const { rows } = await client.query<Omit<GoTraceRow, 'position'>>(`FETCH FORWARD ${limit} FROM rows`)
      return rows.map((row, i) => ({ ...row, position: after + i + 1 }))
    },
    async directory() {
      return readDirectory(client, columnsOf)
    },
    close: () => client.end(),
  }
}

async function readDirectory(
  client: pg.Client,
  columnsOf: (table: string) => Promise<Map<string, string>>,
): Promise<DirectoryEntries> {
  const read = async <Row extends object>(table: string, columns: string): Promise<Row[]> => {
    if ((await columnsOf(table)).size === 0) return []
    return (await client.query<Row>(`SELECT ${columns} FROM ${table} ORDER BY 1, 2`)).rows
  }
  const us = (column: string): string => `(extract(epoch FROM ${column}) * 1000000)::float8 AS ${column}`
  const organizations = await read<{ id: string; name: string; created_at: number }>(
    'organizations',
    `id, name, ${us('created_at')}`,
  )
  const workspaces = await read<{ org_id: string; id: string; name: string; created_at: number }>(
    'workspaces',
    `org_id, id, name, ${us('created_at')}`,
  )
  const keys = await read<{
    id: string
    token_hash: string
    token: string | null
    org_id: string
    workspace_id: string
    name: string
    description: string
    created_by: string
    role: string
    permissions: string[] | null
    created_at: number
    last_used_at: number | null
    revoked_at: number | null
  }>(
    'gateway_keys',
    `id, token_hash, token, org_id, workspace_id, name, description, created_by, role, permissions,
     ${us('created_at')}, ${us('last_used_at')}, ${us('revoked_at')}`,
  )
  return {
    organizations: organizations.map(({ id, name, created_at }) => ({ id, name, createdAtUs: created_at })),
    workspaces: workspaces.map(({ org_id, id, name, created_at }) => ({
      organizationId: org_id,
      id,
      name,
      createdAtUs: created_at,
    })),
    keys: keys.map((key): StoredGatewayKey => ({
      id: key.id,
      organizationId: key.org_id || 'default',
      workspaceId: key.workspace_id || 'default',
      scope: 'workspace',
      name: key.name,
      description: key.description,
      createdBy: key.created_by,
      role: key.role,
      permissions: key.permissions ?? [],
      // Keys of the first versions stand there as they are.
      hash: key.token_hash.trim().toLowerCase() || sha256Of((key.token ?? '').trim()),
      scheme: 'sha256',
      prefix: '',
      previous: null,
      labels: {},
      rules: NO_RULES,
      limits: [],
      createdAtUs: key.created_at,
      updatedAtUs: key.created_at,
      expiresAtUs: null,
      lastUsedAtUs: key.last_used_at,
      revokedAtUs: key.revoked_at,
    })),
  }
}
