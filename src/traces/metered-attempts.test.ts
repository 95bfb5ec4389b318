import { expect, test } from 'bun:test'
import { NO_COST, unknown, type Cost } from '../usage/cost.ts'
import { NO_PARTS } from '../usage/usage.ts'
import type { Attempt, Exchange } from './exchange.ts'
import { type TraceFacts, meterAttempts } from './metered-attempts.ts'
import type { Metering } from './metering.ts'

const ABOUT: TraceFacts = {
  requestedModel: 'fast',
  upstreamRequestId: 'req_last',
  error: undefined,
  subscription: false,
  text: (text) => text,
  find: () => undefined,
}

const exact: Cost = { status: 'exact', totalNanoUsd: 1000, priceList: 'list', lines: [] }

function metering(cost: Cost): Metering {
  return {
    usage: { input_uncached: 10, output_text: 5 },
    units: {},
    parts: NO_PARTS,
    bills: [{ usage: { input_uncached: 10, output_text: 5 }, parts: NO_PARTS }],
    source: 'reported',
    cost,
    notes: [],
  }
}

function attempt(values: Partial<Attempt> = {}): Attempt {
  return {
    provider: 'one',
    cause: 'ok',
    status: 200,
    startedUs: 1,
    firstByteUs: 2,
    endedUs: 3,
    sentBytes: 4,
    ...values,
  }
}

const FAILED = {
  upstreamUrl: 'https://one',
  dialect: 'openai',
  upstreamRequestId: '',
  model: '',
  bills: [],
} as const

function sums(attempts: readonly Attempt[], cost: Cost): ReturnType<typeof meterAttempts> {
  return meterAttempts({ attempts, startedAtUs: 0 } as unknown as Exchange, metering(cost), ABOUT)
}

test('one attempt that went well leaves nothing to store', () => {
  expect(sums([attempt()], exact).stored).toBeUndefined()
  expect(sums([attempt({ credential: 'main' })], exact).stored).toEqual([{ credential: 'main' }])
  expect(sums([attempt({ cause: 'rate', status: 429 })], NO_COST).stored).toEqual([
    { cause: 'rate', status: 429 },
  ])
})

test('a failed attempt that cost nothing leaves the sum exact', () => {
  for (const cause of ['status_5xx', 'connect'] as const) {
    const failed = attempt({ cause, status: cause === 'connect' ? 0 : 500, failed: FAILED })
    const { metering: sum, stored } = sums([failed, attempt({ provider: 'two' })], exact)
    expect([sum.cost.status, sum.cost.totalNanoUsd]).toEqual(['exact', 1000])
    expect(stored?.map(({ cost_usd }) => cost_usd)).toEqual([0, 0.000_001])
  }
})

test('an attempt that may have been billed makes a known sum an estimate, and an empty one unknown', () => {
  const failed = attempt({ cause: 'first_byte_timeout', status: 0, firstByteUs: -1, failed: FAILED })
  const known = sums([failed, attempt()], exact)
  expect([known.metering.cost.status, known.metering.cost.totalNanoUsd]).toEqual(['estimated', 1000])
  expect(known.stored?.[0]).toMatchObject({
    cost_usd: null,
    cost_status: 'unknown',
    status: null,
    first_byte_us: null,
  })
  const nothing = sums([failed, attempt({ cause: 'status_5xx', status: 500 })], NO_COST)
  expect([nothing.metering.cost.status, nothing.metering.cost.totalNanoUsd]).toEqual(['unknown', null])
  expect(sums([attempt({ status: 500, failed: FAILED }), attempt()], unknown('x')).metering.cost.status).toBe(
    'unknown',
  )
})

test('a client that left before the next attempt: what the exchange would have come to is not counted', () => {
  const failed = attempt({ cause: 'status_5xx', status: 500, failed: FAILED })
  for (const attempts of [[failed], [failed, failed]]) {
    const { metering: sum } = sums(attempts, exact)
    expect([sum.usage, sum.cost.status, sum.cost.totalNanoUsd]).toEqual([{}, 'exact', 0])
  }
})

test('the last attempt is judged by what its response says, unless it was judged before', () => {
  const last = attempt({ cause: 'rate', status: 429 })
  const about = { ...ABOUT, error: 'insufficient_quota' }
  const exchange = (one: Attempt): Exchange => ({ attempts: [one], startedAtUs: 0 }) as unknown as Exchange
  expect(meterAttempts(exchange(last), metering(NO_COST), about).stored?.[0]?.cause).toBe('quota')
  const judged = attempt({ cause: 'overloaded', status: 429 })
  expect(meterAttempts(exchange(judged), metering(NO_COST), about).stored?.[0]?.cause).toBe('overloaded')
})
