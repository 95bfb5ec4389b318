import { expect, test } from 'bun:test'
import fc from 'fast-check'
import type { PriceOverride, PricingConfig } from './settings.ts'
import { NO_RATES, ownPrice } from '../../test/support/own-prices.ts'
import { priceUsage, type Cost } from './cost.ts'
import { lineAmount } from './receipt.ts'
import { nanoToUsd, scaled, tokensCost, toNanoUsd, usdText } from './money.ts'
import type { ModelNames } from './model-names.ts'
import { PriceList } from './price-list.ts'
import { NO_PARTS, type ModelUsage, type Units, type Usage } from './usage.ts'

const AT = Date.parse('2026-11-23T12:00:00Z')

function listWith(overrides: Partial<PriceOverride>[] = [], pricing: Partial<PricingConfig> = {}): PriceList {
  const own = { overrides: overrides.map(ownPrice), assumed: NO_RATES }
  return new PriceList({ unknownModel: 'allow', ...own, ...pricing })
}

interface Circumstances {
  provider?: string
  list?: PriceList
  serviceTier?: string
  speed?: string
  inferenceGeo?: string
  place?: string
  workspaceId?: string
  at?: number
}

function priceBills(model: string, bills: readonly ModelUsage[], circumstances: Circumstances = {}): Cost {
  const { provider = 'openai', list = listWith(), at = AT, workspaceId = 'w', ...tier } = circumstances
  const query = {
    provider,
    upstreamUrl: 'http://127.0.0.1:1',
    dialect: 'openai',
    organizationId: 'o',
    keyId: '',
    at,
  } as const
  const find = (names: ModelNames) => list.find({ ...query, workspaceId, names })
  return priceUsage({ model, names: { answered: model }, bills, ...tier, find })
}

function price(model: string, usage: Usage, circumstances: Circumstances = {}): Cost {
  return priceBills(model, [{ usage, parts: NO_PARTS }], circumstances)
}

test('every bucket is billed at its own rate, and the lines come to the total', () => {
  const usage = {
    input_uncached: 2000,
    cache_read: 5000,
    cache_write_5m: 1000,
    cache_write_1h: 2000,
    output_text: 500,
  }
  const cost = price('claude-haiku-4-5', usage, { provider: 'anthropic' })
  expect(cost).toMatchObject({ status: 'exact', totalNanoUsd: 10_250_000, priceList: 'genai-prices@0.1.8' })
  expect(cost.lines.map((line) => toNanoUsd(lineAmount(line)))).toEqual([
    2_000_000, 500_000, 1_250_000, 4_000_000, 2_500_000,
  ])
})

test('a long context is billed in its bracket, as a whole', () => {
  const cost = price('gpt-5.5', { input_uncached: 50_000, cache_read: 250_000, output_text: 2000 })
  expect(cost.totalNanoUsd).toBe(840_000_000)
})

test('flex costs half', () => {
  const cost = price('gpt-5-mini', { input_uncached: 1000, output_text: 200 }, { serviceTier: 'flex' })
  expect(cost).toMatchObject({ status: 'exact', totalNanoUsd: 325_000 })
})

test('a model without a price is unknown, never 0', () => {
  expect(price('gpt-unknown-1', { input_uncached: 10 })).toMatchObject({
    status: 'unknown',
    totalNanoUsd: null,
  })
})

test('a model without a price can be assumed, and is estimated then', () => {
  const list = listWith([], { unknownModel: 'assume', assumed: { ...NO_RATES, input: 1, output: 2 } })
  expect(price('gpt-unknown-1', { input_uncached: 10, output_text: 10 }, { list })).toMatchObject({
    status: 'estimated',
    totalNanoUsd: 30_000,
    priceList: 'assumed',
  })
})

test('the most specific override wins: exact over prefix, longer over shorter, provider over any, later over earlier', () => {
  const list = listWith([
    { model: 'm*', input: 1, output: 1 },
    { model: 'mo*', input: 2, output: 2 },
    { model: 'model', input: 3, output: 3 },
    { model: 'model', provider: 'openai', input: 4, output: 4 },
    { model: 'model', provider: 'openai', from: '2026-01-01', input: 5, output: 5 },
    { model: 'model', provider: 'openai', from: '2027-01-01', input: 6, output: 6 },
  ])
  const nano = (model: string, provider: string): number | null =>
    price(model, { input_uncached: 1000 }, { list, provider }).totalNanoUsd
  expect(nano('max', 'openai')).toBe(1_000_000)
  expect(nano('mox', 'openai')).toBe(2_000_000)
  expect(nano('model', 'anthropic')).toBe(3_000_000)
  expect(nano('model', 'openai')).toBe(5_000_000)
})

test('a free model costs exactly nothing', () => {
  const list = listWith([{ model: 'llama*', free: true }])
  expect(price('llama3', { input_uncached: 1000, output_text: 9 }, { list })).toMatchObject({
    status: 'exact',
    totalNanoUsd: 0,
  })
})

test('the charge that the provider reports wins over tokens times price', () => {
  const cost = priceBills('x', [{ usage: { input_uncached: 5 }, parts: NO_PARTS, reportedUsd: 0.007637029 }])
  expect(cost).toMatchObject({ status: 'exact', totalNanoUsd: 7_637_029, priceList: 'provider' })
})

const units = (amounts: ModelUsage['units'], usage: Usage = {}): ModelUsage[] => [
  { usage, parts: NO_PARTS, units: amounts! },
]

test('seconds, pages, searches and characters have prices of their own', () => {
  const nano = (provider: string, model: string, bills: ModelUsage[]): unknown => {
    const { status, totalNanoUsd } = priceBills(model, bills, { provider })
    return [status, totalNanoUsd]
  }
  expect(nano('openai', 'whisper-1', units({ audio_seconds: 37 }))).toEqual(['exact', 3_700_000])
  // Ten seconds at least, at 0.111 USD an hour: a division that does not come out even, rounded once.
  expect(nano('groq', 'whisper-large-v3', units({ audio_seconds: 3 }))).toEqual(['exact', 308_333])
  expect(nano('mistral', 'mistral-ocr-latest', units({ pages: 3 }))).toEqual(['exact', 12_000_000])
  expect(nano('cohere', 'rerank-v3.5', units({ search_units: 2 }))).toEqual(['exact', 4_000_000])
  expect(nano('openai', 'tts-1', units({ billable_characters: 1000 }))).toEqual(['exact', 15_000_000])
  expect(nano('openai', 'dall-e-3', units({ images: 1 }))).toEqual(['unknown', null])
  // Billed by the second: the tokens beside them are not billed.
  expect(nano('mistral', 'voxtral-mini-2602', units({ audio_seconds: 36 }, { input_uncached: 13 }))).toEqual([
    'exact',
    1_800_000,
  ])
  // Billed by the token: the characters beside them are not billed.
  expect(nano('cohere', 'embed-v4.0', units({ billable_characters: 9 }, { input_uncached: 1000 }))).toEqual([
    'exact',
    120_000,
  ])
})

test('a search without a price makes the cost an estimate, not an exact sum without it', () => {
  const cost = priceBills('mistral-small-latest', units({ web_searches: 2 }, { input_uncached: 10 }), {
    provider: 'mistral',
  })
  expect(cost).toMatchObject({ status: 'estimated', note: 'no price for 2 web_searches' })
})

test('tiers: priority by model, none in long context, batch, fast, and what is not known is said', () => {
  const usage = { input_uncached: 1000, output_text: 200 }
  const factor = (model: string, circumstances: Circumstances, used: Usage = usage): unknown => {
    const { status, lines } = price(model, used, circumstances)
    return [status, lines[0]?.factor ?? 1]
  }
  expect(factor('gpt-5.4', { serviceTier: 'priority' })).toEqual(['exact', 2])
  expect(factor('gpt-5.5', { serviceTier: 'priority' })).toEqual(['exact', 2.5])
  expect(factor('gpt-5.5', { serviceTier: 'priority' }, { input_uncached: 300_000 })).toEqual(['exact', 1])
  expect(factor('gpt-4o', { serviceTier: 'priority' })).toEqual(['estimated', 2])
  expect(factor('gpt-5-mini', { serviceTier: 'batch' })).toEqual(['exact', 0.5])
  expect(factor('llama-3.3-70b-versatile', { provider: 'groq', serviceTier: 'flex' })).toEqual(['exact', 1])
  expect(factor('gemini-3.8-flash', { provider: 'gemini', serviceTier: 'ON_DEMAND_FLEX' })).toEqual([
    'exact',
    0.5,
  ])
  expect(factor('gemini-3.8-flash', { provider: 'gemini', serviceTier: 'PROVISIONED_THROUGHPUT' })).toEqual([
    'estimated',
    1,
  ])
  const anthropic = { provider: 'anthropic' }
  expect(factor('claude-opus-5-5', { ...anthropic, speed: 'fast' })).toEqual(['exact', 2])
  expect(factor('claude-opus-5-5', { ...anthropic, speed: 'fast', inferenceGeo: 'us' })).toEqual([
    'exact',
    2.2,
  ])
  expect(factor('claude-opus-5-5', { ...anthropic, inferenceGeo: 'global' })).toEqual(['exact', 1])
  expect(factor('claude-haiku-4-5', { ...anthropic, speed: 'fast' })).toEqual(['estimated', 2])
  expect(factor('gpt-5-mini', { serviceTier: 'hyper' })).toEqual(['estimated', 1])
  const gemini = { provider: 'gemini' }
  expect(factor('gemini-3.8-flash', { ...gemini, serviceTier: 'ON_DEMAND_PRIORITY' })).toEqual(['exact', 1.8])
  expect(factor('claude-opus-4-6', { ...anthropic, speed: 'fast' })).toEqual(['exact', 6])
  const nova = 'us.amazon.nova-lite-v1:0'
  expect(factor(nova, { provider: 'bedrock', serviceTier: 'flex' })).toEqual(['estimated', 0.5])
})

test('half the price is exact only where the provider says so for all its models', () => {
  const usage = { input_uncached: 1000 }
  const status = (provider: string, model: string, serviceTier: string): string =>
    price(model, usage, { provider, serviceTier }).status
  expect(status('anthropic', 'claude-opus-5', 'batch')).toBe('exact')
  expect(status('groq', 'openai/gpt-oss-120b', 'batch')).toBe('estimated')
  expect(status('xai', 'grok-4.3', 'batch')).toBe('estimated')
  expect(status('cerebras', 'gpt-oss-120b', 'flex')).toBe('estimated')
})

test('nothing is nothing at every tier and with every fee', () => {
  const list = listWith([{ model: '*', free: true }])
  const bill = { usage: { input_uncached: 1000 }, parts: NO_PARTS, units: { requests: 1 } }
  for (const serviceTier of ['priority', 'batch', 'something']) {
    const cost = priceBills('sonar', [bill], { provider: 'perplexity', list, serviceTier })
    expect(cost).toMatchObject({ status: 'exact', totalNanoUsd: 0 })
  }
  const own = listWith([{ model: 'sonar', units: { ...ownPrice({}).units, requests: 4 } }])
  expect(priceBills('sonar', [bill], { provider: 'perplexity', list: own }).status).toBe('exact')
})

test('the place multiplies the list price and its tiers, not an own price and not a fee', () => {
  const usage = { input_uncached: 1000, output_text: 200 }
  const factor = (circumstances: Circumstances): unknown =>
    price('gpt-5.4', usage, circumstances).lines[0]?.factor
  expect(factor({ place: 'eu' })).toBe(1.1)
  expect(factor({ place: 'eu', serviceTier: 'priority' })).toBe(2.2)
  expect(factor({ place: 'us', serviceTier: 'batch' })).toBe(0.55)
  expect(factor({ place: '' })).toBeUndefined()
  expect(factor({ place: 'eu', list: listWith([{ model: 'gpt-5.4', input: 1, output: 1 }]) })).toBeUndefined()
  const { lines } = priceBills('gpt-5.4', units({ web_searches: 1 }, usage), { place: 'eu' })
  expect(lines.map((line) => line.factor)).toEqual([1.1, 1.1, undefined])
})

test('a provider of any name is known by the address of one place', () => {
  const found = (upstreamUrl: string, model: string): string | undefined =>
    listWith().find({
      provider: 'ours',
      upstreamUrl,
      dialect: 'openai',
      organizationId: 'o',
      workspaceId: 'w',
      keyId: '',
      names: { answered: model },
      at: AT,
    })?.vendor
  expect(found('https://eu.api.openai.com/v1', 'gpt-5.4')).toBe('openai')
  expect(found('https://bedrock-mantle.us-east-1.api.aws/v1', 'us.amazon.nova-lite-v1:0')).toBe('aws')
  expect(found('https://eu.api.openai.com.example/v1', 'gpt-5.4')).toBeUndefined()
})

test('fees of a vendor hold under an own price, and where none is known the cost says so', () => {
  const list = listWith([{ model: 'm', input: 1, output: 1 }])
  const fee = (provider: string, amounts: Units): unknown => {
    const { status, totalNanoUsd, note } = priceBills('m', units(amounts), { provider, list })
    return [status, totalNanoUsd, note]
  }
  expect(fee('anthropic', { web_searches: 3 })).toEqual(['exact', 30_000_000, undefined])
  expect(fee('openai', { file_searches: 2 })).toEqual(['exact', 5_000_000, undefined])
  expect(fee('mistral', { web_searches: 2 })).toEqual(['estimated', 0, 'no price for 2 web_searches'])
  expect(fee('anthropic', { containers: 1 })).toEqual([
    'estimated',
    4_166_667,
    'five minutes of code execution were counted; 1,550 hours of a month are free',
  ])
})

test('a search that is billed by the prompt needs the prompt counted', () => {
  const cost = (amounts: Units): unknown => {
    const { status, totalNanoUsd, note } = priceBills('gemini-2.5-flash', units(amounts), {
      provider: 'gemini',
    })
    return [status, totalNanoUsd, note]
  }
  const free = 'the first 1,500 grounded prompts of a day are free; all were counted'
  expect(cost({ web_searches: 3, grounded_prompts: 1 })).toEqual(['estimated', 35_000_000, free])
  // As traces of earlier versions have it.
  expect(cost({ web_searches: 3 })).toEqual(['estimated', 0, 'no price for 3 web_searches'])
})

test('prices by time of day and by start date', () => {
  const usage = { input_uncached: 1_000_000 }
  const nano = (model: string, at: string): number | null =>
    price(model, usage, { provider: 'deepseek', at: Date.parse(at) }).totalNanoUsd
  const peak = nano('deepseek-v4-pro', '2026-11-23T02:00:00Z')!
  const calm = nano('deepseek-v4-pro', '2026-11-23T12:00:00Z')!
  const before = nano('deepseek-v4-pro', '2026-08-01T12:00:00Z')!
  expect(peak).toBeGreaterThan(calm)
  expect(before).not.toBe(calm)
})

test('a price of a tenant beats one for all', () => {
  const list = listWith([
    { model: 'm', input: 1, output: 1 },
    { model: 'm*', workspaceId: 'team-a', input: 5, output: 5 },
  ])
  const nano = (workspaceId: string): number | null =>
    price('m', { input_uncached: 1000 }, { list, workspaceId }).totalNanoUsd
  expect([nano('team-a'), nano('team-b')]).toEqual([5_000_000, 1_000_000])
})

test('lines of the same model and rate become one, and brackets stay apart', () => {
  const bill = (tokens: number): ModelUsage => ({ usage: { input_uncached: tokens }, parts: NO_PARTS })
  const { lines } = priceBills('gpt-5.5', [bill(10), bill(20), bill(300_000)])
  expect(lines).toEqual([
    { model: 'gpt-5.5', bucket: 'input_uncached', tokens: 30, usd_per_million: 5 },
    { model: 'gpt-5.5', bucket: 'input_uncached', tokens: 300_000, usd_per_million: 10 },
  ])
})

test('an amount is the same however its tokens are split into lines: nothing is rounded before the end', () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(1_000_000), { minLength: 1, maxLength: 20 }),
      fc.integer({ min: 0, max: 75_000_000 }),
      (tokens, micro) => {
        const rate = micro / 1_000_000
        const whole = tokensCost(
          tokens.reduce((a, b) => a + b, 0),
          rate,
          1000,
        )
        expect(tokens.reduce((sum, count) => sum + tokensCost(count, rate, 1000), 0n)).toBe(whole)
      },
    ),
  )
})

test('half a nano-dollar is rounded up, once', () => {
  expect(toNanoUsd(tokensCost(51, 0.0375, 1000) + tokensCost(13, 0.15, 1000))).toBe(3863)
})

test('decimals are read exactly as they are written', () => {
  expect(scaled(0.1, 18)).toBe(100_000_000_000_000_000n)
  expect(scaled(1.176e-7, 18)).toBe(117_600_000_000n)
  expect(scaled(2.5e21, 0)).toBe(2_500_000_000_000_000_000_000n)
  expect(() => scaled(Number.NaN, 9)).toThrow(RangeError)
})

test('money is shown in dollars with the decimals asked for, and a small amount keeps its digits', () => {
  expect(usdText(1_234_567_890)).toBe('1.234568')
  expect(usdText(0)).toBe('0.000000')
  expect(usdText(1)).toBe('0.000000001')
  expect(usdText(4_500)).toBe('0.0000045')
  expect(usdText(12_345)).toBe('0.000012345')
  expect(usdText(9_999_999)).toBe('0.010000')
  expect(usdText(180_000)).toBe('0.000180')
  expect([usdText(0, 2), usdText(4_500, 2), usdText(12_345_678, 2)]).toEqual(['0.00', '0.0000045', '0.0123'])
  expect(usdText(12_345_678_900_000, 2)).toBe('12345.68')
  expect([usdText(4_500, 9), usdText(999_999_999, 2)]).toEqual(['0.000004500', '1.00'])
  expect(nanoToUsd(37_350)).toBe(0.00003735)
})
