import { objectOf, textOf } from '../json.ts'
import { hasCounts, isEmpty, readGeminiUsage } from './gemini-usage.ts'
import { takeBill, type WireApi } from './wire-api.ts'

/**
 * Gemini's Live API over WebSocket: every `usageMetadata` stands for one turn, and turns add up.
 *
 * @see https://ai.google.dev/api/live
 */
export const live: WireApi = {
  name: 'live',
  operation: 'generate_content',
  readAnswer: () => {},

  foldEvent(reading, event) {
    const usage = objectOf(event['usageMetadata'])
    if (hasCounts(usage)) {
      const bill = readGeminiUsage(usage, reading.notes)
      reading.usage = usage
      if (!isEmpty(bill)) takeBill(reading, '', bill)
    }
    const content = objectOf(event['serverContent'])
    if (content?.['turnComplete'] === true) reading.complete = true
    return objectOf(content?.['modelTurn']) !== undefined
  },

  readMessage(message) {
    return textOf(objectOf(message['setup'])?.['model'])?.replace(/^.*models\//, '')
  },

  meter: ({ bills }) => bills,
}
