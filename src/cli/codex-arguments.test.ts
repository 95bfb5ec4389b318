import { expect, test } from 'bun:test'
import { clientUrls } from '../config/client-urls.ts'
import { codexArguments, type CodexSettings } from './codex-arguments.ts'

const PROVIDERS = {
  openai: { prefix: '/openai', upstream: 'https://api.openai.com' },
  chatgpt: { prefix: '/chatgpt', upstream: 'https://chatgpt.com' },
}

function settings(environment: Record<string, string> = {}, chatgpt: object = {}): CodexSettings {
  const providers = { ...PROVIDERS, chatgpt: { ...PROVIDERS.chatgpt, ...chatgpt } }
  const urls = clientUrls({ server: { host: '127.0.0.1', port: 8080 }, providers })
  return { urls, environment, keyField: 'X-Key', keyVariable: 'GATEWAY_KEY' }
}

/** The arguments as one text. */
function words(...given: Parameters<typeof codexArguments>): string {
  const found = codexArguments(...given)
  if ('problem' in found) throw new Error(found.problem)
  return found.join(' ')
}

test('with an API key, Codex goes to the API', () => {
  for (const login of ['api_key', 'none'] as const) {
    expect(words(['exec'], login, settings())).toBe(
      '-c openai_base_url="http://127.0.0.1:8080/openai/v1" exec',
    )
    const withKey = words([], login, settings({ GATEWAY_KEY: 'k' }))
    expect(withKey).toContain('base_url="http://127.0.0.1:8080/openai/v1"')
    expect(withKey).toContain('env_key="OPENAI_API_KEY"')
    expect(withKey).toContain('env_http_headers={ "X-Key"="GATEWAY_KEY" }')
  }
})

test('logged in with ChatGPT, it goes to the provider chatgpt with its own log-in', () => {
  const plain = words([], 'chatgpt', settings())
  expect(plain).toContain('base_url="http://127.0.0.1:8080/chatgpt/backend-api/codex"')
  expect(plain).toContain('requires_openai_auth=true')
  expect(plain).not.toContain('env_http_headers')
  expect(words([], 'chatgpt', settings({ GATEWAY_KEY: 'k' }))).toContain(
    'env_http_headers={ "X-Key"="GATEWAY_KEY" }',
  )
})

test('an upstream that holds the path already gets it once', () => {
  const url = (upstream: string): string => words([], 'chatgpt', settings({}, { upstream }))
  expect(url('https://chatgpt.com/backend-api/codex')).toContain('base_url="http://127.0.0.1:8080/chatgpt"')
  expect(url('https://chatgpt.com/backend-api/')).toContain('base_url="http://127.0.0.1:8080/chatgpt/codex"')
  expect(url('https://relay.example/own')).toContain('base_url="http://127.0.0.1:8080/chatgpt"')
})

test('codex exec with CODEX_API_KEY goes to the API whatever the log-in is', () => {
  const environment = { CODEX_API_KEY: 'sk-a' }
  expect(words(['exec'], 'chatgpt', settings(environment))).toContain('/openai/v1')
  expect(words([], 'chatgpt', settings(environment))).toContain('/chatgpt/')
})

test('where the caller has chosen a provider, nothing is added', () => {
  const rest = ['-c', 'openai_base_url="http://elsewhere"']
  expect(codexArguments(rest, 'chatgpt', settings())).toBe(rest)
})

test('with the provider switched off, the token goes nowhere', () => {
  expect(codexArguments([], 'chatgpt', settings({}, { enabled: false }))).toHaveProperty('problem')
})
