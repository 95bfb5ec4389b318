// Real agents through the gateway: `npm run test:clients` installs them and drives them without a terminal. Not part of
// `npm test`, because the two are some 700 MB.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Server, ServerWebSocket } from 'bun'
import { eventually } from '../test/support/eventually.ts'
import { openGateway, type TestGateway } from '../test/support/gateway.ts'

const AGENTS = { '@anthropic-ai/claude-code': '2.1.331', '@openai/codex': '0.169.0' }
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
      if (path.endsWith('/responses')) return eventStream(playResponses(body))
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
  })
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
}, 120_000)

test('Codex over WebSocket: the conversation is one exchange, its responses are counted', async () => {
  const open = await openGateway(`providers: {openai: {upstream: "http://127.0.0.1:${upstream.port}"}}\n`)
  seen = []
  const config = join(root, 'open.yaml')
  writeFileSync(config, `server: {port: ${open.port}}\n`)
  const home = mkdtempSync(join(root, 'home-'))
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
        CODEX_API_KEY: 'sk-agents-0123456789',
      },
      stdin: 'ignore',
      stdout: 'pipe',
      stderr: 'pipe',
    },
  )
  const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()])
  expect([await child.exited, err]).toEqual([0, err])
  expect(out).toContain('TOOL LOOP DONE')
  expect(seen.some((request) => request.method === 'WS')).toBe(true)
  const turns = seen.filter(
    (request) => request.method === 'WS message' && request.body['generate'] !== false,
  )
  const traces = (await open.traces(1)).filter((trace) => trace['response_status'] === 101)
  expect(traces.length).toBe(1)
  expect(traces[0]).toMatchObject({
    model: 'gpt-5.4-mini',
    input_tokens: 1100 * turns.length,
    output_tokens: 20 * turns.length,
    cost_status: 'exact',
  })
  await open.stop()
}, 120_000)
