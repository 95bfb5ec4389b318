import { afterAll, expect, setDefaultTimeout, test } from 'bun:test'
import { networkInterfaces } from 'node:os'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { notListening } from '../../src/cli/not-listening.ts'
import { ListenError } from '../../src/http/listen-error.ts'
import { freePort } from '../support/free-port.ts'
import { runProgram, serveProgram } from '../support/process.ts'

setDefaultTimeout(60_000)

const folder = mkdtempSync(join(tmpdir(), 'ongoingai-taken-port-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** What a start that fails says: its status, and the line of the log. */
interface Failure {
  readonly status: number
  readonly line: {
    readonly level: string
    readonly msg: string
    readonly error: string
    readonly hint: string
  }
}

/** Starts a gateway that must not start. */
async function failing(words: readonly string[], env: Record<string, string>): Promise<Failure> {
  const { status, out, err } = await runProgram(words, { cwd: folder, env })
  expect(err).toBe('')
  const lines = out
    .trim()
    .split('\n')
    .map((text) => JSON.parse(text) as Failure['line'])
  expect(lines.map(({ msg }) => msg)).not.toContain('startup banner')
  const line = lines.at(-1)!
  expect(line).toMatchObject({ level: 'ERROR', msg: 'gateway failed' })
  return { status, line }
}

function serveOn(host: string, port: number): Promise<Failure> {
  return failing(['serve'], {
    ONGOINGAI_HOST: host,
    ONGOINGAI_PORT: String(port),
    ONGOINGAI_STORAGE_PATH: 'second.db',
  })
}

const IPV6 = Object.values(networkInterfaces()).some((of) => of?.some(({ family }) => family === 'IPv6'))
const ADDRESSES = ['127.0.0.1', '0.0.0.0', ...(IPV6 ? ['::'] : [])]

test('a port that a gateway listens on is taken, by whatever address of it; the error says by whom, and what to set', async () => {
  for (const first of ADDRESSES) {
    const gateway = await serveProgram(`server: {host: '${first}'}\n`)
    const port = Number(new URL(gateway.url).port)
    for (const second of ADDRESSES) {
      const { status, line } = await serveOn(second, port)
      expect([first, second, status]).toEqual([first, second, 1])
      const shown = second.includes(':') ? `[${second}]` : second
      expect(line.error).toStartWith(`failed to listen on ${shown}:${port}: the port is taken by `)
      if (process.platform === 'linux') expect(line.error).toContain(`process ${gateway.pid} (`)
      expect(line.error).toContain('an OngoingAI gateway')
      expect(line.hint).toBe('Stop it, or set server.port (ONGOINGAI_PORT) to another port.')
    }
    gateway.remove()
  }
})

test('a port of another program is distinguished from one of this gateway', async () => {
  const other = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } })
  const { status, line } = await serveOn('127.0.0.1', other.port)
  other.stop()
  expect(status).toBe(1)
  expect(line.error).toStartWith(`failed to listen on 127.0.0.1:${other.port}: the port is taken`)
  if (process.platform === 'linux') expect(line.error).toContain(`by process ${process.pid} (`)
  expect(line.error).not.toContain('OngoingAI')
})

test('a taken metrics port is reported with its own setting', async () => {
  const port = await freePort()
  const settings = `observability: {admin_address: '127.0.0.1:${port}', otel: {enabled: true, traces_enabled: false, metrics_enabled: false, prometheus_enabled: true}}\n`
  const gateway = await serveProgram(settings)
  const { status, line } = await failing(['serve', '--config', gateway.configPath], {
    ONGOINGAI_PORT: String(await freePort()),
    ONGOINGAI_STORAGE_PATH: 'third.db',
  })
  gateway.remove()
  expect(status).toBe(1)
  expect(line.error).toStartWith(`failed to listen on 127.0.0.1:${port}: the port is taken`)
  expect(line.hint).toBe('Stop it, or set observability.admin_address to another port.')
})

test('an address that is not of this machine is an error that names the setting', async () => {
  // RFC 5737: for documentation, so nobody has it.
  const { status, line } = await serveOn('192.0.2.1', await freePort())
  expect([status, line.error]).toEqual([
    1,
    expect.stringMatching(/^failed to listen on 192\.0\.2\.1:\d+: .*not available/),
  ])
  expect(line.hint).toBe('Set server.host (ONGOINGAI_HOST) to an address of this machine.')
})

test('a port that the user may not listen on is reported with its setting', async () => {
  const settings = { host: 'server.host', port: 'server.port' }
  const cause = Object.assign(new Error('permission denied 127.0.0.1:81'), { code: 'EACCES' })
  expect(await notListening(new ListenError({ host: '127.0.0.1', port: 81, settings }, cause))).toEqual({
    error: 'failed to listen on 127.0.0.1:81: permission denied 127.0.0.1:81',
    hint: 'Set server.port (ONGOINGAI_PORT) to 1024 or more, which every user may listen on.',
  })
})
