import { meterOpenAI, readWhole } from './openai-usage.ts'
import type { WireApi } from './wire-api.ts'

/**
 * OpenAI Decisions: typed answers to questions about an input, each with its probability. The response is never streamed and has no id.
 * Its price is its own, whatever the model costs elsewhere (`operation-prices.ts`).
 *
 * @see https://developers.openai.com/api/docs/guides/decisions
 */
export const decisions: WireApi = {
  name: 'decisions',
  operation: 'decisions',
  answeredOnce: true,
  answersNoText: true,
  // Answers are chosen, not written: their length says nothing about tokens.
  notEstimated: true,

  readResponse: (reading, response) => readWhole(reading, response),

  foldEvent: () => false,

  meter: meterOpenAI,
}
