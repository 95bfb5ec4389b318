import { NO_PARTS } from '../../usage/usage.ts'
import { countOf, objectOf } from '../../wire/json/values.ts'
import { readWhole } from './openai-usage.ts'
import type { WireApi } from './wire-api.ts'

/**
 * Mistral's OCR, billed by the page.
 *
 * @see https://docs.mistral.ai/api/endpoint/ocr
 */
export const ocr: WireApi = {
  name: 'ocr',
  operation: 'generate_content',
  notEstimated: true,

  readResponse: (reading, response) => readWhole(reading, response, objectOf(response['usage_info'])),

  foldEvent: () => false,

  meter({ usage }) {
    const pages = countOf(usage?.['pages_processed'])
    return pages === undefined ? [] : [{ usage: {}, parts: NO_PARTS, units: { pages } }]
  },
}
