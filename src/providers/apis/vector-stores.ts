import { countOf, objectOf } from '../../wire/json/values.ts'
import type { WireApi } from './wire-api.ts'

/**
 * Creating a vector store. An empty one costs nothing; files in it are stored at a price by the GB and day, beyond a first
 * GB that is free.
 *
 * @see https://developers.openai.com/api/docs/pricing
 */
export const vectorStores: WireApi = {
  name: 'vector_stores',
  operation: 'embeddings',
  freeUnlessReported: true,
  notEstimated: true,
  answersNoText: true,

  readResponse(reading, response) {
    const files = countOf(objectOf(response['file_counts'])?.['total']) ?? 0
    if (files > 0) reading.unmeasured = `${files} files are stored, which is billed by the GB and day`
    reading.complete = true
  },

  foldEvent: () => false,

  meter: () => [],
}
