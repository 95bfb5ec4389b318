import { disjoint, type ModelUsage, type Units } from '../../usage/usage.ts'
import { countOf, listOf, objectOf, objectsOf, textOf, type JsonObject } from '../../wire/json/values.ts'
import { takeCacheDiagnosis } from './cache-diagnosis.ts'
import { hasOnly } from './has-only.ts'
import { readOpenAIUsage } from './openai-usage.ts'
import { readCharge } from './reported-charge.ts'
import type { Reading, WireApi } from './wire-api.ts'

/**
 * Anthropic Messages, JSON and stream, of every API version. `message_delta` is cumulative and may correct what
 * `message_start` said: usage merges field by field, nulls never erase. A second `message_start` replaces the first.
 *
 * @see https://docs.anthropic.com/en/api/messages
 */
export const messages: WireApi = {
  name: 'messages',
  operation: 'chat',
  answeredOnce: true,
  outputLimits: ['max_tokens'],

  readResponse(reading, response) {
    readMessage(reading, response)
    for (const block of listOf(response['content'])) addBlock(reading, objectOf(block))
    reading.complete = true
  },

  foldEvent(reading, event) {
    switch (event['type']) {
      case 'message_start': {
        reading.usage = reading.cacheDiagnosis = undefined
        readMessage(reading, objectOf(event['message']) ?? {})
        return false
      }
      case 'content_block_start':
        return addBlock(reading, objectOf(event['content_block']))
      case 'content_block_delta':
        return addBlock(reading, objectOf(event['delta']))
      case 'message_delta': {
        mergeUsage(reading, objectOf(event['usage']))
        readEnd(reading, objectOf(event['delta']) ?? {})
        return false
      }
      case 'message_stop':
        reading.complete = true
        return false
      default:
        if (event['type'] === undefined) mergeUsage(reading, objectOf(event['usage']))
        return false
    }
  },

  textDelta(event) {
    const delta = objectOf(event['delta'])
    if (event['type'] !== 'content_block_delta' || !delta) return undefined
    if (!hasOnly(event, EVENT) || !hasOnly(delta, DELTA)) return undefined
    const { type, text } = delta
    return type === 'text_delta' && typeof text === 'string' ? text : undefined
  },

  meter({ usage, model, toolCalls }, notes) {
    if (!usage) return []
    // Vertex AI passes the responses of other publishers on unchanged.
    if (usage['input_tokens'] === undefined && usage['prompt_tokens'] !== undefined)
      return [readOpenAIUsage(usage, notes)]
    const entries = objectsOf(usage['iterations'])
    // With a compaction the top level leaves the compaction's own tokens out; the entries have them all.
    const compacted = entries.some((entry) => entry['type'] === 'compaction')
    const counted = compacted
      ? entries.filter((entry) => entry['type'] === 'compaction' || entry['type'] === 'message')
      : [usage]
    const [first, ...rest] = counted.map((entry) => countsOf(entry, notes))
    const own = { ...first!, ...feesOf(usage, toolCalls.has(CONTAINER)), ...readCharge(usage) }
    const fellBack = entries.some((entry) => entry['type'] === 'fallback_message')
    const others = entries.flatMap((entry): ModelUsage[] => {
      const named = textOf(entry['model']) ?? 'unknown'
      if (entry['type'] === 'advisor_message') {
        return [{ ...countsOf(entry, notes), model: named, apart: 'advisor' }]
      }
      // The attempt that another model declined before the fallback responded.
      if (fellBack && entry['type'] === 'message' && named !== model) {
        return [{ ...countsOf(entry, notes), model: named, apart: 'declined_attempt', uncertain: true }]
      }
      return []
    })
    return [own, ...rest, ...others]
  },
}

/** Members of an event that is a piece of text, and of its delta. */
const EVENT = new Set(['type', 'index', 'delta'])
const DELTA = new Set(['type', 'text'])

const CONTAINER = 'container'

/**
 * Server tools that are billed in addition to their tokens. Fetching pages costs tokens alone; so does code that runs beside a
 * search or a fetch.
 *
 * @param container code could run in one, which all calls of a response share
 */
function feesOf(usage: JsonObject, container: boolean): { units?: Units } {
  const tools = objectOf(usage['server_tool_use'])
  const searches = countOf(tools?.['web_search_requests']) ?? 0
  const fetches = countOf(tools?.['web_fetch_requests']) ?? 0
  const runs = container || (countOf(tools?.['code_execution_requests']) ?? 0) > 0
  const units: Units = {
    ...(searches > 0 ? { web_searches: searches } : {}),
    ...(runs && searches + fetches === 0 ? { containers: 1 } : {}),
  }
  return Object.keys(units).length > 0 ? { units } : {}
}

/** Anthropic's `input_tokens` leaves cached tokens out; ours counts them in, so they are added here once. */
function countsOf(usage: JsonObject, notes: string[]): ModelUsage {
  const uncached = countOf(usage['input_tokens']) ?? 0
  const cacheRead = countOf(usage['cache_read_input_tokens']) ?? 0
  const split = objectOf(usage['cache_creation'])
  const written1h = countOf(split?.['ephemeral_1h_input_tokens']) ?? 0
  const written5m = countOf(split?.['ephemeral_5m_input_tokens']) ?? 0
  const written = countOf(usage['cache_creation_input_tokens']) ?? written5m + written1h
  // The split may be older than the total: what the delta added goes to the lifetime in use.
  const only1h = written1h > 0 && written5m === 0
  const cacheWrite1h = only1h ? written : Math.min(written1h, written)
  return disjoint(
    {
      input: uncached + cacheRead + written,
      output: countOf(usage['output_tokens']) ?? 0,
      cacheRead,
      cacheWrite5m: written - cacheWrite1h,
      cacheWrite1h,
      reasoning: countOf(objectOf(usage['output_tokens_details'])?.['thinking_tokens']),
    },
    notes,
  )
}

function readMessage(reading: Reading, message: JsonObject): void {
  reading.model ??= textOf(message['model'])
  reading.responseId ??= textOf(message['id'])
  readEnd(reading, message)
  takeCacheDiagnosis(reading, objectOf(message['diagnostics'])?.['cache_miss_reason'])
  mergeUsage(reading, objectOf(message['usage']))
}

/** Why a response ended, and the container that its code ran in: both are in a message or in its last delta. */
function readEnd(reading: Reading, end: JsonObject): void {
  reading.finishReason = textOf(end['stop_reason']) ?? reading.finishReason
  if (objectOf(end['container'])) reading.toolCalls.set(CONTAINER, 1)
}

const INPUT_COUNTS = ['input_tokens', 'cache_read_input_tokens', 'cache_creation_input_tokens']

function mergeUsage(reading: Reading, usage: JsonObject | undefined): void {
  if (!usage) return
  const merged: Record<string, unknown> = { ...reading.usage }
  // Every call reads something: input counts that are all 0 do not correct earlier ones.
  const readsNothing = INPUT_COUNTS.every((name) => !usage[name])
  for (const [name, value] of Object.entries(usage)) {
    if (value === null || (value === 0 && merged[name] && (readsNothing || name === 'output_tokens')))
      continue
    merged[name] = value
  }
  reading.usage = merged
  // The model that a fallback names is the one that responded, whatever the beginning said.
  const fallback = objectsOf(merged['iterations']).find((entry) => entry['type'] === 'fallback_message')
  reading.model = textOf(fallback?.['model']) ?? reading.model
  reading.serviceTier = textOf(usage['service_tier']) ?? reading.serviceTier
  reading.speed = textOf(usage['speed']) ?? reading.speed
  reading.inferenceGeo = textOf(usage['inference_geo']) ?? reading.inferenceGeo
}

/** Adds the text of a content block or delta: text, thinking, and tool input. @returns whether there was some */
function addBlock({ output }: Reading, block: JsonObject | undefined): boolean {
  if (!block) return false
  for (const name of ['text', 'thinking', 'partial_json']) {
    const value = block[name]
    if (typeof value !== 'string') continue
    output.add(value)
    return value !== ''
  }
  const input = objectOf(block['input'])
  if (!input || Object.keys(input).length === 0) return false
  output.add(JSON.stringify(input))
  return true
}
