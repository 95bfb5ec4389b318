import pg from 'pg'
import { openPostgresStorage } from '../../src/storage/drivers/postgres.ts'
import { sharedPostgresUrl } from './shared-postgres.ts'

/** A PostgreSQL server that tests may fill. Other files of the run may use it at the same time. */
export interface TestPostgres {
  /** Version as the server reports it: `18.4`. */
  readonly version: string
  /** Makes an empty database. @returns its connection string, as a role that row-level security binds */
  createDatabase(): Promise<string>
  /** Makes a database that this version has migrated and that holds nothing: a copy of one, which is quick. @returns as above */
  createMigratedDatabase(): Promise<string>
  /** The superuser's connection string to a database made here. */
  superuserDsn(dsn: string): string
  /** Runs statements in a database made here, as the superuser. */
  query(dsn: string, statement: string): Promise<Record<string, unknown>[]>
  /** Drops the databases made here. */
  stop(): Promise<void>
}

/** A role without the right to bypass row-level security owns every test's database. */
const ROLE = 'ongoingai_test'

/** Copies files where nothing waits for the disk (`postgres-server.ts`), which takes half the time of writing them to the log too. */
const STRATEGY = process.env['TEST_POSTGRES_URL'] === undefined ? 'STRATEGY file_copy' : ''

/** A superuser's. The server of the run is started when this file is imported, where no hook's time limit runs. */
const url = process.env['TEST_POSTGRES_URL'] ?? (await sharedPostgresUrl())

/** The server of `TEST_POSTGRES_URL`, or the one of this test run. */
export async function openTestPostgres(): Promise<TestPostgres> {
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
  const create = async (template: string): Promise<string> => {
    const name = `ongoingai_test_${crypto.randomUUID().replaceAll('-', '')}`
    await admin.query(`CREATE DATABASE ${name} OWNER ${ROLE} TEMPLATE ${template} ${STRATEGY}`)
    databases.push(name)
    const dsn = new URL(url)
    dsn.username = ROLE
    dsn.password = 'test'
    dsn.pathname = `/${name}`
    return dsn.href
  }
  let migrated: Promise<string> | undefined
  const migrate = async (): Promise<string> => {
    const dsn = await create('template1')
    const storage = await openPostgresStorage({
      dsn,
      mode: 'write',
      maxConnections: 2,
      queryTimeoutMs: 30_000,
    })
    await storage.close()
    return new URL(dsn).pathname.slice(1)
  }
  return {
    version: String((rows[0] as { server_version: string }).server_version),
    createDatabase: () => create('template1'),
    async createMigratedDatabase() {
      migrated ??= migrate()
      return create(await migrated)
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
    },
  }
}
