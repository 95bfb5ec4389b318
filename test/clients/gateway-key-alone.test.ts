import { afterAll, beforeAll, expect, test } from 'bun:test'
import { openGateway, type TestGateway } from '../support/gateway.ts'
import { installTestPackage } from '../support/test-package.ts'
import { respondJson, Upstream } from '../support/upstream.ts'

// SDKs whose one setting for a key takes the gateway key: the gateway sends the provider's credential, which it holds.

await installTestPackage('clients')
const { Anthropic, AzureOpenAI, GoogleGenAI, Mistral, OpenAI } = await import('./.sdks/sdks.ts')

const KEY = 'ogk_0123456789abcdefghijklmnopqrstuv'
const HELD = 'held-0123456789abcdef'

let upstream: Upstream
let gateway: TestGateway
beforeAll(async () => {
  process.env['TEST_HELD_OF_SDKS'] = HELD
  upstream = await Upstream.start(respondJson({}))
  const providers = ['openai', 'anthropic', 'gemini', 'azure', 'mistral'].map(
    (name) =>
      `  ${name}: {upstream: "${upstream.url}", credentials: {use: gateway, held: [{name: main, env: TEST_HELD_OF_SDKS}]}}`,
  )
  gateway = await openGateway(
    `providers:\n${providers.join('\n')}\nauth: {enabled: true, accept_in: [provider_field], keys: [{id: a, token: ${KEY}, role: owner}]}\n`,
  )
})
afterAll(async () => {
  delete process.env['TEST_HELD_OF_SDKS']
  await gateway.stop()
  await upstream.stop()
})

const messages = [{ role: 'user' as const, content: 'Hi' }]

const CLIENTS: Record<
  string,
  readonly [field: string, value: string, ask: (url: string) => Promise<unknown>]
> = {
  openai: [
    'authorization',
    `Bearer ${HELD}`,
    (url) =>
      new OpenAI({ apiKey: KEY, baseURL: `${url}/openai/v1` }).chat.completions.create({
        model: 'm',
        messages,
      }),
  ],
  'anthropic with an API key': [
    'x-api-key',
    HELD,
    (url) =>
      new Anthropic({ apiKey: KEY, baseURL: `${url}/anthropic` }).messages.create({
        model: 'm',
        max_tokens: 1,
        messages,
      }),
  ],
  'anthropic with a token': [
    'x-api-key',
    HELD,
    (url) =>
      new Anthropic({ apiKey: null, authToken: KEY, baseURL: `${url}/anthropic` }).messages.create({
        model: 'm',
        max_tokens: 1,
        messages,
      }),
  ],
  gemini: [
    'x-goog-api-key',
    HELD,
    (url) =>
      new GoogleGenAI({ apiKey: KEY, httpOptions: { baseUrl: `${url}/gemini` } }).models.generateContent({
        model: 'gemini-2.5-flash',
        contents: 'Hi',
      }),
  ],
  azure: [
    'api-key',
    HELD,
    (url) =>
      new AzureOpenAI({
        apiKey: KEY,
        endpoint: `${url}/azure`,
        apiVersion: '2024-10-21',
      }).chat.completions.create({
        model: 'm',
        messages,
      }),
  ],
  mistral: [
    'authorization',
    `Bearer ${HELD}`,
    (url) => new Mistral({ apiKey: KEY, serverURL: `${url}/mistral` }).models.list(),
  ],
}

test.each(Object.entries(CLIENTS))('%s', async (_, [field, value, ask]) => {
  const before = upstream.requests.length
  // What it makes of the response is its own matter.
  await ask(gateway.url).catch(() => undefined)
  expect(upstream.requests.length).toBeGreaterThan(before)
  expect(upstream.last.field(field)).toBe(value)
  expect(JSON.stringify([upstream.last.target, upstream.last.fields])).not.toContain(KEY)
})
