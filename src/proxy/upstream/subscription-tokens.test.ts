import { expect, test } from 'bun:test'
import type { TokenTaker } from '../../traces/subscription-token.ts'
import { SubscriptionTokens } from './subscription-tokens.ts'

const anthropic: TokenTaker = {
  name: 'anthropic',
  api: 'anthropic',
  upstream: 'https://api.anthropic.com',
  credentialHeader: '',
  headers: { set: [], remove: [] },
}
const relay = { ...anthropic, upstream: 'https://relay.example' }
const KEY = 'x-ongoingai-gateway-key'
const request = { authorization: 'Bearer sk-ant-oat01-AAAAAAAAAAAAAAAAAAAAAAAA' }
const other = { authorization: 'Bearer sk-ant-oat01-BBBBBBBBBBBBBBBBBBBBBBBB' }

const SUBSCRIPTION = { status: 200, fields: { 'anthropic-ratelimit-unified-status': 'allowed' } }
const CREDITS = {
  status: 200,
  fields: { ...SUBSCRIPTION.fields, 'anthropic-ratelimit-unified-overage-in-use': 'true' },
}
const ORGANIZATION = { status: 200, fields: { 'anthropic-ratelimit-requests-limit': '4000' } }
const SILENT = { status: 200, fields: {} }

test('a token that was made up is believed only where it would be refused', () => {
  expect(new SubscriptionTokens(anthropic, KEY).pays(request, '', 0)).toBe(true)
  expect(new SubscriptionTokens(relay, KEY).pays(request, '', 0)).toBe(false)
})

test('elsewhere a token is believed once an answer has said that a subscription paid', () => {
  const tokens = new SubscriptionTokens(relay, KEY)
  tokens.responded(request, '', SILENT, 0)
  expect(tokens.pays(request, '', 1)).toBe(false)
  tokens.responded(request, '', SUBSCRIPTION, 1)
  expect(tokens.pays(request, '', 2)).toBe(true)
  expect(tokens.pays(other, '', 2)).toBe(false)
  expect(tokens.pays({ ...request, 'x-api-key': 'a' }, '', 2)).toBe(false)
})

test('a token that was billed counts as billed, for a quarter of an hour or until it is not', () => {
  for (const billed of [CREDITS, ORGANIZATION]) {
    const tokens = new SubscriptionTokens(anthropic, KEY)
    tokens.responded(request, '', billed, 0)
    expect(tokens.pays(request, '', 1)).toBe(false)
    expect(tokens.pays(other, '', 1)).toBe(true)
    tokens.responded(request, '', SILENT, 1)
    expect(tokens.pays(request, '', 15 * 60_000)).toBe(false)
    expect(tokens.pays(request, '', 15 * 60_000 + 1)).toBe(true)
    tokens.responded(request, '', SUBSCRIPTION, 2)
    expect(tokens.pays(request, '', 3)).toBe(true)
  }
})

test('what is remembered of tokens is bounded', () => {
  const tokens = new SubscriptionTokens(anthropic, KEY)
  tokens.responded(request, '', ORGANIZATION, 0)
  for (let i = 0; i < 10_000; i++) {
    tokens.responded({ authorization: `Bearer sk-ant-oat01-${i}` }, '', ORGANIZATION, 0)
  }
  expect(tokens.pays(request, '', 1)).toBe(true)
  expect(tokens.pays({ authorization: 'Bearer sk-ant-oat01-9999' }, '', 1)).toBe(false)
})
