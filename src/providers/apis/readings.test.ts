import { expect, test } from 'bun:test'
import { inputTokens, outputTokens, type ModelUsage, type Usage } from '../../usage/usage.ts'
import { batchResults } from './batch-results.ts'
import { chatCompletions } from './chat-completions.ts'
import { bedrockConverse } from './bedrock.ts'
import { cohereChat } from './cohere.ts'
import { embeddings } from './embeddings.ts'
import { generateContent } from './generate-content.ts'
import { interactions } from './interactions.ts'
import { messages } from './messages.ts'
import { realtime } from './realtime.ts'
import { responses } from './responses.ts'
import { conversations } from './moderations.ts'
import { ollamaChat } from './ollama.ts'
import { foldEvent, readResponse } from './read-response.ts'
import { emptyReading, type Reading, type WireApi } from './wire-api.ts'

function fold(api: WireApi, events: readonly object[]): Reading {
  const reading = emptyReading()
  for (const event of events) foldEvent(api, reading, event as Record<string, unknown>, '')
  return reading
}

function billsOf(api: WireApi, usage: object, notes: string[] = []): readonly ModelUsage[] {
  return api.meter({ ...emptyReading(), usage: usage as Record<string, unknown> }, notes)
}

function usageOf(api: WireApi, reading: Reading): Usage {
  return api.meter(reading, [])[0]!.usage
}

test('Chat Completions: cached and reasoning tokens are parts, not additions', () => {
  const [bill] = billsOf(chatCompletions, {
    prompt_tokens: 2006,
    completion_tokens: 300,
    total_tokens: 2306,
    prompt_tokens_details: { cached_tokens: 1920, cache_write_tokens: 50, audio_tokens: 6 },
    completion_tokens_details: { reasoning_tokens: 128, audio_tokens: 0 },
  })
  const { usage, parts } = bill!
  expect(usage).toEqual({
    input_uncached: 30,
    cache_read: 1920,
    cache_write: 50,
    input_audio: 6,
    output_text: 172,
    reasoning: 128,
  })
  expect([inputTokens(usage), outputTokens(usage), parts.cacheCreation]).toEqual([2006, 300, 50])
})

test('Chat Completions: reasoning outside the completion is output when the total says so', () => {
  const usage = {
    prompt_tokens: 12,
    completion_tokens: 1,
    total_tokens: 241,
    completion_tokens_details: { reasoning_tokens: 228 },
  }
  expect(billsOf(chatCompletions, usage)[0]!.usage).toEqual({
    input_uncached: 12,
    output_text: 1,
    reasoning: 228,
  })
})

test('Chat Completions: a late null does not erase usage, and usage in every chunk does not add up', () => {
  const reading = fold(chatCompletions, [
    {
      model: 'm-1',
      choices: [{ delta: { content: 'a' } }],
      usage: { prompt_tokens: 5, completion_tokens: 1 },
    },
    {
      model: 'm-1',
      choices: [{ delta: {}, finish_reason: 'stop' }],
      usage: { prompt_tokens: 5, completion_tokens: 2 },
    },
    { model: 'm-2', choices: [], usage: null },
  ])
  expect(usageOf(chatCompletions, reading)).toEqual({ input_uncached: 5, output_text: 2 })
  expect(reading).toMatchObject({ model: 'm-1', finishReason: 'stop', complete: true })
  expect(reading.output.length).toBe(1)
})

test('Chat Completions: a part larger than its total is cut down in the buckets, kept as reported, and said', () => {
  const notes: string[] = []
  const usage = { prompt_tokens: 10, completion_tokens: 3, prompt_tokens_details: { cached_tokens: 12 } }
  expect(billsOf(chatCompletions, usage, notes)[0]).toMatchObject({
    usage: { cache_read: 10, output_text: 3 },
    parts: { cacheRead: 12, cacheCreation: 0, reasoning: 0 },
  })
  expect(notes).toEqual(["the provider's parts of the input exceed it (10)"])
})

test('Chat Completions: the charge that a provider reports is read', () => {
  const usdOf = (usage: object): number | undefined => billsOf(chatCompletions, usage)[0]!.reportedUsd
  expect(usdOf({ cost: 0.007637029 })).toBe(0.007637029)
  expect(usdOf({ cost_in_usd_ticks: 1_176_500 })).toBe(0.00011765)
  expect(usdOf({ cost: { total_cost: 0.5 } })).toBe(0.5)
  expect(usdOf({ prompt_tokens: 1 })).toBeUndefined()
})

test('Chat Completions: a search model searches with every answer; sources of a live search are not reported', () => {
  const search = fold(chatCompletions, [
    {
      model: 'gpt-4o-search-preview-2025-03-11',
      choices: [],
      usage: { prompt_tokens: 5, completion_tokens: 1 },
    },
  ])
  expect(chatCompletions.meter(search, [])[0]!.units).toEqual({ web_search_previews: 1 })
  expect(billsOf(chatCompletions, { prompt_tokens: 5, num_sources_used: 3 })[0]!.unreported).toEqual([
    '3 sources of live search',
  ])
})

test('Messages: a cached stream counts cached tokens as input, once', () => {
  const reading = fold(messages, [
    {
      type: 'message_start',
      message: {
        id: 'msg_1',
        model: 'claude-opus-5-5',
        usage: {
          input_tokens: 25,
          cache_creation_input_tokens: 100,
          cache_read_input_tokens: 50,
          cache_creation: { ephemeral_5m_input_tokens: 60, ephemeral_1h_input_tokens: 40 },
          output_tokens: 1,
        },
      },
    },
    { type: 'content_block_delta', delta: { type: 'text_delta', text: 'Hello' } },
    {
      type: 'message_delta',
      delta: { stop_reason: 'end_turn' },
      usage: { input_tokens: null, output_tokens: 9 },
    },
    { type: 'message_stop' },
  ])
  const usage = usageOf(messages, reading)
  expect(usage).toEqual({
    input_uncached: 25,
    cache_read: 50,
    cache_write_5m: 60,
    cache_write_1h: 40,
    output_text: 9,
  })
  expect(inputTokens(usage)).toBe(175)
  expect(reading).toMatchObject({ complete: true, finishReason: 'end_turn', model: 'claude-opus-5-5' })
})

test('Messages: the delta corrects input tokens, and a second message_start replaces the first', () => {
  const start = {
    type: 'message_start',
    message: { model: 'm', usage: { input_tokens: 43, output_tokens: 1 } },
  }
  const delta = { type: 'message_delta', delta: {}, usage: { input_tokens: 61, output_tokens: 7 } }
  expect(usageOf(messages, fold(messages, [start, start, delta]))).toEqual({
    input_uncached: 61,
    output_text: 7,
  })
})

test('Messages: an advisor bills on its own model, a compaction on the answer’s', () => {
  const [own, compaction, advisor] = billsOf(messages, {
    input_tokens: 10,
    output_tokens: 5,
    iterations: [
      { type: 'message', input_tokens: 10, output_tokens: 5 },
      { type: 'compaction', input_tokens: 1000, output_tokens: 50, cache_read_input_tokens: 200 },
      { type: 'advisor_message', model: 'claude-opus-4-7', input_tokens: 2728, output_tokens: 3880 },
    ],
  })
  expect(own!.usage).toEqual({ input_uncached: 10, output_text: 5 })
  expect(compaction!.usage).toEqual({ input_uncached: 1000, cache_read: 200, output_text: 50 })
  expect(advisor).toMatchObject({
    model: 'claude-opus-4-7',
    apart: 'advisor',
    usage: { input_uncached: 2728, output_text: 3880 },
  })
})

test('Responses: usage comes with the event that ends a response', () => {
  const reading = fold(responses, [
    { type: 'response.created', response: { id: 'resp_1', model: 'gpt-5.4-mini', usage: null } },
    { type: 'response.output_text.delta', delta: 'hi' },
    {
      type: 'response.completed',
      response: {
        id: 'resp_1',
        model: 'gpt-5.4-mini',
        status: 'completed',
        service_tier: 'flex',
        usage: {
          input_tokens: 36,
          input_tokens_details: { cached_tokens: 8 },
          output_tokens: 6,
          total_tokens: 42,
        },
      },
    },
  ])
  expect(usageOf(responses, reading)).toEqual({ input_uncached: 28, cache_read: 8, output_text: 6 })
  expect(reading).toMatchObject({ complete: true, serviceTier: 'flex', finishReason: 'completed' })
})

test('Responses: several responses on one connection are counted each once', () => {
  const one = (id: string, tokens: number): object[] => [
    { type: 'response.created', response: { id, model: `model-${id}` } },
    {
      type: 'response.completed',
      response: { id, model: `model-${id}`, usage: { input_tokens: tokens, output_tokens: 1 } },
    },
  ]
  const [a, b] = [one('a', 10), one('b', 20)]
  // One after the other, the second told twice; and interleaved, as a multiplexed connection has them.
  for (const events of [
    [...a, ...b, b[1]!],
    [a[0]!, b[0]!, a[1]!, b[1]!],
  ]) {
    expect(responses.meter(fold(responses, events), [])).toMatchObject([
      { model: 'model-a', usage: { input_uncached: 10, output_text: 1 } },
      { model: 'model-b', usage: { input_uncached: 20, output_text: 1 } },
    ])
  }
})

test('Embeddings: the total is the input', () => {
  const reading = emptyReading()
  embeddings.readResponse(reading, { model: 'voyage-3', data: [], usage: { total_tokens: 7 } })
  expect(usageOf(embeddings, reading)).toEqual({ input_uncached: 7 })
})

test('Chat Completions: a usage of zeros behind a real one does not count, one inside a choice does', () => {
  const usage = { prompt_tokens: 100, completion_tokens: 7, total_tokens: 107 }
  const zeros = {
    prompt_tokens: 0,
    completion_tokens: 0,
    total_tokens: 0,
    prompt_tokens_details: { cached_tokens: 0 },
  }
  const expected = { input_uncached: 100, output_text: 7 }
  expect(usageOf(chatCompletions, fold(chatCompletions, [{ usage }, { usage: zeros }]))).toEqual(expected)
  expect(usageOf(chatCompletions, fold(chatCompletions, [{ usage: zeros }, { usage }]))).toEqual(expected)
  expect(usageOf(chatCompletions, fold(chatCompletions, [{ choices: [{ usage }] }]))).toEqual(expected)
})

test('Messages: zeros before or behind the real counts do not count', () => {
  const start = (input: number, output: number): object => ({
    type: 'message_start',
    message: {
      model: 'm',
      usage: { input_tokens: input, cache_read_input_tokens: 0, output_tokens: output },
    },
  })
  const delta = (input: number, output: number): object => ({
    type: 'message_delta',
    delta: {},
    usage: { input_tokens: input, output_tokens: output },
  })
  const expected = { input_uncached: 25, output_text: 9 }
  expect(usageOf(messages, fold(messages, [start(0, 0), delta(25, 9)]))).toEqual(expected)
  expect(usageOf(messages, fold(messages, [start(25, 1), delta(0, 9)]))).toEqual(expected)
  expect(usageOf(messages, fold(messages, [start(25, 1), delta(25, 9), delta(0, 0)]))).toEqual(expected)
})

test('generateContent: counts of zero behind real ones do not count', () => {
  const counts = { promptTokenCount: 5, candidatesTokenCount: 2, totalTokenCount: 7 }
  const zeros = { promptTokenCount: 0, totalTokenCount: 0 }
  const reading = fold(generateContent, [{ usageMetadata: counts }, { usageMetadata: zeros }])
  expect(usageOf(generateContent, reading)).toEqual({ input_uncached: 5, output_text: 2 })
})

const FAILURES: readonly [api: WireApi, event: object, error: string][] = [
  [messages, { type: 'error', error: { type: 'overloaded_error' } }, 'overloaded_error'],
  [messages, { error: { type: 'api_error', message: 'x' } }, 'api_error'],
  [chatCompletions, { error: { code: 502, message: 'x' } }, '502'],
  [chatCompletions, { error: { message: 'x', type: 'server_error', code: 500 } }, 'server_error'],
  [
    chatCompletions,
    { error: { message: 'x', type: 'requests', code: 'rate_limit_exceeded' } },
    'rate_limit_exceeded',
  ],
  [chatCompletions, { error: 'the model crashed' }, 'the model crashed'],
  [chatCompletions, { object: 'error', message: 'x', type: 'BadRequestError', code: 400 }, 'BadRequestError'],
  [chatCompletions, { choices: [{ finish_reason: 'error', error: { code: 502 } }] }, '502'],
  [chatCompletions, { choices: [{ finish_reason: 'error', delta: {} }] }, 'error'],
  [chatCompletions, { choices: [], base_resp: { status_code: 1008, status_msg: 'x' } }, '1008'],
  [responses, { type: 'error', code: 'rate_limit_exceeded' }, 'rate_limit_exceeded'],
  [responses, { error: { code: 'server_error' } }, 'server_error'],
  [
    responses,
    { type: 'response.failed', response: { status: 'failed', error: { code: 'server_is_overloaded' } } },
    'server_is_overloaded',
  ],
  [responses, { type: 'response.failed', response: { status: 'failed', error: null } }, 'failed'],
  [responses, { type: 'response.incomplete', response: { status: 'incomplete', error: { code: 'x' } } }, 'x'],
  [generateContent, { error: { code: 503, status: 'UNAVAILABLE' } }, 'UNAVAILABLE'],
  [interactions, { event_type: 'error', error: { code: 'gateway_timeout' } }, 'gateway_timeout'],
  [bedrockConverse, { error: 'throttlingException' }, 'throttlingException'],
  [cohereChat, { type: 'message-end', delta: { finish_reason: 'ERROR', error: 'x' } }, 'ERROR'],
  [cohereChat, { event_type: 'stream-end', finish_reason: 'ERROR_LIMIT' }, 'ERROR_LIMIT'],
  [cohereChat, { message: 'too many requests' }, 'too many requests'],
  [ollamaChat, { error: 'model runner has stopped' }, 'model runner has stopped'],
  [conversations, { type: 'conversation.response.error', code: 3000, message: 'x' }, '3000'],
  [realtime, { type: 'error', error: { type: 'server_error', code: null } }, 'server_error'],
  [
    realtime,
    { type: 'response.done', response: { status: 'failed', status_details: { error: { code: 'x' } } } },
    'x',
  ],
]

test('a failure inside an answer is read in every shape, by the provider’s code', () => {
  for (const [api, event, error] of FAILURES) {
    expect([api.name, event, fold(api, [event]).error]).toEqual([api.name, event, error])
    if (api === realtime) continue
    const whole = emptyReading()
    readResponse(api, whole, event as Record<string, unknown>)
    if (!/\.|end/.test(String(Object.values(event)[0]))) expect([event, whole.error]).toEqual([event, error])
  }
})

test('what only looks like a failure is none', () => {
  for (const event of [
    { error: null, choices: [] },
    { error: {} },
    { error: '' },
    { error: false },
    { base_resp: { status_code: 0 } },
    {
      type: 'response.incomplete',
      response: { status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } },
    },
    { type: 'response.done', response: { status: 'cancelled' } },
    { choices: [{ finish_reason: 'content_filter' }] },
  ])
    for (const api of [chatCompletions, responses, realtime, messages, generateContent])
      expect([api.name, event, fold(api, [event]).error]).toEqual([api.name, event, undefined])
})

test('a session whose next response goes well has not failed, and a line of a file fails for itself', () => {
  const failed = { type: 'response.failed', response: { id: 'a', status: 'failed', error: { code: 'x' } } }
  const good = { type: 'response.completed', response: { id: 'b', status: 'completed' } }
  expect(
    fold(responses, [failed, { type: 'response.created', response: { id: 'b' } }, good]).error,
  ).toBeUndefined()
  expect(
    fold(realtime, [{ type: 'error', error: { type: 'x' } }, { type: 'response.created' }]).error,
  ).toBeUndefined()
  expect(fold(batchResults, [{ custom_id: '1', error: { code: 'batch_expired' } }]).error).toBeUndefined()
  expect(fold(batchResults, [{ error: { code: 'not_found' } }]).error).toBe('not_found')
})
