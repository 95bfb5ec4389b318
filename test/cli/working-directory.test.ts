import { afterAll, expect, setDefaultTimeout, test } from 'bun:test'
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DOT_ENVS, expectServeUntouched, expectUntouched, hostileFolder } from '../support/hostile-folder.ts'

setDefaultTimeout(120_000)

// The doors of a checkout. Those of a release, the executable and npm's launcher, are in test/deploy/packaging.test.ts.

const ROOT = join(import.meta.dir, '../..')
const folder = realpathSync(mkdtempSync(join(tmpdir(), 'ongoingai-working-directory-')))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const PATH = process.env['PATH'] ?? ''

/** A checkout of its own, so that files can be put into it. */
function checkout(name: string): string {
  const path = join(folder, name)
  for (const part of ['src', 'packaging', 'package.json', 'bunfig.toml', 'tsconfig.json', 'openapi.yaml'])
    cpSync(join(ROOT, part), join(path, part), { recursive: true })
  symlinkSync(join(ROOT, 'node_modules'), join(path, 'node_modules'))
  return path
}

test('the folder is hostile: Bun, started in it, runs its code and takes its settings', () => {
  const { path, ran } = hostileFolder(join(folder, 'plain'))
  const script = join(folder, 'script.ts')
  writeFileSync(script, `console.log(process.env['FROM_A_DOT_ENV'])`)
  // Without that, its tsconfig.json puts its code in the place of the script.
  const tsconfig = `--tsconfig-override=${join(ROOT, 'tsconfig.json')}`
  const { stdout } = Bun.spawnSync([process.execPath, tsconfig, script], { cwd: path, env: { PATH } })
  expect([ran(), stdout.toString()]).toEqual([true, '1\n'])
})

test('the program of a checkout takes nothing from the folder it is started in', async () => {
  const bin = join(folder, 'bin')
  mkdirSync(bin)
  // As `npm link` and `npx` find it.
  symlinkSync(join(ROOT, 'packaging/checkout.cjs'), join(bin, 'ongoingai'))
  await expectUntouched([join(bin, 'ongoingai')], hostileFolder(join(folder, 'program')))
})

test('`npx ongoingai` takes nothing from the folder of the checkout it is started in', async () => {
  const hostile = hostileFolder(join(checkout('npx'), 'examples'))
  // npx takes the folder of the nearest manifest for the project.
  rmSync(join(hostile.path, 'package.json'))
  await expectUntouched(['npx', '--no', 'ongoingai'], hostile)
})

test('`bun src/main.ts` and `npm start` take no settings from a .env in their checkout', async () => {
  const path = checkout('start')
  const { ran } = hostileFolder(join(path, 'elsewhere'))
  for (const name of DOT_ENVS) cpSync(join(path, 'elsewhere', name), join(path, name))
  await expectUntouched([process.execPath, 'src/main.ts'], { path, ran })
  await expectServeUntouched(['npm', 'start'], { path, ran })
})
