import { objectOf, textOf } from '../json.ts'
import { readOpenAIError, readOpenAIUsage } from './openai-usage.ts'
import type { WireApi } from './wire-api.ts'

/**
 * Embeddings of the OpenAI family (OpenAI, Azure, Mistral, Voyage): input only, never streamed.
 *
 * @see https://platform.openai.com/docs/api-reference/embeddings
 */
export const embeddings: WireApi = {
  name: 'embeddings',
  operation: 'embeddings',

  readAnswer(reading, answer) {
    reading.model ??= textOf(answer['model'])
    const usage = objectOf(answer['usage'])
    if (usage) reading.usage = usage
    const error = readOpenAIError(answer['error'])
    if (error) reading.error = error
    else reading.complete = true
  },

  foldEvent: () => false,

  meter({ usage }, notes) {
    if (!usage) return []
    // Total and input are the same here; some servers report only one of them.
    const total = usage['prompt_tokens'] ?? usage['total_tokens']
    return [readOpenAIUsage({ ...usage, prompt_tokens: total, total_tokens: total }, notes)]
  },
}
