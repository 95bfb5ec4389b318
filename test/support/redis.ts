import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually } from './eventually.ts'
import { freePort } from './free-port.ts'

/** A Redis server of the tests. */
export interface TestRedis {
  readonly url: string
  /** Ends it at once; what it held is lost. */
  kill(): Promise<void>
  start(): Promise<void>
  stop(): Promise<void>
}

/** Why Redis cannot be tested here; `undefined` when it can. npm has no server, so it must be on the machine. */
export const REDIS_MISSING =
  Bun.which('redis-server') === null ? 'redis-server is not on the path: Redis is not tested' : undefined

/** Starts a server on a port of its own. */
export async function startRedis(): Promise<TestRedis> {
  const folder = mkdtempSync(join(tmpdir(), 'ongoingai-redis-'))
  const port = await freePort()
  let server: Bun.Subprocess | undefined
  const redis: TestRedis = {
    url: `redis://127.0.0.1:${port}`,
    async start() {
      server = Bun.spawn(
        ['redis-server', '--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', folder],
        { stdout: 'ignore', stderr: 'ignore' },
      )
      await eventually(async () => {
        try {
          const socket = await Bun.connect({ hostname: '127.0.0.1', port, socket: { data() {} } })
          socket.end()
          return true
        } catch {
          return false
        }
      })
    },
    async kill() {
      server?.kill('SIGKILL')
      await server?.exited
    },
    async stop() {
      await redis.kill()
      rmSync(folder, { recursive: true, force: true })
    },
  }
  await redis.start()
  return redis
}
