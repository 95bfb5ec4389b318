import { expect, test } from 'bun:test'
import { repriced } from '../../src/traces/reprice.ts'
import type { Trace } from '../../src/traces/trace.ts'
import type { ModelNames } from '../../src/usage/model-names.ts'
import { PriceList } from '../../src/usage/price-list.ts'
import { NO_RATES } from '../support/own-prices.ts'
import { sampleTrace } from '../support/trace.ts'

const list = new PriceList({ unknownModel: 'allow', assumed: NO_RATES, overrides: [] })
const STARTED_AT_US = Date.parse('2026-11-27T12:00:00Z') * 1000

/** A trace whose receipt is not right yet, priced again. */
function priceAgain(
  usage: Partial<Trace['detail']['usage']>,
  more: Partial<Trace>,
): number | null | undefined {
  const { detail } = sampleTrace()
  const trace = sampleTrace({
    startedAtUs: STARTED_AT_US,
    ...more,
    detail: {
      ...detail,
      ...more.detail,
      usage: { buckets: { input_uncached: 1000, output_text: 500 }, ...usage },
      cost: { status: 'exact', total_usd: 1, price_list: 'x', lines: [] },
    },
  })
  const find = (names: ModelNames): ReturnType<PriceList['find']> =>
    list.find({
      provider: trace.provider,
      upstreamUrl: 'http://127.0.0.1:1',
      dialect: 'openai',
      organizationId: '',
      workspaceId: '',
      keyId: '',
      names,
      at: trace.startedAtUs / 1000,
    })
  return repriced(trace, find, '2026-11-28T00:00:00Z')?.costNanoUsd
}

const claude = { provider: 'vertex', model: 'claude-sonnet-4-5-20250929', requestPath: '/vertex/x' }

test('a trace is priced again where it ran', () => {
  expect(priceAgain({ place: 'us-east5' }, claude)).toBe(11_550_000)
  expect(priceAgain({ place: 'global' }, claude)).toBe(10_500_000)
  expect(priceAgain({}, claude)).toBe(10_500_000)
})

test('a trace of an earlier version ran where its address says', () => {
  const path = '/vertex/v1/projects/p/locations/us-east5/publishers/anthropic/models/c:rawPredict'
  expect(priceAgain({}, { ...claude, requestPath: path })).toBe(11_550_000)
  const { detail } = sampleTrace()
  const upstream = { ...detail.upstream, url_host: 'eu.api.openai.com' }
  const more = { provider: 'openai', model: 'gpt-5.4', requestPath: '/openai/v1/responses' }
  expect(priceAgain({}, { ...more, detail: { ...detail, upstream } })).toBe(11_000_000)
})
