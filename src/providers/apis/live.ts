import { objectOf, textOf } from '../../wire/json/values.ts'
import { hasCounts, isEmpty, readGeminiUsage } from './gemini-usage.ts'
import { countGrounding, groundingUnits } from './grounding.ts'
import { takeBill, type WireApi } from './wire-api.ts'

/**
 * Gemini's Live API over WebSocket: every `usageMetadata` stands for one turn, and turns add up.
 *
 * @see https://ai.google.dev/api/live
 */
export const live: WireApi = {
  name: 'live',
  operation: 'generate_content',
  readResponse: () => {},

  foldEvent(reading, event) {
    const content = objectOf(event['serverContent'])
    countGrounding(reading.toolCalls, objectOf(content?.['groundingMetadata']))
    const speaks = objectOf(content?.['modelTurn']) !== undefined
    // Output after the last count has not been counted.
    if (speaks) reading.complete = false
    if (content?.['turnComplete'] === true) reading.complete = true
    const usage = objectOf(event['usageMetadata'])
    if (hasCounts(usage)) {
      reading.complete = true
      const bill = { ...readGeminiUsage(usage, reading.notes), ...groundingUnits(reading.toolCalls) }
      reading.toolCalls.clear()
      reading.usage = usage
      if (!isEmpty(bill)) takeBill(reading, '', bill)
    }
    return speaks
  },

  readMessage(message) {
    return textOf(objectOf(message['setup'])?.['model'])?.replace(/^.*models\//, '')
  },

  meter: ({ bills }) => bills,
}
