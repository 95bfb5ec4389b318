import { readOpenAIUsage, readWhole } from './openai-usage.ts'
import type { WireApi } from './wire-api.ts'

/**
 * Embeddings of the OpenAI family (OpenAI, Azure, Mistral, Voyage): input only, never streamed.
 *
 * @see https://platform.openai.com/docs/api-reference/embeddings
 */
export const embeddings: WireApi = {
  name: 'embeddings',
  operation: 'embeddings',
  answeredOnce: true,
  answersNoText: true,

  readResponse: (reading, response) => readWhole(reading, response),

  foldEvent: () => false,

  meter({ usage }, notes) {
    if (!usage) return []
    // Total and input are the same here; some servers report only one of them.
    const total = usage['prompt_tokens'] ?? usage['total_tokens']
    return [readOpenAIUsage({ ...usage, prompt_tokens: total, total_tokens: total }, notes)]
  },
}
