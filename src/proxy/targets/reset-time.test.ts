import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { resetMs } from './reset-time.ts'

const NOW = Date.parse('2026-02-18T14:00:00Z')

test('how long a response asks to wait, in every way that providers say it', () => {
  const cases: readonly (readonly [Record<string, string>, number | undefined])[] = [
    [{}, undefined],
    [{ 'retry-after-ms': '1500' }, 1500],
    [{ 'retry-after-ms': '1500', 'retry-after': '9' }, 1500],
    [{ 'retry-after': '2' }, 2000],
    [{ 'retry-after': '0' }, 0],
    [{ 'retry-after': 'Wed, 18 Feb 2026 14:00:30 GMT' }, 30_000],
    [{ 'retry-after': 'Wed, 18 Feb 2026 13:00:00 GMT' }, 0],
    [{ 'retry-after': 'soon' }, undefined],
    [{ 'retry-after': '-5' }, undefined],
    [{ 'retry-after': '999999' }, 3_600_000],
    [{ 'x-ratelimit-reset-requests': '1s', 'x-ratelimit-reset-tokens': '6m0s' }, 1000],
    [
      {
        'x-ratelimit-reset-requests': '1s',
        'x-ratelimit-remaining-requests': '10',
        'x-ratelimit-reset-tokens': '6m0s',
        'x-ratelimit-remaining-tokens': '0',
      },
      360_000,
    ],
    [{ 'x-ratelimit-reset-requests': '120ms' }, 120],
    [{ 'x-ratelimit-reset': String(NOW + 5000) }, 5000],
    [{ 'x-ratelimit-reset': String(NOW / 1000 + 7) }, 7000],
    [
      {
        'anthropic-ratelimit-tokens-remaining': '0',
        'anthropic-ratelimit-tokens-reset': '2026-02-18T14:00:20Z',
        'anthropic-ratelimit-requests-remaining': '40',
        'anthropic-ratelimit-requests-reset': '2026-02-18T14:00:01Z',
      },
      20_000,
    ],
  ]
  for (const [fields, ms] of cases) expect([fields, resetMs(fields, undefined, NOW)]).toEqual([fields, ms])
})

test('Gemini’s RetryInfo is in the content', () => {
  const content = { error: { details: [{ '@type': 'x' }, { retryDelay: '34.4s' }] } }
  expect(resetMs({}, content, NOW)).toBe(34_400)
})

test('whatever a field says, it is nothing, or between now and an hour', () => {
  const names = [
    'retry-after-ms',
    'retry-after',
    'x-ratelimit-reset',
    'x-ratelimit-reset-tokens',
    'anthropic-ratelimit-x-reset',
  ]
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom(...names), fc.string()), (fields) => {
      const ms = resetMs(fields, undefined, NOW)
      expect(ms === undefined || (ms >= 0 && ms <= 3_600_000)).toBe(true)
    }),
  )
})
