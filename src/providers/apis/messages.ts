import { addUsage, disjoint, type ModelUsage, type Usage } from '../../usage/usage.ts'
import { countOf, listOf, objectOf, objectsOf, textOf, type JsonObject } from '../json.ts'
import type { Reading, WireApi } from './wire-api.ts'

/**
 * Anthropic Messages, JSON and stream. `message_delta` is cumulative and may correct what `message_start` said:
 * usage merges field by field, nulls never erase. A second `message_start` replaces the first.
 *
 * @see https://docs.anthropic.com/en/api/messages
 */
export const messages: WireApi = {
  name: 'messages',
  operation: 'chat',
  pathSuffix: '/messages',

  readAnswer(reading, answer) {
    readMessage(reading, answer)
    if (answer['type'] === 'error') readError(reading, answer)
    for (const block of listOf(answer['content'])) reading.outputCharacters += blockLength(objectOf(block))
    if (!reading.error) reading.complete = true
  },

  foldEvent(reading, event) {
    switch (event['type']) {
      case 'message_start': {
        delete reading.usage
        readMessage(reading, objectOf(event['message']) ?? {})
        return false
      }
      case 'content_block_start': {
        const length = blockLength(objectOf(event['content_block']))
        reading.outputCharacters += length
        return length > 0
      }
      case 'content_block_delta': {
        const length = blockLength(objectOf(event['delta']))
        reading.outputCharacters += length
        return length > 0
      }
      case 'message_delta': {
        mergeUsage(reading, objectOf(event['usage']))
        const reason = textOf(objectOf(event['delta'])?.['stop_reason'])
        if (reason) reading.finishReason = reason
        return false
      }
      case 'message_stop':
        reading.complete = true
        return false
      case 'error':
        readError(reading, event)
        return false
      default:
        return false
    }
  },

  readUsage(usage, notes) {
    const entries = objectsOf(usage['iterations'])
    const kinds = new Set(entries.map((entry) => entry['type']))
    // With a compaction the top level leaves the compaction's own tokens out; the entries have them all.
    const own = kinds.has('compaction')
      ? entries
          .filter((entry) => entry['type'] === 'compaction' || entry['type'] === 'message')
          .reduce<Usage>((sum, entry) => addUsage(sum, countsOf(entry, notes).usage), {})
      : countsOf(usage, notes).usage
    const fallback = entries.find((entry) => entry['type'] === 'fallback_message')
    const model = textOf(fallback?.['model'])
    const webSearches = countOf(objectOf(usage['server_tool_use'])?.['web_search_requests']) ?? 0
    const first: ModelUsage = {
      usage: own,
      ...(model ? { model } : {}),
      ...(webSearches > 0 ? { webSearches } : {}),
    }
    const advisors = entries
      .filter((entry) => entry['type'] === 'advisor_message')
      .map((entry) => ({ model: textOf(entry['model']) ?? 'unknown', ...countsOf(entry, notes) }))
    return [first, ...advisors]
  },

  readCostUsd: () => undefined,
}

/** Anthropic's `input_tokens` leaves cached tokens out; ours counts them in, so they are added here once. */
function countsOf(usage: JsonObject, notes: string[]): Pick<ModelUsage, 'usage' | 'reported'> {
  const uncached = countOf(usage['input_tokens']) ?? 0
  const cacheRead = countOf(usage['cache_read_input_tokens']) ?? 0
  const split = objectOf(usage['cache_creation'])
  const written1h = countOf(split?.['ephemeral_1h_input_tokens']) ?? 0
  const written5m = countOf(split?.['ephemeral_5m_input_tokens']) ?? 0
  const written = countOf(usage['cache_creation_input_tokens']) ?? written5m + written1h
  // The split may be older than the total: what the delta added goes to the lifetime in use.
  const only1h = written1h > 0 && written5m === 0
  const cacheWrite1h = only1h ? written : Math.min(written1h, written)
  const cacheWrite5m = written - cacheWrite1h
  const reasoning = countOf(objectOf(usage['output_tokens_details'])?.['thinking_tokens']) ?? 0
  return disjoint(
    {
      input: uncached + cacheRead + written,
      output: countOf(usage['output_tokens']) ?? 0,
      cacheRead,
      cacheWrite5m,
      cacheWrite1h,
      reasoning,
    },
    notes,
  )
}

function readMessage(reading: Reading, message: JsonObject): void {
  reading.model ??= textOf(message['model'])
  reading.responseId ??= textOf(message['id'])
  const reason = textOf(message['stop_reason'])
  if (reason) reading.finishReason = reason
  mergeUsage(reading, objectOf(message['usage']))
}

function mergeUsage(reading: Reading, usage: JsonObject | undefined): void {
  if (!usage) return
  const merged: Record<string, unknown> = { ...reading.usage }
  for (const [name, value] of Object.entries(usage)) if (value !== null) merged[name] = value
  reading.usage = merged
  const tier = textOf(usage['service_tier'])
  if (tier) reading.serviceTier = tier
}

function readError(reading: Reading, event: JsonObject): void {
  reading.error = textOf(objectOf(event['error'])?.['type']) ?? 'error'
}

/** Length of generated text in a content block or delta: text, thinking, and tool input. */
function blockLength(block: JsonObject | undefined): number {
  if (!block) return 0
  for (const name of ['text', 'thinking', 'partial_json']) {
    const value = block[name]
    if (typeof value === 'string') return value.length
  }
  const input = block['input']
  return objectOf(input) && Object.keys(input as object).length > 0 ? JSON.stringify(input).length : 0
}
