import { describe, expect, test } from 'bun:test'
import type { PriceOverride, PricingConfig } from '../../src/usage/settings.ts'
import { repriced } from '../../src/traces/reprice.ts'
import type { Trace } from '../../src/traces/trace.ts'
import { priceUsage, type Cost } from '../../src/usage/cost.ts'
import type { ModelNames } from '../../src/usage/model-names.ts'
import { PriceList } from '../../src/usage/price-list.ts'
import type { PriceTable } from '../../src/usage/price-table.ts'
import { NO_PARTS, type Units, type Usage } from '../../src/usage/usage.ts'
import { NO_RATES, ownPrice } from '../support/own-prices.ts'
import { sampleTrace } from '../support/trace.ts'

// A doubt about a list's price stays a doubt, whatever of the operator's own stands beside it.

const AT = Date.parse('2026-11-27T12:00:00Z')

interface Call {
  readonly provider: string
  readonly api?: string
  readonly names: ModelNames
  readonly usage?: Usage
  readonly units?: Units
  readonly overrides?: readonly PriceOverride[]
  readonly table?: PriceTable
}

function costOf({ provider, api, names, usage = {}, units, overrides = [], table }: Call): Cost {
  const pricing: PricingConfig = {
    unknownModel: 'allow',
    assumed: NO_RATES,
    overrides,
    ...(table ? { list: { table, sha256: '', warnings: [] } } : {}),
  }
  const list = new PriceList(pricing)
  const caller = { organizationId: '', workspaceId: '', keyId: '' }
  return priceUsage({
    model: names.answered ?? names.requested ?? '',
    names,
    bills: [{ usage, parts: NO_PARTS, ...(units ? { units } : {}) }],
    at: AT,
    find: (asked) =>
      list.find({
        provider,
        upstreamUrl: '',
        dialect: 'openai',
        ...caller,
        ...(api === undefined ? {} : { api }),
        names: asked,
        at: AT,
      }),
  })
}

test('a discount on an alias that may have moved is an estimate, for tokens and for other units', () => {
  const alias = (model: string): Omit<Call, 'usage'> => ({
    provider: 'mistral',
    names: { answered: model },
    overrides: [ownPrice({ model, discount: 0.5 })],
  })
  const sound = costOf({ ...alias('voxtral-mini-latest'), units: { audio_seconds: 3600 } })
  expect(sound).toMatchObject({ status: 'estimated', totalNanoUsd: 90_000_000 })
  expect(sound.note).toContain('after 2026-09-24 is not known')
  const text = costOf({ ...alias('mistral-large-latest'), usage: { input_uncached: 1000, input_image: 10 } })
  expect(text.note).toContain('after 2026-10-06 is not known')
  expect(text.note).toContain('no price for input_image')
  for (const line of [...sound.lines, ...text.lines]) expect(line).not.toHaveProperty('doubt')
})

test('the bound of an operation’s price holds for what an own price leaves to it', () => {
  const decisions = (input: number, override: Partial<PriceOverride>): Cost =>
    costOf({
      provider: 'openai',
      api: 'decisions',
      names: { answered: 'gpt-6-luna' },
      usage: { input_uncached: input },
      overrides: [ownPrice({ model: 'gpt-6-luna', ...override })],
    })
  expect(decisions(1000, { discount: 0.5 })).toMatchObject({ status: 'exact', totalNanoUsd: 50_000 })
  expect(decisions(300_000, { discount: 0.5 })).toMatchObject({ status: 'unknown' })
  expect(decisions(300_000, { input: 1 })).toMatchObject({ status: 'exact', totalNanoUsd: 300_000_000 })
})

describe('a list of the operator’s own', () => {
  const table = (id: string, ...models: string[]): PriceTable => ({
    name: 'house',
    version: '1',
    date: '2026-11-01',
    providers: [
      {
        id,
        name: id,
        api_pattern: '',
        models: models.map((model) => ({
          id: model,
          match: { equals: model },
          prices: { input_mtok: 1, output_mtok: 2 },
        })),
      },
    ],
  })
  const usage = { input_uncached: 1000, output_text: 500 }
  test('says what an alias costs', () => {
    const own = table('mistral', 'mistral-large-latest')
    const cost = costOf({
      provider: 'mistral',
      names: { answered: 'mistral-large-latest' },
      usage,
      table: own,
    })
    expect(cost).toMatchObject({ status: 'exact', totalNanoUsd: 2_000_000 })
  })
  test('does not say which model a deployment runs, nor what a variant costs', () => {
    const deployed = costOf({
      provider: 'azure',
      names: { path: 'gpt-4o' },
      usage,
      table: table('azure', 'gpt-4o'),
    })
    expect(deployed).toMatchObject({ status: 'estimated', totalNanoUsd: 2_000_000 })
    const variant = costOf({
      provider: 'openrouter',
      names: { answered: 'a/model', requested: 'a/model:nitro' },
      usage,
      table: table('openrouter', 'a/model'),
    })
    expect(variant).toMatchObject({ status: 'estimated', totalNanoUsd: 2_000_000 })
    expect(variant.note).toContain('no price for a/model:nitro')
  })
})

describe('priced again, an exact cost of an earlier version', () => {
  const NOW = '2026-11-28T00:00:00Z'
  const sound = (cost: Partial<Trace['detail']['cost']>, model = 'gpt-realtime-9'): Trace =>
    sampleTrace({
      model,
      requestedModel: model,
      startedAtUs: AT * 1000,
      costNanoUsd: 5_600_000,
      detail: {
        ...sampleTrace().detail,
        usage: { buckets: { input_uncached: 50, input_audio: 150, output_audio: 300 } },
        cost: { status: 'exact', total_usd: 0.0056, price_list: 'override', lines: [], ...cost },
      },
    })
  const again = (trace: Trace, overrides: readonly PriceOverride[]): Trace | undefined => {
    const list = new PriceList({ unknownModel: 'allow', assumed: NO_RATES, overrides })
    const caller = { organizationId: '', workspaceId: '', keyId: '' }
    const find = (names: ModelNames): ReturnType<PriceList['find']> =>
      list.find({ provider: 'openai', upstreamUrl: '', dialect: 'openai', ...caller, names, at: AT })
    return repriced(trace, find, NOW)
  }
  const own = [ownPrice({ model: 'gpt-realtime-9', input: 4, output: 16 })]
  test('with a borrowed rate keeps its amount and becomes an estimate, once', () => {
    const changed = again(sound({}), own)
    expect(changed).toMatchObject({
      costStatus: 'estimated',
      costNanoUsd: 5_600_000,
      detail: {
        cost: { status: 'estimated', total_usd: 0.0056, price_list: 'override' },
        cost_history: [{ status: 'exact', total_usd: 0.0056, replaced_at: NOW }],
      },
    })
    expect(changed?.detail.cost.note).toContain('no price for input_audio of model gpt-realtime-9')
    expect(again(changed!, own)).toBeUndefined()
  })
  test('whose price is no longer there stays exact', () => {
    expect(again(sound({}), [])).toBeUndefined()
    // The list knows the model; the receipt is of an own price that is gone.
    expect(again(sound({}, 'gpt-4o'), [])).toBeUndefined()
  })
})
