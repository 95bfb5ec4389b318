import type { ModelUsage } from '../../usage/usage.ts'
import { disjoint } from '../../usage/usage.ts'
import { countOf, objectOf, type JsonObject } from '../json.ts'

/**
 * Reads a usage object of the OpenAI family: Chat Completions, Responses, Embeddings and their dialects.
 *
 * Cached, written and audio tokens are inside the input, reasoning inside the output. Where the total exceeds
 * input and output by the reasoning count (xAI) or by an amount nobody names (Gemini's OpenAI endpoint), the gap
 * is output.
 *
 * @see https://platform.openai.com/docs/api-reference/chat/object#chat-object-usage
 */
export function readOpenAIUsage(usage: JsonObject, notes: string[]): readonly ModelUsage[] {
  const total = countOf(usage['total_tokens'])
  const givenInput = countOf(usage['prompt_tokens']) ?? countOf(usage['input_tokens'])
  const givenOutput = countOf(usage['completion_tokens']) ?? countOf(usage['output_tokens'])
  const input = givenInput ?? (givenOutput === undefined ? total : undefined) ?? 0
  const inputDetails =
    objectOf(usage['prompt_tokens_details']) ?? objectOf(usage['input_tokens_details']) ?? {}
  const outputDetails =
    objectOf(usage['completion_tokens_details']) ?? objectOf(usage['output_tokens_details']) ?? {}
  let reasoning = countOf(outputDetails['reasoning_tokens']) ?? 0
  const cacheRead =
    countOf(inputDetails['cached_tokens']) ??
    countOf(usage['prompt_cache_hit_tokens']) ??
    countOf(usage['num_cached_tokens']) ??
    countOf(usage['cached_tokens']) ??
    0

  let output = givenOutput ?? 0
  if (total !== undefined && total > input + output) {
    const gap = total - input - output
    output += gap
    // A gap that nobody names is thinking that was left out of the completion.
    if (reasoning === 0) reasoning = gap
    else if (gap !== reasoning)
      notes.push(`total_tokens exceeds input and output by ${gap}; counted as output`)
  }
  const counts = {
    input,
    output,
    cacheRead,
    cacheWrite: countOf(inputDetails['cache_write_tokens']) ?? 0,
    reasoning,
    inputAudio: countOf(inputDetails['audio_tokens']) ?? 0,
    outputAudio: countOf(outputDetails['audio_tokens']) ?? 0,
  }
  return [disjoint(counts, notes)]
}

/** Cost in USD that OpenRouter (`cost`), Perplexity (`cost.total_cost`) or xAI (`cost_in_usd_ticks`) reports. */
export function readOpenAICostUsd(usage: JsonObject): number | undefined {
  const ticks = usage['cost_in_usd_ticks']
  if (typeof ticks === 'number' && Number.isFinite(ticks) && ticks >= 0) return ticks / 1e10
  const cost = objectOf(usage['cost'])?.['total_cost'] ?? usage['cost']
  return typeof cost === 'number' && Number.isFinite(cost) && cost >= 0 ? cost : undefined
}

/** The type or code of an error object of the OpenAI family; also a bare text. */
export function readOpenAIError(error: unknown): string | undefined {
  if (typeof error === 'string' && error !== '') return error.slice(0, 200)
  const object = objectOf(error)
  if (!object) return undefined
  const name = object['code'] ?? object['type']
  return typeof name === 'string' || typeof name === 'number' ? String(name) : 'error'
}
