import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { widerLimit, widerOwnLimit } from './limits-within.ts'
import type { LimitPolicy } from './policy.ts'

const amount = fc.constantFrom(0, 1, 2)
const policy: fc.Arbitrary<LimitPolicy> = fc.record({
  name: fc.constantFrom('a', 'b'),
  per: fc.constant('key' as const),
  splitBy: fc.constantFrom('' as const, 'model' as const),
  match: fc.record({
    orgId: fc.constant(''),
    workspaceId: fc.constant(''),
    keyId: fc.constant(''),
    provider: fc.constantFrom('', 'openai'),
    model: fc.constantFrom('', 'gpt*', 'gpt-4*', 'gpt-4o'),
  }),
  requestsPerMinute: amount,
  tokensPerMinute: amount,
  concurrentRequests: fc.constant(0),
  maxRequestBytes: fc.constant(0),
  budget: fc.record({
    costUsd: amount,
    tokens: fc.constant(0),
    period: fc.constantFrom(
      'day' as const,
      'week' as const,
      'month' as const,
      'rolling' as const,
      'total' as const,
    ),
    rollingHours: fc.constantFrom(1, 24),
    timeZone: fc.constantFrom('UTC', 'Asia/Tokyo'),
    enforcement: fc.constantFrom('soft' as const, 'hard' as const, 'strict' as const),
    countIncluded: fc.boolean(),
    warnAt: fc.constant([]),
  }),
  onBackendFailure: fc.constantFrom('allow' as const, 'deny' as const),
})
const policies = fc.array(policy, { maxLength: 2 })

test('limits are as strict as themselves, and as everything that they are stricter than is as strict as', () => {
  let chains = 0
  fc.assert(
    fc.property(policies, policies, policies, (a, b, c) => {
      expect(widerLimit(a, a)).toBeUndefined()
      expect(widerLimit(a, [...b, ...a])).toBeUndefined()
      expect(widerOwnLimit(a, [...b, ...a])).toBeUndefined()
      if (widerLimit(a, b) !== undefined || widerLimit(b, c) !== undefined) return
      chains += a.length + b.length > 0 ? 1 : 0
      expect(widerLimit(a, c)).toBeUndefined()
    }),
    { numRuns: 20_000 },
  )
  expect(chains).toBeGreaterThan(50)
})

test('one key’s limit that is taken away or raised is wider', () => {
  fc.assert(
    fc.property(policy, (limit) => {
      fc.pre(limit.requestsPerMinute > 0)
      const name = JSON.stringify(limit.name)
      const raised = { ...limit, requestsPerMinute: limit.requestsPerMinute + 1 }
      for (const after of [[], [raised]]) {
        expect(widerLimit([limit], after)).toBe(`requests_per_minute of the limit ${name}`)
        expect(widerOwnLimit([limit], after)).toBe(`requests_per_minute of the limit ${name}`)
      }
      expect(widerOwnLimit([limit], [{ ...limit, name: 'another' }])).toBeDefined()
    }),
  )
})
