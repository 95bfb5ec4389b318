import { expect, test } from 'bun:test'
import fc from 'fast-check'
import type { PriceOverride, PricingConfig } from '../config/config.ts'
import { lineAmount, priceUsage } from './cost.ts'
import { formatNanoUsd, nanoToUsd, scaled, tokensCost, toNanoUsd } from './money.ts'
import { PriceList } from './price-list.ts'
import type { Usage } from './usage.ts'

const UNSET = { input: -1, cacheRead: -1, cacheWrite: -1, cacheWrite1h: -1, output: -1 }
const AT = Date.parse('2026-11-22T12:00:00Z')

function listWith(overrides: Partial<PriceOverride>[] = [], pricing: Partial<PricingConfig> = {}): PriceList {
  const full = overrides.map((o) => ({ ...UNSET, provider: '', model: '', from: '', free: false, ...o }))
  return new PriceList({ unknownModel: 'allow', assumed: UNSET, overrides: full, ...pricing })
}

function price(
  model: string,
  usage: Usage,
  { provider = 'openai', list = listWith(), serviceTier = 'default' } = {},
) {
  const find = (name: string) => list.find(provider, 'http://127.0.0.1:1', name, AT)
  return priceUsage({ model, usages: [{ usage }], serviceTier, find })
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
  const list = listWith([], { unknownModel: 'assume', assumed: { ...UNSET, input: 1, output: 2 } })
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
  const cost = priceUsage({ model: 'x', usages: [], reportedUsd: 0.007637029, find: () => undefined })
  expect(cost).toMatchObject({ status: 'exact', totalNanoUsd: 7_637_029, priceList: 'provider' })
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

test('money is shown in dollars with the decimals asked for', () => {
  expect(formatNanoUsd(1_234_567_890, 6)).toBe('1.234568')
  expect(formatNanoUsd(499, 6)).toBe('0.000000')
  expect(formatNanoUsd(500, 6)).toBe('0.000001')
  expect(nanoToUsd(37_350)).toBe(0.00003735)
})
