import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { waitForLock } from '../test/support/wait-for-lock.ts'

/** The agents, as npm names them. */
export const AGENTS = {
  '@anthropic-ai/claude-code': '2.1.331',
  '@continuedev/cli': '1.5.47',
  '@github/copilot': '1.0.102',
  '@google/gemini-cli': '0.61.0',
  '@openai/codex': '0.169.0',
  '@qwen-code/qwen-code': '0.24.4',
  'opencode-ai': '1.18.33',
} as const

const FOLDER = join(import.meta.dir, '../node_modules/.cache/agents')

/**
 * Installs the agents, unless those of these versions are there (some 1.7 GB).
 *
 * @returns the folder with their commands
 * @throws Error when npm fails; npm has said why
 */
export async function installAgents(): Promise<string> {
  mkdirSync(FOLDER, { recursive: true })
  const done = join(FOLDER, 'installed.json')
  const wanted = JSON.stringify({ private: true, dependencies: AGENTS })
  const lock = await waitForLock(join(FOLDER, 'lock'))
  try {
    if (!existsSync(done) || readFileSync(done, 'utf8') !== wanted) {
      writeFileSync(join(FOLDER, 'package.json'), wanted)
      const words = ['npm', 'install', '--no-audit', '--no-fund']
      const { exitCode } = Bun.spawnSync(words, { cwd: FOLDER, stdout: 'inherit', stderr: 'inherit' })
      if (exitCode !== 0) throw new Error(`npm install failed in ${FOLDER} with ${exitCode}`)
      writeFileSync(done, wanted)
    }
  } finally {
    lock.release()
  }
  return join(FOLDER, 'node_modules/.bin')
}
