import { expect, test } from 'bun:test'
import { LabelValues } from './labels.ts'
import { scrub } from './scrub.ts'

const JWT = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abcdefgh1234'

test.each([
  ['error connecting with key sk_live_abc123def456', 'error connecting with key [CREDENTIAL_REDACTED]'],
  [`auth failed: ${JWT}`, 'auth failed: [CREDENTIAL_REDACTED]'],
  ['header: Bearer abcdefghijklmnop', 'header: [CREDENTIAL_REDACTED]'],
  [
    'host=db.example.com password=supersecret123 dbname=prod',
    'host=db.example.com [CREDENTIAL_REDACTED] dbname=prod',
  ],
  ['key=sk_live_abc123def456 token=my_secret_token_value', 'key=[CREDENTIAL_REDACTED] [CREDENTIAL_REDACTED]'],
  // Today's formats, which the contract's patterns miss.
  ['key sk-proj-abcdefghijklmnopqrstuvwxyz', 'key [CREDENTIAL_REDACTED]'],
  ['sk-ant-api03-abcdefghijklmnop', '[CREDENTIAL_REDACTED]'],
])('%j', (text, wanted) => {
  expect(scrub(text)).toBe(wanted)
})

test.each([
  'ok',
  '',
  'openai',
  'gpt-4o-mini',
  'org-abc123',
  'ws-test-workspace',
  'connection refused',
  '/openai/v1/chat/completions',
  'timeout',
  'http 502',
  'gwk_test_1',
])('%j stays as it is', (text) => {
  expect(scrub(text)).toBe(text)
})

test('a label has so many values and no more, trimmed, scrubbed and bounded', () => {
  const labels = new LabelValues(2)
  expect([labels.of(' a '), labels.of(''), labels.of('  ')]).toEqual(['a', 'unknown', 'unknown'])
  expect([labels.of('sk_live_abc123def456ghi789'), labels.of('c'), labels.of(' a ')]).toEqual([
    '[CREDENTIAL_REDACTED]',
    'other',
    'a',
  ])
  expect(new LabelValues(5).of('x'.repeat(1000)).length).toBe(128)
  expect(new LabelValues(5).of('made up', false)).toBe('other')
})
