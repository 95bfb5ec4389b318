// Real agents through the gateway: `npm run test:clients` installs them and drives them without a terminal. Not part of
// `npm test`, because they are some 1.5 GB.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Server, ServerWebSocket } from 'bun'
import { eventually } from '../test/support/eventually.ts'
import { openGateway, type TestGateway } from '../test/support/gateway.ts'

const AGENTS = {
  '@anthropic-ai/claude-code': '2.1.331',
  '@continuedev/cli': '1.5.47',
  '@github/copilot': '1.0.102',
  '@google/gemini-cli': '0.61.0',
  '@openai/codex': '0.169.0',
  '@qwen-code/qwen-code': '0.24.4',
  'opencode-ai': '1.18.33',
}
const MAIN = join(import.meta.dir, '../src/main.ts')

interface Seen {
  readonly method: string
  readonly path: string
  readonly headers: Headers
  readonly body: Record<string, unknown>
}

const root = mkdtempSync(join(tmpdir(), 'ongoingai-agents-'))
const project = join(root, 'project')
let upstream: Server<undefined>
let gateway: TestGateway
let seen: Seen[] = []

beforeAll(async () => {
  mkdirSync(project)
  // Codex tells of a workspace only where there is a repository.
  expect(Bun.spawnSync(['git', 'init', '-q', project]).exitCode).toBe(0)
  writeFileSync(join(project, 'a.js'), 'console.log("the canary sings")\n')
  writeFileSync(join(root, 'package.json'), '{"private":true}')
  const packages = Object.entries(AGENTS).map(([name, version]) => `${name}@${version}`)
  const install = Bun.spawn(['npm', 'install', '--no-audit', '--no-fund', ...packages], {
    cwd: root,
    stdout: 'inherit',
    stderr: 'inherit',
  })
  expect(await install.exited).toBe(0)
  upstream = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    async fetch(request, server) {
      const path = new URL(request.url).pathname
      if (request.headers.get('upgrade') === 'websocket') {
        seen.push({ method: 'WS', path, headers: request.headers, body: {} })
        return server.upgrade(request) ? undefined : new Response(null, { status: 426 })
      }
      const body = request.method === 'POST' ? ((await request.json()) as Record<string, unknown>) : {}
      seen.push({ method: request.method, path, headers: request.headers, body })
      if (path.endsWith('/messages')) return eventStream(playMessages(body))
      if (path.endsWith('/responses')) {
        return body['stream'] === true
          ? eventStream(playResponses(body))
          : Response.json((playResponses(body).at(-1) as { response: object }).response)
      }
      if (path.endsWith('/chat/completions')) return playChat(body)
      if (path.includes('generateContent') || path.includes('streamGenerateContent'))
        return playGemini(path, body)
      return Response.json({ data: [], models: [] })
    },
    websocket: {
      message(socket: ServerWebSocket, message) {
        const body = JSON.parse(String(message)) as Record<string, unknown>
        seen.push({ method: 'WS message', path: '', headers: new Headers(), body })
        for (const event of playResponses(body)) socket.send(JSON.stringify(event))
      },
    },
  })
  const url = `http://127.0.0.1:${upstream.port}`
  gateway = await openGateway(
    `providers: {openai: {upstream: "${url}"}, anthropic: {upstream: "${url}"}}\nauth: {enabled: true, keys: [{id: agents, token: gateway-key-0123456789}]}\n`,
    { 'X-OngoingAI-Gateway-Key': 'gateway-key-0123456789' },
  )
}, 600_000)

afterAll(async () => {
  await gateway.stop()
  await upstream.stop(true)
  rmSync(root, { recursive: true, force: true })
})

function eventStream(events: readonly Record<string, unknown>[]): Response {
  const text = events
    .map((event) => `event: ${String(event['type'])}\ndata: ${JSON.stringify(event)}\n\n`)
    .join('')
  return new Response(text, { headers: { 'content-type': 'text/event-stream', 'request-id': 'req_agents' } })
}

/** First reads the file, then answers with what it read. */
function playMessages(body: Record<string, unknown>): Record<string, unknown>[] {
  const text = JSON.stringify(body['messages'] ?? [])
  const usage = { input_tokens: 100, cache_read_input_tokens: 1000, output_tokens: 1 }
  const start = {
    type: 'message_start',
    message: {
      id: 'msg_1',
      type: 'message',
      role: 'assistant',
      model: body['model'],
      content: [],
      stop_reason: null,
      usage,
    },
  }
  const tools = JSON.stringify(body['tools'] ?? [])
  const call = tools.includes('"Read"') && !text.includes('tool_result')
  const block = call
    ? { type: 'tool_use', id: 'toolu_1', name: 'Read', input: {} }
    : { type: 'text', text: '' }
  const delta = call
    ? { type: 'input_json_delta', partial_json: JSON.stringify({ file_path: join(project, 'a.js') }) }
    : {
        type: 'text_delta',
        text: text.includes('the canary sings') ? 'TOOL LOOP DONE' : 'HELLO FROM UPSTREAM',
      }
  return [
    start,
    { type: 'content_block_start', index: 0, content_block: block },
    { type: 'content_block_delta', index: 0, delta },
    { type: 'content_block_stop', index: 0 },
    {
      type: 'message_delta',
      delta: { stop_reason: call ? 'tool_use' : 'end_turn', stop_sequence: null },
      usage: { output_tokens: 20 },
    },
    { type: 'message_stop' },
  ]
}

function playChat(body: Record<string, unknown>): Response {
  const chunk = { id: 'c1', object: 'chat.completion.chunk', created: 1, model: body['model'] }
  const usage = {
    prompt_tokens: 1100,
    completion_tokens: 20,
    total_tokens: 1120,
    prompt_tokens_details: { cached_tokens: 1000 },
  }
  const events = [
    { ...chunk, choices: [{ index: 0, delta: { role: 'assistant', content: 'HELLO FROM UPSTREAM' } }] },
    { ...chunk, choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] },
    { ...chunk, choices: [], usage },
  ]
  const text = events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join('')
  return new Response(`${text}data: [DONE]\n\n`, { headers: { 'content-type': 'text/event-stream' } })
}

/** Gemini CLI first asks, by a schema, which model is to answer. */
function playGemini(path: string, body: Record<string, unknown>): Response {
  const config = JSON.stringify(body['generationConfig'] ?? {})
  const text = /responseJsonSchema|responseSchema/.test(config)
    ? JSON.stringify({
        reasoning: 'simple',
        model_choice: 'flash',
        complexity_reasoning: 'simple',
        complexity_score: 1,
      })
    : 'HELLO FROM UPSTREAM'
  const answer = {
    candidates: [{ content: { role: 'model', parts: [{ text }] }, finishReason: 'STOP', index: 0 }],
    usageMetadata: {
      promptTokenCount: 1100,
      cachedContentTokenCount: 1000,
      candidatesTokenCount: 15,
      thoughtsTokenCount: 5,
      totalTokenCount: 1120,
    },
    modelVersion: 'gemini-3.8-flash',
  }
  if (!path.includes('streamGenerateContent')) return Response.json(answer)
  return new Response(`data: ${JSON.stringify(answer)}\r\n\r\n`, {
    headers: { 'content-type': 'text/event-stream' },
  })
}

function textDelta(delta: string): Record<string, unknown> {
  return { type: 'response.output_text.delta', item_id: 'msg_1', output_index: 0, content_index: 0, delta }
}

let responses = 0
/** First runs a command, then answers with what it said. */
function playResponses(body: Record<string, unknown>): Record<string, unknown>[] {
  const id = `resp_${responses++}`
  const text = JSON.stringify(body['input'] ?? [])
  const response = { id, object: 'response', model: body['model'], output: [] as unknown[] }
  const usage = {
    input_tokens: 1100,
    input_tokens_details: { cached_tokens: 1000 },
    output_tokens: 20,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: 1120,
  }
  const created = { type: 'response.created', response: { ...response, status: 'in_progress' } }
  if (body['generate'] === false) {
    return [
      created,
      {
        type: 'response.completed',
        response: {
          ...response,
          status: 'completed',
          usage: { input_tokens: 0, output_tokens: 0, total_tokens: 0 },
        },
      },
    ]
  }
  const tool = /"name":"(exec_command|shell_command|shell)"/.exec(JSON.stringify(body['tools'] ?? []))?.[1]
  const call = tool !== undefined && !text.includes('function_call_output')
  const command =
    tool === 'exec_command'
      ? { cmd: 'cat a.js' }
      : tool === 'shell_command'
        ? { command: 'cat a.js' }
        : { command: ['cat', 'a.js'] }
  const item = call
    ? {
        type: 'function_call',
        id: 'fc_1',
        call_id: 'call_1',
        name: tool,
        arguments: JSON.stringify(command),
        status: 'completed',
      }
    : {
        type: 'message',
        id: 'msg_1',
        role: 'assistant',
        status: 'completed',
        content: [
          {
            type: 'output_text',
            text: text.includes('the canary sings') ? 'TOOL LOOP DONE' : 'HELLO FROM UPSTREAM',
            annotations: [],
          },
        ],
      }
  return [
    created,
    { type: 'response.output_item.added', output_index: 0, item },
    ...(call ? [] : [textDelta(item.content?.[0]?.text ?? '')]),
    { type: 'response.output_item.done', output_index: 0, item },
    { type: 'response.completed', response: { ...response, status: 'completed', output: [item], usage } },
  ]
}

/** Runs an agent under `ongoingai wrap`, as a user would. */
async function wrapped(
  words: readonly string[],
  env: Record<string, string>,
): Promise<{ status: number; out: string; err: string }> {
  const config = join(root, 'ongoingai.yaml')
  writeFileSync(config, `server: {port: ${gateway.port}}\nauth: {keys: []}\n`)
  const home = mkdtempSync(join(root, 'home-'))
  const child = Bun.spawn([process.execPath, MAIN, 'wrap', '--config', config, '--', ...words], {
    cwd: project,
    env: {
      PATH: `${join(root, 'node_modules/.bin')}:${process.env['PATH']}`,
      HOME: home,
      CODEX_HOME: home,
      ONGOINGAI_GATEWAY_KEY: 'gateway-key-0123456789',
      ...env,
    },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()])
  return { status: await child.exited, out, err }
}

/** The traces of a path, once there are as many as requests were seen. */
async function recorded(path: string, count: number): Promise<Record<string, unknown>[]> {
  let traces: Record<string, unknown>[] = []
  await eventually(async () => {
    traces = (await gateway.traces(1)).filter((trace) => trace['request_path'] === path)
    return traces.length >= count
  })
  return traces
}

test('Claude Code: a tool loop, with the gateway key from the environment', async () => {
  seen = []
  const { status, out, err } = await wrapped(
    [
      'claude',
      '-p',
      'What does a.js say?',
      '--output-format',
      'json',
      '--allowedTools',
      'Read',
      '--model',
      'claude-haiku-4-5',
    ],
    {
      ANTHROPIC_API_KEY: 'sk-ant-agents-0123456789',
      DISABLE_TELEMETRY: '1',
      DISABLE_AUTOUPDATER: '1',
      IS_SANDBOX: '1',
    },
  )
  expect([status, err]).toEqual([0, err])
  expect(out).toContain('TOOL LOOP DONE')
  const calls = seen.filter((request) => request.path === '/v1/messages')
  expect(calls.length).toBeGreaterThanOrEqual(2)
  expect(calls.every((call) => call.headers.get('x-ongoingai-gateway-key') === null)).toBe(true)
  expect(calls[0]!.headers.get('anthropic-beta')).toContain('claude-code')
  const traces = await recorded('/anthropic/v1/messages', calls.length)
  expect(traces.length).toBe(calls.length)
  expect(traces[0]).toMatchObject({
    input_tokens: 1100,
    cache_read_input_tokens: 1000,
    output_tokens: 20,
    cost_status: 'exact',
    outcome: 'completed',
    client: 'claude-cli',
    client_version: '2.1.331',
  })
  const session = calls[0]!.headers.get('x-claude-code-session-id')
  expect(session).toMatch(/^[0-9a-f-]{36}$/)
  expect(traces.map((trace) => trace['session_id'])).toEqual(traces.map(() => session))
  expect(traces[0]!['end_user']).toMatch(/^[0-9a-f-]{36,}$/)
}, 120_000)

test('Codex over POST: a tool loop, with the gateway key from the environment', async () => {
  seen = []
  const { status, out, err } = await wrapped(
    [
      'codex',
      'exec',
      '--skip-git-repo-check',
      '--dangerously-bypass-approvals-and-sandbox',
      '-m',
      'gpt-5.4-mini',
      'What does a.js say?',
    ],
    { CODEX_API_KEY: 'sk-agents-0123456789', OPENAI_API_KEY: 'sk-agents-0123456789' },
  )
  expect([status, err]).toEqual([0, err])
  expect(out).toContain('TOOL LOOP DONE')
  const calls = seen.filter((request) => request.path.endsWith('/responses'))
  expect(calls.map((call) => call.method)).toEqual(['POST', 'POST'])
  const traces = await recorded('/openai/v1/responses', 2)
  expect(traces.slice(0, 2)).toMatchObject([
    { input_tokens: 1100, cache_read_input_tokens: 1000, output_tokens: 20, cost_status: 'exact' },
    { input_tokens: 1100 },
  ])
  expect(traces[0]).toMatchObject({
    client: 'codex_exec',
    client_version: '0.169.0',
    agent: '/root',
    project: 'project',
    session_id: calls[0]!.headers.get('session-id'),
  })
}, 120_000)

/** A run of Codex through a gateway without keys, its exit status checked; and the traces of its WebSockets. */
async function codexAlone(
  provider: string,
  home: string,
  env: Record<string, string>,
): Promise<{ out: string; err: string; traces: Record<string, unknown>[] }> {
  const open = await openGateway(
    `providers: {${provider}: {upstream: "http://127.0.0.1:${upstream.port}"}}\n`,
  )
  seen = []
  const config = join(home, 'open.yaml')
  writeFileSync(config, `server: {port: ${open.port}}\n`)
  const child = Bun.spawn(
    [
      process.execPath,
      MAIN,
      'wrap',
      '--config',
      config,
      '--',
      'codex',
      'exec',
      '--skip-git-repo-check',
      '--dangerously-bypass-approvals-and-sandbox',
      '-m',
      'gpt-5.4-mini',
      'What does a.js say?',
    ],
    {
      cwd: project,
      env: {
        PATH: `${join(root, 'node_modules/.bin')}:${process.env['PATH']}`,
        HOME: home,
        CODEX_HOME: home,
        ...env,
      },
      stdin: 'ignore',
      stdout: 'pipe',
      stderr: 'pipe',
    },
  )
  const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()])
  expect([await child.exited, err]).toEqual([0, err])
  expect(out).toContain('TOOL LOOP DONE')
  const traces = (await open.traces(1)).filter((trace) => trace['response_status'] === 101)
  await open.stop()
  return { out, err, traces }
}

/** What the one WebSocket of a run of Codex used. */
function usedByTurns(): Record<string, unknown> {
  expect(seen.some((request) => request.method === 'WS')).toBe(true)
  const turns = seen.filter(
    (request) => request.method === 'WS message' && request.body['generate'] !== false,
  )
  return { model: 'gpt-5.4-mini', input_tokens: 1100 * turns.length, output_tokens: 20 * turns.length }
}

test('Codex over WebSocket: the conversation is one exchange, its responses are counted', async () => {
  const home = mkdtempSync(join(root, 'home-'))
  const { traces } = await codexAlone('openai', home, { CODEX_API_KEY: 'sk-agents-0123456789' })
  expect(traces).toMatchObject([{ ...usedByTurns(), cost_status: 'exact' }])
}, 120_000)

test('Codex logged in with ChatGPT goes to the provider chatgpt, its subscription pays, and its token is shown nowhere', async () => {
  const home = mkdtempSync(join(root, 'home-'))
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const now = Math.floor(Date.now() / 1000)
  const plan = { chatgpt_account_id: 'acc-1', chatgpt_plan_type: 'pro' }
  const token = `${part({ alg: 'RS256', typ: 'JWT' })}.${part({ iat: now, exp: now + 86_400, 'https://api.openai.com/auth': plan })}.${'s'.repeat(43)}`
  const tokens = { id_token: token, access_token: token, refresh_token: 'r', account_id: 'acc-1' }
  const login = {
    auth_mode: 'chatgpt',
    OPENAI_API_KEY: null,
    tokens,
    last_refresh: new Date().toISOString(),
  }
  writeFileSync(join(home, 'auth.json'), JSON.stringify(login))
  const { out, err, traces } = await codexAlone('chatgpt', home, {})
  expect(traces).toMatchObject([{ ...usedByTurns(), provider: 'chatgpt', cost_status: 'included' }])
  const calls = seen.filter(({ path }) => path.endsWith('/responses'))
  expect(calls.map(({ path }) => path)).toEqual(calls.map(() => '/backend-api/codex/responses'))
  expect(calls[0]!.headers.get('authorization')).toBe(`Bearer ${token}`)
  expect(calls[0]!.headers.get('chatgpt-account-id')).toBe('acc-1')
  expect(out + err).not.toContain(token)
}, 120_000)

/** A gateway without keys, for agents that cannot send one, and what an agent did to it. */
async function throughOpenGateway(
  words: (url: string, home: string) => readonly string[],
  env: (url: string) => Record<string, string>,
): Promise<{ out: string; traces: Record<string, unknown>[] }> {
  const upstreamUrl = `http://127.0.0.1:${upstream.port}`
  const open = await openGateway(
    `providers: {openai: {upstream: "${upstreamUrl}"}, anthropic: {upstream: "${upstreamUrl}"}, gemini: {upstream: "${upstreamUrl}"}}\n`,
  )
  seen = []
  const home = mkdtempSync(join(root, 'home-'))
  const child = Bun.spawn([...words(open.url, home)], {
    cwd: project,
    env: {
      PATH: `${join(root, 'node_modules/.bin')}:${process.env['PATH']}`,
      HOME: home,
      ...env(open.url),
    },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()])
  expect([await child.exited, err]).toEqual([0, err])
  const traces = await open.traces(1)
  await open.stop()
  return { out, traces }
}

const PAGE = readFileSync(join(import.meta.dir, '../docs/clients.md'), 'utf8')

/** A block of `docs/clients.md`, for a gateway at a URL. */
function documented(language: string, url: string): string {
  const block = new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, 'm').exec(PAGE)?.[1]
  expect([language, block]).toEqual([language, expect.any(String) as string])
  return block!.replaceAll('http://127.0.0.1:8080', url)
}

/** An agent's line of `docs/clients.md`, with what makes it answer without a terminal. */
function documentedLine(agent: string, url: string, more: string): string[] {
  const line = documented('sh unrun', url)
    .split('\n')
    .find((one) => one.split(' ').includes(agent))
  expect([agent, line]).toEqual([agent, expect.any(String) as string])
  return ['sh', '-c', `exec env ${line} ${more}`]
}

test.each([
  ['claude', '-p hi --output-format json --model claude-haiku-4-5', 'TOOL LOOP DONE'],
  [
    'codex',
    'exec --skip-git-repo-check --dangerously-bypass-approvals-and-sandbox -m gpt-5.4-mini hi',
    'TOOL LOOP DONE',
  ],
  ['qwen', '-p hi', 'HELLO FROM UPSTREAM'],
  ['copilot', '-p hi --allow-all-tools', 'HELLO FROM UPSTREAM'],
])(
  '%s: the line of the documentation',
  async (agent, more, answer) => {
    const { out, traces } = await throughOpenGateway(
      (url) => documentedLine(agent, url, more),
      () => ({
        ANTHROPIC_API_KEY: 'sk-ant-agents-0123456789',
        OPENAI_API_KEY: 'sk-agents-0123456789',
        CODEX_API_KEY: 'sk-agents-0123456789',
        DISABLE_TELEMETRY: '1',
        DISABLE_AUTOUPDATER: '1',
        IS_SANDBOX: '1',
      }),
    )
    expect(out).toContain(answer)
    // Codex comes by WebSocket: all its answers are one exchange.
    const priced = traces.filter(
      (trace) => trace['cost_status'] === 'exact' && Number(trace['output_tokens']) > 0,
    )
    expect(priced.length).toBeGreaterThan(0)
    for (const trace of priced) {
      const answers = Number(trace['output_tokens']) / 20
      expect(answers).toBe(agent === 'codex' ? 2 : 1)
      expect(trace['input_tokens']).toBe(1100 * answers)
    }
  },
  180_000,
)

test('Gemini CLI: its router’s call and the answer are counted apart', async () => {
  const { out, traces } = await throughOpenGateway(
    (url, home) => {
      mkdirSync(join(home, '.gemini'))
      writeFileSync(
        join(home, '.gemini/settings.json'),
        JSON.stringify({
          security: { auth: { selectedType: 'gemini-api-key' } },
          privacy: { usageStatisticsEnabled: false },
          telemetry: { enabled: false },
        }),
      )
      return documentedLine('gemini', url, '--skip-trust -p hi --output-format json')
    },
    () => ({ GEMINI_API_KEY: 'AIza-agents-0123456789' }),
  )
  expect(out).toContain('HELLO FROM UPSTREAM')
  const answers = traces.filter((trace) => String(trace['request_path']).includes('streamGenerateContent'))
  expect(answers.length).toBeGreaterThan(0)
  expect(answers[0]).toMatchObject({
    provider: 'gemini',
    model: 'gemini-3.8-flash',
    input_tokens: 1100,
    cache_read_input_tokens: 1000,
    output_tokens: 20,
    reasoning_tokens: 5,
    cost_status: 'exact',
    client: 'GeminiCLI-tui',
  })
}, 180_000)

test('opencode: a chat through an OpenAI-compatible provider, with its session', async () => {
  const { out, traces } = await throughOpenGateway(
    (url, home) => {
      mkdirSync(join(home, '.config/opencode'), { recursive: true })
      writeFileSync(join(home, '.config/opencode/opencode.json'), documented('json', url))
      return ['opencode', 'run', '-m', 'gateway/gpt-5.4-mini', 'hi']
    },
    () => ({ OPENAI_API_KEY: 'sk-agents-0123456789' }),
  )
  expect(out).toContain('HELLO FROM UPSTREAM')
  expect(traces[0]).toMatchObject({
    input_tokens: 1100,
    output_tokens: 20,
    cost_status: 'exact',
    client: 'opencode',
    client_version: '1.18.33',
  })
  expect(traces[0]!['session_id']).toMatch(/^ses_/)
}, 180_000)

test('Continue: a prompt over Responses and one over Messages', async () => {
  for (const [provider, model, path] of [
    ['openai', 'gpt-5.4-mini', '/openai/v1/'],
    ['anthropic', 'claude-haiku-4-5', '/anthropic/v1/'],
  ] as const) {
    const { out, traces } = await throughOpenGateway(
      (url, home) => {
        const file = join(home, 'continue.yaml')
        writeFileSync(
          file,
          provider === 'openai'
            ? documented('yml', url)
            : `name: t\nversion: 0.0.1\nschema: v1\nmodels:\n  - {name: m, provider: ${provider}, model: ${model}, apiBase: "${url}${path}", apiKey: sk-agents-0123456789}\n`,
        )
        return ['cn', '-p', 'hi', '--config', file]
      },
      () => ({ CONTINUE_TELEMETRY_ENABLED: '0', OPENAI_API_KEY: 'sk-agents-0123456789' }),
    )
    expect(out).toContain('HELLO FROM UPSTREAM')
    expect(traces[0]).toMatchObject({ input_tokens: 1100, cost_status: 'exact', output_tokens: 20 })
  }
}, 180_000)
