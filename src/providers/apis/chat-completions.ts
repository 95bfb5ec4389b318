import { listOf, objectOf, textOf, type JsonObject } from '../json.ts'
import { readOpenAICostUsd, readOpenAIError, readOpenAIUsage } from './openai-usage.ts'
import type { Reading, WireApi } from './wire-api.ts'

/**
 * Chat Completions, JSON and stream, as OpenAI and the compatible servers send them. A stream ends with
 * `[DONE]` or, at some servers, with its last `finish_reason`; usage may come in any chunk, in every chunk, in
 * `x_groq`, or not at all.
 *
 * @see https://platform.openai.com/docs/api-reference/chat
 */
export const chatCompletions: WireApi = {
  name: 'chat_completions',
  operation: 'chat',
  pathSuffix: '/chat/completions',

  readAnswer(reading, answer) {
    readCommon(reading, answer)
    for (const choice of listOf(answer['choices'])) {
      const message = objectOf(objectOf(choice)?.['message'])
      if (message) reading.outputCharacters += contentLength(message)
    }
    if (!reading.error) reading.complete = true
  },

  foldEvent(reading, event) {
    readCommon(reading, event)
    let length = 0
    for (const choice of listOf(event['choices'])) {
      const delta = objectOf(objectOf(choice)?.['delta'])
      if (delta) length += contentLength(delta)
    }
    reading.outputCharacters += length
    return length > 0
  },

  readUsage: readOpenAIUsage,
  readCostUsd: readOpenAICostUsd,
}

function readCommon(reading: Reading, object: JsonObject): void {
  reading.model ??= textOf(object['model'])
  reading.responseId ??= textOf(object['id'])
  const usage = objectOf(object['usage']) ?? objectOf(objectOf(object['x_groq'])?.['usage'])
  if (usage) reading.usage = usage
  const tier = textOf(object['service_tier'])
  if (tier) reading.serviceTier = tier
  for (const choice of listOf(object['choices'])) {
    const reason = textOf(objectOf(choice)?.['finish_reason'])
    if (!reason) continue
    reading.finishReason = reason
    reading.complete = true
  }
  const error = readOpenAIError(object['error'])
  if (error) reading.error = error
}

/** Length of generated text in a message or delta: content, reasoning, refusals and tool arguments. */
function contentLength(message: JsonObject): number {
  let length = 0
  for (const name of ['content', 'reasoning_content', 'reasoning', 'refusal']) {
    const value = message[name]
    if (typeof value === 'string') length += value.length
    else for (const part of listOf(value)) length += textOf(objectOf(part)?.['text'])?.length ?? 0
  }
  for (const call of listOf(message['tool_calls'])) {
    const called = objectOf(objectOf(call)?.['function'])
    length += (textOf(called?.['name'])?.length ?? 0) + (textOf(called?.['arguments'])?.length ?? 0)
  }
  return length
}
