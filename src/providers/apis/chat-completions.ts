import { inputTokens, outputTokens, type ModelUsage, type Units } from '../../usage/usage.ts'
import { listOf, objectOf, objectsOf, textOf, type JsonObject } from '../../wire/json/values.ts'
import { hasOnly } from './has-only.ts'
import { readResponseError } from './response-error.ts'
import { meterOpenAI, readOpenAIUsage } from './openai-usage.ts'
import { takeUsage } from './take-usage.ts'
import type { Reading, WireApi } from './wire-api.ts'

/**
 * Chat Completions, JSON and stream, as OpenAI and the compatible servers send them (Azure, Groq, xAI, DeepSeek, Mistral,
 * OpenRouter, Perplexity, Together, Fireworks, Cerebras, vLLM, llama.cpp, Ollama, Gemini). A stream ends with
 * `[DONE]` or, at some servers, with its last `finish_reason`. Usage may come in any chunk, in every chunk, in `x_groq`, in an error, or not
 * at all.
 *
 * @see https://platform.openai.com/docs/api-reference/chat
 */
export const chatCompletions: WireApi = {
  name: 'chat_completions',
  operation: 'chat',
  answeredOnce: true,
  outputLimits: ['max_completion_tokens', 'max_tokens'],
  answerCounts: ['n'],

  readResponse(reading, response) {
    readCommon(reading, response)
    // xAI's deferred completions: the response is fetched later, by this id alone.
    if (textOf(response['request_id']) && response['choices'] === undefined) reading.pending = true
    for (const choice of objectsOf(response['choices'])) {
      readChoice(reading, choice)
      const message = objectOf(choice['message'])
      if (message) addContent(reading, message)
    }
    if (reading.error === undefined) reading.complete = true
  },

  foldEvent(reading, event) {
    readCommon(reading, event)
    const before = reading.output.length
    for (const entry of listOf(event['choices'])) {
      const choice = objectOf(entry)
      if (!choice) continue
      readChoice(reading, choice)
      const delta = objectOf(choice['delta'])
      if (delta) addContent(reading, delta)
    }
    return reading.output.length > before
  },

  textDelta(event) {
    const [choice, ...others] = objectsOf(event['choices'])
    const delta = objectOf(choice?.['delta'])
    if (!choice || !delta || others.length > 0) return undefined
    if (!hasOnly(event, EVENT) || !hasOnly(choice, CHOICE) || !hasOnly(delta, DELTA)) return undefined
    return typeof delta['content'] === 'string' ? delta['content'] : undefined
  },

  meter(reading, notes) {
    const bills = breakdownOf(reading, notes) ?? withSearch(reading, meterOpenAI(reading, notes))
    return withExecutedTools(reading, bills)
  },
}

/** Members of an event that is a piece of text, of its choice, and of the delta. */
const EVENT = new Set([
  'id',
  'object',
  'created',
  'model',
  'system_fingerprint',
  'service_tier',
  'provider',
  'choices',
  'obfuscation',
])
const CHOICE = new Set(['index', 'delta'])
const DELTA = new Set(['role', 'content'])

/**
 * Perplexity's asynchronous completions: the response has an id, by which the completion is fetched.
 *
 * @see https://docs.perplexity.ai/api-reference/async-chat-completions-post
 */
export const asyncCompletions: WireApi = {
  ...chatCompletions,
  name: 'async_completions',
  answeredOnce: false,
  notEstimated: true,

  readResponse(reading, response) {
    reading.model = textOf(response['model'])
    reading.pending = true
    reading.complete = true
  },
}

/**
 * A completion that is fetched once it is there: xAI's deferred ones come as they are, Perplexity's in `response`. It
 * counts with the exchange that first carries it.
 *
 * @see https://docs.x.ai/docs/guides/deferred-chat-completions
 * @see https://docs.perplexity.ai/api-reference/async-chat-completions-api-request-get
 */
export const storedCompletions: WireApi = {
  ...chatCompletions,
  name: 'stored_completions',
  freeUnlessReported: true,
  fetches: true,

  readResponse(reading, response) {
    reading.responseId = textOf(response['id'])
    chatCompletions.readResponse(reading, objectOf(response['response']) ?? response)
    reading.stored = true
  },
}

/**
 * Completions, the text API before chat.
 *
 * @see https://platform.openai.com/docs/api-reference/completions
 */
export const completions: WireApi = {
  name: 'completions',
  operation: 'text_completion',
  outputLimits: ['max_tokens'],
  answerCounts: ['n', 'best_of'],

  readResponse(reading, response) {
    completions.foldEvent(reading, response, '')
    if (reading.error === undefined) reading.complete = true
  },

  foldEvent(reading, event) {
    readCommon(reading, event)
    const before = reading.output.length
    for (const choice of objectsOf(event['choices'])) {
      readChoice(reading, choice)
      if (typeof choice['text'] === 'string') reading.output.add(choice['text'])
      // Mistral's fill-in-the-middle has this path, and messages in its choices.
      const message = objectOf(choice['delta']) ?? objectOf(choice['message'])
      if (message) addContent(reading, message)
    }
    return reading.output.length > before
  },

  meter: meterOpenAI,
}

function readCommon(reading: Reading, object: JsonObject): void {
  reading.model ??= textOf(object['model'])
  reading.responseId ??= textOf(object['id'])
  const groq = objectOf(object['x_groq'])
  const tier = textOf(object['service_tier'])
  if (tier) reading.serviceTier = tier
  takeUsage(reading, objectOf(object['usage']) ?? objectOf(groq?.['usage']))
  const breakdown = objectOf(object['usage_breakdown'])
  if (breakdown && reading.usage) reading.usage = { ...reading.usage, usage_breakdown: breakdown }
}

/** Kimi reports usage here; OpenRouter and Mistral end a choice that failed with the reason `error`, OpenRouter with the error next to it. */
function readChoice(reading: Reading, choice: JsonObject): void {
  takeUsage(reading, objectOf(choice['usage']))
  const reason = textOf(choice['finish_reason'])
  if (!reason) return
  reading.finishReason = reason
  if (reason === 'error') reading.error ??= readResponseError(choice) ?? reason
  else reading.complete = true
}

/** OpenAI's search models search the web for every response, but their usage does not say so. */
function withSearch({ model }: Reading, bills: readonly ModelUsage[]): readonly ModelUsage[] {
  const kind = model?.includes('-search-') ? /^gpt-.*-search-(preview|api)/.exec(model)?.[1] : undefined
  if (kind === undefined) return bills
  const search: Units = kind === 'preview' ? { web_search_previews: 1 } : { web_searches: 1 }
  return bills.map((bill) => ({ ...bill, units: { ...search, ...bill.units } }))
}

/** Groq bills every tool that its compound systems ran. The response lists them, and their price is not known here. */
function withExecutedTools({ toolCalls }: Reading, bills: readonly ModelUsage[]): readonly ModelUsage[] {
  const executed = toolCalls.get(EXECUTED) ?? 0
  if (executed === 0) return bills
  const [first, ...rest] = bills
  if (!first) return bills
  return [{ ...first, unreported: [...(first.unreported ?? []), `${executed} executed tools`] }, ...rest]
}

const EXECUTED = 'executed_tools'

/** Groq's compound systems bill the models they called; the whole is their sum and has no price of its own. */
function breakdownOf({ usage }: Reading, notes: string[]): readonly ModelUsage[] | undefined {
  const breakdown = objectOf(usage?.['usage_breakdown'])
  const models = breakdown ? objectsOf(breakdown['models']) : []
  if (!usage || models.length === 0) return undefined
  const bills = models.flatMap((entry) => {
    const model = textOf(entry['model'])
    const part = objectOf(entry['usage'])
    return model && part ? [{ ...readOpenAIUsage(part, notes), model }] : []
  })
  const sum = (tokens: (bill: ModelUsage) => number): number =>
    bills.reduce((total, bill) => total + tokens(bill), 0)
  const whole = readOpenAIUsage(usage, notes)
  const agrees =
    sum((bill) => inputTokens(bill.usage)) === inputTokens(whole.usage) &&
    sum((bill) => outputTokens(bill.usage)) === outputTokens(whole.usage)
  if (agrees) return bills
  notes.push('usage_breakdown does not come to usage; usage was taken')
  return undefined
}

/** Adds the text of a message or delta: content, reasoning, refusals and tool arguments; and counts what Groq ran. */
function addContent({ output, toolCalls }: Reading, message: JsonObject): void {
  const executed = listOf(message['executed_tools']).length
  if (executed > (toolCalls.get(EXECUTED) ?? 0)) toolCalls.set(EXECUTED, executed)
  for (const name of ['content', 'reasoning_content', 'reasoning', 'refusal']) {
    const value = message[name]
    if (typeof value === 'string') output.add(value)
    else for (const part of listOf(value)) output.add(textOf(objectOf(part)?.['text']) ?? '')
  }
  for (const call of listOf(message['tool_calls'])) {
    const called = objectOf(objectOf(call)?.['function'])
    if (!called) continue
    output.add(textOf(called['name']) ?? '')
    if (typeof called['arguments'] === 'string') output.add(called['arguments'])
  }
}
