import { expect, test } from 'bun:test'
import type { AttemptCause } from '../../traces/exchange.ts'
import { VERDICT_OF, RETRIED_CAUSES } from './cause.ts'

test('what went well, what the caller did wrong and what it gave up are not sent again; everything else is', () => {
  const kept = (Object.keys(VERDICT_OF) as AttemptCause[]).filter((cause) => !RETRIED_CAUSES.has(cause))
  expect(kept.toSorted()).toEqual(['client_aborted', 'ok', 'rejected'])
})
