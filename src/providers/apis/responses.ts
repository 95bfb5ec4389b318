import { addUnits, type ModelUsage, type Unit } from '../../usage/usage.ts'
import { countOf, listOf, objectOf, objectsOf, textOf, type JsonObject } from '../../wire/json/values.ts'
import { hasOnly } from './has-only.ts'
import { readResponseError } from './response-error.ts'
import { takeCacheDiagnosis } from './cache-diagnosis.ts'
import { readOpenAIUsage } from './openai-usage.ts'
import { takeUsage } from './take-usage.ts'
import { takeBill, type Reading, type WireApi } from './wire-api.ts'

const ENDINGS = new Set(['response.completed', 'response.incomplete', 'response.failed', 'response.done'])

/** Statuses of a response that is not at its end. */
const UNFINISHED = new Set(['queued', 'in_progress'])

/** Built-in tools that are billed by the call, with the unit that is counted. */
const BILLED_TOOLS: Readonly<Record<string, Unit>> = {
  web_search_call: 'web_searches',
  file_search_call: 'file_searches',
}

/** Tools that run code in a container, which is billed by its time; several calls may share one. */
const CONTAINER_TOOLS = ['code_interpreter_call', 'shell_call']
const CONTAINER = 'container '

/**
 * Responses over HTTP and WebSocket. Usage comes with the event that ends a response. One connection may carry many
 * responses, one after another or several at once. Each counts once, by its id.
 *
 * @see https://platform.openai.com/docs/api-reference/responses
 */
export const responses: WireApi = {
  name: 'responses',
  operation: 'chat',
  answeredOnce: true,
  outputLimits: ['max_output_tokens'],

  readResponse(reading, response) {
    readWholeResponse(reading, response)
    for (const item of objectsOf(response['output'])) {
      for (const part of objectsOf(item['content'])) reading.output.add(textOf(part['text']) ?? '')
      reading.output.add(textOf(item['arguments']) ?? '')
    }
    if (!UNFINISHED.has(String(response['status']))) {
      reading.complete = true
      billResponse(reading, response)
    }
  },

  foldEvent(reading, event) {
    const type = event['type']
    if (typeof type !== 'string') return false
    const delta = event['delta']
    if (typeof delta === 'string') {
      if (delta === '' || !type.endsWith('.delta')) return false
      reading.output.add(delta)
      return true
    }
    const response = objectOf(event['response'])
    if (response) {
      if (type === 'response.created') beginResponse(reading)
      readWholeResponse(reading, response)
      if (ENDINGS.has(type)) {
        reading.complete = true
        billResponse(reading, response)
      }
    } else if (type === 'response.output_item.done') {
      countTool(reading.toolCalls, objectOf(event['item']))
    }
    return false
  },

  textDelta(event) {
    const { type, delta, logprobs } = event
    if (type !== 'response.output_text.delta' || !hasOnly(event, DELTA)) return undefined
    return typeof delta === 'string' && (!logprobs || listOf(logprobs).length === 0) ? delta : undefined
  },

  readMessage: (message) => textOf(message['model']),

  meter: ({ bills }) => bills,
}

/** Members of an event that is a piece of text. */
const DELTA = new Set([
  'type',
  'sequence_number',
  'item_id',
  'output_index',
  'content_index',
  'delta',
  'logprobs',
  'obfuscation',
])

/**
 * A stored response, fetched again or cancelled: the same object, whose usage counts with the exchange that first
 * carried it.
 *
 * @see https://platform.openai.com/docs/api-reference/responses/get
 */
export const storedResponses: WireApi = {
  ...responses,
  name: 'stored_responses',
  fetches: true,
}

/** A further response on the same connection; what the reading says of the last one must not pass for this one's. */
function beginResponse(reading: Reading): void {
  reading.error = undefined
  if (reading.bills.length === 0) return
  reading.model = undefined
  reading.responseId = undefined
  reading.cacheDiagnosis = undefined
  reading.finishReason = undefined
  reading.complete = false
}

function readWholeResponse(reading: Reading, response: JsonObject): void {
  reading.model ??= textOf(response['model'])
  reading.responseId ??= textOf(response['id'])
  const usage = objectOf(response['usage'])
  takeUsage(reading, usage)
  const tier = textOf(response['service_tier'])
  if (tier) reading.serviceTier = tier
  takeCacheDiagnosis(reading, response['prompt_cache_diagnostics'])
  const status = textOf(response['status'])
  if (status && !UNFINISHED.has(status)) {
    reading.finishReason = textOf(objectOf(response['incomplete_details'])?.['reason']) ?? status
  }
  if (response['background'] === true) reading.background = true
  reading.pending = UNFINISHED.has(status ?? '') && reading.background === true
  if (response['store'] !== false) reading.stored = true
  const error = readResponseError(response) ?? (status === 'failed' ? status : undefined)
  if (error) reading.error = error
}

/** Takes the bill of a response that has ended, once; images that a tool made are a bill of their own. */
function billResponse(reading: Reading, response: JsonObject): void {
  const usage = objectOf(response['usage'])
  if (!usage) return
  const id = textOf(response['id']) ?? ''
  const model = textOf(response['model'])
  const tier = textOf(response['service_tier'])
  const tools = toolsOf(reading, response)
  const images = imageBill(response, reading.notes)
  const made = tools.get('image_generation_call')
  takeBill(reading, id, {
    ...withFees(readOpenAIUsage(usage, reading.notes), tools, response),
    ...(made && !images ? { unreported: [`${made} × image_generation_call`] } : {}),
    ...(model ? { model } : {}),
    ...(tier ? { serviceTier: tier } : {}),
  })
  if (images) takeBill(reading, id === '' ? '' : `${id} images`, images)
  reading.toolCalls.clear()
}

function toolsOf({ toolCalls }: Reading, response: JsonObject): ReadonlyMap<string, number> {
  const items = listOf(response['output'])
  if (items.length === 0) return toolCalls
  const counts = new Map<string, number>()
  for (const item of items) countTool(counts, objectOf(item))
  return counts
}

/** Counts a call that is billed in addition to its tokens, by its type; containers once each. */
function countTool(counts: Map<string, number>, item: JsonObject | undefined): void {
  const type = textOf(item?.['type'])
  if (type === undefined) return
  if (CONTAINER_TOOLS.includes(type)) {
    const container =
      textOf(item?.['container_id']) ?? textOf(objectOf(item?.['environment'])?.['container_id'])
    if (container !== undefined) counts.set(`${CONTAINER}${container}`, 1)
    return
  }
  if (!Object.hasOwn(BILLED_TOOLS, type) && type !== 'image_generation_call') return
  // Opening a page that a search has found is not billed.
  const action = textOf(objectOf(item?.['action'])?.['type']) ?? 'search'
  if (type === 'web_search_call' && action !== 'search') return
  counts.set(type, (counts.get(type) ?? 0) + 1)
}

/** Adds what tools are billed by, unless the usage has counted them itself (xAI). */
function withFees(bill: ModelUsage, calls: ReadonlyMap<string, number>, response: JsonObject): ModelUsage {
  if (objectOf(objectOf(response['usage'])?.['server_side_tool_usage_details'])) return bill
  let units = bill.units ?? {}
  for (const [type, count] of calls) {
    const unit = type.startsWith(CONTAINER) ? 'containers' : BILLED_TOOLS[type]
    if (!unit) continue
    const preview = unit === 'web_searches' && searchesByPreview(response)
    units = addUnits(units, { [preview ? 'web_search_previews' : unit]: count })
  }
  return Object.keys(units).length > 0 ? { ...bill, units } : bill
}

/** The response repeats the tools of its request; the calls do not say which of the two searches they are. */
function searchesByPreview(response: JsonObject): boolean {
  const types = objectsOf(response['tools']).map((tool) => textOf(tool['type']) ?? '')
  return types.some((type) => type.startsWith('web_search_preview')) && !types.includes('web_search')
}

/** Images that a tool made, by another model; `undefined` where the response does not say which or how many tokens. */
function imageBill(response: JsonObject, notes: string[]): ModelUsage | undefined {
  const usage = objectOf(objectOf(response['tool_usage'])?.['image_gen'])
  const tool = objectsOf(response['tools']).find((entry) => entry['type'] === 'image_generation')
  const model = textOf(tool?.['model'])
  if (!usage || model === undefined || !countOf(usage['total_tokens'])) return undefined
  return { ...readOpenAIUsage(usage, notes), model, apart: 'image_generation' }
}
