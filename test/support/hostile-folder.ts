import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'bun:test'
import { eventually } from './eventually.ts'
import { freePort } from './free-port.ts'

/** Files that Bun takes for the environment. */
export const DOT_ENVS = ['.env', '.env.local', '.env.production', '.env.development']

/** A folder such as anybody's repository can be: every file in it that a runtime looks for names its code or its settings. */
export interface HostileFolder {
  readonly path: string
  /** Whether its code was run since it was last asked. */
  readonly ran: () => boolean
}

/** Makes one. */
export function hostileFolder(path: string): HostileFolder {
  mkdirSync(path, { recursive: true })
  const code = join(path, 'code.ts')
  const mark = join(path, 'code-was-run')
  writeFileSync(code, `require('node:fs').writeFileSync(${JSON.stringify(mark)}, '')\n`)
  writeFileSync(join(path, 'bunfig.toml'), `preload = ["./code.ts"]\nenv = true\n`)
  for (const name of DOT_ENVS) writeFileSync(join(path, name), settings(code))
  writeFileSync(
    join(path, 'tsconfig.json'),
    JSON.stringify({ compilerOptions: { baseUrl: '.', paths: { '*': ['./code.ts'] } } }),
  )
  const scripts = Object.fromEntries(['preinstall', 'prestart', 'start'].map((name) => [name, 'bun code.ts']))
  writeFileSync(
    join(path, 'package.json'),
    JSON.stringify({ name: 'hostile', scripts, imports: { '#*': './code.ts' }, browser: { yaml: code } }),
  )
  return {
    path,
    ran: () => {
      const ran = existsSync(mark)
      rmSync(mark, { force: true })
      return ran
    },
  }
}

/** A store that only a `.env` names. */
const STORE = 'from-a-dot-env.db'

function settings(code: string): string {
  return `ONGOINGAI_STORAGE_PATH=${STORE}
FROM_A_DOT_ENV=1
BUN_OPTIONS=--preload=${code}
BUN_CONFIG_PRELOAD=${code}
NODE_OPTIONS=--import=${code}
`
}

/** Expects that the program, started in the folder by a command, takes nothing of it: not by itself, not in what it wraps, not as a gateway. */
export async function expectUntouched(command: readonly string[], folder: HostileFolder): Promise<void> {
  const run = (words: readonly string[]): string => {
    const env = environmentIn(folder)
    const { stdout, stderr, exitCode } = Bun.spawnSync([...command, ...words], { cwd: folder.path, env })
    expect([words, exitCode, stderr.toString()]).toEqual([words, 0, ''])
    return stdout.toString()
  }
  expect(run(['config', 'explain'])).toMatch(/^storage\.path +\S+ +default$/m)
  expect(run(['wrap', '--', 'env'])).not.toMatch(/FROM_A_DOT_ENV|code\.ts/)
  expect(folder.ran()).toBe(false)
  await expectServeUntouched([...command, 'serve'], folder)
}

/** Expects that a gateway, started in the folder by a command, takes nothing of it, in none of its threads. */
export async function expectServeUntouched(command: readonly string[], folder: HostileFolder): Promise<void> {
  const port = await freePort()
  const serving = Bun.spawn([...command], {
    cwd: folder.path,
    env: { ...environmentIn(folder), ONGOINGAI_PORT: String(port) },
    stdout: 'ignore',
    stderr: 'inherit',
    // A group of its own: npm does not pass a signal on to what its shell runs.
    detached: true,
  })
  try {
    await eventually(
      () =>
        fetch(`http://127.0.0.1:${port}/api/traces`).then(
          ({ ok }) => ok,
          () => false,
        ),
      30_000,
    )
  } finally {
    process.kill(-serving.pid, 'SIGTERM')
    await serving.exited
  }
  expect([folder.ran(), existsSync(join(folder.path, STORE))]).toEqual([false, false])
}

function environmentIn({ path }: HostileFolder): Record<string, string> {
  return { PATH: process.env['PATH'] ?? '', HOME: path, npm_config_update_notifier: 'false' }
}
