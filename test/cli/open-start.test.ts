import { afterEach, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually } from '../support/eventually.ts'
import { freePort } from '../support/free-port.ts'
import { openGateway, type TestGateway } from '../support/gateway.ts'
import { loadConfig } from '../../src/config/load.ts'
import { openWarnings } from '../../src/gateway/open-start.ts'
import { runProgram } from '../support/process.ts'
import { PROGRAM } from '../support/program.ts'

setDefaultTimeout(60_000)

// A gateway that everybody on the network may use says so, and in a container is not started by accident.

const IMAGE = { ONGOINGAI_CONTAINER: 'true', ONGOINGAI_HOST: '0.0.0.0' }
const KEYS = 'auth: {enabled: true, keys: [{id: k, token: owner-token-0123456789abcdef, role: owner}]}\n'

const stops: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
})

function folderWith(settings: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'ongoingai-open-'))
  writeFileSync(join(folder, 'ongoingai.yaml'), settings)
  stops.push(async () => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Serves until the test is over, under the image's variables and more; resolves once it answers. */
async function serve(
  settings: string,
  env: Record<string, string>,
): Promise<{ output: () => string; folder: string; signal: (name: NodeJS.Signals) => void }> {
  const port = await freePort()
  const folder = folderWith(`server: {port: ${port}}\n${settings}`)
  const child = Bun.spawn([...PROGRAM, 'serve'], {
    cwd: folder,
    env: { PATH: process.env['PATH'] ?? '', ...IMAGE, ...env },
    stdout: 'pipe',
    stderr: 'pipe',
  })
  stops.unshift(async () => {
    child.kill('SIGKILL')
    await child.exited
  })
  let text = ''
  const follow = async (stream: ReadableStream<Uint8Array>): Promise<void> => {
    for await (const bytes of stream as unknown as AsyncIterable<Uint8Array>)
      text += Buffer.from(bytes).toString('utf8')
  }
  void follow(child.stdout)
  void follow(child.stderr)
  await eventually(async () => {
    if (child.exitCode !== null) throw new Error(`serve ended: ${text}`)
    return fetch(`http://127.0.0.1:${port}/api/live`).then(
      ({ ok }) => ok,
      () => false,
    )
  }, 30_000)
  return { output: () => text, folder, signal: (name) => child.kill(name) }
}

test('the container image does not serve without keys unless that is allowed', async () => {
  const folder = folderWith('')
  for (const env of [{}, { ONGOINGAI_ALLOW_OPEN: 'false' }, { ONGOINGAI_ALLOW_OPEN: '' }]) {
    const refused = await runProgram(['serve'], { cwd: folder, env: { ...IMAGE, ...env } })
    expect([env, refused.status, refused.out]).toEqual([env, 1, ''])
    expect(refused.err).toContain('ONGOINGAI_ALLOW_OPEN=true')
    expect(refused.err).toContain('ONGOINGAI_AUTH_ENABLED=true')
  }
  const allowed = await serve('', { ONGOINGAI_ALLOW_OPEN: 'true' })
  expect(allowed.output()).toMatch(/"level":"WARN".*gateway keys are off.*0\.0\.0\.0/)
})

test('the container image serves with keys, and commands in it work before there are any', async () => {
  const made = await runProgram(['keys', 'create', '--role', 'owner'], { cwd: folderWith(''), env: IMAGE })
  expect(made.status).toBe(0)
  const { output } = await serve(KEYS, {})
  expect(output()).not.toContain('"level":"WARN"')
})

test('a reload that turns keys off in a container is refused', async () => {
  const { output, folder, signal } = await serve(KEYS, {})
  writeFileSync(join(folder, 'ongoingai.yaml'), '')
  signal('SIGHUP')
  await eventually(() => output().includes('configuration not reloaded'), 30_000)
  expect(output()).toContain('ONGOINGAI_ALLOW_OPEN=true')
})

test.each([
  ['0.0.0.0', '', true],
  ['"::"', '', true],
  ['0.0.0.0', KEYS, false],
  ['127.0.0.1', '', false],
  ['127.0.0.9', '', false],
  ['localhost', '', false],
  ['"[::1]"', '', false],
])('listening on %s with %p, the start warns: %p', async (host, settings, warns) => {
  const gateway: TestGateway = await openGateway(`server: {host: ${host}}\n${settings}`)
  stops.push(() => gateway.stop())
  const warnings = gateway.lines.filter(
    ({ level, message }) => level === 'WARN' && message.includes('gateway keys are off'),
  )
  expect(warnings).toHaveLength(warns ? 1 : 0)
})

test('the greeting on a terminal says that everybody may use the gateway', async () => {
  const folder = folderWith(`server: {host: 0.0.0.0, port: ${await freePort()}}\n`)
  let text = ''
  const child = Bun.spawn([...PROGRAM, 'serve'], {
    cwd: folder,
    env: { PATH: process.env['PATH'] ?? '' },
    terminal: { cols: 80, rows: 24, data: (_, bytes) => void (text += Buffer.from(bytes).toString('utf8')) },
  })
  stops.unshift(async () => {
    child.kill('SIGKILL')
    await child.exited
  })
  await eventually(() => text.includes('Ctrl+C stops'), 30_000)
  const greeting = text.slice(text.indexOf('Listening on'))
  expect(greeting).toMatch(/WARNING: gateway keys are off.*0\.0\.0\.0/)
})

test('limits of keys, which count nobody while keys are off, are named at the start', async () => {
  const limits = `limits:
  per_key: {requests_per_minute: 1}
  per_workspace: {requests_per_minute: 7}
  policies:
    - {name: of-one-key, per: workspace, match: {key_id: k}, requests_per_minute: 1}
    - {name: of-all, per: organization, requests_per_minute: 1}
`
  const folder = folderWith(limits)
  const warnings = (settings: string): readonly string[] => {
    writeFileSync(join(folder, 'ongoingai.yaml'), settings)
    return openWarnings(loadConfig(join(folder, 'ongoingai.yaml'), {}).config)
  }
  expect(warnings(limits)).toEqual([
    'gateway keys are off, so limits of keys count nobody: per_key, of-one-key; set auth.enabled, or limit by workspace, organization, end_user or session',
  ])
  expect(warnings(`${KEYS}${limits}`)).toEqual([])
})
