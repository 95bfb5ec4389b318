import type { ModelPrice } from '@pydantic/genai-prices'
import { expect, test } from 'bun:test'
import { priceUsage } from './cost.ts'
import { ratesOf } from './model-rates.ts'
import { timesFactor } from './money.ts'
import { listedModels, type ListedModel } from './price-list.ts'
import { RATE_RULES, ruleApplies } from './rate-rules.ts'
import { BUCKETS, NO_PARTS, type Bucket } from './usage.ts'

const MODELS = listedModels(undefined, Date.parse('2026-11-30T12:00:00Z'))

/** The key under which the bundled list has a bucket's own rate, where it has any. */
const OWN: Readonly<Partial<Record<Bucket, string>>> = {
  input_uncached: 'input_mtok',
  cache_read: 'cache_read_mtok',
  cache_read_audio: 'cache_audio_read_mtok',
  cache_read_image: 'cache_image_read_mtok',
  cache_write: 'cache_write_mtok',
  cache_write_5m: 'cache_write_mtok',
  cache_write_1h: 'cache_write_1h_mtok',
  input_audio: 'input_audio_mtok',
  input_image: 'input_image_mtok',
  input_video: 'input_video_mtok',
  output_text: 'output_mtok',
  reasoning: 'output_reasoning_mtok',
  output_audio: 'output_audio_mtok',
  output_image: 'output_image_mtok',
}

function ownPrice({ prices }: ListedModel, bucket: Bucket): ModelPrice[string] {
  return prices[OWN[bucket] ?? '']
}

/** Every rate of a price: below its brackets, and in each. */
function ratesIn(price: ModelPrice[string]): number[] {
  if (price === undefined) return []
  return typeof price === 'number' ? [price] : [price.base, ...price.tiers.map((tier) => tier.price)]
}

test('every bucket of every model is priced by its own rate, by a named rule, or the cost is not exact', () => {
  for (const listed of MODELS) {
    for (const bucket of BUCKETS) {
      for (const tokens of [1000, 1_000_000]) {
        const cost = priceUsage({
          model: listed.model,
          names: { answered: listed.model },
          bills: [{ usage: { [bucket]: tokens }, parts: NO_PARTS }],
          find: () => ratesOf(listed),
        })
        if (cost.status === 'unknown') {
          expect(cost.note).toContain('no price for')
          continue
        }
        const line = cost.lines[0]!
        const rate = 'tokens' in line ? line.usd_per_million : -1
        const rule = 'tokens' in line ? line.rule : undefined
        const own = ownPrice(listed, bucket)
        const why = `${listed.vendor} ${listed.model} ${bucket}`
        if (own !== undefined)
          expect([why, rule, ratesIn(own).includes(rate)]).toEqual([why, undefined, true])
        else if (rule !== undefined) {
          const named = RATE_RULES.filter((one) => one.name === rule && one.buckets.includes(bucket))
          expect(named.some((one) => ruleApplies(one, listed.vendor, listed.model))).toBe(true)
        } else expect([why, cost.status]).toEqual([why, 'estimated'])
        if (cost.status === 'estimated') expect(cost.note).toContain(`no price for ${bucket}`)
      }
    }
  }
})

test('a rule says what the lists say, wherever they have both rates', () => {
  let compared = 0
  for (const rule of RATE_RULES) {
    for (const listed of MODELS.filter(({ vendor, model }) => ruleApplies(rule, vendor, model))) {
      for (const bucket of rule.buckets) {
        const own = ratesIn(ownPrice(listed, bucket))
        const from = ratesIn(listed.prices[rule.from])
        if (own.length === 0 || from.length === 0) continue
        compared += 1
        const names = `${rule.name}: ${listed.vendor} ${listed.model} ${bucket}`
        const derived = from.map((rate) => timesFactor(rate, rule.factor))
        expect([names, ...derived.slice(0, own.length)]).toEqual([names, ...own])
      }
    }
  }
  expect(compared).toBeGreaterThan(150)
})

test('every rule has a dated source and is needed by a model of a list', () => {
  for (const rule of RATE_RULES) {
    expect(rule.source).toMatch(/\(.*20\d\d/)
    const needed = MODELS.some((listed) =>
      rule.buckets.some((bucket) => ratesOf(listed).rate(bucket, 0)?.rule === rule.name),
    )
    expect([rule.name, needed]).toEqual([rule.name, true])
  }
})
