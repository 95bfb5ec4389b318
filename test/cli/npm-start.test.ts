import { expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually } from '../support/eventually.ts'
import { freePort } from '../support/free-port.ts'

const ROOT = join(import.meta.dir, '../..')

test('a gateway started by npm start ends with npm', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ongoingai-npm-start-'))
  const port = await freePort()
  const npm = Bun.spawn(['npm', 'start'], {
    cwd: ROOT,
    env: {
      ...process.env,
      ONGOINGAI_PORT: String(port),
      ONGOINGAI_STORAGE_PATH: join(folder, 'ongoingai.db'),
    },
    stdout: 'pipe',
    stderr: 'ignore',
    detached: true,
  })
  const output = new Response(npm.stdout).text()
  const answers = (): Promise<boolean> =>
    fetch(`http://127.0.0.1:${port}/api/live`).then(
      (response) => response.ok,
      () => false,
    )
  try {
    await eventually(answers)
    npm.kill('SIGTERM')
    await npm.exited
    await eventually(async () => !(await answers()))
    // It ended as it should, not cut off.
    expect(await output).toContain('gateway stopped')
    Bun.listen({ hostname: '127.0.0.1', port, socket: { data() {} } }).stop()
  } finally {
    try {
      // The group of what npm started; all of it is gone when the test passes.
      process.kill(-npm.pid, 'SIGKILL')
    } catch {}
    rmSync(folder, { recursive: true, force: true })
  }
})

test('npm says nothing about the engines of packages', () => {
  const { exitCode, stderr } = Bun.spawnSync(['npm', 'ci', '--dry-run', '--ignore-scripts'], { cwd: ROOT })
  expect([exitCode, stderr.toString()]).toEqual([0, ''])
})
