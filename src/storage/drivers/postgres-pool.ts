import type { PostgresPool, PostgresPoolClient, PostgresQueryResult } from 'kysely'
import pg from 'pg'
import { postgresUrl } from '../postgres/dsn.ts'

/** How long a connection may take to come about. */
const CONNECT_MS = 5000

/**
 * Connections to a database, for Kysely. A connection that breaks fails its query; one that breaks while idle is
 * replaced by the next. A connection that may not respond again is not reused.
 *
 * @param dsn connection string, as a URL or in keywords
 */
export function openPool(dsn: string, options: pg.PoolConfig): PostgresPool {
  const pool = new pg.Pool({
    connectionString: postgresUrl(dsn),
    connectionTimeoutMillis: CONNECT_MS,
    idleTimeoutMillis: 60_000,
    maxLifetimeSeconds: 1800,
    keepAlive: true,
    application_name: 'ongoingai',
    types: { getTypeParser: (oid, format) => NUMBERS.get(oid) ?? pg.types.getTypeParser(oid, format) },
    ...options,
  })
  pool.on('error', () => undefined)
  pool.on('connect', (client) => client.on('error', () => undefined))
  return {
    options: pool.options,
    connect: async () => lend(await pool.connect()),
    end: () => pool.end(),
  }
}

/** 64-bit and exact decimal sums come as text by default. The store's are whole and below 2^53. */
const NUMBERS: ReadonlyMap<number, (text: string) => number> = new Map([
  [pg.types.builtins.INT8, Number],
  [pg.types.builtins.NUMERIC, Number],
])

/**
 * A connection for a while. Once it is lost it gets no further query, not even a rollback. It is closed instead of returned
 * then, and also while a response is outstanding.
 */
function lend(client: pg.PoolClient): PostgresPoolClient {
  let unanswered = 0
  let lost: Error | undefined
  async function query<R>(text: string, parameters: readonly unknown[]): Promise<PostgresQueryResult<R>> {
    if (lost) throw lost
    unanswered += 1
    try {
      return (await client.query(text, [...parameters])) as unknown as PostgresQueryResult<R>
    } catch (error) {
      if (error instanceof Error && !isRefusal(error)) lost = error
      throw error
    } finally {
      unanswered -= 1
    }
  }
  return {
    query: query as PostgresPoolClient['query'],
    release: (destroy) => client.release(destroy || lost !== undefined || unanswered > 0),
  }
}

/** Whether the server refused one query and waits for the next. It also reports the end of a connection this way. */
function isRefusal(error: Error): boolean {
  return (
    error instanceof pg.DatabaseError && error.severity !== 'FATAL' && !/^(08|57P)/.test(error.code ?? '')
  )
}
