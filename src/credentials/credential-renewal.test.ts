import { expect, test } from 'bun:test'
import type { CredentialReading } from './credential-reading.ts'
import { pauseAfter } from './credential-renewal.ts'
import { HeldValue } from './held-value.ts'

const REFRESH_MS = 300_000

function valueUntil(expiresAtMs?: number): CredentialReading {
  const value = new HeldValue('v')
  return expiresAtMs === undefined ? { kind: 'value', value } : { kind: 'value', value, expiresAtMs }
}

test.each([
  ['a value that does not expire', valueUntil(), REFRESH_MS],
  ['one that lives for long', valueUntil(1_000_000 + 3_600_000), REFRESH_MS],
  ['one that expires before: 60 seconds earlier', valueUntil(1_000_000 + 200_000), 140_000],
  ['one of 61 seconds', valueUntil(1_000_000 + 61_000), 1000],
  ['one that lives for less: at half its time', valueUntil(1_000_000 + 40_000), 20_000],
  ['one that has expired', valueUntil(999_000), 1000],
  ['no value: soon', { kind: 'gone', problem: 'x' }, 10_000],
  ['no answer: soon', { kind: 'failed', problem: 'x' }, 10_000],
] as const)('a source is read again after %s', (_, reading, pauseMs) => {
  expect(pauseAfter(reading, REFRESH_MS, 1_000_000)).toBe(pauseMs)
})

test('a source that returned nothing is not asked later than refresh_s', () => {
  expect(pauseAfter({ kind: 'failed', problem: 'x' }, 2000, 0)).toBe(2000)
})
