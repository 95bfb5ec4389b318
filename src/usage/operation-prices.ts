import type { ModelPrice } from '@pydantic/genai-prices'

/** Name and date of this list, as receipts show it. */
export const OPERATION_LIST = 'ongoingai-operations@2026-11-30'

/** What a model costs in one operation, if that differs from its ordinary price. */
export interface OperationPrice {
  /** Name of the wire API. */
  readonly api: string
  /** The bundled list's name for the provider. */
  readonly vendor: string
  readonly model: string
  /** In the bundled list's own terms. */
  readonly prices: ModelPrice
  /** Largest input with a known price. Larger inputs cost more, by an unpublished amount. */
  readonly maxInputTokens: number
  readonly source: string
}

/** Prices of operations, exact names only. No other list prices an operation that is listed here. */
export const OPERATION_PRICES: readonly OperationPrice[] = [
  {
    api: 'decisions',
    vendor: 'openai',
    model: 'gpt-6-luna',
    prices: { input_mtok: 0.1, cache_read_mtok: 0, cache_write_mtok: 0, output_mtok: 0 },
    // GPT-6's long context begins here; the guide says that long inputs cost more, without a rate.
    maxInputTokens: 272_000,
    source: "OpenAI's guide to Decisions, public beta since 2026-10-06: output and cache are not charged",
  },
]

/** Whether an operation has its own prices, so that a model's ordinary price would be wrong. */
export function isPricedByOperation(api: string): boolean {
  return PRICED_APIS.has(api)
}

const PRICED_APIS: ReadonlySet<string> = new Set(OPERATION_PRICES.map(({ api }) => api))
