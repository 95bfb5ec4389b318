import { describe, expect, test } from 'bun:test'
import { NO_RATES, ownPrice } from '../../test/support/own-prices.ts'
import type { PriceOverride } from './settings.ts'
import { priceUsage, type Cost } from './cost.ts'
import { matchesModel, nameForms } from './model-names.ts'
import { assumedRates, bestOverride, overrideApplies, overrideRates } from './overrides.ts'
import { PriceList } from './price-list.ts'
import { NO_PARTS, type ModelUsage, type Usage } from './usage.ts'

const QUESTION = {
  provider: 'openai',
  organizationId: 'o',
  workspaceId: 'w',
  keyId: 'k',
  at: Date.parse('2026-11-15T12:00:00Z'),
}
const NAMES = { answered: 'gpt-5-mini' }
const FORMS = nameForms(NAMES)

function cost(override: Partial<PriceOverride>, usage: Usage, more: Partial<ModelUsage> = {}): Cost {
  const list = new PriceList({
    unknownModel: 'allow',
    assumed: NO_RATES,
    overrides: [ownPrice({ model: '*', ...override })],
  })
  return priceUsage({
    model: NAMES.answered,
    names: NAMES,
    bills: [{ usage, parts: NO_PARTS, ...more }],
    find: (names) => list.find({ ...QUESTION, upstreamUrl: '', dialect: 'openai', names }),
  })
}

test('a pattern is a name, or the beginning of one', () => {
  const cases: [string, string, boolean][] = [
    ['gpt-5', 'gpt-5', true],
    ['gpt-5', 'gpt-5-mini', false],
    ['gpt-5*', 'gpt-5-mini', true],
    ['*', 'anything', true],
    ['gpt-*-mini', 'gpt-5-mini', false],
  ]
  for (const [pattern, name, matches] of cases) expect(matchesModel(pattern, name)).toBe(matches)
})

describe('whom an own price is for', () => {
  const cases: [string, Partial<PriceOverride>, boolean][] = [
    ['anybody', {}, true],
    ['a provider', { provider: 'openai' }, true],
    ['another provider', { provider: 'azure' }, false],
    ['an organization', { orgId: 'o' }, true],
    ['another organization', { orgId: 'p' }, false],
    ['a workspace', { workspaceId: 'w' }, true],
    ['another workspace', { workspaceId: 'x' }, false],
    ['a key', { keyId: 'k' }, true],
    ['another key', { keyId: 'l' }, false],
    ['from today on', { from: '2026-11-15' }, true],
    ['from tomorrow on', { from: '2026-11-16' }, false],
    ['to the end of today', { to: '2026-11-15' }, true],
    ['to the end of yesterday', { to: '2026-11-14' }, false],
  ]
  test.each(cases)('%s', (_, values, applies) => {
    expect(overrideApplies(ownPrice({ model: '*', ...values }), QUESTION, FORMS)).toBe(applies)
  })
})

test('the most specific wins: a key, a tenant, an exact name, a longer prefix, a named provider, a later start', () => {
  const ranked = [
    ownPrice({ model: '*' }),
    ownPrice({ model: 'gpt-5*' }),
    ownPrice({ model: 'gpt-5*', from: '2026-01-01' }),
    ownPrice({ model: 'gpt-5*', provider: 'openai' }),
    ownPrice({ model: 'gpt-5-mini' }),
    ownPrice({ model: '*', keyId: 'k' }),
    ownPrice({ model: '*', workspaceId: 'w', keyId: 'k' }),
  ]
  for (let count = 1; count <= ranked.length; count++) {
    const some = ranked.slice(0, count)
    expect(bestOverride(some, QUESTION, FORMS)).toBe(some.at(-1))
    expect(bestOverride(some.toReversed(), QUESTION, FORMS)).toBe(some.at(-1))
  }
})

test('a line says from which list its rate is where an own price does not set it, and what is taken off', () => {
  const usage = { input_uncached: 1000, cache_read: 1000, output_text: 1000 }
  const { lines, priceList, status } = cost({ input: 0.2, discount: 0.1 }, usage)
  expect([status, priceList]).toEqual(['exact', 'override'])
  const listed = { list: 'genai-prices@0.1.8', discount: 0.1 }
  expect(lines).toEqual([
    { model: 'gpt-5-mini', bucket: 'input_uncached', tokens: 1000, usd_per_million: 0.2 },
    { model: 'gpt-5-mini', bucket: 'cache_read', tokens: 1000, usd_per_million: 0.0225, ...listed },
    { model: 'gpt-5-mini', bucket: 'output_text', tokens: 1000, usd_per_million: 1.8, ...listed },
  ])
})

test('a discount holds for fees of the list; an own fee holds as it is', () => {
  const searches = { units: { web_searches: 1000, file_searches: 1000 } }
  const { lines } = cost({ discount: 0.5, units: { ...ownPrice({}).units, fileSearches: 2 } }, {}, searches)
  expect(lines.map((line) => 'price_usd' in line && [line.bucket, line.price_usd, line.list])).toEqual([
    ['web_searches', 5, 'genai-prices@0.1.8'],
    ['file_searches', 2, undefined],
  ])
})

test('a price by the piece stands in the stead of the list’s rates for tokens', () => {
  const usage = { input_uncached: 50, output_text: 4000 }
  const units = { ...ownPrice({}).units, images: 0.03 }
  expect(cost({ units }, usage, { units: { images: 2 } })).toMatchObject({
    status: 'exact',
    totalNanoUsd: 60_000_000,
  })
  expect(cost({ units, input: 2 }, usage, { units: { images: 2 } }).totalNanoUsd).toBe(60_100_000)
})

test('a free model has no fees either', () => {
  expect(cost({ free: true }, { output_audio: 5 }, { units: { web_searches: 3 } })).toMatchObject({
    status: 'exact',
    totalNanoUsd: 0,
  })
})

test('a rule follows an own rate', () => {
  const rates = overrideRates(ownPrice({ input: 2 }), undefined, { vendor: 'aws', model: 'claude-sonnet-5' })
  expect(rates?.rate('cache_write_1h', 0)).toEqual({ usdPerMillion: 4, rule: 'anthropic-cache-write-1h' })
  expect(rates?.rate('output_text', 0)).toBeUndefined()
})

test('a discount on a model that no list has is no price', () => {
  const list = new PriceList({
    unknownModel: 'assume',
    assumed: { ...NO_RATES, input: 1, output: 2 },
    overrides: [ownPrice({ model: '*', discount: 0.5 })],
  })
  const find = (model: string) =>
    list.find({ ...QUESTION, upstreamUrl: '', dialect: 'openai', names: { answered: model } })
  expect([find('in-house')?.list, find('gpt-5-mini')?.list]).toEqual(['assumed', 'override'])
})

test('a tier has its own factor, or its own rates and rules; the provider’s factor is not used beside them', () => {
  const tiers = [
    { ...NO_RATES, name: 'batch', factor: 0.3 } as const,
    { ...NO_RATES, name: 'priority', factor: -1, input: 1, output: 4 } as const,
  ]
  const usage = { input_uncached: 1000, output_text: 1000, reasoning: 1000 }
  expect(cost({ tiers }, usage, { serviceTier: 'BATCH' })).toMatchObject({
    status: 'exact',
    totalNanoUsd: 1_275_000,
  })
  expect(cost({ tiers }, usage, { serviceTier: 'on_demand_priority' })).toMatchObject({
    status: 'exact',
    totalNanoUsd: 9_000_000,
  })
  // No own term: half, as the provider has it.
  expect(cost({ tiers }, usage, { serviceTier: 'flex' })).toMatchObject({ totalNanoUsd: 2_125_000 })
})

test('brackets of an own price may stand in any order, and the highest that is exceeded holds', () => {
  const bracket = (above: number, input: number) => ({ ...NO_RATES, above, input })
  const override = { input: 1, brackets: [bracket(200_000, 3), bracket(100_000, 2)] }
  const rate = (tokens: number): unknown => cost(override, { input_uncached: tokens }).lines[0]
  for (const [tokens, usd] of [
    [100_000, 1],
    [100_001, 2],
    [200_001, 3],
  ] as const) {
    expect(rate(tokens)).toMatchObject({ usd_per_million: usd })
  }
})

test('an assumed rate stands for no other', () => {
  const rates = assumedRates({ ...NO_RATES, input: 1, output: 2 }, '', 'm')
  expect(rates.rate('output_audio', 0)).toBeUndefined()
  expect(rates.rate('cache_read', 0)).toEqual({
    usdPerMillion: 1,
    reason: 'no price for cache_read of model m; that of input_uncached was used',
  })
  expect(rates.rate('reasoning', 0)).toEqual({ usdPerMillion: 2 })
})
