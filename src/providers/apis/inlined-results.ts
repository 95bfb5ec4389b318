import { objectOf, objectsOf, textOf, type JsonObject } from '../../wire/json/values.ts'
import { billsOfLine } from './batch-line.ts'
import { takeBill, type WireApi } from './wire-api.ts'

/**
 * A batch that carries its results: Gemini's `batches/…` with inlined responses, Mistral's jobs with `inline=true`. It is
 * fetched repeatedly while it runs, which costs nothing, and its results count once.
 *
 * @see https://ai.google.dev/gemini-api/docs/batch-api
 * @see https://docs.mistral.ai/api/endpoint/batch
 */
export const inlinedResults: WireApi = {
  name: 'inlined_results',
  operation: 'chat',
  freeUnlessReported: true,
  fetches: true,
  notEstimated: true,

  readResponse(reading, response) {
    const lines = linesOf(response)
    const model = textOf(objectOf(response['metadata'])?.['model'])?.replace(/^.*models\//, '')
    let unmeasured = 0
    for (const line of lines) {
      const bills = billsOfLine(line, reading, model)
      for (const bill of bills) takeBill(reading, '', bill)
      const result = objectOf(line['response'])
      // What has a body failed if it has no usage.
      if (bills.length === 0 && result && !result['body']) unmeasured += 1
    }
    reading.model ??= model ?? textOf(response['model'])
    // The same results may be fetched as a file too.
    reading.responseId = textOf(response['output_file']) ?? textOf(response['name'])
    reading.stored = lines.length > 0
    reading.complete = true
    if (unmeasured > 0) reading.unmeasured = `${unmeasured} results of the batch report no usage`
  },

  foldEvent: () => false,

  meter: ({ bills }) => bills,
}

function linesOf(response: JsonObject): readonly JsonObject[] {
  const output = objectOf(response['response']) ?? objectOf(objectOf(response['metadata'])?.['output'])
  const inlined = objectOf(output?.['inlinedResponses']) ?? objectOf(output?.['inlinedEmbedContentResponses'])
  return inlined ? objectsOf(inlined['inlinedResponses']) : objectsOf(response['outputs'])
}
