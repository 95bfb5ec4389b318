import type { ModelUsage } from '../../usage/usage.ts'
import { objectOf, textOf, type JsonObject } from '../json.ts'
import { readAnswerError } from './answer-error.ts'
import { messages } from './messages.ts'
import { readOpenAIUsage } from './openai-usage.ts'
import { emptyReading, takeBill, type Reading, type WireApi } from './wire-api.ts'

/**
 * Results of a batch as they are fetched: JSON lines of OpenAI's Batch API (and its dialects) or of Anthropic's Message
 * Batches. Every line is one answer at the price of a batch. A file that is fetched again counts once.
 *
 * @see https://platform.openai.com/docs/api-reference/batch/request-output
 * @see https://docs.anthropic.com/en/api/retrieving-message-batch-results
 */
export const batchResults: WireApi = {
  name: 'batch_results',
  operation: 'chat',
  freeUnlessReported: true,
  fetches: true,
  lines: true,

  readAnswer(reading, answer) {
    batchResults.foldEvent(reading, answer, '')
    reading.complete = true
  },

  foldEvent(reading, line) {
    if (typeof line['custom_id'] !== 'string') {
      reading.error ??= readAnswerError(line)
      return false
    }
    const body = objectOf(objectOf(line['response'])?.['body'])
    const message = objectOf(objectOf(line['result'])?.['message'])
    const bills = body ? openAILine(body, reading) : message ? anthropicLine(message, reading) : []
    for (const bill of bills) takeBill(reading, '', bill)
    return false
  },

  meter: ({ bills }) => bills,
}

function openAILine(body: JsonObject, reading: Reading): ModelUsage[] {
  const usage = objectOf(body['usage'])
  if (!usage) return []
  return [{ ...readOpenAIUsage(usage, reading.notes), ...named(body, reading), serviceTier: 'batch' }]
}

function anthropicLine(message: JsonObject, reading: Reading): ModelUsage[] {
  const line = emptyReading()
  messages.readAnswer(line, message)
  return messages
    .meter(line, reading.notes)
    .map((bill) => ({ ...named(message, reading), ...bill, serviceTier: 'batch' }))
}

function named(answer: JsonObject, reading: Reading): { model?: string } {
  const model = textOf(answer['model'])
  reading.model ??= model
  return model ? { model } : {}
}
