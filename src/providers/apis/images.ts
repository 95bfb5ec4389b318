import { countOf, listOf, objectOf, textOf } from '../../wire/json/values.ts'
import { readOpenAIUsage, readWhole } from './openai-usage.ts'
import { takeUsage } from './take-usage.ts'
import type { WireApi } from './wire-api.ts'

/**
 * Images: generations, edits, variations. The gpt-image models report tokens; the older ones are billed by the image.
 *
 * @see https://platform.openai.com/docs/api-reference/images
 */
export const images: WireApi = {
  name: 'images',
  operation: 'generate_content',
  notEstimated: true,

  readResponse(reading, response) {
    const made = listOf(response['data']).length
    if (made > 0) reading.toolCalls.set('images', made)
    readWhole(reading, response)
  },

  foldEvent(reading, event) {
    const type = textOf(event['type']) ?? ''
    if (!type.endsWith('.completed')) return type.endsWith('.partial_image')
    const usage = objectOf(event['usage'])
    takeUsage(reading, usage)
    reading.toolCalls.set('images', (reading.toolCalls.get('images') ?? 0) + 1)
    reading.complete = true
    return true
  },

  meter({ usage, toolCalls }, notes) {
    if (usage) {
      const read = readOpenAIUsage(usage, notes)
      // All output is image tokens unless the response splits it.
      const details = objectOf(usage['output_tokens_details'])
      if (countOf(details?.['image_tokens']) !== undefined || read.usage.output_text === undefined)
        return [read]
      const { output_text: imageTokens, ...rest } = read.usage
      return [
        {
          ...read,
          usage: { ...rest, output_image: imageTokens },
          parts: { ...read.parts, imageOutput: imageTokens },
        },
      ]
    }
    const made = toolCalls.get('images')
    return made ? [{ ...readOpenAIUsage({}, notes), units: { images: made } }] : []
  },
}
