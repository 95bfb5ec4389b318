import { objectOf, textOf } from '../json.ts'
import { readOpenAICostUsd, readOpenAIError, readOpenAIUsage } from './openai-usage.ts'
import type { WireApi } from './wire-api.ts'

/**
 * Embeddings: input only, never streamed.
 *
 * @see https://platform.openai.com/docs/api-reference/embeddings
 */
export const embeddings: WireApi = {
  name: 'embeddings',
  operation: 'embeddings',
  pathSuffix: '/embeddings',

  readAnswer(reading, answer) {
    reading.model ??= textOf(answer['model'])
    const usage = objectOf(answer['usage'])
    if (usage) reading.usage = usage
    const error = readOpenAIError(answer['error'])
    if (error) reading.error = error
    else reading.complete = true
  },

  foldEvent: () => false,

  readUsage(usage, notes) {
    // Total and input are the same here; some servers report only one of them.
    return readOpenAIUsage({ ...usage, total_tokens: usage['prompt_tokens'] ?? usage['total_tokens'] }, notes)
  },
  readCostUsd: readOpenAICostUsd,
}
