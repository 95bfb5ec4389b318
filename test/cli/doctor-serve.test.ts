import { afterAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../support/free-port.ts'
import { runProgram, serveProgram } from '../support/process.ts'

// What keeps `serve` from starting is what `doctor` fails on, and both say it in the same words.

setDefaultTimeout(120_000)

const root = mkdtempSync(join(tmpdir(), 'ongoingai-doctor-serve-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

interface Situation {
  readonly settings: string
  readonly env?: Record<string, string>
  /** What both say. */
  readonly reason: RegExp
  /** The beginning of what `serve` says on standard error; absent where it is a line of the log. */
  readonly begins?: string
}

/** Makes a situation in a folder of its own. Its settings get `server: {port: …}` unless they name one. */
type Make = (folder: string) => Promise<Situation> | Situation

const SECRET = '0123456789abcdef0123456789abcdef'

const listener = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } })
afterAll(() => listener.stop(true))

const SITUATIONS: Record<string, Make> = {
  'the port is taken': () => ({
    settings: `server: {port: ${listener.port}}\n`,
    reason: /failed to listen on 127\.0\.0\.1:\d+: the port is taken/,
  }),
  'the port of the metrics is taken': () => ({
    settings: `observability: {admin_address: '127.0.0.1:${listener.port}', otel: {enabled: true, traces_enabled: false, metrics_enabled: false, prometheus_enabled: true}}\n`,
    reason: /failed to listen on 127\.0\.0\.1:\d+: the port is taken/,
  }),
  // RFC 5737: for documentation, so nobody has it.
  'the address is not of this machine': async () => ({
    settings: `server: {host: 192.0.2.1, port: ${await freePort()}}\n`,
    reason: /failed to listen on 192\.0\.2\.1/,
  }),
  'the store would lie below a file': (folder) => {
    writeFileSync(join(folder, 'file'), '')
    return {
      settings: 'storage: {path: ./file/data/x.db}\ntracing: {journal: {path: ./journal}}\n',
      reason: /not a (folder|directory)|ENOTDIR/,
      begins: 'failed to initialize sqlite storage: ',
    }
  },
  'the store is a folder': (folder) => {
    mkdirSync(join(folder, 'store.db'))
    return {
      settings: 'storage: {path: ./store.db}\n',
      reason: /store\.db/,
      begins: 'failed to initialize sqlite storage: ',
    }
  },
  'the store is no database': (folder) => {
    writeFileSync(join(folder, 'x.db'), 'this is no database at all, whatever its name may say')
    return {
      settings: 'storage: {path: ./x.db}\n',
      reason: /x\.db/,
      begins: 'failed to initialize sqlite storage: ',
    }
  },
  'keys are on, and there are none': () => ({
    settings: 'auth: {enabled: true}\n',
    reason:
      /auth is enabled but no gateway keys are configured; `ongoingai keys create --role owner` makes the first/,
    begins: 'failed to initialize auth config: auth is enabled but no gateway keys are configured',
  }),
  'the keys of the store were hashed with another pepper': async (folder) => {
    writeFileSync(join(folder, 'before.yaml'), `auth: {enabled: true, pepper: a${SECRET}}\n`)
    const before = { ONGOINGAI_PORT: String(await freePort()) }
    // The store comes into being with the first start.
    const first = await serveProgram(
      `auth: {enabled: true, pepper: a${SECRET}, keys: [{id: k, token: ${SECRET}, role: owner}]}\n`,
      folder,
    )
    first.kill('SIGTERM')
    await first.exited()
    const made = await runProgram(['keys', 'create', '--config', 'before.yaml', '--role', 'owner'], {
      cwd: folder,
      env: before,
    })
    expect(made.status).toBe(0)
    return {
      settings: `auth: {enabled: true, pepper: b${SECRET}}\n`,
      reason:
        /the keys of the store were hashed with another pepper: give every gateway the same auth\.pepper/,
      begins: 'failed to initialize gateway key store: ',
    }
  },
  'the file of the pepper holds none': (folder) => {
    mkdirSync(join(folder, 'data'))
    writeFileSync(join(folder, 'data/gateway-keys.pepper'), 'short\n')
    return {
      settings: `auth: {enabled: true, keys: [{id: k, token: ${SECRET}, role: owner}]}\n`,
      reason: /gateway-keys\.pepper" holds no pepper/,
      begins: 'failed to initialize gateway key store: ',
    }
  },
  'the file of the redaction key holds none': (folder) => {
    mkdirSync(join(folder, 'data'))
    writeFileSync(join(folder, 'data/redaction.key'), 'short\n')
    return {
      settings: 'tracing: {capture_bodies: true}\n',
      reason: /redaction\.key" holds no key/,
      begins: 'failed to initialize redaction key: ',
    }
  },
  'a container would be open to everybody': async () => ({
    settings: `server: {host: 0.0.0.0, port: ${await freePort()}}\n`,
    env: { ONGOINGAI_CONTAINER: 'true' },
    reason: /set ONGOINGAI_ALLOW_OPEN=true/,
    begins: 'gateway keys are off, and this container listens on 0.0.0.0',
  }),
  'the file holds a mistake': () => ({
    settings: 'server: {prot: 1}\n',
    reason: /did you mean server\.port\?/,
    begins: 'failed to load config: ',
  }),
}

describe('serve does not start, and doctor fails', () => {
  for (const [name, make] of Object.entries(SITUATIONS)) {
    test(`when ${name}`, async () => {
      const folder = mkdtempSync(join(root, 'f-'))
      const { settings, env = {}, reason, begins } = await make(folder)
      const port = settings.startsWith('server:') ? '' : `server: {port: ${await freePort()}}\n`
      writeFileSync(join(folder, 'ongoingai.yaml'), port + settings)
      const doctor = await runProgram(['doctor'], { cwd: folder, env })
      // Long lines are broken at words.
      const said = doctor.out.replace(/\n +(?!- )/g, ' ')
      expect([doctor.status, said]).toEqual([1, expect.stringMatching(reason)])
      const serve = await runProgram(['serve'], { cwd: folder, env })
      expect(serve.status).toBe(1)
      expect(begins === undefined ? serve.out : serve.err).toMatch(reason)
      if (begins !== undefined) expect(serve.err).toStartWith(begins)
    })
  }
})

test('doctor fails on a PostgreSQL that does not answer and on a journal that cannot be made, although serve starts with one of them', async () => {
  const folder = mkdtempSync(join(root, 'f-'))
  writeFileSync(join(folder, 'file'), '')
  writeFileSync(
    join(folder, 'ongoingai.yaml'),
    `server: {port: ${await freePort()}}\nstorage: {driver: postgres, dsn: 'postgres://u@127.0.0.1:${await freePort()}/x'}\ntracing: {journal: {path: ./file/journal}}\n`,
  )
  const { status, out } = await runProgram(['doctor'], { cwd: folder })
  expect(status).toBe(1)
  expect(out).toContain('- [FAIL] storage: ')
  expect(out).toContain('- [FAIL] journal: the journal cannot be written\n')
  expect(out).toContain('/file" is not a folder\n')
})

test('doctor says that the gateway of this configuration is running, and that another one has the port', async () => {
  const gateway = await serveProgram('')
  const own = await runProgram(['doctor', '--config', gateway.configPath], { cwd: gateway.folder })
  expect([own.status, own.out]).toEqual([
    0,
    expect.stringContaining('- [PASS] listener: the gateway is running'),
  ])
  const elsewhere = mkdtempSync(join(root, 'f-'))
  const other = await runProgram(['doctor'], {
    cwd: elsewhere,
    env: { ONGOINGAI_PORT: new URL(gateway.url).port },
  })
  gateway.remove()
  expect([other.status, other.out]).toEqual([1, expect.stringContaining('an OngoingAI gateway')])
  expect(existsSync(join(elsewhere, 'data'))).toBe(false)
})
