import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'

/** How long a start may take on a busy machine. */
const READY_MS = 60_000

/**
 * Lets an executable start once, and writes down which functions it used: the order in which the next build puts them. One file serves
 * every platform, and stays good for what has not changed.
 *
 * @param executable of this platform
 * @param file where the order is written
 * @throws Error when it does not start, or writes nothing
 */
export async function recordStart(executable: string, file: string): Promise<void> {
  mkdirSync(dirname(resolve(file)), { recursive: true })
  const folder = mkdtempSync(join(tmpdir(), 'ongoingai-start-'))
  const port = freePort()
  const child = Bun.spawn([resolve(executable), 'serve'], {
    cwd: folder,
    env: { BUN_BYTECODE_ORDER_OUT: resolve(file), ONGOINGAI_HOST: '127.0.0.1', ONGOINGAI_PORT: String(port) },
    stdout: 'ignore',
    stderr: 'inherit',
  })
  try {
    await ready(`http://127.0.0.1:${port}/api/ready`, child)
  } finally {
    child.kill()
    await child.exited
    rmSync(folder, { recursive: true })
  }
  if (!existsSync(file)) throw new Error(`${executable} did not write ${file}`)
}

async function ready(url: string, child: Bun.Subprocess): Promise<void> {
  const until = Date.now() + READY_MS
  while (child.exitCode === null && Date.now() < until) {
    const response = await fetch(url).catch(() => undefined)
    if (response?.ok) return
    await Bun.sleep(20)
  }
  throw new Error('the executable does not start')
}

function freePort(): number {
  const server = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: () => new Response() })
  const { port } = server
  void server.stop(true)
  return port!
}
