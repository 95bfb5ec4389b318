import type { ModelPrice } from '@pydantic/genai-prices'

/** Name and date of this list, as receipts show it. */
export const SUPPLEMENT_LIST = 'ongoingai-prices@2026-11-25'

/** A price that the bundled list lacks. */
export interface SupplementPrice {
  /** The bundled list's name for the provider. */
  readonly vendor: string
  readonly model: string
  /** In the bundled list's own terms, and `search_units_kcount`, `characters_mcount` of ours. */
  readonly prices: ModelPrice
  readonly source: string
}

const MODELS_DEV = 'models.dev, 2026-09-25'

/** OpenAI's pro modes cost what their models do; a bracket begins at 272,000 tokens. */
function bracketed(model: string, rates: readonly [number, number, number, number]): SupplementPrice {
  const [input, cacheRead, cacheWrite, output] = rates
  const tiered = (
    base: number,
    price: number,
  ): { base: number; tiers: { start: number; price: number }[] } => ({
    base,
    tiers: [{ start: 272_000, price }],
  })
  return {
    vendor: 'openai',
    model,
    prices: {
      input_mtok: tiered(input, input * 2),
      cache_read_mtok: tiered(cacheRead, cacheRead * 2),
      cache_write_mtok: tiered(cacheWrite, cacheWrite * 2),
      output_mtok: tiered(output, output * 1.5),
    },
    source: MODELS_DEV,
  }
}

/** Prices beside the bundled list, exact names only. The bundled list wins where it has the model. */
export const SUPPLEMENT: readonly SupplementPrice[] = [
  bracketed('gpt-5.6-pro', [4, 0.4, 5, 20]),
  bracketed('gpt-5.6-sol-pro', [4, 0.4, 5, 20]),
  bracketed('gpt-5.6-terra-pro', [2, 0.2, 2.5, 12]),
  bracketed('gpt-5.6-luna-pro', [0.2, 0.02, 0.25, 1.2]),
  bracketed('gpt-6-astra-pro', [10, 1, 12.5, 50]),
  bracketed('gpt-6-sol-pro', [2, 0.2, 2.5, 10]),
  bracketed('gpt-6-luna-pro', [0.1, 0.01, 0.125, 0.5]),
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
      input_mtok: { base: 2, tiers: [{ start: 200_000, price: 4 }] },
      cache_read_mtok: { base: 0.2, tiers: [{ start: 200_000, price: 0.4 }] },
      output_mtok: { base: 12, tiers: [{ start: 200_000, price: 18 }] },
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
