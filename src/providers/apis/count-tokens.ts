import { objectOf, textOf } from '../json.ts'
import type { WireApi } from './wire-api.ts'

/**
 * Calls that count tokens instead of using them (Anthropic, OpenAI, Gemini, Bedrock, Cohere): free, and never usage. They
 * are read for the model alone, so that traces say what was counted for.
 */
export const countTokens: WireApi = {
  name: 'count_tokens',
  operation: 'chat',
  freeUnlessReported: true,
  readAnswer(reading, answer) {
    const error = objectOf(answer['error'])
    if (error) reading.error = textOf(error['type']) ?? textOf(error['status']) ?? 'error'
    reading.complete = true
  },
  foldEvent: () => false,
  meter: () => [],
}
