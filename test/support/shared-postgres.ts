import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually } from './eventually.ts'
import { installTestPackage } from './test-package.ts'
import { waitForLock } from './wait-for-lock.ts'

/** What the keeper of the server reports in the folder of a run, `keep-postgres.ts`. */
export type KeptPostgres = { readonly url: string } | { readonly error: string }

/** Where it reports it. */
export const KEPT_FILE = 'postgres.json'

/** A file of tests runs in a worker of the test runner, or in the runner itself. */
const RUN = process.env['BUN_TEST_WORKER_ID'] === undefined ? process.pid : process.ppid

/**
 * The server that all files of a test run share: the first that needs one starts it, and it ends with the run.
 *
 * @returns the superuser's connection string
 * @throws Error that says why there is none
 */
export async function sharedPostgresUrl(): Promise<string> {
  const folder = join(tmpdir(), `ongoingai-test-run-${RUN}`)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  await installTestPackage('postgres')
  // The others of the run wait, and find the server of the first.
  const lock = await waitForLock(join(folder, 'start.lock'))
  try {
    if (!existsSync(join(folder, KEPT_FILE))) startKeeper(folder)
    const kept = await report(folder)
    if ('error' in kept) throw new Error(kept.error)
    return kept.url
  } finally {
    lock.release()
  }
}

/** A shell starts it and ends: the test runner kills what a test that timed out has started, and must not know of this one. */
function startKeeper(folder: string): void {
  const program = join(import.meta.dir, 'keep-postgres.ts')
  const words = [process.execPath, program, String(RUN), folder]
  Bun.spawnSync(['sh', '-c', '"$@" &', 'sh', ...words], { stdio: ['ignore', 'ignore', 'ignore'] })
}

async function report(folder: string): Promise<KeptPostgres> {
  const path = join(folder, KEPT_FILE)
  // Longer than the keeper tries: without a report it is gone.
  await eventually(() => existsSync(path), 240_000)
  return JSON.parse(readFileSync(path, 'utf8')) as KeptPostgres
}
