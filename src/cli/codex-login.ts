import { readFileSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { Environment } from '../config/environment.ts'

/** How Codex is logged in. */
export type CodexLogin = 'chatgpt' | 'api_key' | 'none'

/** The log-in of Codex, as far as its file shows. */
export interface FoundLogin {
  /** `none` also when it is not known. */
  readonly login: CodexLogin
  /** Why the file could not be read; absent when it could. It repeats nothing of the content. */
  readonly problem?: string
}

/** Codex's own file is a few kilobytes. */
const MAX_BYTES = 1_048_576

/**
 * How Codex is logged in, by the shape of the `auth.json` in its folder. None of its content leaves this function.
 *
 * @param environment in which Codex will run
 */
export function readCodexLogin(environment: Environment): FoundLogin {
  const folder = environment['CODEX_HOME'] || join(environment['HOME'] || homedir(), '.codex')
  const file = join(folder, 'auth.json')
  const unknown = (why: string): FoundLogin => ({ login: 'none', problem: `${file} ${why}` })
  let text: string
  try {
    const found = statSync(file)
    // A pipe would be waited for.
    if (!found.isFile()) return unknown('is no file')
    if (found.size > MAX_BYTES) return unknown('is larger than 1 MiB')
    text = readFileSync(file, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    // Not logged in, or logged in in a place that only Codex can read.
    if (code === 'ENOENT' || code === 'ENOTDIR') return { login: 'none' }
    return unknown(`cannot be read (${code})`)
  }
  try {
    return { login: codexLogin(JSON.parse(text)) }
  } catch {
    // The message of the error quotes the content.
    return unknown('is not JSON')
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
