import { expect, test } from 'bun:test'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { codexLogin, readCodexLogin } from '../../src/cli/codex-login.ts'

const TOKENS = { id_token: 'a', access_token: 'b', refresh_token: 'c', account_id: 'd' }

test('the mode of the log-in decides', () => {
  expect(codexLogin({ auth_mode: 'chatgpt', OPENAI_API_KEY: null, tokens: TOKENS })).toBe('chatgpt')
  expect(codexLogin({ auth_mode: 'chatgptAuthTokens', tokens: TOKENS })).toBe('chatgpt')
  expect(codexLogin({ auth_mode: 'apikey', OPENAI_API_KEY: 'sk-a', tokens: TOKENS })).toBe('api_key')
})

test('an older file has no mode: a key comes first, then tokens', () => {
  expect(codexLogin({ OPENAI_API_KEY: 'sk-a', tokens: TOKENS })).toBe('api_key')
  expect(codexLogin({ OPENAI_API_KEY: null, tokens: TOKENS })).toBe('chatgpt')
  expect(codexLogin({ OPENAI_API_KEY: '' })).toBe('none')
  expect(codexLogin({ OPENAI_API_KEY: null, tokens: null })).toBe('none')
})

test('whatever else stands there is no log-in', () => {
  for (const value of [null, [], 'text', 5]) expect(codexLogin(value)).toBe('none')
})

/** Runs with a home of its own. */
function inHome(run: (home: string) => void): void {
  const home = mkdtempSync(join(tmpdir(), 'ongoingai-codex-'))
  try {
    run(home)
  } finally {
    rmSync(home, { recursive: true, force: true })
  }
}

test('the folder is CODEX_HOME, else .codex in the home', () => {
  inHome((home) => {
    expect(readCodexLogin({ HOME: home })).toEqual({ login: 'none' })
    mkdirSync(join(home, '.codex'))
    writeFileSync(join(home, '.codex/auth.json'), JSON.stringify({ auth_mode: 'chatgpt', tokens: TOKENS }))
    expect(readCodexLogin({ HOME: home })).toEqual({ login: 'chatgpt' })
    expect(readCodexLogin({ HOME: home, CODEX_HOME: join(home, 'elsewhere') })).toEqual({ login: 'none' })
    expect(readCodexLogin({ CODEX_HOME: join(home, '.codex') })).toEqual({ login: 'chatgpt' })
  })
})

test('a file that says nothing is named with the reason, and nothing of its content', () => {
  inHome((home) => {
    const file = join(home, 'auth.json')
    const found = (): unknown => readCodexLogin({ CODEX_HOME: home })
    const unknown = (why: string): unknown => ({ login: 'none', problem: `${file} ${why}` })
    for (const content of ['', '{"tokens": CANARY', '\u0000']) {
      writeFileSync(file, content)
      expect(found()).toEqual(unknown('is not JSON'))
    }
    writeFileSync(file, JSON.stringify({ auth_mode: 'chatgpt', more: 'a'.repeat(2_000_000) }))
    expect(found()).toEqual(unknown('is larger than 1 MiB'))
    rmSync(file)
    expect(Bun.spawnSync(['mkfifo', file]).exitCode).toBe(0)
    expect(found()).toEqual(unknown('is no file'))
    rmSync(file)
    mkdirSync(file)
    expect(found()).toEqual(unknown('is no file'))
    rmSync(file, { recursive: true, force: true })
    symlinkSync(file, file)
    expect(found()).toEqual(unknown('cannot be read (ELOOP)'))
  })
})
