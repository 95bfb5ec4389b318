import type { WireApi } from './wire-api.ts'

/**
 * Calls that count tokens instead of using them (Anthropic, OpenAI, Gemini, Bedrock, Cohere): free, and never usage. They
 * are read for the model alone, so that traces say what was counted for.
 */
export const countTokens: WireApi = {
  name: 'count_tokens',
  operation: 'chat',
  freeUnlessReported: true,
  readResponse(reading) {
    reading.complete = true
  },
  foldEvent: () => false,
  meter: () => [],
}
