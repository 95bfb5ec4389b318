import { expect, test } from 'bun:test'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { codexLogin, readCodexLogin } from './codex-login.ts'

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

test('the folder is CODEX_HOME, else .codex in the home', () => {
  const home = mkdtempSync(join(tmpdir(), 'ongoingai-codex-'))
  try {
    expect(readCodexLogin({ HOME: home })).toBe('none')
    mkdirSync(join(home, '.codex'))
    writeFileSync(join(home, '.codex/auth.json'), JSON.stringify({ auth_mode: 'chatgpt', tokens: TOKENS }))
    expect(readCodexLogin({ HOME: home })).toBe('chatgpt')
    expect(readCodexLogin({ HOME: home, CODEX_HOME: join(home, 'elsewhere') })).toBe('none')
    expect(readCodexLogin({ CODEX_HOME: join(home, '.codex') })).toBe('chatgpt')
    writeFileSync(join(home, '.codex/auth.json'), 'no JSON')
    expect(readCodexLogin({ HOME: home })).toBe('none')
  } finally {
    rmSync(home, { recursive: true })
  }
})
