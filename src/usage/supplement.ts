import type { ConditionalPrice, ModelInfo, ModelPrice, Provider } from '@pydantic/genai-prices'
import { tableLabel, type PriceTable } from './price-table.ts'

/** A price that the bundled list lacks, or that has changed since. */
interface SupplementPrice {
  /** The bundled list's name for the provider. */
  readonly vendor: string
  readonly model: string
  /** In the bundled list's own terms, and `search_units_kcount`, `characters_mcount` of ours. */
  readonly prices: ModelPrice | ConditionalPrice[]
  /** First day, or moment, on which this price overrides the bundled list. Absent if that list has no such model. */
  readonly from?: string
  /** The version of the bundled list that is wrong from then on, where `from` is not after its date. */
  readonly corrects?: string
  readonly source: string
}

const MODELS_DEV = 'models.dev, 2026-09-25'

/** A multiple of a rate, without the noise of binary fractions in its last digits. */
function times(factor: number, rate: number): number {
  return Number((rate * factor).toPrecision(12))
}

/** A rate that changes when the whole input is larger than `start` tokens. */
function above(
  start: number,
  base: number,
  price: number,
): { base: number; tiers: { start: number; price: number }[] } {
  return { base, tiers: [{ start, price }] }
}

/** OpenAI's long context, above 272,000 tokens: input costs twice, output one and a half times. */
function longContext(rates: {
  readonly input: number
  readonly cacheRead: number
  readonly cacheWrite?: number
  readonly output: number
}): ModelPrice {
  const { input, cacheRead, cacheWrite, output } = rates
  return {
    input_mtok: above(272_000, input, times(2, input)),
    cache_read_mtok: above(272_000, cacheRead, times(2, cacheRead)),
    ...(cacheWrite === undefined
      ? {}
      : { cache_write_mtok: above(272_000, cacheWrite, times(2, cacheWrite)) }),
    output_mtok: above(272_000, output, times(1.5, output)),
  }
}

/** OpenAI's pro modes cost what their models do. */
function proMode(model: string, rates: readonly [number, number, number, number]): SupplementPrice {
  const [input, cacheRead, cacheWrite, output] = rates
  return {
    vendor: 'openai',
    model,
    prices: longContext({ input, cacheRead, cacheWrite, output }),
    source: MODELS_DEV,
  }
}

/** Prices, and others from a day on. */
function changing(first: ModelPrice, startDate: string, then: ModelPrice): ConditionalPrice[] {
  return [{ prices: first }, { constraint: { type: 'start_date', start_date: startDate }, prices: then }]
}

/** Prices of the day, and twice as much from 01:00 to 04:00 and from 06:00 to 10:00 UTC. */
function peaking(rates: Readonly<Record<string, number>>): ConditionalPrice[] {
  const peak = Object.fromEntries(Object.entries(rates).map(([key, rate]) => [key, times(2, rate)]))
  const between = (start: string, end: string): ConditionalPrice => ({
    constraint: { type: 'time_of_date', start_time: `${start}:00Z`, end_time: `${end}:00Z` },
    prices: peak,
  })
  return [{ prices: { ...rates } }, between('01:00', '04:00'), between('06:00', '10:00')]
}

/** DeepSeek V4.1 Flash also serves the older names, at its own price. */
function deepseekFlash(model: string): SupplementPrice {
  return {
    vendor: 'deepseek',
    model,
    prices: peaking({ input_mtok: 0.15, cache_read_mtok: 0.003, output_mtok: 0.6 }),
    from: '2026-09-10T04:00:00Z',
    corrects: 'genai-prices@0.1.8',
    source:
      'https://api-docs.deepseek.com/quick_start/pricing, read 2026-09-18; https://api-docs.deepseek.com/news/news260910',
  }
}

const SONNET_5_5 = {
  input_mtok: 2,
  cache_write_mtok: 2.5,
  cache_write_1h_mtok: 4,
  output_mtok: 10,
  web_searches_kcount: 10,
}

const PRICES: readonly SupplementPrice[] = [
  {
    vendor: 'anthropic',
    model: 'claude-haiku-5-5',
    prices: {
      input_mtok: above(100_000, 0.1, 0.5),
      cache_read_mtok: above(100_000, 0.01, 0.05),
      cache_write_mtok: above(100_000, 0.125, 0.625),
      cache_write_1h_mtok: above(100_000, 0.2, 1),
      output_mtok: above(100_000, 0.5, 2.5),
      web_searches_kcount: 10,
    },
    source: 'https://platform.claude.com/docs/en/about-claude/pricing, read 2026-10-24',
  },
  {
    vendor: 'anthropic',
    model: 'claude-sonnet-5-5',
    prices: changing({ ...SONNET_5_5, cache_read_mtok: 0.2 }, '2026-10-07', {
      ...SONNET_5_5,
      cache_read_mtok: 0.1,
    }),
    source: 'https://platform.claude.com/docs/en/about-claude/pricing, read 2026-09-29 and 2026-10-24',
  },
  {
    vendor: 'openai',
    model: 'gpt-6.1-sol',
    prices: longContext({ input: 2, cacheRead: 0.1, output: 10 }),
    source: 'https://developers.openai.com/api/docs/models/gpt-6.1-sol, read 2026-10-01',
  },
  {
    vendor: 'openai',
    model: 'gpt-6.1-terra',
    prices: longContext({ input: 1, cacheRead: 0.05, cacheWrite: 1.25, output: 5 }),
    source: 'https://developers.openai.com/api/docs/models/gpt-6.1-terra, read 2026-10-27',
  },
  {
    vendor: 'google',
    model: 'gemini-4-argon',
    prices: changing({ input_mtok: 2, cache_read_mtok: 0.1, output_mtok: 10 }, '2026-12-01', {
      input_mtok: 4,
      cache_read_mtok: 0.2,
      output_mtok: 20,
    }),
    source: 'https://ai.google.dev/gemini-api/docs/pricing, read 2026-10-13',
  },
  deepseekFlash('deepseek-flash'),
  deepseekFlash('deepseek-v4-flash'),
  deepseekFlash('deepseek-v4-flash-vision-exp'),
  {
    vendor: 'cohere',
    model: 'rerank-v4.0-pro',
    prices: { search_units_kcount: 2.5 },
    source: 'Cohere price page, read 2026-11-30',
  },
  proMode('gpt-5.6-pro', [4, 0.4, 5, 20]),
  proMode('gpt-5.6-sol-pro', [4, 0.4, 5, 20]),
  proMode('gpt-5.6-terra-pro', [2, 0.2, 2.5, 12]),
  proMode('gpt-5.6-luna-pro', [0.2, 0.02, 0.25, 1.2]),
  proMode('gpt-6-astra-pro', [10, 1, 12.5, 50]),
  proMode('gpt-6-sol-pro', [2, 0.2, 2.5, 10]),
  proMode('gpt-6-luna-pro', [0.1, 0.01, 0.125, 0.5]),
  {
    vendor: 'openai',
    model: 'gpt-5.3-codex-spark',
    prices: { input_mtok: 1.75, cache_read_mtok: 0.175, output_mtok: 14 },
    source: MODELS_DEV,
  },
  {
    vendor: 'openai',
    model: 'tts-1',
    prices: { characters_mcount: 15 },
    source: 'OpenAI price page, 2025',
  },
  {
    vendor: 'openai',
    model: 'tts-1-hd',
    prices: { characters_mcount: 30 },
    source: 'OpenAI price page, 2025',
  },
  {
    vendor: 'google',
    model: 'gemini-flash-latest',
    prices: { input_mtok: 0.75, cache_read_mtok: 0.075, output_mtok: 3.75 },
    source: MODELS_DEV,
  },
  {
    vendor: 'google',
    model: 'gemini-flash-lite-latest',
    prices: { input_mtok: 0.3, cache_read_mtok: 0.03, output_mtok: 2.5 },
    source: MODELS_DEV,
  },
  {
    vendor: 'google',
    model: 'gemini-3.1-pro-preview-customtools',
    prices: {
      input_mtok: above(200_000, 2, 4),
      cache_read_mtok: above(200_000, 0.2, 0.4),
      output_mtok: above(200_000, 12, 18),
    },
    source: MODELS_DEV,
  },
  {
    vendor: 'cohere',
    model: 'rerank-v3.5',
    prices: { search_units_kcount: 2 },
    source: 'Cohere price page, 2025',
  },
]

/**
 * Prices beside a bundled list, by exact names, in two tables: `newer` overrides the list from each price's first
 * day; `beside` has what the list lacks.
 */
export function supplementTo(bundled: PriceTable): {
  readonly newer: PriceTable
  readonly beside: PriceTable
} {
  const isNewer = ({ from, corrects }: SupplementPrice): boolean =>
    from !== undefined && (from.slice(0, 10) > bundled.date || corrects === tableLabel(bundled))
  return {
    newer: { ...SUPPLEMENT, providers: providersOf(PRICES.filter(isNewer)) },
    beside: { ...SUPPLEMENT, providers: providersOf(PRICES.filter((price) => !isNewer(price))) },
  }
}

const SUPPLEMENT = { name: 'ongoingai-prices', version: '2026-11-30', date: '2026-11-30' }

function providersOf(prices: readonly SupplementPrice[]): readonly Provider[] {
  return [...Map.groupBy(prices, ({ vendor }) => vendor)].map(([id, entries]) => ({
    id,
    name: id,
    api_pattern: '',
    models: entries.map(modelOf),
  }))
}

function modelOf({ model, prices, from, source }: SupplementPrice): ModelInfo {
  return {
    id: model,
    match: { equals: model },
    prices: from === undefined ? prices : startingAt(from, prices),
    price_comments: source,
  }
}

/** The same prices, with none before a day or moment. */
function startingAt(from: string, prices: SupplementPrice['prices']): ConditionalPrice[] {
  const [first, ...others] = Array.isArray(prices) ? prices : [{ prices }]
  return [{ constraint: { type: 'start_date', start_date: from }, prices: first!.prices }, ...others]
}
