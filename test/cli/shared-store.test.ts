import { Database } from 'bun:sqlite'
import { afterAll, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openSqliteStorage } from '../../src/storage/drivers/sqlite.ts'
import { eventually } from '../support/eventually.ts'
import { freePort } from '../support/free-port.ts'
import { openGateway } from '../support/gateway.ts'
import { runProgram, serveProgram } from '../support/process.ts'
import { PROGRAM } from '../support/program.ts'

setDefaultTimeout(90_000)

const folder = mkdtempSync(join(tmpdir(), 'ongoingai-shared-store-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const SHARED = `storage: {path: ${folder}/shared.db}\n`

/** What `doctor` finds of the gateways. */
async function doctor(configPath: string): Promise<{ status: string; summary: string; details?: string[] }> {
  const { out } = await runProgram(['doctor', '--format', 'json', '--config', configPath], { cwd: folder })
  const { checks } = JSON.parse(out) as { checks: { name: string; status: string; summary: string }[] }
  return checks.find(({ name }) => name === 'gateways')!
}

function authorityOf({ url }: { readonly url: string }): string {
  return new URL(url).host
}

test('a second gateway on one SQLite file warns and names the first; `doctor` tells of both, and creates nothing', async () => {
  const file = join(folder, 'doctor.yaml')
  writeFileSync(file, SHARED)
  const before = readdirSync(folder)
  expect(await doctor(file)).toMatchObject({ status: 'pass', summary: 'no gateway uses the store now' })
  expect(readdirSync(folder)).toEqual(before)

  const first = await serveProgram(SHARED)
  await eventually(() => readdirSync(folder).includes('shared.db.lock'))
  expect(statSync(join(folder, 'shared.db.lock')).mode & 0o777).toBe(0o600)
  await eventually(async () => (await doctor(file)).summary === 'one gateway uses the store')
  expect(first.output()).not.toContain('another gateway')

  const second = await serveProgram(SHARED)
  await eventually(() => second.output().includes('another gateway uses the same SQLite file'))
  const line = second
    .output()
    .split('\n')
    .find((text) => text.includes('another gateway'))!
  const { level, msg, others } = JSON.parse(line) as { level: string; msg: string; others: string[] }
  expect([level, msg]).toEqual([
    'WARN',
    'another gateway uses the same SQLite file; each counts its own limits and budgets',
  ])
  expect(others).toEqual([
    expect.stringContaining(`${authorityOf(first)} (process ${first.pid} on `) as string,
  ])
  const found = await doctor(file)
  expect(found).toMatchObject({
    status: 'warn',
    summary: '2 gateways use one SQLite file; each counts its own limits and budgets',
  })
  expect(found.details).toEqual([
    expect.stringContaining(authorityOf(first)) as string,
    expect.stringContaining(authorityOf(second)) as string,
  ])

  // However a gateway ends, what it held is free; the one that is left is still known.
  first.kill('SIGKILL')
  await first.exited()
  expect(await doctor(file)).toMatchObject({
    status: 'pass',
    summary: 'one gateway uses the store',
    details: [expect.stringContaining(authorityOf(second)) as string],
  })
  const third = await serveProgram(SHARED)
  await eventually(() => third.output().includes('another gateway uses the same SQLite file'))
  expect(third.output()).toContain(authorityOf(second))
  for (const gateway of [first, second, third]) gateway.remove()
})

test('two gateways of one process on one file know of each other', async () => {
  const settings = `storage: {path: ${folder}/process.db}\n`
  const first = await openGateway(settings)
  const second = await openGateway(settings)
  const warned = second.lines.find(({ message }) => message.startsWith('another gateway'))
  expect(warned?.fields['others']).toEqual([expect.stringContaining(`process ${process.pid} on`) as string])
  await first.stop()
  await second.stop()
  const third = await openGateway(settings)
  expect(third.lines.filter(({ message }) => message.startsWith('another gateway'))).toEqual([])
  await third.stop()
})

test('a gateway that cannot mark its SQLite file starts all the same and says so', async () => {
  const settings = `storage: {path: ${folder}/unmarked.db}\n`
  // A folder in the place of the file.
  mkdirSync(join(folder, 'unmarked.db.lock'))
  const gateway = await openGateway(settings)
  expect(gateway.lines.map(({ message }) => message)).toContain(
    'the SQLite file cannot be marked as used: another gateway on it would not be noticed',
  )
  expect((await fetch(`${gateway.url}/api/ready`)).status).toBe(200)
  await gateway.stop()
})

/** Starts a gateway on a SQLite file that another program has locked, and waits until it says so. */
async function serveLocked(path: string): Promise<{ url: string; child: Bun.Subprocess }> {
  const port = await freePort()
  const child = Bun.spawn([...PROGRAM, 'serve'], {
    cwd: folder,
    env: {
      PATH: process.env['PATH'] ?? '',
      ONGOINGAI_PORT: String(port),
      ONGOINGAI_STORAGE_PATH: path,
    },
    stdout: 'pipe',
    stderr: 'inherit',
  })
  let text = ''
  const reader = child.stdout.getReader()
  while (!text.includes('\n')) text += Buffer.from((await reader.read()).value!).toString()
  expect(JSON.parse(text)).toMatchObject({
    level: 'WARN',
    msg: 'waiting for the store: another process has locked it',
    path,
  })
  return { url: `http://127.0.0.1:${port}`, child }
}

test('a gateway whose SQLite file is locked says so after a second, and starts when it is free', async () => {
  const path = join(folder, 'locked.db')
  await (await openSqliteStorage(path, 'write')).close()
  const locker = new Database(path)
  locker.run('BEGIN EXCLUSIVE')
  const { url, child } = await serveLocked(path)
  locker.run('ROLLBACK')
  locker.close()
  await eventually(() =>
    fetch(`${url}/api/ready`).then(
      ({ ok }) => ok,
      () => false,
    ),
  )
  child.kill('SIGTERM')
  expect(await child.exited).toBe(0)
})

test('a gateway that waits for its store can be stopped', async () => {
  const path = join(folder, 'waits.db')
  await (await openSqliteStorage(path, 'write')).close()
  const locker = new Database(path)
  locker.run('BEGIN EXCLUSIVE')
  const { child } = await serveLocked(path)
  child.kill('SIGTERM')
  expect(await child.exited).toBe(0)
  locker.close()
})

test('a SQLite file that stays locked is an error that says so, and that somebody was told of', async () => {
  const path = join(folder, 'stays.db')
  await (await openSqliteStorage(path, 'write')).close()
  // Readers of a WAL wait for nobody but a program that keeps the file to itself.
  const locker = new Database(path)
  locker.run('PRAGMA locking_mode = EXCLUSIVE')
  locker.run('BEGIN EXCLUSIVE')
  const told: string[] = []
  const opening = openSqliteStorage(path, 'read', (place) => told.push(place))
  const reason = await opening.catch((error: Error) => error.message)
  locker.close()
  expect([reason, told]).toEqual([`sqlite database "${path}" is locked by another process`, [path]])
})
