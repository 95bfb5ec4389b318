import { afterAll, beforeAll, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { AGENTS } from '../../clients/installed-agents.ts'
import { freePort } from '../support/free-port.ts'
import { openGateway, type TestGateway } from '../support/gateway.ts'
import { contentOf, type Recorded, recordedExchanges } from '../support/recorded.ts'
import { installTestPackage } from '../support/test-package.ts'
import { type Play, respond, respondJson, stream, Upstream } from '../support/upstream.ts'

// SDKs with a gateway key alone, on the routes without a provider's prefix. The first target of each model is down, so every call moves to
// the second. What it responds was recorded at the providers.

await installTestPackage('clients')
const { Anthropic, GoogleGenAI, OpenAI } = await import('./.sdks/sdks.ts')

const KEY = 'ogk_0123456789abcdefghijklmnopqrstuv'
const HELD = 'held-0123456789abcdef'
const HELD_OF_DEAD = 'dead-0123456789abcdef'
const SECRETS = new RegExp(`${KEY}|${HELD}|${HELD_OF_DEAD}`)

const RECORDED = new Map(recordedExchanges().map((one) => [one.name, one]))

let upstream: Upstream
let gateway: TestGateway
/** What an SDK got from the gateway: statuses, fields and contents. */
let answers = ''

beforeAll(async () => {
  process.env['TEST_HELD_OF_LIVE'] = HELD
  process.env['TEST_HELD_OF_DEAD'] = HELD_OF_DEAD
  upstream = await Upstream.start(respondJson({}))
  const dead = `http://127.0.0.1:${await freePort()}`
  const provider = (name: string, api: string, at: string, held: string): string =>
    `  ${name}: {upstream: "${at}", prefix: /${name}, api: ${api}, credentials: {use: gateway, held: [{name: ${name}-key, env: ${held}}]}}\n`
  const providers = ['openai', 'anthropic', 'gemini'].map(
    (api) =>
      provider(`dead-${api}`, api, dead, 'TEST_HELD_OF_DEAD') +
      provider(api, api, upstream.url, 'TEST_HELD_OF_LIVE'),
  )
  const model = (name: string, api: string, at: string): string =>
    `  - {name: ${name}, targets: [{provider: dead-${api}, model: ${at}}, {provider: ${api}, model: ${at}, tier: 2}]}\n`
  const models = [
    model('fast', 'openai', 'gpt-5.6-sol'),
    model('embed', 'openai', 'text-embedding-3-small'),
    model('claude', 'anthropic', 'claude-sonnet-4-5'),
    model('flash', 'gemini', 'gemini-2.5-flash'),
  ]
  gateway = await openGateway(
    `providers:\n${providers.join('')}models:\n${models.join('')}
routing: {breaker: {open_ms: 1}}
auth: {enabled: true, accept_in: [provider_field], keys: [{id: sdks, token: ${KEY}, role: owner}]}\n`,
    { 'X-OngoingAI-Gateway-Key': KEY },
  )
})
afterAll(async () => {
  delete process.env['TEST_HELD_OF_LIVE']
  delete process.env['TEST_HELD_OF_DEAD']
  await gateway.stop()
  await upstream.stop()
})

/** Fields that say how content was framed when it was recorded. */
const FRAMING = /^(content-encoding|content-length|transfer-encoding|connection)$/i

/** Plays a recorded response. */
function replay(recorded: Recorded): Play {
  const { status, headers } = recorded.response
  const fields = Object.fromEntries(Object.entries(headers).filter(([name]) => !FRAMING.test(name)))
  const content = contentOf(recorded)
  return recorded.request.stream === true
    ? stream([content], { status, fields })
    : respond(status, fields, content)
}

/** A `fetch` that keeps what the gateway responded. */
async function overheard(input: string | URL | Request, init?: RequestInit): Promise<Response> {
  const response = await fetch(input, init)
  answers += JSON.stringify([response.status, ...response.headers]) + (await response.clone().text())
  return response
}

const openai = () => new OpenAI({ apiKey: KEY, baseURL: `${gateway.url}/v1`, fetch: overheard })
const anthropic = () => new Anthropic({ apiKey: KEY, baseURL: gateway.url, fetch: overheard })
const gemini = () => new GoogleGenAI({ apiKey: KEY, httpOptions: { baseUrl: gateway.url } })

const messages = [{ role: 'user' as const, content: 'Hi' }]

async function all<Event>(events: AsyncIterable<Event>): Promise<Event[]> {
  const list: Event[] = []
  for await (const event of events) list.push(event)
  return list
}

interface Call {
  readonly recorded: string
  /** Path at the provider, without its query. */
  readonly path: string
  readonly target: string
  /** Where the provider takes its key. */
  readonly field: string
  readonly value: string
  readonly ask: () => Promise<unknown>
  /** What the SDK makes of it. */
  readonly gives: unknown
}

const OPENAI = { field: 'authorization', value: `Bearer ${HELD}`, target: 'openai/gpt-5.6-sol' }
const ANTHROPIC = { field: 'x-api-key', value: HELD, target: 'anthropic/claude-sonnet-4-5' }
const GEMINI = { field: 'x-goog-api-key', value: HELD, target: 'gemini/gemini-2.5-flash' }

const CALLS: Record<string, Call> = {
  'openai: chat': {
    ...OPENAI,
    recorded: 'openai-chat-completions-chat-prompt-cache-e2e',
    path: '/v1/chat/completions',
    ask: async () =>
      (await openai().chat.completions.create({ model: 'fast', messages })).choices[0]!.message.content,
    gives: 'OK',
  },
  'openai: a streamed chat': {
    ...OPENAI,
    recorded: 'openai-chat-completions-multiple-agents-3-stream',
    path: '/v1/chat/completions',
    ask: async () =>
      (await all(await openai().chat.completions.create({ model: 'fast', messages, stream: true }))).at(-1)!
        .usage?.total_tokens,
    gives: 550,
  },
  'openai: a response': {
    ...OPENAI,
    recorded: 'openai-responses-responses-prompt-cache-e2e-1',
    path: '/v1/responses',
    ask: async () => (await openai().responses.create({ model: 'fast', input: 'Hi' })).usage?.total_tokens,
    gives: 4025,
  },
  'openai: a streamed response': {
    ...OPENAI,
    recorded: 'openai-responses-responses-streaming-usage',
    path: '/v1/responses',
    ask: async () =>
      (await all(await openai().responses.create({ model: 'fast', input: 'Hi', stream: true }))).at(-1)!.type,
    gives: 'response.completed',
  },
  'openai: embeddings': {
    ...OPENAI,
    target: 'openai/text-embedding-3-small',
    recorded: 'openai-embeddings-open-ai-test-instrumentation',
    path: '/v1/embeddings',
    ask: async () => (await openai().embeddings.create({ model: 'embed', input: 'Hi' })).usage.prompt_tokens,
    gives: 4,
  },
  'anthropic: a message': {
    ...ANTHROPIC,
    recorded: 'anthropic-messages-cache-real-api',
    path: '/v1/messages',
    ask: async () =>
      (await anthropic().messages.create({ model: 'claude', max_tokens: 9, messages })).usage.output_tokens,
    gives: 406,
  },
  'anthropic: a message, the gateway key as a token': {
    ...ANTHROPIC,
    recorded: 'anthropic-messages-cache-real-api',
    path: '/v1/messages',
    ask: async () =>
      (
        await new Anthropic({ apiKey: null, authToken: KEY, baseURL: gateway.url }).messages.create({
          model: 'claude',
          max_tokens: 9,
          messages,
        })
      ).usage.output_tokens,
    gives: 406,
  },
  'anthropic: a streamed message': {
    ...ANTHROPIC,
    recorded: 'anthropic-messages-thinking-part-redacted-stream',
    path: '/v1/messages',
    ask: async () =>
      (await anthropic().messages.stream({ model: 'claude', max_tokens: 9, messages }).finalMessage()).usage
        .output_tokens,
    gives: 189,
  },
  'anthropic: a count of tokens': {
    ...ANTHROPIC,
    recorded: 'anthropic-count-tokens-count-tokens-with-tool-search-replay',
    path: '/v1/messages/count_tokens',
    ask: async () => (await anthropic().messages.countTokens({ model: 'claude', messages })).input_tokens,
    gives: 641,
  },
  'gemini: content': {
    ...GEMINI,
    recorded: 'gemini-generate-content-cached-content-1',
    path: '/v1/models/gemini-2.5-flash:generateContent',
    ask: async () => (await gemini().models.generateContent({ model: 'flash', contents: 'Hi' })).text,
    gives: 'Paris.',
  },
  'gemini: streamed content': {
    ...GEMINI,
    recorded: 'gemini-stream-generate-content-iter-stream-2',
    path: '/v1/models/gemini-2.5-flash:streamGenerateContent',
    ask: async () =>
      (await all(await gemini().models.generateContentStream({ model: 'flash', contents: 'Hi' }))).at(-1)!
        .usageMetadata?.totalTokenCount,
    gives: 91,
  },
  'gemini: a count of tokens': {
    ...GEMINI,
    recorded: 'gemini-count-tokens-test-count-tokens',
    path: '/v1/models/gemini-2.5-flash:countTokens',
    ask: async () => (await gemini().models.countTokens({ model: 'flash', contents: 'Hi' })).totalTokens,
    gives: 5,
  },
}

let begun = 0

test.each(Object.entries(CALLS))('%s', async (_, { recorded, path, target, field, value, ask, gives }) => {
  const played = RECORDED.get(recorded)!
  upstream.play = replay(played)
  const before = upstream.requests.length
  begun += 1
  answers = ''
  expect(await ask()).toEqual(gives)
  expect(answers).not.toMatch(SECRETS)

  expect(upstream.requests).toHaveLength(before + 1)
  expect(upstream.last.target.split('?')[0]).toBe(path)
  expect(upstream.last.field(field)).toBe(value)
  const sent = JSON.stringify([upstream.last.target, upstream.last.fields]) + upstream.last.body.toString()
  expect(sent).not.toContain(KEY)
  expect(sent).not.toContain(HELD_OF_DEAD)

  const [listed] = await gateway.traces(begun, '&gateway_key_id=sdks')
  const live = target.split('/')[0]!
  const { usage } = played.expected
  expect(listed).toMatchObject({
    provider: live,
    target,
    attempts: 2,
    outcome: 'completed',
    response_status: 200,
    cost_status: 'exact',
    input_tokens: usage?.input_tokens ?? 0,
    output_tokens: usage?.output_tokens ?? 0,
  })
  const detail = await gateway.detail(listed!['id'])
  expect(detail['attempts']).toMatchObject([
    { target: `dead-${target}`, credential: `dead-${live}-key`, cause: 'connect', status: null, cost_usd: 0 },
    { target, credential: `${live}-key`, cause: 'ok', status: 200, cost_usd: listed!['estimated_cost_usd'] },
  ])
  expect(Number(listed!['estimated_cost_usd']) > 0).toBe(usage !== null)
  expect(JSON.stringify(detail)).not.toMatch(SECRETS)
})

test('each SDK lists the models that it can ask for, and reads one', async () => {
  const before = upstream.requests.length
  const names = await all(openai().models.list())
  expect(names.map(({ id }) => id)).toEqual(['fast', 'embed'])
  expect((await openai().models.retrieve('fast')).id).toBe('fast')

  const claudes = await all(anthropic().models.list())
  expect(claudes).toMatchObject([
    { id: 'claude', type: 'model', max_input_tokens: 200_000, max_tokens: null, lifecycle: 'active' },
  ])
  expect(await anthropic().models.retrieve('claude')).toEqual(claudes[0]!)

  const flashes = await all(await gemini().models.list())
  expect(flashes.map(({ name }) => name)).toEqual(['models/flash'])
  expect((await gemini().models.get({ model: 'flash' })).inputTokenLimit).toBe(1_048_576)
  // The gateway answers by itself.
  expect(upstream.requests).toHaveLength(before)
})

test('what Google’s SDK gets holds no credential of the gateway', async () => {
  answers = ''
  upstream.play = replay(RECORDED.get('gemini-generate-content-cached-content-1')!)
  // It takes no fetch of one's own.
  const body = { method: 'POST', headers: { 'x-goog-api-key': KEY }, body: '{"contents":[]}' }
  await overheard(`${gateway.url}/v1/models/flash:generateContent`, body)
  begun += 1
  expect(answers).toContain('Paris.')
  expect(answers).not.toMatch(SECRETS)
})

test('Claude Code opens its connection without a key, which is no denial', async () => {
  const denials = () => gateway.lines.filter(({ message }) => message === 'audit gateway auth deny').length
  const before = denials()
  expect((await fetch(`${gateway.url}/api/hello`, { method: 'HEAD' })).status).toBe(200)
  expect(denials()).toBe(before)
})

test('the documentation names the versions that are run', () => {
  const text = (path: string): string => readFileSync(join(import.meta.dir, path), 'utf8')
  const sdks = JSON.parse(text('.sdks/package.json')) as { dependencies: Record<string, string> }
  const versions = ['openai', '@anthropic-ai/sdk', '@google/genai'].map((name) => sdks.dependencies[name]!)
  const table = text('../../docs/clients.md').matchAll(/^\| .+? +\| (\d+\.\d+\.\d+) +\|/gm)
  expect([...table].map(([, version]) => version!).sort()).toEqual(
    [...versions, ...Object.values(AGENTS)].sort(),
  )
})
