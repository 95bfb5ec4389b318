import { afterAll, expect, setDefaultTimeout, test } from 'bun:test'
import { networkInterfaces } from 'node:os'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../support/free-port.ts'
import { runProgram, serveProgram, type Finished } from '../support/process.ts'

setDefaultTimeout(60_000)

const folder = mkdtempSync(join(tmpdir(), 'ongoingai-taken-port-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Starts a gateway that must not start. */
function serveOn(host: string, port: number): Promise<Finished> {
  return runProgram(['serve'], {
    cwd: folder,
    env: { ONGOINGAI_HOST: host, ONGOINGAI_PORT: String(port), ONGOINGAI_STORAGE_PATH: 'second.db' },
  })
}

const IPV6 = Object.values(networkInterfaces()).some((of) => of?.some(({ family }) => family === 'IPv6'))
const ADDRESSES = ['127.0.0.1', '0.0.0.0', ...(IPV6 ? ['::'] : [])]

test('a port that a gateway listens on is taken, by whatever address of it; the error says by whom, and what to set', async () => {
  for (const first of ADDRESSES) {
    const gateway = await serveProgram(`server: {host: '${first}'}\n`)
    const port = Number(new URL(gateway.url).port)
    for (const second of ADDRESSES) {
      const { status, out, err } = await serveOn(second, port)
      expect([first, second, status]).toEqual([first, second, 1])
      expect(out).not.toContain('startup banner')
      const shown = second.includes(':') ? `[${second}]` : second
      expect(err).toStartWith(`failed to listen on ${shown}:${port}: the port is taken by `)
      if (process.platform === 'linux') expect(err).toContain(`process ${gateway.pid} (`)
      expect(err).toContain('an OngoingAI gateway')
      expect(err).toEndWith('\nStop it, or set server.port (ONGOINGAI_PORT) to another port.\n')
    }
    gateway.remove()
  }
})

test('a port that another program listens on is told apart', async () => {
  const other = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } })
  const { status, err } = await serveOn('127.0.0.1', other.port)
  other.stop()
  expect(status).toBe(1)
  expect(err).toStartWith(`failed to listen on 127.0.0.1:${other.port}: the port is taken`)
  if (process.platform === 'linux') expect(err).toContain(`by process ${process.pid} (`)
  expect(err).not.toContain('OngoingAI')
})

test('a port of the metrics that is taken is told by its own setting', async () => {
  const port = await freePort()
  const settings = `observability: {admin_address: '127.0.0.1:${port}', otel: {enabled: true, traces_enabled: false, metrics_enabled: false, prometheus_enabled: true}}\n`
  const gateway = await serveProgram(settings)
  const { status, err } = await runProgram(['serve', '--config', gateway.configPath], {
    cwd: folder,
    env: { ONGOINGAI_PORT: String(await freePort()), ONGOINGAI_STORAGE_PATH: 'third.db' },
  })
  gateway.remove()
  expect(status).toBe(1)
  expect(err).toStartWith(`failed to listen on 127.0.0.1:${port}: the port is taken`)
  expect(err).toEndWith('\nStop it, or set observability.admin_address to another port.\n')
})

test('an address that is not of this machine is an error that names the setting', async () => {
  // RFC 5737: for documentation, so nobody has it.
  const { status, err } = await serveOn('192.0.2.1', await freePort())
  expect([status, err]).toEqual([
    1,
    expect.stringMatching(/^failed to listen on 192\.0\.2\.1:\d+: .*not available/),
  ])
  expect(err).toEndWith('\nSet server.host (ONGOINGAI_HOST) to an address of this machine.\n')
})
