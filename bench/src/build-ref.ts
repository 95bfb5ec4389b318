import { readFileSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { workFolder } from './peers.ts'

const ROOT = join(import.meta.dir, '../..')

/** The executable of a commit, in a work tree that lasts until `remove`. */
export interface RefBuild {
  readonly executable: string
  remove(): void
}

/** Builds the executable of the working tree, `dist/ongoingai`. @throws when it does not build */
export function buildTree(): void {
  run(['npm', 'run', '--silent', 'build'], ROOT)
}

/**
 * Builds the executable of a commit in a work tree of its own.
 *
 * @param ref whatever names a commit to git
 * @throws when there is no such commit, or it does not build
 */
export function buildRef(ref: string): RefBuild {
  const folder = join(workFolder('ref'), 'tree')
  const remove = (): void => {
    Bun.spawnSync(['git', 'worktree', 'remove', '--force', folder], { cwd: ROOT })
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    run(['git', 'worktree', 'add', '--quiet', '--detach', folder, ref], ROOT)
    const lock = (tree: string): string => readFileSync(join(tree, 'package-lock.json'), 'utf8')
    if (lock(folder) === lock(ROOT)) symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
    else run(['npm', 'ci', '--silent'], folder)
    run(['npm', 'run', '--silent', 'build'], folder)
  } catch (error) {
    remove()
    throw error
  }
  return { executable: join(folder, 'dist/ongoingai'), remove }
}

function run(words: string[], cwd: string): void {
  const { success } = Bun.spawnSync(words, { cwd, stdout: 'ignore', stderr: 'inherit' })
  if (!success) throw new Error(`failed: ${words.join(' ')}`)
}
