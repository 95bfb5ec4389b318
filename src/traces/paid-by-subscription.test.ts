import { expect, test } from 'bun:test'
import { paidBySubscription } from './paid-by-subscription.ts'

const UNIFIED = {
  'anthropic-ratelimit-unified-status': 'allowed',
  'anthropic-ratelimit-unified-5h-utilization': '0.12',
}
const API = { 'anthropic-ratelimit-requests-limit': '4000', 'anthropic-ratelimit-tokens-limit': '80000' }

test('an answer that says nothing of limits leaves it to the token', () => {
  expect(paidBySubscription(true, 'anthropic', 200, {})).toBe(true)
  expect(paidBySubscription(false, 'anthropic', 200, {})).toBe(false)
})

test('limits of a subscription on an answer say that a subscription paid, whatever the token was', () => {
  expect(paidBySubscription(true, 'anthropic', 200, UNIFIED)).toBe(true)
  expect(paidBySubscription(false, 'anthropic', 200, UNIFIED)).toBe(true)
  // A gateway of Claude Code refuses with such fields when its own budget in dollars is spent.
  expect(paidBySubscription(false, 'anthropic', 429, UNIFIED)).toBe(false)
})

test('usage credits of a subscriber are billed', () => {
  expect(
    paidBySubscription(true, 'anthropic', 200, {
      ...UNIFIED,
      'anthropic-ratelimit-unified-overage-in-use': 'true',
    }),
  ).toBe(false)
  expect(
    paidBySubscription(true, 'anthropic', 200, {
      ...UNIFIED,
      'anthropic-ratelimit-unified-overage-in-use': 'false',
    }),
  ).toBe(true)
})

test('the limits of an organization on an answer say that the organization pays, whatever the token looks like', () => {
  expect(paidBySubscription(true, 'anthropic', 200, API)).toBe(false)
})

test('only where Anthropic’s API is spoken do such fields say anything: another upstream cannot hide what it bills', () => {
  for (const dialect of ['openai', 'gemini', 'azure'] as const) {
    expect(paidBySubscription(false, dialect, 200, UNIFIED)).toBe(false)
    expect(paidBySubscription(true, dialect, 200, API)).toBe(true)
  }
})
