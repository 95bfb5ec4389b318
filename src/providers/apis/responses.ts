import { listOf, objectOf, textOf, type JsonObject } from '../json.ts'
import { readOpenAICostUsd, readOpenAIError, readOpenAIUsage } from './openai-usage.ts'
import type { Reading, WireApi } from './wire-api.ts'

const ENDINGS = new Set(['response.completed', 'response.incomplete', 'response.failed', 'response.done'])

/**
 * Responses over HTTP and WebSocket. Usage comes with the event that ends a response; on a WebSocket one
 * connection carries many responses, each counted once by its id.
 *
 * @see https://platform.openai.com/docs/api-reference/responses
 */
export const responses: WireApi = {
  name: 'responses',
  operation: 'chat',
  pathSuffix: '/responses',

  readAnswer(reading, answer) {
    readResponse(reading, answer)
    for (const item of listOf(answer['output'])) {
      for (const part of listOf(objectOf(item)?.['content'])) {
        reading.outputCharacters += textOf(objectOf(part)?.['text'])?.length ?? 0
      }
      reading.outputCharacters += textOf(objectOf(item)?.['arguments'])?.length ?? 0
    }
    const status = answer['status']
    if (status !== 'queued' && status !== 'in_progress' && !reading.error) reading.complete = true
  },

  foldEvent(reading, event) {
    const type = event['type']
    if (typeof type !== 'string') return false
    const response = objectOf(event['response'])
    if (response) {
      if (type === 'response.created') beginResponse(reading, response)
      readResponse(reading, response)
      if (ENDINGS.has(type)) reading.complete = true
    }
    if (type === 'error') {
      reading.error = readOpenAIError(event['error']) ?? textOf(event['code']) ?? 'error'
      return false
    }
    const delta = event['delta']
    if (!type.endsWith('.delta') || typeof delta !== 'string' || delta === '') return false
    reading.outputCharacters += delta.length
    return true
  },

  readUsage: readOpenAIUsage,
  readCostUsd: readOpenAICostUsd,
}

/** A second response on the same connection: what the first one used is put aside. */
function beginResponse(reading: Reading, response: JsonObject): void {
  const id = textOf(response['id'])
  if (reading.responseId === undefined || reading.responseId === id) return
  if (reading.usage) {
    reading.earlier ??= []
    reading.earlier.push({ ...(reading.model ? { model: reading.model } : {}), usage: reading.usage })
  }
  delete reading.usage
  delete reading.model
  delete reading.finishReason
  reading.complete = false
  reading.responseId = id!
}

function readResponse(reading: Reading, response: JsonObject): void {
  reading.model ??= textOf(response['model'])
  reading.responseId ??= textOf(response['id'])
  const usage = objectOf(response['usage'])
  if (usage) reading.usage = usage
  const tier = textOf(response['service_tier'])
  if (tier) reading.serviceTier = tier
  const status = textOf(response['status'])
  if (status && status !== 'in_progress' && status !== 'queued') {
    reading.finishReason = textOf(objectOf(response['incomplete_details'])?.['reason']) ?? status
  }
  const error = readOpenAIError(response['error'])
  if (error) reading.error = error
}
