import { objectOf, objectsOf, textOf, type JsonObject } from '../../wire/json/values.ts'
import { billsOfLine } from './batch-line.ts'
import { takeBill, type WireApi } from './wire-api.ts'

/**
 * A batch that carries its results: Gemini's `batches/…` with inlined responses, Mistral's jobs with `inline=true`. It is
 * asked again and again while it runs, which costs nothing, and its results count once.
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

  readResponse(reading, answer) {
    const lines = linesOf(answer)
    const model = textOf(objectOf(answer['metadata'])?.['model'])?.replace(/^.*models\//, '')
    let unmeasured = 0
    for (const line of lines) {
      const bills = billsOfLine(line, reading, model)
      for (const bill of bills) takeBill(reading, '', bill)
      const response = objectOf(line['response'])
      // What has a body failed if it has no usage.
      if (bills.length === 0 && response && !response['body']) unmeasured += 1
    }
    reading.model ??= model ?? textOf(answer['model'])
    // The same results may be fetched as a file too.
    reading.responseId = textOf(answer['output_file']) ?? textOf(answer['name'])
    reading.stored = lines.length > 0
    reading.complete = true
    if (unmeasured > 0) reading.unmeasured = `${unmeasured} results of the batch report no usage`
  },

  foldEvent: () => false,

  meter: ({ bills }) => bills,
}

function linesOf(answer: JsonObject): readonly JsonObject[] {
  const output = objectOf(answer['response']) ?? objectOf(objectOf(answer['metadata'])?.['output'])
  const inlined = objectOf(output?.['inlinedResponses']) ?? objectOf(output?.['inlinedEmbedContentResponses'])
  return inlined ? objectsOf(inlined['inlinedResponses']) : objectsOf(answer['outputs'])
}
