// Installs the SDKs that the tests drive, unless they are there: `bun scripts/install-sdks.ts`. They are a package of their own so
// that starting the gateway does not wait for them.
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'

const folder = join(import.meta.dir, '../test/clients')
const wanted = join(folder, 'package-lock.json')
const installed = join(folder, 'node_modules/.package-lock.json')
if (!existsSync(installed) || statSync(installed).mtimeMs < statSync(wanted).mtimeMs) {
  console.log('installing the SDKs that the tests drive (some 290 MB)')
  const words = ['npm', 'ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
  const { exitCode } = Bun.spawnSync(words, { cwd: folder, stdout: 'inherit', stderr: 'inherit' })
  if (exitCode !== 0) process.exit(exitCode)
}
