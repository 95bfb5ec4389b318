import { expect, test } from 'bun:test'
import { noTarget } from './no-target.ts'

test('a refusal says why no target is available, and when the next is tried', () => {
  const none = { until: undefined } as const
  const shown = [
    noTarget('fast', { ...none, reason: 'open', until: 30_400 }, 1000),
    noTarget('fast', { ...none, reason: 'cooling', until: 1200 }, 1000),
    noTarget('fast', { ...none, reason: 'open' }, 1000),
    noTarget('fast', { ...none, reason: 'unusable' }, 1000),
  ].map(({ code, message, retryAfterSeconds }) => [code, message, retryAfterSeconds])
  const start = 'no target of model fast is available:'
  expect(shown).toEqual([
    ['no_target_available', `${start} all have failed; the next try is in 30 s`, 30],
    [
      'no_target_available',
      `${start} all have failed or are over their rate limit; the next try is in 1 s`,
      1,
    ],
    ['no_target_available', `${start} all have failed`, undefined],
    [
      'no_target_available',
      `${start} the gateway has no credential that can be used for any of them`,
      undefined,
    ],
  ])
})

test('a long name is shown in part', () => {
  const { message } = noTarget('x'.repeat(500), { reason: 'open', until: undefined }, 0)
  expect(message.length).toBeLessThan(200)
})
