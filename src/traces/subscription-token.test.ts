import { expect, test } from 'bun:test'
import { checksTokens, subscriptionRule, type TokenTaker } from './subscription-token.ts'

const CLAUDE = 'Bearer sk-ant-oat01-AAAAAAAAAAAAAAAAAAAAAAAA-_B'
const CHATGPT = `Bearer eyJhbGciOiJSUzI1NiJ9.eyJleHAiOjF9.${'s'.repeat(40)}`

const provider = (values: Partial<TokenTaker>): TokenTaker => ({
  name: 'anthropic',
  api: 'anthropic',
  upstream: 'https://api.anthropic.com',
  credentialHeader: '',
  headers: { set: [], remove: [] },
  ...values,
})
const anthropic = provider({})
const chatgpt = provider({ name: 'chatgpt', api: 'openai', upstream: 'https://chatgpt.com' })

/** Whether a request with these fields has a subscription's token alone. */
function pays(taker: TokenTaker, fields: Record<string, string>, queryKey = ''): boolean {
  return subscriptionRule(taker, 'x-ongoingai-gateway-key')(fields, queryKey) !== ''
}

test('a token of a Claude subscription is known by its beginning', () => {
  expect(pays(anthropic, { authorization: CLAUDE })).toBe(true)
  expect(pays(anthropic, { authorization: CLAUDE.replace('Bearer', 'bearer') })).toBe(true)
  expect(pays(anthropic, { authorization: 'Bearer sk-ant-api03-AAAA' })).toBe(false)
  expect(pays(anthropic, { 'x-api-key': 'sk-ant-api03-AAAA' })).toBe(false)
  expect(pays(anthropic, {})).toBe(false)
})

test('a token of ChatGPT is known where ChatGPT answers', () => {
  expect(pays(chatgpt, { authorization: CHATGPT })).toBe(true)
  expect(pays({ ...chatgpt, name: 'codex' }, { authorization: CHATGPT })).toBe(true)
  expect(pays({ ...chatgpt, upstream: 'http://127.0.0.1:9' }, { authorization: CHATGPT })).toBe(true)
  expect(pays(chatgpt, { authorization: 'Bearer sk-proj-AAAA' })).toBe(false)
})

test('elsewhere a token of that shape says nothing: others take JWTs too, and are paid for each token', () => {
  const azure = provider({ name: 'azure', api: 'azure', upstream: 'https://x.openai.azure.com' })
  const openai = provider({ name: 'openai', api: 'openai', upstream: 'https://api.openai.com' })
  for (const taker of [azure, openai]) {
    expect(pays(taker, { authorization: CHATGPT })).toBe(false)
    expect(pays(taker, { authorization: CLAUDE })).toBe(false)
  }
  expect(pays(anthropic, { authorization: CHATGPT })).toBe(false)
})

test('with a second credential the provider may take the other one, so it counts as billed', () => {
  expect(pays(anthropic, { authorization: CLAUDE, 'x-api-key': 'sk-ant-api03-AAAA' })).toBe(false)
  expect(pays(anthropic, { authorization: `${CLAUDE}, Bearer sk-ant-api03-AAAA` })).toBe(false)
  expect(pays(anthropic, { authorization: CLAUDE }, 'sk-ant-api03-AAAA')).toBe(false)
  const protocols = {
    authorization: CLAUDE,
    'sec-websocket-protocol': 'realtime, openai-insecure-api-key.sk-a',
  }
  expect(pays(anthropic, protocols)).toBe(false)
  expect(pays(anthropic, { ...protocols, 'sec-websocket-protocol': 'realtime' })).toBe(true)
  const own = provider({ credentialHeader: 'x-provider-token' })
  expect(pays(own, { authorization: CLAUDE, 'x-provider-token': 'a' })).toBe(false)
  const inUrl = provider({ upstream: 'https://proxy.example/?api_key=abc' })
  expect(pays(inUrl, { authorization: CLAUDE })).toBe(false)
})

test('what counts is the credential that is sent, not the one that came', () => {
  const set = (name: string, value: string): TokenTaker =>
    provider({ headers: { set: [[name, value]], remove: [] } })
  expect(pays(set('authorization', CLAUDE), {})).toBe(true)
  expect(pays(set('authorization', 'Bearer sk-ant-api03-A'), { authorization: CLAUDE })).toBe(false)
  expect(pays(set('x-api-key', 'sk-ant-api03-A'), { authorization: CLAUDE })).toBe(false)
  expect(pays(set('x-portkey-api-key', 'a'), { authorization: CLAUDE })).toBe(false)
  const without = provider({ headers: { set: [], remove: ['x-api-key'] } })
  expect(pays(without, { authorization: CLAUDE, 'x-api-key': 'a' })).toBe(true)
  // The gateway's own key does not travel.
  const rule = subscriptionRule(anthropic, 'x-api-key')
  expect(rule({ authorization: CLAUDE, 'x-api-key': 'ongk_a' }, '')).toBe(CLAUDE)
})

test('the shape alone is enough where tokens are checked, and nowhere else', () => {
  expect(checksTokens(anthropic)).toBe(true)
  expect(checksTokens(chatgpt)).toBe(true)
  for (const upstream of [
    'http://127.0.0.1:8000',
    'https://relay.example',
    'https://api.anthropic.com.example',
  ]) {
    expect([upstream, checksTokens({ ...anthropic, upstream })]).toEqual([upstream, false])
  }
})
