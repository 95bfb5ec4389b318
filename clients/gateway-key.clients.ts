// Real agents with a gateway key alone, on the routes without a provider's prefix. The first target of each model is down.
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'bun:test'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../test/support/free-port.ts'
import { openGateway, type TestGateway } from '../test/support/gateway.ts'
import { documented, documentedLine } from './documented.ts'
import { installAgents } from './installed-agents.ts'
import { ScriptedProvider } from './scripted-provider.ts'

const SECTION = 'With a gateway key alone'
const KEY = 'ogk_0123456789abcdefghijklmnopqrstuv'
const HELD = 'held-0123456789abcdef'
const HELD_OF_DEAD = 'dead-0123456789abcdef'

const root = mkdtempSync(join(tmpdir(), 'ongoingai-agents-'))
const project = join(root, 'project')
let bin: string
let upstream: ScriptedProvider
let gateway: TestGateway

beforeAll(async () => {
  mkdirSync(project)
  writeFileSync(join(project, 'a.js'), 'console.log("the canary sings")\n')
  bin = await installAgents()
  upstream = new ScriptedProvider(join(project, 'a.js'))
  process.env['TEST_HELD_OF_LIVE'] = HELD
  process.env['TEST_HELD_OF_DEAD'] = HELD_OF_DEAD
}, 600_000)
afterAll(async () => {
  delete process.env['TEST_HELD_OF_LIVE']
  delete process.env['TEST_HELD_OF_DEAD']
  await upstream.stop()
  rmSync(root, { recursive: true, force: true })
})

// Each agent finds all targets untried.
beforeEach(async () => {
  upstream.seen.length = 0
  const dead = `http://127.0.0.1:${await freePort()}`
  const provider = (name: string, api: string, at: string, held: string): string =>
    `  ${name}: {upstream: "${at}", prefix: /${name}, api: ${api}, credentials: {use: gateway, held: [{name: ${name}-key, env: ${held}}]}}\n`
  const model = (name: string, api: string, at: string): string =>
    `  - {name: ${name}, targets: [{provider: dead-${api}, model: ${at}}, {provider: ${api}, model: ${at}, tier: 2}]}\n`
  const providers = ['openai', 'anthropic', 'gemini'].map(
    (api) =>
      provider(`dead-${api}`, api, dead, 'TEST_HELD_OF_DEAD') +
      provider(api, api, upstream.url, 'TEST_HELD_OF_LIVE'),
  )
  const models =
    model('fast', 'openai', 'gpt-5.4-mini') +
    model('claude', 'anthropic', 'claude-haiku-4-5') +
    model('quick', 'gemini', 'gemini-3.8-flash')
  gateway = await openGateway(
    `providers:\n${providers.join('')}models:\n${models}
auth: {enabled: true, accept_in: [provider_field], keys: [{id: agents, token: ${KEY}, role: owner}]}\n`,
    { 'X-OngoingAI-Gateway-Key': KEY },
  )
})

afterEach(() => gateway.stop())

/** What an agent prints, its exit status checked. */
async function run(
  words: readonly string[],
  home: string,
  env: Record<string, string> = {},
): Promise<string> {
  const child = Bun.spawn([...words], {
    cwd: project,
    env: {
      PATH: `${bin}:${process.env['PATH']}`,
      HOME: home,
      CODEX_HOME: home,
      ONGOINGAI_GATEWAY_KEY: KEY,
      DISABLE_TELEMETRY: '1',
      DISABLE_AUTOUPDATER: '1',
      IS_SANDBOX: '1',
      ...env,
    },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()])
  expect([await child.exited, err]).toEqual([0, err])
  return out + err
}

/** What the record, the provider and the agent's output say of a run. @param answers those of the provider that cost something */
async function judge(out: string, target: string, answers: number): Promise<void> {
  const live = target.split('/')[0]!
  const traces = (await gateway.traces(answers, '&gateway_key_id=agents')).toReversed()
  expect(traces.length).toBeGreaterThanOrEqual(answers)
  for (const trace of traces) {
    expect(trace).toMatchObject({ target, provider: live, outcome: 'completed', cost_status: 'exact' })
    expect(Number(trace['estimated_cost_usd'])).toBeGreaterThan(0)
  }
  const [first, ...others] = traces
  expect((await gateway.detail(first!['id']))['attempts']).toMatchObject([
    { target: `dead-${target}`, credential: `dead-${live}-key`, cause: 'connect', cost_usd: 0 },
    { target, credential: `${live}-key`, cause: 'ok', cost_usd: first!['estimated_cost_usd'] },
  ])
  // The breaker of the first target is open by then.
  for (const other of others) expect(other['attempts'] ?? 1).toBe(1)
  const sent = upstream.seen.map(({ raw }) => raw).join('\n')
  expect(sent).toContain(HELD)
  expect(sent).not.toContain(KEY)
  expect(sent).not.toContain(HELD_OF_DEAD)
  expect(out).not.toContain(HELD)
  expect(out).not.toContain(HELD_OF_DEAD)
}

test.each([
  ['claude', '-p hi --allowedTools Read', 'TOOL LOOP DONE', 'anthropic/claude-haiku-4-5', 2],
  ['qwen', '-p hi', 'HELLO FROM UPSTREAM', 'openai/gpt-5.4-mini', 1],
  ['copilot', '-p hi --allow-all-tools', 'HELLO FROM UPSTREAM', 'openai/gpt-5.4-mini', 1],
] as const)(
  '%s: the line of the documentation',
  async (agent, more, answer, target, answers) => {
    const home = mkdtempSync(join(root, 'home-'))
    const out = await run(documentedLine(SECTION, agent, gateway.url, more), home)
    expect(out).toContain(answer)
    await judge(out, target, answers)
  },
  180_000,
)

test('Gemini CLI: the line of the documentation', async () => {
  const home = mkdtempSync(join(root, 'home-'))
  mkdirSync(join(home, '.gemini'))
  writeFileSync(
    join(home, '.gemini/settings.json'),
    JSON.stringify({
      security: { auth: { selectedType: 'gemini-api-key' } },
      privacy: { usageStatisticsEnabled: false },
      telemetry: { enabled: false },
    }),
  )
  const out = await run(documentedLine(SECTION, 'gemini', gateway.url, '--skip-trust -p hi'), home)
  expect(out).toContain('HELLO FROM UPSTREAM')
  await judge(out, 'gemini/gemini-3.8-flash', 1)
}, 180_000)

const CODEX = ['codex', 'exec', '--skip-git-repo-check', '--dangerously-bypass-approvals-and-sandbox']

test('Codex: the provider of the documentation, a tool loop over HTTP', async () => {
  const home = mkdtempSync(join(root, 'home-'))
  writeFileSync(join(home, 'config.toml'), documented(SECTION, 'toml', gateway.url))
  const out = await run([...CODEX, 'What does a.js say?'], home)
  expect(out).toContain('TOOL LOOP DONE')
  expect(upstream.seen.map(({ method }) => method)).toEqual(['POST', 'POST'])
  await judge(out, 'openai/gpt-5.4-mini', 2)
}, 120_000)

test('opencode: an OpenAI-compatible provider at /v1', async () => {
  const home = mkdtempSync(join(root, 'home-'))
  mkdirSync(join(home, '.config/opencode'), { recursive: true })
  const provider = {
    npm: '@ai-sdk/openai-compatible',
    options: { baseURL: `${gateway.url}/v1`, apiKey: KEY },
    models: { fast: {} },
  }
  const config = JSON.stringify({ provider: { gateway: provider } })
  writeFileSync(join(home, '.config/opencode/opencode.json'), config)
  const out = await run(['opencode', 'run', '-m', 'gateway/fast', 'hi'], home)
  expect(out).toContain('HELLO FROM UPSTREAM')
  await judge(out, 'openai/gpt-5.4-mini', 1)
}, 180_000)

test('Continue: a model at /v1', async () => {
  const home = mkdtempSync(join(root, 'home-'))
  const file = join(home, 'continue.yaml')
  const model = `{name: m, provider: openai, model: fast, apiBase: "${gateway.url}/v1/", apiKey: ${KEY}}`
  writeFileSync(file, `name: t\nversion: 0.0.1\nschema: v1\nmodels:\n  - ${model}\n`)
  const out = await run(['cn', '-p', 'hi', '--config', file], home, { CONTINUE_TELEMETRY_ENABLED: '0' })
  expect(out).toContain('HELLO FROM UPSTREAM')
  await judge(out, 'openai/gpt-5.4-mini', 1)
}, 180_000)
