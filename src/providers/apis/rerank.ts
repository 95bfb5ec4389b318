import { disjoint } from '../../usage/usage.ts'
import { countOf, objectOf, textOf } from '../../wire/json/values.ts'
import { readWhole } from './openai-usage.ts'
import { readCharge } from './reported-charge.ts'
import type { WireApi } from './wire-api.ts'

/**
 * Rerank, as Cohere bills it (search units) and as Voyage, Jina, Together and Mistral do (tokens).
 *
 * @see https://docs.cohere.com/reference/rerank
 */
export const rerank: WireApi = {
  name: 'rerank',
  operation: 'rerank',
  answeredOnce: true,
  answersNoText: true,
  notEstimated: true,

  readResponse(reading, response) {
    reading.responseId ??= textOf(response['id'])
    readWhole(reading, response, objectOf(objectOf(response['meta'])?.['billed_units']))
  },

  foldEvent: () => false,

  meter({ usage }, notes) {
    if (!usage) return []
    const units = countOf(usage['search_units'])
    const input =
      countOf(usage['total_tokens']) ?? countOf(usage['prompt_tokens']) ?? countOf(usage['input_tokens']) ?? 0
    return [
      {
        ...disjoint({ input, output: 0 }, notes),
        ...(units ? { units: { search_units: units } } : {}),
        ...readCharge(usage),
      },
    ]
  },
}
