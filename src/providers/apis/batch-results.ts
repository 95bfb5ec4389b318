import { billsOfLine, isBatchLine } from './batch-line.ts'
import { readResponseError } from './response-error.ts'
import { takeBill, type WireApi } from './wire-api.ts'

/**
 * Results of a batch as they are fetched, in lines of JSON: OpenAI's Batch API (and its dialects), Anthropic's Message
 * Batches, files of Gemini's Batch API. Every line is one response at the price of a batch. A file that is fetched again
 * counts once.
 *
 * @see https://platform.openai.com/docs/api-reference/batch/request-output
 * @see https://docs.anthropic.com/en/api/retrieving-message-batch-results
 * @see https://ai.google.dev/gemini-api/docs/batch-api
 */
export const batchResults: WireApi = {
  name: 'batch_results',
  operation: 'chat',
  freeUnlessReported: true,
  fetches: true,
  lines: true,

  readResponse(reading, response) {
    batchResults.foldEvent(reading, response, '')
    reading.complete = true
  },

  foldEvent(reading, line) {
    if (!isBatchLine(line)) {
      reading.error ??= readResponseError(line)
      return false
    }
    for (const bill of billsOfLine(line, reading)) takeBill(reading, '', bill)
    return false
  },

  meter: ({ bills }) => bills,
}
