import { afterAll, beforeAll, expect, test } from 'bun:test'
import { eventually } from '../support/eventually.ts'
import { openGateway, providersAt, type TestGateway } from '../support/gateway.ts'
import { installTestPackage } from '../support/test-package.ts'
import { respondJson, stream, Upstream } from '../support/upstream.ts'
import type { OpenAI } from './.sdks/sdks.ts'

await installTestPackage('clients')
const { OpenAI: OpenAIClient } = await import('./.sdks/sdks.ts')

// A conversation with a real client whose upstream never sees the values, and whose client always does.

let upstream: Upstream
let gateway: TestGateway
let openai: OpenAI
beforeAll(async () => {
  upstream = await Upstream.start(respondJson({}))
  gateway = await openGateway(
    `${providersAt(upstream.url)}tracing: {capture_bodies: true}\npii: {mode: redact_upstream, replacement: {reversible: true}}\n`,
  )
  openai = new OpenAIClient({
    apiKey: 'sk-provider-0123456789',
    baseURL: `${gateway.url}/openai/v1`,
    maxRetries: 0,
  })
})
afterAll(async () => {
  await gateway.stop()
  await upstream.stop()
})

const VALUES = ['alice@example.com', '+44 20 7946 0958', '4111 1111 1111 1111']
const chunk = (delta: object, finish: string | null = null): string =>
  `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', model: 'gpt-5.4-mini', choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`
const pieces = (text: string, size: number): string[] => text.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? []
const PLACEHOLDERS = ['[EMAIL_1]', '[PHONE_1]', '[CREDIT_CARD_1]']

test('a streamed answer, the call of a tool, its result, and what the model says of it', async () => {
  const messages: OpenAI.ChatCompletionMessageParam[] = [
    { role: 'user', content: `I am ${VALUES[0]}, call ${VALUES[1]}; my card is ${VALUES[2]}.` },
  ]
  const tools: OpenAI.ChatCompletionTool[] = [
    {
      type: 'function',
      function: {
        name: 'send',
        parameters: { type: 'object', properties: { email: { type: 'string' }, text: { type: 'string' } } },
      },
    },
  ]
  upstream.play = stream([
    chunk({ role: 'assistant', content: '' }),
    ...pieces('I write to [EMAIL_1] or call [PHONE_1].', 3).map((content) => chunk({ content })),
    chunk({
      tool_calls: [{ index: 0, id: 'call_1', type: 'function', function: { name: 'send', arguments: '' } }],
    }),
    ...pieces('{"email":"[EMAIL_1]","text":"card \\"[CREDIT_CARD_1]\\"\\n"}', 4).map((text) =>
      chunk({ tool_calls: [{ index: 0, function: { arguments: text } }] }),
    ),
    chunk({}, 'tool_calls'),
    'data: {"id":"c","choices":[],"usage":{"prompt_tokens":40,"completion_tokens":30,"total_tokens":70}}\n\n',
    'data: [DONE]\n\n',
  ])
  const events = await openai.chat.completions.create({
    model: 'gpt-5.4-mini',
    messages,
    tools,
    stream: true,
    stream_options: { include_usage: true },
  })
  let content = ''
  let args = ''
  let usage = 0
  for await (const event of events) {
    content += event.choices[0]?.delta.content ?? ''
    args += event.choices[0]?.delta.tool_calls?.[0]?.function?.arguments ?? ''
    usage = event.usage?.total_tokens ?? usage
  }
  expect(content).toBe(`I write to ${VALUES[0]} or call ${VALUES[1]}.`)
  expect(JSON.parse(args)).toEqual({ email: VALUES[0], text: `card "${VALUES[2]}"\n` })
  expect(usage).toBe(70)

  messages.push(
    {
      role: 'assistant',
      content,
      tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'send', arguments: args } }],
    },
    {
      role: 'tool',
      tool_call_id: 'call_1',
      content: JSON.stringify({ sent_to: VALUES[0], copy: 'bob@example.org' }),
    },
  )
  upstream.play = respondJson({
    id: 'c2',
    object: 'chat.completion',
    model: 'gpt-5.4-mini',
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: 'Sent to [EMAIL_1], copy to [EMAIL_2].' },
        finish_reason: 'stop',
      },
    ],
    usage: { prompt_tokens: 50, completion_tokens: 9, total_tokens: 59 },
  })
  const last = await openai.chat.completions.create({ model: 'gpt-5.4-mini', messages, tools })
  expect(last.choices[0]!.message.content).toBe(`Sent to ${VALUES[0]}, copy to bob@example.org.`)

  // The same values have the same placeholders in every turn, so that the provider's prompt cache knows the beginning again.
  const [first, second] = upstream.requests.map(({ body }) => body.toString('utf8'))
  for (const value of [...VALUES, 'bob@example.org']) expect(first! + second!).not.toContain(value)
  for (const placeholder of PLACEHOLDERS)
    expect([first, second]).toEqual([
      expect.stringContaining(placeholder),
      expect.stringContaining(placeholder),
    ])
  const beginning = first!.slice(0, first!.indexOf('}]'))
  expect(second).toStartWith(beginning)
  expect(JSON.parse(first!)).toMatchObject({ tools, stream: true })

  const traces = await gateway.traces(2)
  await eventually(async () => traces.length === 2)
  for (const { id } of traces) {
    const stored = JSON.stringify(await gateway.detail(id))
    for (const value of VALUES) expect(stored).not.toContain(value)
    expect(stored).toContain('"decision":"redacted"')
  }
})
