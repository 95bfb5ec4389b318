import { disjoint } from '../../usage/usage.ts'
import { countOf, objectOf, objectsOf } from '../../wire/json/values.ts'
import type { WireApi } from './wire-api.ts'

/**
 * Vertex AI's predict: embeddings report their tokens for every text and the billed characters; images are
 * billed by the image.
 *
 * @see https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/text-embeddings-api
 */
export const predict: WireApi = {
  name: 'predict',
  operation: 'embeddings',
  answersNoText: true,
  notEstimated: true,

  readResponse(reading, response) {
    const predictions = objectsOf(response['predictions'])
    let tokens = 0
    let images = 0
    for (const prediction of predictions) {
      const statistics = objectOf(objectOf(prediction['embeddings'])?.['statistics'])
      tokens += countOf(statistics?.['token_count']) ?? 0
      if (typeof prediction['bytesBase64Encoded'] === 'string') images += 1
    }
    const characters = countOf(objectOf(response['metadata'])?.['billableCharacterCount'])
    if (tokens + images > 0 || characters !== undefined) {
      reading.usage = {
        ...(tokens > 0 ? { token_count: tokens } : {}),
        ...(images > 0 ? { images } : {}),
        ...(characters === undefined ? {} : { billableCharacterCount: characters }),
      }
    }
    reading.complete = true
  },

  foldEvent: () => false,

  meter({ usage }, notes) {
    if (!usage) return []
    const images = countOf(usage['images'])
    const characters = countOf(usage['billableCharacterCount'])
    return [
      {
        ...disjoint({ input: countOf(usage['token_count']) ?? 0, output: 0 }, notes),
        units: {
          ...(images ? { images } : {}),
          ...(characters === undefined ? {} : { billable_characters: characters }),
        },
      },
    ]
  },
}
