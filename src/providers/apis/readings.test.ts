import { expect, test } from 'bun:test'
import { inputTokens, outputTokens, type ModelUsage, type Usage } from '../../usage/usage.ts'
import { chatCompletions } from './chat-completions.ts'
import { embeddings } from './embeddings.ts'
import { messages } from './messages.ts'
import { responses } from './responses.ts'
import { emptyReading, type Reading, type WireApi } from './wire-api.ts'

function fold(api: WireApi, events: readonly object[]): Reading {
  const reading = emptyReading()
  for (const event of events) api.foldEvent(reading, event as Record<string, unknown>, '')
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
  expect(chatCompletions.meter(search, [])[0]!.units).toEqual({ web_searches: 1 })
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
  embeddings.readAnswer(reading, { model: 'voyage-3', data: [], usage: { total_tokens: 7 } })
  expect(usageOf(embeddings, reading)).toEqual({ input_uncached: 7 })
})

test('an error in the stream is kept by its name', () => {
  expect(fold(messages, [{ type: 'error', error: { type: 'overloaded_error' } }]).error).toBe(
    'overloaded_error',
  )
  expect(fold(chatCompletions, [{ error: { code: 502, message: 'x' } }]).error).toBe('502')
  expect(fold(responses, [{ type: 'error', code: 'rate_limit_exceeded' }]).error).toBe('rate_limit_exceeded')
})
