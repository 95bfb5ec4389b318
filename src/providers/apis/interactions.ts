import { objectOf, objectsOf, textOf, type JsonObject } from '../../wire/json/values.ts'
import { readResponseError } from './response-error.ts'
import { readInteractionUsage } from './gemini-usage.ts'
import { countMaps, countSearches, groundingUnits } from './grounding.ts'
import { takeUsage } from './take-usage.ts'
import type { Reading, WireApi } from './wire-api.ts'

/**
 * Gemini's Interactions, JSON and stream. Stored interactions may be fetched again and are counted once by their id.
 *
 * @see https://ai.google.dev/api/interactions-api
 */
export const interactions: WireApi = {
  name: 'interactions',
  operation: 'generate_content',

  readResponse(reading, response) {
    readInteraction(reading, response)
    for (const step of [...objectsOf(response['outputs']), ...objectsOf(response['steps'])]) {
      reading.output.add(textOf(step['text']) ?? '')
      readSearch(reading, step)
    }
    reading.complete = response['status'] !== 'in_progress'
  },

  foldEvent(reading, event, name) {
    const type = textOf(event['event_type']) ?? name
    const interaction = objectOf(event['interaction'])
    if (interaction) readInteraction(reading, interaction)
    if (type === 'interaction.completed' || type === 'interaction.complete') reading.complete = true
    const delta = objectOf(event['delta'])
    for (const step of [delta, objectOf(event['step'])]) if (step) readSearch(reading, step)
    const text = delta?.['text']
    if (typeof text !== 'string' || text === '') return false
    reading.output.add(text)
    return true
  },

  meter: ({ usage, toolCalls }, notes) =>
    usage ? [{ ...readInteractionUsage(usage, notes), ...groundingUnits(toolCalls) }] : [],
}

/** An interaction that is fetched again. */
export const storedInteractions: WireApi = {
  ...interactions,
  name: 'stored_interactions',
  fetches: true,
}

/** Counts the searches of a step, which may come whole, in a delta, or both. */
function readSearch({ toolCalls }: Reading, step: JsonObject): void {
  if (step['type'] === 'google_maps_call') countMaps(toolCalls)
  if (step['type'] === 'google_search_call')
    countSearches(toolCalls, objectOf(step['arguments'])?.['queries'])
}

function readInteraction(reading: Reading, interaction: JsonObject): void {
  reading.model ??= textOf(interaction['model'])
  reading.responseId ??= textOf(interaction['id'])
  const usage = objectOf(interaction['usage'])
  takeUsage(reading, usage)
  reading.serviceTier = textOf(interaction['service_tier']) ?? reading.serviceTier
  reading.stored = true
  reading.pending = interaction['status'] === 'in_progress'
  reading.finishReason = textOf(interaction['status']) ?? reading.finishReason
  if (interaction['status'] === 'failed') reading.error = readResponseError(interaction) ?? 'failed'
}
