import { afterAll, expect, test } from 'bun:test'
import { ANONYMOUS } from '../../src/access/keyring.ts'
import { BudgetWarnings } from '../../src/limits/alerts/budget-warnings.ts'
import type { ReadLedger } from '../../src/limits/counters/counters.ts'
import { LimitEngine } from '../../src/limits/limit-engine.ts'
import { MemoryCounters } from '../../src/limits/counters/memory-counters.ts'
import type { LimitPolicy } from '../../src/limits/policies/policy.ts'
import { RollingRoom } from '../../src/limits/counters/rolling-room.ts'

const POLICY: LimitPolicy = {
  name: 'everybody',
  per: 'organization',
  splitBy: '',
  match: { orgId: '', workspaceId: '', keyId: '', provider: '', model: '' },
  requestsPerMinute: 0,
  tokensPerMinute: 0,
  concurrentRequests: 5,
  maxRequestBytes: 0,
  budget: {
    costUsd: 1,
    tokens: 0,
    period: 'day',
    rollingHours: 0,
    timeZone: 'UTC',
    enforcement: 'hard',
    countIncluded: false,
    warnAt: [],
  },
  onBackendFailure: 'deny',
}

const NOTHING_SPENT: ReadLedger = () => Promise.resolve([])

const engine = new LimitEngine({
  counters: new MemoryCounters('this', NOTHING_SPENT),
  rollingRoom: new RollingRoom(NOTHING_SPENT),
  policies: () => [POLICY],
  timeoutMs: () => 1000,
  maxWaitMs: () => 0,
  warnings: new BudgetWarnings({ once: () => Promise.resolve(true), warn: () => undefined }),
  log: () => undefined,
})
afterAll(() => engine.close())

test('reports about an exchange after its end change nothing', async () => {
  const facts = { endUser: '', sessionId: '', provider: 'openai', model: 'm' }
  const limits = engine.limitsOf({ caller: ANONYMOUS, counterId: '' }, [])
  const standing = async (): Promise<unknown> =>
    (await engine.standings(limits, facts)).map(({ used, reserved }) => [used, reserved])
  const ticket = await engine.admit(
    {
      id: 'one',
      limits,
      ...facts,
      billable: true,
      subscription: false,
      requestBytes: 400,
      maxOutputTokens: 100,
      answers: 1,
      answeredOnce: true,
      streaming: true,
      rates: { input: 1000, output: 2000 },
    },
    Date.now(),
  )
  // 100 tokens of 1,000 nano-USD, and 100 of 2,000.
  expect(await standing()).toEqual([
    [1, undefined],
    [0, 0.0003],
  ])
  const atMs = performance.now()
  const number = ticket.end({ sent: true, answered: true, requestBytes: 400, responseBytes: 5000, atMs })
  ticket.grow(50_000_000)
  expect(await standing()).toEqual([
    [0, undefined],
    [0, 0.0003],
  ])
  const bill = {
    ticket: number,
    costNanoUsd: 123,
    includedNanoUsd: 0,
    outputNanoUsd: 100,
    inputTokens: 1,
    outputTokens: 1,
    whole: true,
  }
  engine.priced([bill])
  engine.priced([bill])
  engine.dropped(number)
  ticket.grow(90_000_000)
  expect(await standing()).toEqual([
    [0, undefined],
    [0.000000123, 0],
  ])
})
