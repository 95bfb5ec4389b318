import { NO_PARTS } from '../../usage/usage.ts'
import { countOf, objectOf, textOf } from '../json.ts'
import { readOpenAIError } from './openai-usage.ts'
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

  readAnswer(reading, answer) {
    reading.model ??= textOf(answer['model'])
    const usage = objectOf(answer['usage_info'])
    if (usage) reading.usage = usage
    const error = readOpenAIError(answer['error'])
    if (error) reading.error = error
    else reading.complete = true
  },

  foldEvent: () => false,

  meter({ usage }) {
    const pages = countOf(usage?.['pages_processed'])
    return pages === undefined ? [] : [{ usage: {}, parts: NO_PARTS, units: { pages } }]
  },
}
