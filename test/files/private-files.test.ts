import { afterAll, beforeAll, expect, test } from 'bun:test'
import { Glob } from 'bun'
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { exposedFiles } from '../../src/files/exposed-files.ts'
import { eventually } from '../support/eventually.ts'
import { providersAt } from '../support/gateway.ts'
import { runProgram, serveProgram, type GatewayProcess } from '../support/process.ts'
import { PROGRAM } from '../support/program.ts'
import { Upstream } from '../support/upstream.ts'

const SETTINGS = 'pii: {mode: redact_storage}\ntracing: {capture_bodies: true}\n'

/** Runs words with a umask that forbids nothing. */
const OPEN_UMASK = ['sh', '-c', 'umask 000; exec "$@"', 'sh']

let upstream: Upstream
let gateway: GatewayProcess

/** Modes of everything in a folder, by name, in octal. */
function modes(folder: string): Record<string, string> {
  return Object.fromEntries(
    [...new Glob('**').scanSync({ cwd: folder, dot: true, onlyFiles: false })]
      .sort()
      .map((name) => [name, (statSync(join(folder, name)).mode & 0o777).toString(8)]),
  )
}

/** What of a folder others may use. */
function open(folder: string): string[] {
  return Object.entries(modes(folder))
    .filter(([, mode]) => !mode.endsWith('00'))
    .map(([name, mode]) => `${name} ${mode}`)
}

beforeAll(async () => {
  upstream = await Upstream.start((_, socket) => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}')
  })
  gateway = await serveProgram(`${SETTINGS}${providersAt(upstream.url)}`, undefined, { under: OPEN_UMASK })
  await fetch(`${gateway.url}/openai/v1/chat/completions`, { method: 'POST', body: '{"model":"m"}' })
  await eventually(async () => (await (await fetch(`${gateway.url}/api/traces`)).text()).includes('"id"'))
})
afterAll(async () => {
  gateway.remove()
  await upstream.stop()
})

async function run(...words: readonly string[]): Promise<void> {
  const child = Bun.spawn([...OPEN_UMASK, ...PROGRAM, ...words], {
    cwd: gateway.folder,
    env: { PATH: process.env['PATH'] ?? '' },
    stdout: 'ignore',
    stderr: 'pipe',
  })
  expect([await new Response(child.stderr).text(), await child.exited]).toEqual([expect.anything(), 0])
}

test('what a gateway makes is its owner’s alone, whatever the umask', async () => {
  await run('keys', 'create', '--name', 'one')
  const made = modes(join(gateway.folder, 'data'))
  for (const name of [
    'ongoingai.db',
    'ongoingai.db-wal',
    'ongoingai.db-shm',
    'redaction.key',
    'gateway-keys.pepper',
  ])
    expect([name, made[name]]).toEqual([name, '600'])
  expect(open(join(gateway.folder, 'data'))).toEqual([])
  expect((statSync(join(gateway.folder, 'data')).mode & 0o777).toString(8)).toBe('700')
})

test('so is what commands write', async () => {
  const out = join(gateway.folder, 'out')
  mkdirSync(out)
  for (const format of ['jsonl', 'csv', 'parquet'])
    await run('export', '--format', format, '--out', join(out, format))
  await run('debug', 'last', '--bundle-out', join(out, 'bundle'))
  expect(Object.keys(modes(out))).toEqual(
    ['bundle', 'bundle/debug-chain.json', 'bundle/manifest.json', 'csv', 'jsonl', 'parquet'].sort(),
  )
  expect(open(out)).toEqual([])
})

test('a start closes what earlier ones left open, and names it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ongoingai-open-'))
  const first = await serveProgram(SETTINGS, folder)
  first.kill('SIGTERM')
  await first.exited()
  const data = join(folder, 'data')
  mkdirSync(join(data, 'journal'), { recursive: true })
  writeFileSync(join(data, 'journal/quarantine.jsonl'), '')
  for (const name of Object.keys(modes(data)))
    chmodSync(join(data, name), statSync(join(data, name)).isDirectory() ? 0o755 : 0o644)
  chmodSync(data, 0o755)
  const doctor = await runProgram(['doctor', '--format', 'json'], { cwd: folder })
  expect(doctor.out).toContain('redaction.key holds the gateway')
  const second = await serveProgram(SETTINGS, folder)
  expect(open(folder).filter((line) => line.startsWith('data'))).toEqual([])
  const line = second
    .output()
    .split('\n')
    .find((text) => text.includes('files were open to other users'))!
  const { files } = JSON.parse(line) as { files: string[] }
  for (const name of ['', '/ongoingai.db', '/redaction.key', '/journal', '/journal/quarantine.jsonl'])
    expect(files).toContain(`${data}${name}`)
  second.remove()
}, 60_000)

test('a store that the configuration reaches by a link is its owner’s alone too, made now or before', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ongoingai-linked-'))
  const disk = join(folder, 'disk')
  mkdirSync(disk)
  writeFileSync(join(disk, 'notes.txt'), '')
  mkdirSync(join(folder, 'data'))
  symlinkSync(join('..', 'disk', 'store.db'), join(folder, 'data', 'link.db'))
  symlinkSync('link.db', join(folder, 'data', 'ongoingai.db'))
  const stores = (): string[] => open(disk).filter((line) => line.startsWith('store.db'))
  const first = await serveProgram('', folder, { under: OPEN_UMASK })
  expect([Object.keys(modes(disk)).includes('store.db-wal'), stores()]).toEqual([true, []])
  first.kill('SIGTERM')
  await first.exited()
  chmodSync(join(disk, 'store.db'), 0o644)
  const second = await serveProgram('', folder, { under: OPEN_UMASK })
  expect(stores()).toEqual([])
  expect(second.output()).toContain(`${disk}/store.db`)
  second.remove()
}, 60_000)

test('a file that somebody else has laid ready is not written into', async () => {
  const out = join(gateway.folder, 'shared')
  mkdirSync(out)
  const bait = join(gateway.folder, 'bait')
  writeFileSync(bait, 'mine')
  symlinkSync(bait, join(out, 'all.jsonl.part'))
  await run('export', '--out', join(out, 'all.jsonl'))
  expect([readFileSync(bait, 'utf8'), open(out)]).toEqual(['mine', []])
  if (process.getuid?.() !== 0) return
  const theirs = join(out, 'more.jsonl.part')
  writeFileSync(theirs, '')
  chmodSync(theirs, 0o666)
  chownSync(theirs, 12_345, 12_345)
  await run('export', '--out', join(out, 'more.jsonl'))
  expect(statSync(join(out, 'more.jsonl')).uid).toBe(0)
  expect(open(out)).toEqual([])
})

test('start and doctor report a folder in which others can replace the gateway’s files', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ongoingai-writable-'))
  const data = join(folder, 'data')
  mkdirSync(data)
  writeFileSync(join(data, 'notes.txt'), '')
  chmodSync(data, 0o777)
  const told = 'other users can replace files'
  const served = await serveProgram('', folder)
  expect(served.output()).toContain(told)
  const doctor = (): Promise<string> => runProgram(['doctor'], { cwd: folder }).then(({ out }) => out)
  expect(await doctor()).toContain(`chmod o-w ${data}`)
  // As in /tmp: everybody may add files, and replace only his own.
  chmodSync(data, 0o1777)
  expect(await doctor()).not.toContain('chmod o-w')
  served.remove()
}, 60_000)

test('folders and files of others are left alone', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ongoingai-shared-'))
  chmodSync(folder, 0o755)
  const files = {
    storage: { driver: 'sqlite', path: join(folder, 't.db') },
    tracing: { journal: { path: join(folder, 'journal') } },
  }
  const exposed = (): string[] => exposedFiles(files as unknown as Parameters<typeof exposedFiles>[0])
  expect(exposed()).toEqual([])
  for (const name of ['t.db', 'notes.txt', 'tidy']) writeFileSync(join(folder, name), '', { mode: 0o644 })
  symlinkSync('/etc/passwd', join(folder, 't.db-wal'))
  expect(exposed()).toEqual([join(folder, 't.db')])
  for (const name of ['notes.txt', 'tidy']) rmSync(join(folder, name))
  expect(exposed()).toEqual([folder, join(folder, 't.db')])
  rmSync(folder, { recursive: true, force: true })
})

test('the doctor names configuration files with secrets that others may read, and the command that closes them', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ongoingai-doctor-'))
  const file = join(folder, 'ongoingai.yaml')
  const secret = join(folder, 'the pepper')
  const finding = async (): Promise<{ status: string; details?: string[] }> => {
    const { out } = await runProgram(['doctor', '--format', 'json'], { cwd: folder })
    const { checks } = JSON.parse(out) as { checks: { name: string; status: string; details?: string[] }[] }
    return checks.find(({ name }) => name === 'file_permissions')!
  }
  writeFileSync(secret, 'p'.repeat(40), { mode: 0o640 })
  writeFileSync(
    file,
    `auth: {pepper_file: "${secret}"}\nlimits: {webhooks: [{url: "https://h.example/x", secret: abc}]}\n`,
  )
  chmodSync(file, 0o644)
  const { status, details } = await finding()
  expect(status).toBe('warn')
  expect(details!.join('\n')).toContain('limits.webhooks[0].secret')
  expect(details!.join('\n')).toContain('chmod 600 ongoingai.yaml')
  expect(details!.join('\n')).toContain(`chmod 600 '${secret}'`)
  for (const name of [file, secret]) chmodSync(name, 0o600)
  expect((await finding()).status).toBe('pass')
  writeFileSync(file, 'server: {port: 8081}\n')
  chmodSync(file, 0o644)
  expect((await finding()).status).toBe('pass')
  rmSync(folder, { recursive: true, force: true })
})

test('files are made in one place, which knows their mode', () => {
  const makers: string[] = []
  for (const file of new Glob('**/*.ts').scanSync(join(import.meta.dir, '../../src'))) {
    if (file.endsWith('.test.ts') || file === 'files/private-files.ts') continue
    const text = readFileSync(join(import.meta.dir, '../../src', file), 'utf8')
    if (/\bmkdir(Sync)?\(|createWriteStream\(|Bun\.write\(|\bopen(Sync)?\([^)\n]*, '(w|a|r\+)/.test(text))
      makers.push(file)
    if (/(writeFile|appendFile)(Sync)?\((?!file,)/.test(text)) makers.push(file)
  }
  expect(makers).toEqual([])
})
