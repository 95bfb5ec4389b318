import { disjoint } from '../../usage/usage.ts'
import { countOf, objectOf, objectsOf, textOf } from '../../wire/json/values.ts'
import type { WireApi } from './wire-api.ts'

/**
 * Ollama's own chat, generate and embed: NDJSON, whose last line has the counts, or one object. A prompt that was
 * wholly cached has no `prompt_eval_count`.
 *
 * @see https://docs.ollama.com/api
 */
export const ollamaChat: WireApi = {
  name: 'ollama_chat',
  operation: 'chat',
  answeredOnce: true,
  outputLimits: ['options.num_predict'],

  readResponse(reading, response) {
    ollamaChat.foldEvent(reading, response, '')
    // Embeddings have no `done`.
    if (response['done'] === undefined) reading.complete = true
  },

  foldEvent(reading, event) {
    reading.model ??= textOf(event['model'])
    const reason = textOf(event['done_reason'])
    if (reason) reading.finishReason = reason
    if (event['done'] === true) reading.complete = true
    const input = countOf(event['prompt_eval_count'])
    const output = countOf(event['eval_count'])
    if (input !== undefined || output !== undefined) {
      reading.usage = {
        ...(input === undefined ? {} : { prompt_eval_count: input }),
        ...(output === undefined ? {} : { eval_count: output }),
      }
    }
    const before = reading.output.length
    const message = objectOf(event['message'])
    for (const value of [event['response'], event['thinking'], message?.['content'], message?.['thinking']]) {
      if (typeof value === 'string') reading.output.add(value)
    }
    for (const call of objectsOf(message?.['tool_calls']))
      reading.output.add(JSON.stringify(call['function'] ?? {}))
    return reading.output.length > before
  },

  meter({ usage }, notes) {
    if (!usage) return []
    if (usage['prompt_eval_count'] === undefined) notes.push('the input was wholly cached and is not counted')
    return [
      disjoint(
        { input: countOf(usage['prompt_eval_count']) ?? 0, output: countOf(usage['eval_count']) ?? 0 },
        notes,
      ),
    ]
  },
}

/** Embed reads the same and writes nothing. */
export const ollamaEmbed: WireApi = {
  ...ollamaChat,
  name: 'ollama_embed',
  operation: 'embeddings',
  answersNoText: true,
}
