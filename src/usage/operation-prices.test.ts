import { expect, test } from 'bun:test'
import { NO_RATES, ownPrice } from '../../test/support/own-prices.ts'
import { priceUsage } from './cost.ts'
import { OPERATION_PRICES } from './operation-prices.ts'
import { PriceList } from './price-list.ts'
import { NO_PARTS, type Usage } from './usage.ts'

function price(usage: Usage, api: string, { model = 'gpt-6-luna', provider = 'openai', own = false } = {}) {
  const override = ownPrice({ model, input: 5 })
  const list = new PriceList({ unknownModel: 'allow', assumed: NO_RATES, overrides: own ? [override] : [] })
  const at = Date.parse('2026-11-30T12:00:00Z')
  const query = {
    provider,
    upstreamUrl: '',
    dialect: 'openai',
    organizationId: '',
    workspaceId: '',
    keyId: '',
  } as const
  const cost = priceUsage({
    model,
    names: { answered: model },
    bills: [{ usage, parts: NO_PARTS }],
    find: (names) => list.find({ ...query, api, names, at }),
  })
  return [cost.status, cost.totalNanoUsd, cost.priceList]
}

const LIST = 'ongoingai-operations@2026-11-30'

test('Decisions cost $0.10 per million input tokens; output and cache cost nothing', () => {
  expect(price({ input_uncached: 1000 }, 'decisions')).toEqual(['exact', 100_000, LIST])
  const all = { input_uncached: 1000, cache_read: 500, cache_write: 200, output_text: 40, reasoning: 9 }
  expect(price(all, 'decisions')).toEqual(['exact', 100_000, LIST])
})

test('the price belongs to the operation: the same model costs more in Responses, whichever is asked first', () => {
  const usage = { input_uncached: 1000, output_text: 1000 }
  expect(price(usage, 'responses')[1]).toBe(600_000)
  expect(price(usage, 'decisions')[1]).toBe(100_000)
})

test('what is not published is unknown: another model, another provider, a long input', () => {
  const usage = { input_uncached: 1000 }
  expect(price(usage, 'decisions', { model: 'gpt-6-sol' })[0]).toBe('unknown')
  expect(price(usage, 'decisions', { provider: 'azure' })[0]).toBe('unknown')
  expect(price({ input_uncached: 272_000 }, 'decisions')[0]).toBe('exact')
  expect(price({ input_uncached: 272_001 }, 'decisions')[0]).toBe('unknown')
})

test('an own price wins', () => {
  expect(price({ input_uncached: 1000 }, 'decisions', { own: true })).toEqual([
    'exact',
    5_000_000,
    'override',
  ])
})

test('every price of an operation has a source', () => {
  for (const { source } of OPERATION_PRICES) expect(source).toMatch(/20\d\d-\d\d/)
})
