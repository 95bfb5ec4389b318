import { afterAll, beforeAll, expect, test } from 'bun:test'
import { eventually } from '../support/eventually.ts'
import { openGateway, providersAt, type TestGateway } from '../support/gateway.ts'
import { installTestPackage } from '../support/test-package.ts'
import { respond, respondJson, stream, Upstream } from '../support/upstream.ts'
import type { Anthropic, OpenAI } from './.sdks/sdks.ts'

await installTestPackage('clients')
const { Anthropic: AnthropicClient, OpenAI: OpenAIClient } = await import('./.sdks/sdks.ts')

let upstream: Upstream
let gateway: TestGateway
let openai: OpenAI
let anthropic: Anthropic
beforeAll(async () => {
  upstream = await Upstream.start(respondJson({}))
  gateway = await openGateway(providersAt(upstream.url))
  openai = new OpenAIClient({
    apiKey: 'sk-provider-0123456789',
    baseURL: `${gateway.url}/openai/v1`,
    maxRetries: 2,
  })
  anthropic = new AnthropicClient({
    apiKey: 'sk-ant-provider-0123456789',
    baseURL: `${gateway.url}/anthropic`,
    maxRetries: 2,
  })
})
afterAll(async () => {
  await gateway.stop()
  await upstream.stop()
})

/** The newest trace, once as many as begun so far are there. */
let begun = 0
async function newest(): Promise<Record<string, unknown>> {
  return (await gateway.traces(begun))[0]!
}

const CHAT_USAGE = {
  prompt_tokens: 21,
  completion_tokens: 6,
  total_tokens: 27,
  prompt_tokens_details: { cached_tokens: 8 },
}
const sse = (...events: object[]): string[] => [
  ...events.map((event) => `data: ${JSON.stringify(event)}\n\n`),
  'data: [DONE]\n\n',
]
const chunk = (delta: object, finish: string | null = null): object => ({
  id: 'c1',
  object: 'chat.completion.chunk',
  model: 'gpt-5.4-mini-2026-03-17',
  choices: [{ index: 0, delta, finish_reason: finish }],
})

test('openai: a chat completion', async () => {
  upstream.play = respondJson({
    id: 'c1',
    model: 'gpt-5.4-mini-2026-03-17',
    choices: [{ index: 0, message: { role: 'assistant', content: 'Hello' }, finish_reason: 'stop' }],
    usage: CHAT_USAGE,
  })
  begun += 1
  const completion = await openai.chat.completions.create({
    model: 'gpt-5.4-mini',
    messages: [{ role: 'user', content: 'Hi' }],
  })
  expect(completion.choices[0]?.message.content).toBe('Hello')
  expect(upstream.last.target).toBe('/v1/chat/completions')
  expect(upstream.last.field('authorization')).toBe('Bearer sk-provider-0123456789')
  expect(await newest()).toMatchObject({
    input_tokens: 21,
    output_tokens: 6,
    estimated_cost_usd: 0.00003735,
    finish_reason: 'stop',
  })
})

test('openai: a streamed chat completion with tool calls', async () => {
  const call = (part: object): object => chunk({ tool_calls: [{ index: 0, ...part }] })
  upstream.play = stream(
    sse(
      chunk({ role: 'assistant', content: null }),
      call({ id: 'call_1', type: 'function', function: { name: 'weather', arguments: '' } }),
      call({ function: { arguments: '{"city":' } }),
      call({ function: { arguments: '"Paris"}' } }),
      chunk({}, 'tool_calls'),
      { id: 'c1', model: 'gpt-5.4-mini-2026-03-17', choices: [], usage: CHAT_USAGE },
    ),
  )
  begun += 1
  const running = openai.chat.completions.stream({
    model: 'gpt-5.4-mini',
    messages: [{ role: 'user', content: 'Weather?' }],
    stream_options: { include_usage: true },
    tools: [
      { type: 'function', function: { name: 'weather', parameters: { type: 'object', properties: {} } } },
    ],
  })
  const completion = await running.finalChatCompletion()
  expect(completion.choices[0]?.message.tool_calls?.[0]).toMatchObject({
    function: { name: 'weather', arguments: '{"city":"Paris"}' },
  })
  expect(await newest()).toMatchObject({
    input_tokens: 21,
    output_tokens: 6,
    finish_reason: 'tool_calls',
    cost_status: 'exact',
  })
})

test('openai: a streamed response', async () => {
  const response = { id: 'resp_1', object: 'response', model: 'gpt-5.4-mini', output: [] }
  upstream.play = stream([
    `event: response.created\ndata: ${JSON.stringify({ type: 'response.created', sequence_number: 0, response })}\n\n`,
    `event: response.output_text.delta\ndata: ${JSON.stringify({ type: 'response.output_text.delta', sequence_number: 1, item_id: 'm', output_index: 0, content_index: 0, delta: 'Hello' })}\n\n`,
    `event: response.completed\ndata: ${JSON.stringify({ type: 'response.completed', sequence_number: 2, response: { ...response, status: 'completed', usage: { input_tokens: 36, input_tokens_details: { cached_tokens: 8 }, output_tokens: 6, output_tokens_details: { reasoning_tokens: 2 }, total_tokens: 42 } } })}\n\n`,
  ])
  begun += 1
  let text = ''
  for await (const event of await openai.responses.create({
    model: 'gpt-5.4-mini',
    input: 'Hi',
    stream: true,
  })) {
    if (event.type === 'response.output_text.delta') text += event.delta
  }
  expect(text).toBe('Hello')
  expect(await newest()).toMatchObject({
    input_tokens: 36,
    output_tokens: 6,
    reasoning_tokens: 2,
    cache_read_input_tokens: 8,
  })
})

test('openai: embeddings', async () => {
  upstream.play = respondJson({
    object: 'list',
    model: 'text-embedding-3-small',
    data: [{ index: 0, embedding: 'AAAAAA==' }],
    usage: { prompt_tokens: 7, total_tokens: 7 },
  })
  begun += 1
  const result = await openai.embeddings.create({ model: 'text-embedding-3-small', input: 'Hi' })
  expect(result.data[0]?.embedding).toEqual([0])
  expect(await newest()).toMatchObject({ input_tokens: 7, output_tokens: 0, cost_status: 'exact' })
})

test('openai: decisions', async () => {
  const answered = {
    answers: [{ type: 'predicate', name: 'broken', probability: 0.97 }],
    model: 'gpt-6-luna',
    usage: {
      input_tokens: 1200,
      input_tokens_details: { cached_tokens: 200, cache_write_tokens: 0 },
      output_tokens: 3,
      output_tokens_details: { reasoning_tokens: 0 },
      total_tokens: 1203,
    },
  }
  upstream.play = respondJson(answered)
  begun += 1
  const decision = await openai.decisions.create({
    model: 'gpt-6-luna',
    input: 'The package arrived with a broken screen.',
    questions: [{ type: 'predicate', name: 'broken', instructions: 'Something is broken.' }],
  })
  expect(decision.answers[0]).toEqual({ type: 'predicate', name: 'broken', probability: 0.97 })
  expect(upstream.last.target).toBe('/v1/decisions')
  expect(await newest()).toMatchObject({
    model: 'gpt-6-luna',
    input_tokens: 1200,
    output_tokens: 3,
    cache_read_input_tokens: 200,
    estimated_cost_usd: 0.0001,
    cost_status: 'exact',
    usage_source: 'reported',
  })
})

test('openai: a provider’s error reaches the caller as it is, and costs nothing', async () => {
  const error = {
    error: { message: 'bad model', type: 'invalid_request_error', param: 'model', code: 'model_not_found' },
  }
  upstream.play = respond(
    404,
    { 'Content-Type': 'application/json', 'x-request-id': 'req_404' },
    JSON.stringify(error),
  )
  begun += 1
  const failure = await openai.chat.completions
    .create({ model: 'nope', messages: [] })
    .catch((caught: unknown) => caught)
  expect(failure).toBeInstanceOf(OpenAIClient.NotFoundError)
  expect(failure).toMatchObject({ status: 404, code: 'model_not_found', requestID: 'req_404' })
  expect(await newest()).toMatchObject({
    response_status: 404,
    estimated_cost_usd: 0,
    outcome: 'completed',
    upstream_request_id: 'req_404',
  })
})

test('openai: retries work through the gateway, and each try is recorded', async () => {
  let tries = 0
  upstream.play = (request, socket) => {
    tries += 1
    const play =
      tries < 3
        ? respond(
            429,
            { 'Content-Type': 'application/json', 'retry-after-ms': '1' },
            '{"error":{"message":"slow down"}}',
          )
        : respondJson({ id: 'c', model: 'm', choices: [], usage: CHAT_USAGE })
    return play(request, socket)
  }
  begun += 3
  await openai.chat.completions.create({ model: 'gpt-5.4-mini', messages: [] })
  expect(tries).toBe(3)
  expect((await gateway.traces(begun)).slice(0, 3).map((trace) => trace['response_status'])).toEqual([
    200, 429, 429,
  ])
})

test('openai: a refusal of the gateway is shown and not retried', async () => {
  const locked = await openGateway(
    `${providersAt(upstream.url)}auth: {enabled: true, keys: [{id: k, token: gateway-token-0123456789}]}\n`,
  )
  const client = new OpenAIClient({ apiKey: 'sk', baseURL: `${locked.url}/openai/v1`, maxRetries: 5 })
  const failure = await client.chat.completions
    .create({ model: 'm', messages: [] })
    .catch((caught: unknown) => caught)
  expect(failure).toBeInstanceOf(OpenAIClient.AuthenticationError)
  expect((failure as Error).message).toContain('missing or invalid gateway key')
  expect(locked.gateway.diagnostics().enqueue_accepted_total).toBe(1)
  await locked.stop()
})

test('openai: an abort reaches the upstream', async () => {
  const closed = upstream.closed
  upstream.play = stream(sse(chunk({ content: 'Hello' })).slice(0, 1), {
    between: () => new Promise(() => {}),
  })
  begun += 1
  const running = await openai.chat.completions.create({ model: 'gpt-5.4-mini', messages: [], stream: true })
  for await (const _ of running) break
  running.controller.abort()
  await eventually(() => upstream.closed > closed)
  expect(await newest()).toMatchObject({ outcome: 'client_aborted', cost_status: 'estimated' })
})

const MESSAGE = {
  id: 'msg_1',
  type: 'message',
  role: 'assistant',
  model: 'claude-haiku-4-5-20251001',
  content: [{ type: 'text', text: 'Hello' }],
  stop_reason: 'end_turn',
}
const event = (type: string, data: object): string =>
  `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`

test('anthropic: a message', async () => {
  upstream.play = respondJson(
    {
      ...MESSAGE,
      usage: {
        input_tokens: 25,
        cache_read_input_tokens: 50,
        cache_creation_input_tokens: 0,
        output_tokens: 9,
      },
    },
    { 'request-id': 'req_a' },
  )
  begun += 1
  const message = await anthropic.messages.create({
    model: 'claude-haiku-4-5',
    max_tokens: 64,
    messages: [{ role: 'user', content: 'Hi' }],
  })
  expect(message.content[0]).toMatchObject({ text: 'Hello' })
  expect(upstream.last.target).toBe('/v1/messages')
  expect(upstream.last.field('anthropic-version')).toBeDefined()
  expect(await newest()).toMatchObject({
    input_tokens: 75,
    output_tokens: 9,
    cache_read_input_tokens: 50,
    upstream_request_id: 'req_a',
    estimated_cost_usd: 0.000075,
  })
})

test('anthropic: a streamed message with a tool call', async () => {
  upstream.play = stream([
    event('message_start', {
      message: { ...MESSAGE, content: [], stop_reason: null, usage: { input_tokens: 25, output_tokens: 1 } },
    }),
    event('content_block_start', {
      index: 0,
      content_block: { type: 'tool_use', id: 't1', name: 'weather', input: {} },
    }),
    event('content_block_delta', {
      index: 0,
      delta: { type: 'input_json_delta', partial_json: '{"city":"Paris"}' },
    }),
    event('content_block_stop', { index: 0 }),
    event('message_delta', { delta: { stop_reason: 'tool_use' }, usage: { output_tokens: 30 } }),
    event('message_stop', {}),
  ])
  begun += 1
  const message = await anthropic.messages
    .stream({ model: 'claude-haiku-4-5', max_tokens: 64, messages: [{ role: 'user', content: 'Weather?' }] })
    .finalMessage()
  expect(message.content[0]).toMatchObject({ type: 'tool_use', input: { city: 'Paris' } })
  expect(await newest()).toMatchObject({
    input_tokens: 25,
    output_tokens: 30,
    finish_reason: 'tool_use',
    cost_status: 'exact',
  })
})

test('anthropic: an error in the middle of a stream reaches the caller, and what was billed is counted', async () => {
  upstream.play = stream([
    event('message_start', {
      message: { ...MESSAGE, content: [], stop_reason: null, usage: { input_tokens: 25, output_tokens: 1 } },
    }),
    event('error', { error: { type: 'overloaded_error', message: 'Overloaded' } }),
  ])
  begun += 1
  const failure = await anthropic.messages
    .stream({ model: 'claude-haiku-4-5', max_tokens: 64, messages: [{ role: 'user', content: 'Hi' }] })
    .finalMessage()
    .catch((caught: unknown) => caught)
  expect(String(failure)).toContain('Overloaded')
  const trace = await newest()
  expect(trace).toMatchObject({ input_tokens: 25, cost_status: 'estimated' })
  expect(await gateway.detail(trace['id'])).toMatchObject({
    metadata: { response_error: 'overloaded_error' },
  })
})

test('anthropic: a refusal of the gateway is in its own envelope, shown and not retried', async () => {
  const locked = await openGateway(
    `${providersAt(upstream.url)}auth: {enabled: true, keys: [{id: k, token: gateway-token-0123456789}]}\n`,
  )
  const client = new AnthropicClient({ apiKey: 'sk', baseURL: `${locked.url}/anthropic`, maxRetries: 5 })
  const failure = await client.messages
    .create({ model: 'm', max_tokens: 1, messages: [] })
    .catch((caught: unknown) => caught)
  expect(failure).toBeInstanceOf(AnthropicClient.AuthenticationError)
  expect((failure as Error).message).toContain('missing or invalid gateway key')
  expect(locked.gateway.diagnostics().enqueue_accepted_total).toBe(1)
  await locked.stop()
})
