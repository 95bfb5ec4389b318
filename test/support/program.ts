import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { waitForLock } from './wait-for-lock.ts'

const ROOT = join(import.meta.dir, '../..')

/** The program of this checkout. */
export const MAIN = join(ROOT, 'src/main.ts')

/** Executables of the tests, one for each state of the sources. */
const FOLDER = join(ROOT, 'node_modules/.cache/test-program')

/** What the executable is made of. */
const SOURCES = ['src/**/*', 'openapi.yaml', 'package-lock.json', 'scripts/build.ts']

/**
 * The words that start the program. A whole test run builds the executable once, because it starts some hundred times, each in a
 * third of the time that the sources take. A single file that is tested does not wait for a build: it runs the sources, unless there is one.
 */
export const PROGRAM: readonly string[] = await program()

async function program(): Promise<readonly string[]> {
  const name = stateOfSources()
  const built = join(FOLDER, name)
  if (existsSync(built)) return [built]
  if (process.env['BUN_TEST_WORKER_ID'] === undefined) return [process.execPath, MAIN]
  mkdirSync(FOLDER, { recursive: true })
  const lock = await waitForLock(join(FOLDER, 'lock'))
  try {
    if (!existsSync(built)) build(name)
  } finally {
    lock.release()
  }
  return [built]
}

function build(name: string): void {
  for (const old of readdirSync(FOLDER)) {
    if (old.startsWith('ongoingai-')) rmSync(join(FOLDER, old), { force: true })
  }
  const outfile = join(FOLDER, `${name}.new`)
  const { exitCode, stderr } = Bun.spawnSync([process.execPath, 'scripts/build.ts', `--outfile=${outfile}`], {
    cwd: ROOT,
    env: { PATH: process.env['PATH'] ?? '', COMMIT: 'none', DATE: 'unknown' },
  })
  if (exitCode !== 0) throw new Error(`the program for the tests was not built:\n${stderr.toString()}`)
  renameSync(outfile, join(FOLDER, name))
}

function stateOfSources(): string {
  const hash = new Bun.CryptoHasher('sha256')
  hash.update(Bun.revision)
  const paths = SOURCES.flatMap((pattern) => [...new Bun.Glob(pattern).scanSync({ cwd: ROOT })])
  for (const path of paths.filter((one) => !one.endsWith('.test.ts')).sort()) {
    hash.update(`\n${path}\n`)
    hash.update(readFileSync(join(ROOT, path)))
  }
  return `ongoingai-${hash.digest('hex').slice(0, 16)}`
}
