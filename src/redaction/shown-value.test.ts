import { expect, test } from 'bun:test'
import { shownValue } from './shown-value.ts'

test.each([
  ['https://api.openai.com/v1', 'https://api.openai.com/v1'],
  ['https://user:canary@host/v1', 'https://[REDACTED]@host/v1'],
  ['https://canary@host/v1', 'https://[REDACTED]@host/v1'],
  ['https://user:can/ary@host:80x/v1', 'https://[REDACTED]@host:80x/v1'],
  ['https://user:can@ary@host', 'https://[REDACTED]@host'],
  ['https://user:can ary@ho st', 'https://[REDACTED]@ho st'],
  ['https:/user:canary@host', '[REDACTED]@host'],
  ['https://user:can?ary@host', 'https://[REDACTED]@host'],
  ['https//user:canary@host', '[REDACTED]@host'],
  ['user:canary@host:5432', '[REDACTED]@host:5432'],
  ['https://host/v1?api_key=canary', 'https://host/v1?[REDACTED]'],
  ['https://host/v1?canary', 'https://host/v1?[REDACTED]'],
  ['https://host/v1#canary', 'https://host/v1#[REDACTED]'],
  ['ht!tp://user:canary@host?x=canary', '[REDACTED]@host?[REDACTED]'],
  ['collector:4318?sig=canary', 'collector:4318?[REDACTED]'],
  ['host=db password=canary-1', 'host=db password=[REDACTED]'],
  ['sk-proj-canary0123456789abcdefghij', '[REDACTED]'],
])('%j is shown as %j', (value, shown) => {
  expect(shownValue(value)).toBe(shown)
})

test.each([
  '',
  'sqlite',
  './data/traces.db',
  '/openai',
  'localhost:4318',
  '127.0.0.1',
  'ann@example.com',
  'a|b?c',
  '[a-z]+@corp',
])('%j is shown as it is', (value) => {
  expect(shownValue(value)).toBe(value)
})

test('a long value takes time in proportion to its length', () => {
  for (const part of ['?', 'a?', '?a', '=', '@', ':', 'a', '://'])
    expect(shownValue(part.repeat(1_000_000 / part.length)).length).toBeGreaterThan(0)
}, 30_000)
