// Real agents through the gateway: `npm run test:clients` installs them and drives them without a terminal. Not part of
// `npm test`, because they are some 1.7 GB.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually } from '../test/support/eventually.ts'
import { openGateway, type TestGateway } from '../test/support/gateway.ts'
import { documented, documentedLine } from './documented.ts'
import { AGENTS, installAgents } from './installed-agents.ts'
import { ScriptedProvider } from './scripted-provider.ts'

const MAIN = join(import.meta.dir, '../src/main.ts')

const root = mkdtempSync(join(tmpdir(), 'ongoingai-agents-'))
const project = join(root, 'project')
let bin: string
let upstream: ScriptedProvider
let gateway: TestGateway

beforeAll(async () => {
  mkdirSync(project)
  // Codex tells of a workspace only where there is a repository.
  expect(Bun.spawnSync(['git', 'init', '-q', project]).exitCode).toBe(0)
  writeFileSync(join(project, 'a.js'), 'console.log("the canary sings")\n')
  bin = await installAgents()
  upstream = new ScriptedProvider(join(project, 'a.js'))
  const { url } = upstream
  gateway = await openGateway(
    `providers: {openai: {upstream: "${url}"}, anthropic: {upstream: "${url}"}}\nauth: {enabled: true, keys: [{id: agents, token: gateway-key-0123456789}]}\n`,
    { 'X-OngoingAI-Gateway-Key': 'gateway-key-0123456789' },
  )
}, 600_000)

afterAll(async () => {
  await gateway.stop()
  await upstream.stop()
  rmSync(root, { recursive: true, force: true })
})

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
      PATH: `${bin}:${process.env['PATH']}`,
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
  upstream.seen.length = 0
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
  const calls = upstream.seen.filter((request) => request.path === '/v1/messages')
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
    client_version: AGENTS['@anthropic-ai/claude-code'],
  })
  const session = calls[0]!.headers.get('x-claude-code-session-id')
  expect(session).toMatch(/^[0-9a-f-]{36}$/)
  expect(traces.map((trace) => trace['session_id'])).toEqual(traces.map(() => session))
  expect(traces[0]!['end_user']).toMatch(/^[0-9a-f-]{36,}$/)
}, 120_000)

test('Codex over POST: a tool loop, with the gateway key from the environment', async () => {
  upstream.seen.length = 0
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
  const calls = upstream.seen.filter((request) => request.path.endsWith('/responses'))
  expect(calls.map((call) => call.method)).toEqual(['POST', 'POST'])
  const traces = await recorded('/openai/v1/responses', 2)
  expect(traces.slice(0, 2)).toMatchObject([
    { input_tokens: 1100, cache_read_input_tokens: 1000, output_tokens: 20, cost_status: 'exact' },
    { input_tokens: 1100 },
  ])
  expect(traces[0]).toMatchObject({
    client: 'codex_exec',
    client_version: AGENTS['@openai/codex'],
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
  const open = await openGateway(`providers: {${provider}: {upstream: "${upstream.url}"}}\n`)
  upstream.seen.length = 0
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
        PATH: `${bin}:${process.env['PATH']}`,
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
  expect(upstream.seen.some((request) => request.method === 'WS')).toBe(true)
  const turns = upstream.seen.filter(
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
  const calls = upstream.seen.filter(({ path }) => path.endsWith('/responses'))
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
  const upstreamUrl = upstream.url
  const open = await openGateway(
    `providers: {openai: {upstream: "${upstreamUrl}"}, anthropic: {upstream: "${upstreamUrl}"}, gemini: {upstream: "${upstreamUrl}"}}\n`,
  )
  upstream.seen.length = 0
  const home = mkdtempSync(join(root, 'home-'))
  const child = Bun.spawn([...words(open.url, home)], {
    cwd: project,
    env: {
      PATH: `${bin}:${process.env['PATH']}`,
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

const LINES = 'The lines'

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
      (url) => documentedLine(LINES, agent, url, more),
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
      return documentedLine(LINES, 'gemini', url, '--skip-trust -p hi --output-format json')
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
      writeFileSync(join(home, '.config/opencode/opencode.json'), documented(LINES, 'json', url))
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
    client_version: AGENTS['opencode-ai'],
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
            ? documented(LINES, 'yml', url)
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
