import { afterAll, beforeAll, expect, test } from 'bun:test'
import { openGateway, type TestGateway } from '../support/gateway.ts'
import { installTestPackage } from '../support/test-package.ts'
import { respondJson, stream, Upstream } from '../support/upstream.ts'

await installTestPackage('clients')
const {
  createAnthropic,
  createOpenAI,
  createOpenAICompatible,
  GoogleGenAI,
  ChatAnthropic,
  ChatOpenAI,
  Mistral,
  Agent,
  OpenAIProvider,
  Runner,
  setTracingDisabled,
  generateText,
  streamText,
  CohereClientV2,
  Ollama,
  OpenAI,
  AzureOpenAI,
} = await import('./.sdks/sdks.ts')

let upstream: Upstream
let gateway: TestGateway
beforeAll(async () => {
  upstream = await Upstream.start(respondJson({}))
  const names = ['openai', 'anthropic', 'gemini', 'mistral', 'cohere', 'ollama', 'azure']
  gateway = await openGateway(
    `providers:\n${names.map((name) => `  ${name}: {upstream: "${upstream.url}"}`).join('\n')}\n`,
  )
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

const sse = (...events: object[]): string[] => events.map((event) => `data: ${JSON.stringify(event)}\n\n`)
const named = (...events: { type: string }[]): string[] =>
  events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`)

const CHAT_USAGE = { prompt_tokens: 21, completion_tokens: 6, total_tokens: 27 }
const CHAT = {
  id: 'c1',
  object: 'chat.completion',
  created: 1,
  model: 'gpt-5.4-mini-2026-03-17',
  choices: [{ index: 0, message: { role: 'assistant', content: 'Hello' }, finish_reason: 'stop' }],
  usage: CHAT_USAGE,
}
const chunk = (delta: object, finish: string | null = null): object => ({
  id: 'c1',
  object: 'chat.completion.chunk',
  created: 1,
  model: 'gpt-5.4-mini-2026-03-17',
  choices: [{ index: 0, delta, finish_reason: finish }],
})
const CHAT_STREAM = [...sse(chunk({ role: 'assistant', content: 'Hello' }), chunk({}, 'stop'))]
const CHAT_USAGE_CHUNK = sse({ ...chunk({}), choices: [], usage: CHAT_USAGE })
const DONE = 'data: [DONE]\n\n'
const OPENAI_EXACT = {
  model: 'gpt-5.4-mini-2026-03-17',
  input_tokens: 21,
  output_tokens: 6,
  cost_status: 'exact',
}

const MESSAGE = {
  id: 'msg_1',
  type: 'message',
  role: 'assistant',
  model: 'claude-haiku-4-5-20251001',
  content: [{ type: 'text', text: 'Hello' }],
  stop_reason: 'end_turn',
  stop_sequence: null,
  usage: { input_tokens: 25, cache_read_input_tokens: 50, cache_creation_input_tokens: 0, output_tokens: 9 },
}
const MESSAGE_STREAM = named(
  {
    type: 'message_start',
    message: { ...MESSAGE, content: [], stop_reason: null, usage: { ...MESSAGE.usage, output_tokens: 1 } },
  } as never,
  { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } } as never,
  { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'Hello' } } as never,
  { type: 'content_block_stop', index: 0 } as never,
  {
    type: 'message_delta',
    delta: { stop_reason: 'end_turn', stop_sequence: null },
    usage: { output_tokens: 9 },
  } as never,
  { type: 'message_stop' },
)
const ANTHROPIC_EXACT = {
  input_tokens: 75,
  cache_read_input_tokens: 50,
  output_tokens: 9,
  cost_status: 'exact',
}

const RESPONSE_USAGE = {
  input_tokens: 36,
  input_tokens_details: { cached_tokens: 8 },
  output_tokens: 6,
  output_tokens_details: { reasoning_tokens: 2 },
  total_tokens: 42,
}
const RESPONSE = {
  id: 'resp_1',
  object: 'response',
  created_at: 1,
  status: 'completed',
  model: 'gpt-5.4-mini',
  output: [
    {
      id: 'm1',
      type: 'message',
      role: 'assistant',
      status: 'completed',
      content: [{ type: 'output_text', text: 'Hello', annotations: [] }],
    },
  ],
  usage: RESPONSE_USAGE,
}
const RESPONSE_EXACT = {
  model: 'gpt-5.4-mini',
  input_tokens: 36,
  cache_read_input_tokens: 8,
  output_tokens: 6,
  reasoning_tokens: 2,
  cost_status: 'exact',
}

test('openai, AzureOpenAI: the deployment is in the path, the credential in api-key', async () => {
  upstream.play = respondJson(CHAT)
  begun += 1
  const client = new AzureOpenAI({
    endpoint: `${gateway.url}/azure`,
    apiKey: 'azure-key-0123456789',
    apiVersion: '2024-10-21',
    deployment: 'my-deployment',
  })
  await client.chat.completions.create({
    model: 'my-deployment',
    messages: [{ role: 'user', content: 'Hi' }],
  })
  expect(upstream.last.target).toBe(
    '/openai/deployments/my-deployment/chat/completions?api-version=2024-10-21',
  )
  expect(await newest()).toMatchObject({
    ...OPENAI_EXACT,
    provider: 'azure',
    requested_model: 'my-deployment',
    client: 'AzureOpenAI/JS',
  })
})

test('openai: embeddings, images, transcriptions and moderations', async () => {
  const client = new OpenAI({ apiKey: 'sk-provider-0123456789', baseURL: `${gateway.url}/openai/v1` })
  upstream.play = respondJson({
    created: 1,
    data: [{ b64_json: 'AAAA' }],
    usage: {
      input_tokens: 50,
      input_tokens_details: { text_tokens: 10, image_tokens: 40 },
      output_tokens: 100,
      total_tokens: 150,
    },
  })
  begun += 1
  await client.images.generate({ model: 'gpt-image-1', prompt: 'a cat' })
  expect(await newest()).toMatchObject({
    model: 'gpt-image-1',
    input_tokens: 50,
    output_tokens: 100,
    cost_status: 'exact',
  })

  upstream.play = respondJson({ text: 'Hi', usage: { type: 'duration', seconds: 37 } })
  begun += 1
  const file = new File([new Uint8Array(2000)], 'a.wav', { type: 'audio/wav' })
  await client.audio.transcriptions.create({ file, model: 'whisper-1' })
  expect(await newest()).toMatchObject({
    model: 'whisper-1',
    estimated_cost_usd: 0.0037,
    cost_status: 'exact',
  })

  upstream.play = respondJson({ id: 'modr', model: 'omni-moderation-latest', results: [] })
  begun += 1
  await client.moderations.create({ input: 'Hi' })
  expect(await newest()).toMatchObject({ estimated_cost_usd: 0, cost_status: 'exact', usage_source: 'none' })
})

test('openai: a batch is free until its results are fetched, and counts once', async () => {
  const client = new OpenAI({ apiKey: 'sk-provider-0123456789', baseURL: `${gateway.url}/openai/v1` })
  upstream.play = respondJson({
    id: 'batch_1',
    object: 'batch',
    status: 'completed',
    output_file_id: 'file-out',
    usage: RESPONSE_USAGE,
  })
  begun += 1
  await client.batches.retrieve('batch_1')
  expect(await newest()).toMatchObject({ estimated_cost_usd: 0, total_tokens: 0 })
  const line = (id: string): string =>
    JSON.stringify({ custom_id: id, response: { status_code: 200, request_id: id, body: CHAT }, error: null })
  upstream.play = stream([`${line('a')}\n`, `${line('b')}\n`], {
    fields: { 'content-type': 'application/octet-stream' },
  })
  begun += 1
  await (await client.files.content('file-out')).text()
  // Two answers of 21 and 6 tokens, at half of 0.75 and 4.5 USD a million.
  expect(await newest()).toMatchObject({
    ...OPENAI_EXACT,
    input_tokens: 42,
    output_tokens: 12,
    estimated_cost_usd: 0.00004275,
  })
  begun += 1
  await (await client.files.content('file-out')).text()
  expect(await newest()).toMatchObject({ total_tokens: 0, estimated_cost_usd: 0, usage_source: 'none' })
})

test('openai: a background response counts with the fetch that finds it finished, once', async () => {
  const client = new OpenAI({ apiKey: 'sk-provider-0123456789', baseURL: `${gateway.url}/openai/v1` })
  const running = { ...RESPONSE, id: 'resp_bg', status: 'queued', background: true, output: [], usage: null }
  upstream.play = respondJson(running)
  begun += 1
  await client.responses.create({ model: 'gpt-5.4-mini', input: 'Hi', background: true })
  expect(await newest()).toMatchObject({ cost_status: 'unknown', total_tokens: 0 })
  upstream.play = respondJson({ ...running, status: 'in_progress' })
  begun += 1
  await client.responses.retrieve('resp_bg')
  expect(await newest()).toMatchObject({ cost_status: 'unknown', total_tokens: 0 })
  upstream.play = respondJson({ ...RESPONSE, id: 'resp_bg', background: true })
  begun += 1
  await client.responses.retrieve('resp_bg')
  expect(await newest()).toMatchObject(RESPONSE_EXACT)
  begun += 1
  await client.responses.retrieve('resp_bg')
  expect(await newest()).toMatchObject({ total_tokens: 0, estimated_cost_usd: 0, cost_status: 'exact' })
  // The stream that began it may end after somebody has fetched it.
  upstream.play = respondJson({ ...RESPONSE, id: 'resp_bg', background: true })
  begun += 1
  await client.responses.create({ model: 'gpt-5.4-mini', input: 'Hi', background: true })
  expect(await newest()).toMatchObject({ total_tokens: 0, estimated_cost_usd: 0 })
})

test('@google/genai: content, stream and embeddings', async () => {
  const ai = new GoogleGenAI({ apiKey: 'AIza-0123456789', httpOptions: { baseUrl: `${gateway.url}/gemini` } })
  const usageMetadata = {
    promptTokenCount: 8,
    candidatesTokenCount: 6,
    thoughtsTokenCount: 16,
    totalTokenCount: 30,
  }
  const answer = {
    candidates: [{ content: { role: 'model', parts: [{ text: 'Hello' }] }, finishReason: 'STOP' }],
    usageMetadata,
    modelVersion: 'gemini-3.8-flash',
  }
  const exact = {
    model: 'gemini-3.8-flash',
    input_tokens: 8,
    output_tokens: 22,
    reasoning_tokens: 16,
    cost_status: 'exact',
  }
  upstream.play = respondJson(answer)
  begun += 1
  await ai.models.generateContent({ model: 'gemini-3.8-flash', contents: 'Hi' })
  expect(await newest()).toMatchObject({ ...exact, client: 'google-genai-sdk', client_version: '3.1.0' })
  upstream.play = stream(
    sse({ ...answer, usageMetadata: { promptTokenCount: 8, totalTokenCount: 8 } }, answer),
  )
  begun += 1
  for await (const _ of await ai.models.generateContentStream({ model: 'gemini-3.8-flash', contents: 'Hi' }));
  expect(await newest()).toMatchObject(exact)
  upstream.play = respondJson({
    embeddings: [{ values: [0] }],
    usageMetadata: { promptTokenCount: 7, totalTokenCount: 7 },
  })
  begun += 1
  await ai.models.embedContent({ model: 'gemini-embedding-2', contents: 'Hi' })
  expect(await newest()).toMatchObject({ model: 'gemini-embedding-2', input_tokens: 7, cost_status: 'exact' })
})

test('@mistralai/mistralai: chat and stream', async () => {
  const mistral = new Mistral({ apiKey: 'mistral-key-0123456789', serverURL: `${gateway.url}/mistral` })
  const request = { model: 'mistral-large-2512', messages: [{ role: 'user' as const, content: 'Hi' }] }
  const usage = { ...CHAT_USAGE, num_cached_tokens: 8 }
  const exact = {
    model: 'mistral-large-2512',
    input_tokens: 21,
    cache_read_input_tokens: 8,
    output_tokens: 6,
    cost_status: 'exact',
  }
  upstream.play = respondJson({ ...CHAT, model: 'mistral-large-2512', usage })
  begun += 1
  await mistral.chat.complete(request)
  expect(await newest()).toMatchObject({ ...exact, client: 'mistral-client-typescript' })
  const last = { ...chunk({ content: '' }, 'stop'), model: 'mistral-large-2512', usage }
  upstream.play = stream([
    ...sse({ ...chunk({ content: 'Hello' }), model: 'mistral-large-2512' }, last),
    DONE,
  ])
  begun += 1
  for await (const _ of await mistral.chat.stream(request));
  expect(await newest()).toMatchObject(exact)
})

test('cohere-ai: chat, stream, embed and rerank by billed units', async () => {
  const cohere = new CohereClientV2({ token: 'cohere-key-0123456789', environment: `${gateway.url}/cohere` })
  const usage = {
    billed_units: { input_tokens: 12, output_tokens: 7 },
    tokens: { input_tokens: 507, output_tokens: 10 },
    cached_tokens: 448,
  }
  const exact = {
    model: 'command-r-08-2024',
    input_tokens: 12,
    output_tokens: 7,
    cost_status: 'exact',
    client: 'cohere-ai',
  }
  const request = { model: 'command-r-08-2024', messages: [{ role: 'user' as const, content: 'Hi' }] }
  upstream.play = respondJson({
    id: 'co',
    finish_reason: 'COMPLETE',
    message: { role: 'assistant', content: [{ type: 'text', text: 'Hello' }] },
    usage,
  })
  begun += 1
  await cohere.chat(request)
  expect(await newest()).toMatchObject(exact)
  upstream.play = stream(
    named(
      { type: 'message-start', id: 'co', delta: { message: { role: 'assistant' } } } as never,
      { type: 'content-delta', index: 0, delta: { message: { content: { text: 'Hello' } } } } as never,
      { type: 'message-end', delta: { finish_reason: 'COMPLETE', usage } } as never,
    ),
  )
  begun += 1
  for await (const _ of await cohere.chatStream(request));
  expect(await newest()).toMatchObject({ ...exact, finish_reason: 'COMPLETE' })
  upstream.play = respondJson({
    id: 'e',
    embeddings: { float: [[0]] },
    texts: ['Hi'],
    meta: { billed_units: { input_tokens: 2 } },
    response_type: 'embeddings_by_type',
  })
  begun += 1
  await cohere.embed({
    model: 'embed-v4.0',
    texts: ['Hi'],
    inputType: 'search_document',
    embeddingTypes: ['float'],
  })
  expect(await newest()).toMatchObject({
    model: 'embed-v4.0',
    input_tokens: 2,
    output_tokens: 0,
    cost_status: 'exact',
  })
  upstream.play = respondJson({ id: 'r', results: [], meta: { billed_units: { search_units: 1 } } })
  begun += 1
  await cohere.rerank({ model: 'rerank-v3.5', query: 'q', documents: ['d'] })
  expect(await newest()).toMatchObject({
    model: 'rerank-v3.5',
    estimated_cost_usd: 0.002,
    cost_status: 'exact',
  })
})

test('ollama: chat, NDJSON and embed; models on this machine cost nothing', async () => {
  const ollama = new Ollama({ host: `${gateway.url}/ollama` })
  const request = { model: 'llama3.2', messages: [{ role: 'user', content: 'Hi' }] }
  const last = {
    model: 'llama3.2',
    message: { role: 'assistant', content: '' },
    done: true,
    done_reason: 'stop',
    prompt_eval_count: 11,
    eval_count: 6,
  }
  const exact = {
    model: 'llama3.2',
    input_tokens: 11,
    output_tokens: 6,
    cost_status: 'exact',
    estimated_cost_usd: 0,
    client: 'ollama-js',
  }
  upstream.play = respondJson({ ...last, message: { role: 'assistant', content: 'Hello' } })
  begun += 1
  await ollama.chat(request)
  expect(await newest()).toMatchObject(exact)
  const piece = { model: 'llama3.2', message: { role: 'assistant', content: 'Hello' }, done: false }
  upstream.play = stream([`${JSON.stringify(piece)}\n`, `${JSON.stringify(last)}\n`], {
    fields: { 'content-type': 'application/x-ndjson' },
  })
  begun += 1
  for await (const _ of await ollama.chat({ ...request, stream: true }));
  expect(await newest()).toMatchObject({ ...exact, finish_reason: 'stop' })
  upstream.play = respondJson({ model: 'nomic-embed-text', embeddings: [[0]], prompt_eval_count: 3 })
  begun += 1
  await ollama.embed({ model: 'nomic-embed-text', input: 'Hi' })
  expect(await newest()).toMatchObject({ model: 'nomic-embed-text', input_tokens: 3, output_tokens: 0 })
})

test('ai with @ai-sdk/openai: Responses, and chat by name', async () => {
  const openai = createOpenAI({ apiKey: 'sk-provider-0123456789', baseURL: `${gateway.url}/openai/v1` })
  upstream.play = respondJson(RESPONSE)
  begun += 1
  await generateText({ model: openai('gpt-5.4-mini'), prompt: 'Hi' })
  expect(upstream.last.target).toBe('/v1/responses')
  expect(await newest()).toMatchObject({ ...RESPONSE_EXACT, client: 'ai' })
  upstream.play = stream([...CHAT_STREAM, ...CHAT_USAGE_CHUNK, DONE])
  begun += 1
  await streamText({ model: openai.chat('gpt-5.4-mini'), prompt: 'Hi' }).text
  expect(upstream.last.target).toBe('/v1/chat/completions')
  expect(await newest()).toMatchObject({ ...OPENAI_EXACT, usage_source: 'reported' })
})

test('ai with @ai-sdk/anthropic', async () => {
  const anthropic = createAnthropic({
    apiKey: 'sk-ant-provider-0123456789',
    baseURL: `${gateway.url}/anthropic/v1`,
  })
  upstream.play = respondJson(MESSAGE)
  begun += 1
  await generateText({ model: anthropic('claude-haiku-4-5'), prompt: 'Hi' })
  expect(await newest()).toMatchObject({ ...ANTHROPIC_EXACT, client: 'ai' })
  upstream.play = stream(MESSAGE_STREAM)
  begun += 1
  expect(await streamText({ model: anthropic('claude-haiku-4-5'), prompt: 'Hi' }).text).toBe('Hello')
  expect(await newest()).toMatchObject(ANTHROPIC_EXACT)
})

test('ai with @ai-sdk/openai-compatible: a stream that was not to report usage is estimated', async () => {
  const compatible = createOpenAICompatible({
    name: 'gw',
    apiKey: 'sk-1',
    baseURL: `${gateway.url}/openai/v1`,
  })
  upstream.play = stream([...CHAT_STREAM, DONE])
  begun += 1
  await streamText({ model: compatible('gpt-5.4-mini'), prompt: 'Hi' }).text
  expect(await newest()).toMatchObject({
    usage_source: 'estimated',
    cost_status: 'estimated',
    input_tokens: 7,
    output_tokens: 1,
  })
})

test('@langchain/openai and @langchain/anthropic', async () => {
  const openai = new ChatOpenAI({
    model: 'gpt-5.4-mini',
    apiKey: 'sk-provider-0123456789',
    configuration: { baseURL: `${gateway.url}/openai/v1` },
  })
  upstream.play = stream([...CHAT_STREAM, ...CHAT_USAGE_CHUNK, DONE])
  begun += 1
  for await (const _ of await openai.stream('Hi'));
  expect(await newest()).toMatchObject({ ...OPENAI_EXACT, client: 'langchainjs-openai' })
  const anthropic = new ChatAnthropic({
    model: 'claude-haiku-4-5',
    apiKey: 'sk-ant-provider-0123456789',
    anthropicApiUrl: `${gateway.url}/anthropic`,
  })
  upstream.play = stream(MESSAGE_STREAM)
  begun += 1
  for await (const _ of await anthropic.stream('Hi'));
  expect(await newest()).toMatchObject({ ...ANTHROPIC_EXACT, client: 'Anthropic/JS' })
})

test('@openai/agents: a run over Responses', async () => {
  setTracingDisabled(true)
  const client = new OpenAI({ apiKey: 'sk-provider-0123456789', baseURL: `${gateway.url}/openai/v1` })
  const runner = new Runner({ modelProvider: new OpenAIProvider({ openAIClient: client }) })
  upstream.play = respondJson(RESPONSE)
  begun += 1
  const result = await runner.run(
    new Agent({ name: 'A', instructions: 'Be kind.', model: 'gpt-5.4-mini' }),
    'Hi',
  )
  expect(result.finalOutput).toBe('Hello')
  expect(await newest()).toMatchObject({ ...RESPONSE_EXACT, client: 'Agents/JavaScript' })
})

test('attribution: end user, session, tags and client, from fields and body, to the API’s filters', async () => {
  upstream.play = respondJson(CHAT)
  const client = new OpenAI({
    apiKey: 'sk-provider-0123456789',
    baseURL: `${gateway.url}/openai/v1`,
    defaultHeaders: { 'X-OngoingAI-Tags': 'team=search, env=ci,=bad,worse=', 'X-Session-Id': 'ses_42' },
  })
  begun += 1
  await client.chat.completions.create({ model: 'gpt-5.4-mini', messages: [], user: 'user-7\u0007' })
  const trace = await newest()
  expect(trace).toMatchObject({
    session_id: 'ses_42',
    end_user: 'user-7',
    client: 'OpenAI/JS',
    client_version: '7.57.0',
    tags: { team: 'search', env: 'ci' },
  })
  expect(upstream.last.field('x-ongoingai-tags')).toBeUndefined()
  for (const query of [
    'session_id=ses_42',
    'end_user=user-7',
    'tag.team=search&tag.env=ci',
    'client=OpenAI/JS&tag.env=ci',
  ]) {
    expect((await gateway.traces(1, `&${query}`)).map(({ id }) => id)).toEqual([trace['id']])
  }
  const none = await fetch(`${gateway.url}/api/traces?tag.team=other`)
  expect(((await none.json()) as { items: unknown[] }).items).toEqual([])
})
