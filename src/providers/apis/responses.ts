import type { ModelUsage, Units } from '../../usage/usage.ts'
import { listOf, objectOf, objectsOf, textOf, type JsonObject } from '../json.ts'
import { readAnswerError } from './answer-error.ts'
import { takeCacheDiagnosis } from './cache-diagnosis.ts'
import { readOpenAIUsage } from './openai-usage.ts'
import { takeUsage } from './take-usage.ts'
import { takeBill, type Reading, type WireApi } from './wire-api.ts'

const ENDINGS = new Set(['response.completed', 'response.incomplete', 'response.failed', 'response.done'])

/** Statuses of a response that is not at its end. */
const UNFINISHED = new Set(['queued', 'in_progress'])

/** Built-in tools that are billed by the call, with the unit of the price list. */
const BILLED_TOOLS: Readonly<Record<string, 'web_searches' | 'file_searches'>> = {
  web_search_call: 'web_searches',
  file_search_call: 'file_searches',
}

/** Built-in tools whose own charge the answer does not report: another model's tokens, a container's time. */
const UNREPORTED_TOOLS = ['image_generation_call', 'code_interpreter_call']

/**
 * Responses over HTTP and WebSocket. Usage comes with the event that ends a response; one connection may carry many
 * responses, one after another or several at once, each of which is counted once by its id.
 *
 * @see https://platform.openai.com/docs/api-reference/responses
 */
export const responses: WireApi = {
  name: 'responses',
  operation: 'chat',

  readAnswer(reading, answer) {
    readResponse(reading, answer)
    for (const item of objectsOf(answer['output'])) {
      for (const part of objectsOf(item['content'])) reading.output.add(textOf(part['text']) ?? '')
      reading.output.add(textOf(item['arguments']) ?? '')
    }
    if (!UNFINISHED.has(String(answer['status']))) {
      reading.complete = true
      billResponse(reading, answer)
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
      readResponse(reading, response)
      if (ENDINGS.has(type)) {
        reading.complete = true
        billResponse(reading, response)
      }
    } else if (type === 'response.output_item.done') {
      countTool(reading.toolCalls, objectOf(event['item']))
    }
    return false
  },

  readMessage: (message) => textOf(message['model']),

  meter: ({ bills }) => bills,
}

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

function readResponse(reading: Reading, response: JsonObject): void {
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
  const error = readAnswerError(response) ?? (status === 'failed' ? status : undefined)
  if (error) reading.error = error
}

/** Takes the bill of a response that has ended, once. */
function billResponse(reading: Reading, response: JsonObject): void {
  const usage = objectOf(response['usage'])
  if (!usage) return
  const model = textOf(response['model'])
  const tier = textOf(response['service_tier'])
  takeBill(reading, textOf(response['id']) ?? '', {
    ...withTools(readOpenAIUsage(usage, reading.notes), toolsOf(reading, response)),
    ...(model ? { model } : {}),
    ...(tier ? { serviceTier: tier } : {}),
  })
  reading.toolCalls.clear()
}

function toolsOf({ toolCalls }: Reading, response: JsonObject): ReadonlyMap<string, number> {
  const items = listOf(response['output'])
  if (items.length === 0) return toolCalls
  const counts = new Map<string, number>()
  for (const item of items) countTool(counts, objectOf(item))
  return counts
}

/** Opening a page that a search has found is not billed. */
function countTool(counts: Map<string, number>, item: JsonObject | undefined): void {
  const type = textOf(item?.['type'])
  const action = textOf(objectOf(item?.['action'])?.['type']) ?? 'search'
  if (type === undefined || (!Object.hasOwn(BILLED_TOOLS, type) && !UNREPORTED_TOOLS.includes(type))) return
  if (type === 'web_search_call' && action !== 'search') return
  counts.set(type, (counts.get(type) ?? 0) + 1)
}

function withTools(bill: ModelUsage, calls: ReadonlyMap<string, number>): ModelUsage {
  const units: { [unit in keyof Units]: Units[unit] } = { ...bill.units }
  const unreported = [...(bill.unreported ?? [])]
  for (const [type, count] of calls) {
    const unit = BILLED_TOOLS[type]
    if (unit) Object.assign(units, { [unit]: (units[unit] ?? 0) + count })
    else if (UNREPORTED_TOOLS.includes(type)) unreported.push(`${count} × ${type}`)
  }
  return {
    ...bill,
    ...(Object.keys(units).length > 0 ? { units } : {}),
    ...(unreported.length > 0 ? { unreported } : {}),
  }
}
