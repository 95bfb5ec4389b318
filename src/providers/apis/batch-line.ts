import type { ModelUsage } from '../../usage/usage.ts'
import { objectOf, textOf, type JsonObject } from '../../wire/json/values.ts'
import { generateContent } from './generate-content.ts'
import { messages } from './messages.ts'
import { readOpenAIUsage } from './openai-usage.ts'
import { emptyReading, type Reading, type WireApi } from './wire-api.ts'

/** Whether a line is a result: OpenAI and Anthropic name the request in it, Gemini does in files. */
export function isBatchLine(line: JsonObject): boolean {
  return (
    typeof line['custom_id'] === 'string' ||
    typeof line['key'] === 'string' ||
    objectOf(objectOf(line['response'])?.['usageMetadata']) !== undefined
  )
}

/**
 * The bills of one result of a batch, at the price of a batch. The line is of OpenAI's Batch API or its dialects, Anthropic's Message
 * Batches, or Gemini's Batch API.
 *
 * @param reading takes the model of the first result, and what does not add up
 * @param model of results that do not name theirs
 */
export function billsOfLine(line: JsonObject, reading: Reading, model?: string): ModelUsage[] {
  const response = objectOf(line['response'])
  const body = objectOf(response?.['body'])
  const message = objectOf(objectOf(line['result'])?.['message'])
  if (body) return openAIBills(body, reading)
  if (message) return metered(messages, message, reading, textOf(message['model']) ?? model)
  if (response) return metered(generateContent, response, reading, textOf(response['modelVersion']) ?? model)
  return []
}

function openAIBills(body: JsonObject, reading: Reading): ModelUsage[] {
  const usage = objectOf(body['usage'])
  if (!usage) return []
  const bill = { ...readOpenAIUsage(usage, reading.notes), serviceTier: 'batch' }
  return [named(bill, textOf(body['model']), reading)]
}

function metered(
  api: WireApi,
  response: JsonObject,
  reading: Reading,
  model: string | undefined,
): ModelUsage[] {
  const line = emptyReading()
  api.readResponse(line, response)
  return api
    .meter(line, reading.notes)
    .map((bill) => ({ ...named(bill, model, reading), ...bill, serviceTier: 'batch' }))
}

function named(bill: ModelUsage, model: string | undefined, reading: Reading): ModelUsage {
  reading.model ??= model
  return model === undefined ? bill : { ...bill, model }
}
