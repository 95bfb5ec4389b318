// Starts a PostgreSQL server and keeps it while a test run lasts: `bun keep-postgres.ts <process id of the run> <folder of the run>`.
import { renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startPostgresServer } from './postgres-server.ts'
import { KEPT_FILE, type KeptPostgres } from './shared-postgres.ts'

const [run, folder] = [Number(process.argv[2]), process.argv[3]!]

/** Those who wait have no time limit of their own. */
const START_MS = 180_000

/** Reports whole or not at all. */
function report(kept: KeptPostgres): void {
  const path = join(folder, KEPT_FILE)
  writeFileSync(`${path}.new`, JSON.stringify(kept))
  renameSync(`${path}.new`, path)
}

function running(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

// Ctrl+C in a terminal reaches the run too, and ends it.
process.on('SIGINT', () => {})
try {
  const server = await startPostgresServer(START_MS)
  report({ url: server.url })
  while (running(run)) await Bun.sleep(250)
  await server.stop()
} catch (error) {
  report({ error: error instanceof Error ? error.message : String(error) })
  while (running(run)) await Bun.sleep(250)
}
rmSync(folder, { recursive: true, force: true })
