import { readFileSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { Environment } from '../config/environment.ts'

/** How Codex is logged in; `none` also when that cannot be told. */
export type CodexLogin = 'chatgpt' | 'api_key' | 'none'

/** Codex's own file is a few kilobytes. */
const MAX_BYTES = 1_048_576

/**
 * How Codex is logged in, by the shape of the `auth.json` in its folder. Nothing of what stands in it leaves this function.
 *
 * @param environment in which Codex will run
 */
export function readCodexLogin(environment: Environment): CodexLogin {
  const folder = environment['CODEX_HOME'] || join(environment['HOME'] || homedir(), '.codex')
  const file = join(folder, 'auth.json')
  try {
    return statSync(file).size > MAX_BYTES ? 'none' : codexLogin(JSON.parse(readFileSync(file, 'utf8')))
  } catch {
    // Not logged in, or logged in where only Codex can look.
    return 'none'
  }
}

/**
 * How Codex is logged in. Its mode says it; older files have none, and there an API key comes first.
 *
 * @param auth content of `auth.json`
 */
export function codexLogin(auth: unknown): CodexLogin {
  const { auth_mode: mode, OPENAI_API_KEY: key, tokens } = (auth ?? {}) as Record<string, unknown>
  if (typeof mode === 'string') return /^chatgpt/i.test(mode) ? 'chatgpt' : 'api_key'
  if (typeof key === 'string' && key !== '') return 'api_key'
  return typeof tokens === 'object' && tokens !== null ? 'chatgpt' : 'none'
}
