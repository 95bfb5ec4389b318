import { Database } from 'bun:sqlite'
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { COMMANDS } from '../../src/cli/run.ts'
import { openSqliteStorage } from '../../src/storage/drivers/sqlite.ts'
import { freePort } from '../support/free-port.ts'
import { runProgram, serveProgram } from '../support/process.ts'
import { PROGRAM } from '../support/program.ts'
import { sampleTrace } from '../support/trace.ts'
import { respondJson, stream, Upstream } from '../support/upstream.ts'

const folder = mkdtempSync(join(tmpdir(), 'ongoingai-cli-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const T0 = Date.parse('2026-02-18T14:00:00Z') * 1000
const MINUTE = 60_000_000

const run = (words: string, env: Record<string, string> = {}, cwd = folder): ReturnType<typeof runProgram> =>
  runProgram(words === '' ? [] : words.split(' '), { cwd, env })

beforeAll(async () => {
  writeFileSync(join(folder, 'ongoingai.yaml'), 'storage: {path: ./g.db}\n')
  const storage = await openSqliteStorage(join(folder, 'g.db'), 'write')
  const lineage = (seq: number, parent: string): object => ({
    lineage_checkpoint_seq: seq,
    lineage_group_id: 'group-demo',
    ...(parent ? { lineage_parent_checkpoint_id: parent } : {}),
  })
  await storage.write([
    sampleTrace({
      id: 'trace-step-1',
      traceGroupId: 'group-demo',
      startedAtUs: T0,
      createdAtUs: T0,
      metadata: lineage(1, '') as Record<string, unknown>,
    }),
    sampleTrace({
      id: 'trace-step-2',
      traceGroupId: 'group-demo',
      startedAtUs: T0 + 2 * MINUTE,
      createdAtUs: T0 + 2 * MINUTE,
      provider: 'anthropic',
      model: 'claude-\u001b[31msonnet\u202e',
      requestPath: '/anthropic/v1/messages',
      inputTokens: 13,
      outputTokens: 10,
      totalTokens: 23,
      costNanoUsd: null,
      costStatus: 'unknown',
      apiKeyHash: 'key-b',
      metadata: lineage(2, 'trace-step-1') as Record<string, unknown>,
    }),
  ])
  await storage.close()
})

describe('the program', () => {
  test('helps on stdout with status 0, at every level', async () => {
    for (const words of [
      'help',
      '--help',
      '-h',
      'report --help',
      'config --help',
      'wrap -h',
      'config validate --help',
    ]) {
      const { status, out, err } = await run(words)
      expect([words, status, err]).toEqual([words, 0, ''])
      expect(out).toContain('Usage')
    }
  })

  test('suggests the nearest command and flag, on stderr, with status 2', async () => {
    expect(await run('reprot')).toMatchObject({
      status: 2,
      out: '',
      err: expect.stringContaining('did you mean "report"?'),
    })
    expect(await run('config valdate')).toMatchObject({
      status: 2,
      err: expect.stringContaining('ongoingai config validate'),
    })
    expect(await run('report --limt 3')).toMatchObject({
      status: 2,
      err: expect.stringContaining('flag provided but not defined: -limt (did you mean --limit?)'),
    })
    expect(await run('report --limit')).toMatchObject({
      status: 2,
      err: expect.stringMatching(/^Usage of report:\n[^]*\n\nflag needs an argument: -limit\n$/),
    })
    expect(await run('report --limit abc')).toMatchObject({
      status: 2,
      err: expect.stringContaining('invalid value "abc" for flag -limit: parse error'),
    })
  })

  test('help has one line for each command, and fits a terminal', async () => {
    const { out } = await run('--help')
    for (const { name, summary } of COMMANDS) {
      expect(out).toContain(`\n  ${name} `)
      expect(out).toContain(summary.slice(0, 40))
    }
    const every = await run('keys create --help')
    // How a flag is described is the contract's.
    const lines = `${out}${every.out}`.split('\n').filter((line) => !line.startsWith('    \t'))
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(80)
  })

  test('a command that finds no store or no gateway says where it looked, and what to do', async () => {
    const away = join(folder, 'away')
    mkdirSync(away)
    const report = await run('report', {}, away)
    expect([report.status, report.err]).toEqual([
      1,
      `failed to initialize trace store: sqlite database "${join(realpathSync(away), 'data/ongoingai.db')}" does not exist; a gateway makes it. Is another folder meant? --config names the settings of that gateway\n`,
    ])
    const port = await freePort()
    const limits = await run('limits', { ONGOINGAI_PORT: String(port) })
    expect([limits.status, limits.err]).toEqual([
      1,
      `failed to read limits: no gateway answers at http://127.0.0.1:${port}; \`ongoingai serve\` starts one, --base-url names another\n`,
    ])
  })

  test('prints its version', async () => {
    for (const words of ['version', '--version', '-v', 'version whatever']) {
      expect(await run(words)).toEqual({ status: 0, out: 'dev (none, unknown)\n', err: '' })
    }
  })
})

describe('config', () => {
  test('validate says what is wrong, or that nothing is', async () => {
    expect(await run('config validate')).toEqual({
      status: 0,
      out: 'config is valid: ongoingai.yaml\n',
      err: '',
    })
    writeFileSync(join(folder, 'bad.yaml'), 'storage: {driver: postgres}\n')
    expect(await run('config validate --config bad.yaml')).toMatchObject({
      status: 1,
      err: expect.stringContaining('config is invalid: storage.dsn is required'),
    })
    expect(await run('config validate extra')).toMatchObject({
      status: 2,
      err: expect.stringContaining('does not accept positional arguments'),
    })
    expect(await run('config validate --config missing.yaml')).toMatchObject({
      status: 1,
      err: expect.stringContaining('no such file'),
    })
  })

  test('explain shows values and origins', async () => {
    const { status, out } = await run('config explain', { ONGOINGAI_PORT: '9999' })
    expect(status).toBe(0)
    expect(out).toMatch(/server\.port +9999 +ONGOINGAI_PORT/)
    expect(out).toMatch(/storage\.path +"\.\/g\.db" +ongoingai\.yaml:1/)
  })
})

describe('shell-init and wrap', () => {
  test('shell-init speaks three shells', async () => {
    expect((await run('shell-init')).out).toBe(
      [
        'export OPENAI_BASE_URL=http://127.0.0.1:8080/openai/v1',
        'export ANTHROPIC_BASE_URL=http://127.0.0.1:8080/anthropic',
        'export GOOGLE_GEMINI_BASE_URL=http://127.0.0.1:8080/gemini',
        'export CO_API_URL=http://127.0.0.1:8080/cohere',
        'export GROQ_BASE_URL=http://127.0.0.1:8080/groq',
        'export PERPLEXITY_BASE_URL=http://127.0.0.1:8080/perplexity',
        'export OLLAMA_HOST=http://127.0.0.1:8080/ollama',
        '',
      ].join('\n'),
    )
    expect((await run('shell-init --models')).out).toBe(
      'export OPENAI_BASE_URL=http://127.0.0.1:8080/v1\nexport ANTHROPIC_BASE_URL=http://127.0.0.1:8080\n',
    )
    expect((await run('shell-init', { ONGOINGAI_HOST: '0.0.0.0' })).out).toContain(
      'http://localhost:8080/openai/v1',
    )
    expect((await run('shell-init', { ONGOINGAI_HOST: '::1' })).out).toContain('http://[::1]:8080/openai/v1')
    expect((await run('shell-init --shell fish')).out).toContain(
      "set -gx OPENAI_BASE_URL 'http://127.0.0.1:8080/openai/v1'",
    )
    expect((await run('shell-init --shell powershell')).out).toContain(
      "$env:OPENAI_BASE_URL = 'http://127.0.0.1:8080/openai/v1'",
    )
    expect((await run('shell-init --shell csh')).status).toBe(2)
  })

  test('wrap sets the variables and passes the status on', async () => {
    const shell = (script: string, env = {}): ReturnType<typeof runProgram> =>
      runProgram(['wrap', '--', 'sh', '-c', script], {
        cwd: folder,
        env: { OPENAI_BASE_URL: 'http://before', FOO: 'bar', ...env },
      })
    expect((await shell('printf "%s|%s|%s" "$OPENAI_BASE_URL" "$ANTHROPIC_BASE_URL" "$FOO"')).out).toBe(
      'http://127.0.0.1:8080/openai/v1|http://127.0.0.1:8080/anthropic|bar',
    )
    expect((await shell('printf "%s|%s" "$GROQ_BASE_URL" "$GOOGLE_GEMINI_BASE_URL"')).out).toBe(
      'http://127.0.0.1:8080/groq|http://127.0.0.1:8080/gemini',
    )
    expect((await shell('exit 7')).status).toBe(7)
    expect((await shell('kill -TERM $$')).status).toBe(143)
    expect(
      (await shell('printf %s "$ANTHROPIC_CUSTOM_HEADERS"', { ONGOINGAI_GATEWAY_KEY: 'ogk_1' })).out,
    ).toBe('X-OngoingAI-Gateway-Key: ogk_1')
    expect(await run('wrap -- no-such-command-here')).toMatchObject({
      status: 1,
      err: expect.stringContaining(
        'failed to start command: exec: "no-such-command-here": executable file not found in $PATH',
      ),
    })
    expect(await run('wrap')).toMatchObject({
      status: 2,
      err: expect.stringContaining('usage: ongoingai wrap'),
    })
  })

  test('wrap leaves the command’s own flags alone, and gives codex its base URL', async () => {
    expect((await runProgram(['wrap', 'echo', '--config', 'x', '-n'], { cwd: folder })).out).toBe(
      '--config x -n\n',
    )
    const fake = join(folder, 'codex')
    writeFileSync(fake, '#!/bin/sh\nprintf "%s\\n" "$@"\n', { mode: 0o755 })
    expect((await runProgram(['wrap', '--', fake, 'exec', 'hi'], { cwd: folder })).out).toBe(
      '-c\nopenai_base_url="http://127.0.0.1:8080/openai/v1"\nexec\nhi\n',
    )
    expect(
      (await runProgram(['wrap', '--', fake, 'exec'], { cwd: folder, env: { ONGOINGAI_GATEWAY_KEY: 'k' } }))
        .out,
    ).toContain('env_http_headers={ "X-OngoingAI-Gateway-Key"="ONGOINGAI_GATEWAY_KEY" }')
  })

  test('wrap sends a codex that is logged in with ChatGPT to the provider chatgpt, and shows nothing of its tokens', async () => {
    const home = join(folder, 'codex-home')
    mkdirSync(home)
    const tokens = { access_token: 'eyJhbGciOiJSUzI1NiJ9.c2VjcmV0.c2lnbmF0dXJl', account_id: 'acc-1' }
    writeFileSync(join(home, 'auth.json'), JSON.stringify({ auth_mode: 'chatgpt', tokens }))
    const fake = join(folder, 'codex')
    writeFileSync(fake, '#!/bin/sh\nprintf "%s\\n" "$@"\nenv\n', { mode: 0o755 })
    const wrapped = await runProgram(['wrap', '--', fake, 'exec', 'hi'], {
      cwd: folder,
      env: { CODEX_HOME: home },
    })
    expect(wrapped.out).toContain('model_provider="ongoingai"\n')
    expect(wrapped.out).toContain('base_url="http://127.0.0.1:8080/chatgpt/backend-api/codex"')
    expect(wrapped.out).not.toContain('openai_base_url')
    expect(wrapped.out + wrapped.err).not.toContain('c2VjcmV0')
    writeFileSync(join(folder, 'off.yaml'), 'providers: {chatgpt: {enabled: false}}\n')
    const refused = await runProgram(['wrap', '--config', join(folder, 'off.yaml'), '--', fake], {
      cwd: folder,
      env: { CODEX_HOME: home },
    })
    expect(refused).toMatchObject({ status: 1, out: '' })
    expect(refused.err).toContain('set providers.chatgpt.enabled: true')
  })

  test('wrap forwards signals', async () => {
    const child = Bun.spawn(
      [
        ...PROGRAM,
        'wrap',
        '--',
        'sh',
        '-c',
        'trap "echo got; exit 5" TERM; echo ready; while :; do sleep 0.05; done',
      ],
      {
        cwd: folder,
        stdin: 'ignore',
        stdout: 'pipe',
      },
    )
    const reader = child.stdout.getReader()
    const first = await reader.read()
    expect(Buffer.from(first.value!).toString()).toBe('ready\n')
    child.kill('SIGTERM')
    expect(await child.exited).toBe(5)
    expect(Buffer.from((await reader.read()).value!).toString()).toBe('got\n')
  })
})

describe('report', () => {
  test('shows sums, groups and the latest traces, and obeys no control character', async () => {
    const { status, out, err } = await run('report --limit 5')
    expect([status, err]).toEqual([0, ''])
    expect(out).toContain('Schema version   report.v1\n')
    expect(out).toContain('Storage path     ./g.db\n')
    expect(out).toMatch(/Total requests +2\n/)
    expect(out).toMatch(/Estimated cost \(USD\) +0\.000180\n/)
    expect(out).toMatch(/Requests of unknown cost +1\n/)
    expect(out).toMatch(/anthropic +13 +10 +23 +0\.000000 \+ 1 unknown\n/)
    expect(out).toMatch(
      /2026-02-18T14:02:00Z +anthropic .*\s+200\s+23\s+\(unknown\)\s+120\s+\/anthropic\/v1\/messages\s+trace-step-2\n/,
    )
    expect(out).toContain('claude-\\u001b[31msonnet\\u202e')
    expect(out).not.toContain('\u001b')
  })

  test('as JSON keeps its contract', async () => {
    const { out } = await run('report --format json --from 2026-02-18 --to 2026-02-18')
    const report = JSON.parse(out) as Record<string, unknown>
    expect(Object.keys(report)).toEqual([
      'schema_version',
      'generated_at',
      'storage',
      'filters',
      'summary',
      'providers',
      'models',
      'api_keys',
      'gateway_keys',
      'recent_traces',
      'latency',
      'errors',
      'sessions',
    ])
    expect(report).toMatchObject({
      schema_version: 'report.v1',
      storage: { driver: 'sqlite', path: './g.db' },
      filters: { from: '2026-02-18T00:00:00Z', to: '2026-02-18T23:59:59.999999Z', limit: 10 },
      summary: {
        total_requests: 2,
        total_tokens: 41,
        total_cost_usd: 0.00018,
        active_keys: 2,
        unknown_cost_requests: 1,
      },
    })
  })

  test('refuses what makes no sense', async () => {
    expect(await run('report --format yaml')).toMatchObject({
      status: 2,
      err: 'invalid report format "yaml": expected text or json or html\n',
    })
    expect(await run('report extra')).toMatchObject({
      status: 2,
      err: 'report does not accept positional arguments\n',
    })
    expect(await run('report --limit 0')).toMatchObject({
      status: 2,
      err: 'limit must be between 1 and 200\n',
    })
    expect(await run('report --from tomorrow')).toMatchObject({
      status: 2,
      err: 'invalid from: expected RFC3339 or YYYY-MM-DD, or a span back from now: 90m, 24h, 7d, 4w, today, yesterday or month\n',
    })
    expect(await run('report --from 2026-02-19 --to 2026-02-18')).toMatchObject({
      status: 2,
      err: 'invalid range: to must be greater than or equal to from\n',
    })
  })

  test('creates nothing where there is nothing', async () => {
    const empty = mkdtempSync(join(tmpdir(), 'ongoingai-empty-'))
    expect(await run('report', {}, empty)).toMatchObject({
      status: 1,
      err: expect.stringContaining('failed to initialize trace store'),
    })
    expect(await run('debug last', {}, empty)).toMatchObject({ status: 1 })
    expect(readdirSync(empty)).toEqual([])
    expect(existsSync(join(folder, 'g.db-wal'))).toBe(false)
  })
})

describe('debug', () => {
  test('last shows the newest exchange and its chain in order', async () => {
    for (const words of ['debug last', 'debug', 'debug --limit 10 last', 'debug last --limit 10']) {
      const { status, out } = await run(words)
      expect([words, status]).toEqual([words, 0])
      expect(out).toMatch(/Chain checkpoints +2\n/)
      expect(out.indexOf('Step 1: trace-step-1')).toBeLessThan(out.indexOf('Step 2: trace-step-2'))
      expect(out).toMatch(/checkpoint=trace-step-2 parent=trace-step-1 seq=2\s+immutable=true/)
      expect(out).not.toContain('\u001b')
    }
  })

  test('selects by id, group, and says when there is nothing', async () => {
    const one = JSON.parse((await run('debug --trace-id trace-step-1 --format json')).out) as Record<
      string,
      Record<string, unknown>
    >
    expect(one).toMatchObject({
      schema_version: 'debug-chain.v1',
      source_trace_id: 'trace-step-1',
      selection: { trace_id: 'trace-step-1' },
      chain: { checkpoint_count: 2 },
    })
    const group = JSON.parse((await run('debug --trace-group-id group-demo --format json')).out) as Record<
      string,
      unknown
    >
    expect(group).toMatchObject({
      source_trace_id: 'trace-step-2',
      chain: { lineage_identifier: 'trace_group_id' },
    })
    expect(await run('debug --trace-id nope')).toMatchObject({ status: 1, err: 'trace not found\n' })
    expect(await run('debug --thread-id nope')).toMatchObject({
      status: 1,
      err: 'no traces found in storage\n',
    })
    expect(await run('debug banana')).toMatchObject({
      status: 2,
      err: expect.stringContaining('must be "last"'),
    })
    expect(await run('debug last --trace-group-id g')).toMatchObject({
      status: 2,
      err: expect.stringContaining('cannot be combined'),
    })
    expect(await run('debug --trace-id x --run-id y')).toMatchObject({
      status: 2,
      err: expect.stringContaining('cannot be combined'),
    })
  })
})

describe('serve', () => {
  test('serves, records and stops; report and debug show what happened, without it', async () => {
    const upstream = await Upstream.start(
      stream([
        'data: {"id":"c","model":"gpt-5.4-mini-2026-03-17","choices":[{"delta":{"content":"Hello"}}]}\n\n',
        'data: {"id":"c","choices":[{"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":21,"completion_tokens":6,"total_tokens":27}}\n\n',
        'data: [DONE]\n\n',
      ]),
    )
    const gateway = await serveProgram(`providers: {openai: {upstream: "${upstream.url}"}}\n`)
    await (
      await fetch(`${gateway.url}/openai/v1/chat/completions`, {
        method: 'POST',
        headers: {
          authorization: 'Bearer sk-canary-0123456789',
          'content-type': 'application/json',
          'user-agent': 'tester/1.2',
          'x-ongoingai-tags': 'team=a',
        },
        body: '{"model":"gpt-5.4-mini","stream":true,"messages":[{"role":"user","content":"hi"}]}',
      })
    ).text()
    const diagnostics = await runProgram(['diagnostics', 'trace-pipeline', '--base-url', gateway.url], {
      cwd: gateway.folder,
    })
    expect(diagnostics.out).toMatch(/Enqueue accepted total +1\n/)
    gateway.kill('SIGTERM')
    expect(await gateway.exited()).toBe(0)
    const lines = gateway
      .output()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(lines[0]).toMatchObject({
      level: 'INFO',
      msg: 'startup banner',
      storage_driver: 'sqlite',
      auth_enabled: false,
    })
    expect(Object.keys(lines[0]!).slice(0, 3)).toEqual(['time', 'level', 'msg'])
    expect(lines.at(-1)).toMatchObject({ msg: 'gateway stopped' })
    const report = await runProgram(['report'], { cwd: gateway.folder })
    expect(report.out).toMatch(/gpt-5\.4-mini-2026-03-17 +1 +27 +0\.00004275 /)
    const debug = await runProgram(['debug', 'last'], { cwd: gateway.folder })
    expect(debug.out).toMatch(/ttft_ms +[1-9]/)
    expect(debug.out).toMatch(/client +tester\nclient_version +1\.2\n/)
    expect(debug.out).toMatch(/tags +\{"team":"a"\}/)
    expect(debug.out).toMatch(/gpt-5\.4-mini-2026-03-17 +output_text +6 +4\.5 +0\.000027000/)
    expect(gateway.output()).not.toContain('sk-canary')
    await upstream.stop()
    gateway.remove()
  }, 30_000)

  test('says what keeps it from starting, with status 1', async () => {
    writeFileSync(join(folder, 'port.yaml'), 'server: {port: 70000}\n')
    expect(await run('serve --config port.yaml')).toMatchObject({
      status: 1,
      err: expect.stringContaining('config is invalid: server.port'),
    })
    const upstream = await Upstream.start(respondJson({}))
    writeFileSync(
      join(folder, 'taken.yaml'),
      `server: {port: ${upstream.port}}\nstorage: {path: ./taken.db}\n`,
    )
    expect(await run('serve --config taken.yaml')).toMatchObject({
      status: 1,
      out: expect.stringContaining('"level":"ERROR","msg":"gateway failed","error":"failed to listen on '),
    })
    await upstream.stop()
    expect(await run('serve extra')).toMatchObject({ status: 2 })
  })

  test('waits for live streams at the first signal, and stops at once at the second', async () => {
    const upstream = await Upstream.start(stream(['data: 1\n\n'], { between: () => new Promise(() => {}) }))
    const gateway = await serveProgram(`providers: {openai: {upstream: "${upstream.url}"}}\n`)
    const response = await fetch(`${gateway.url}/openai/v1/x`)
    const reader = response.body!.getReader()
    await reader.read()
    let exited = false
    void gateway.exited().then(() => (exited = true))
    gateway.kill('SIGTERM')
    await Bun.sleep(300)
    expect(exited).toBe(false)
    gateway.kill('SIGTERM')
    expect(await gateway.exited()).toBe(0)
    const report = await runProgram(['report', '--format', 'json'], { cwd: gateway.folder })
    expect((JSON.parse(report.out) as { recent_traces: unknown[] }).recent_traces).toMatchObject([
      { outcome: 'upstream_failed', response_status: 200 },
    ])
    await upstream.stop()
    gateway.remove()
  }, 30_000)

  test('takes over a changed file at SIGHUP, and keeps the old one when it is bad', async () => {
    const upstream = await Upstream.start(respondJson({ ok: true }))
    const gateway = await serveProgram(`providers: {openai: {upstream: "${upstream.url}/old"}}\n`)
    const port = new URL(gateway.url).port
    const ask = async (): Promise<string> => {
      await (await fetch(`${gateway.url}/openai/v1/x`)).text()
      return upstream.last.target
    }
    expect(await ask()).toBe('/old/v1/x')
    writeFileSync(gateway.configPath, `server: {port: ${port}}\nproviders: {openai: {upstream: nonsense}}\n`)
    gateway.kill('SIGHUP')
    while (!gateway.output().includes('configuration not reloaded')) await Bun.sleep(10)
    expect(await ask()).toBe('/old/v1/x')
    writeFileSync(
      gateway.configPath,
      `server: {port: ${port}}\nproviders: {openai: {upstream: "${upstream.url}/new"}}\n`,
    )
    gateway.kill('SIGHUP')
    while (!gateway.output().includes('configuration reloaded')) await Bun.sleep(10)
    expect(await ask()).toBe('/new/v1/x')
    gateway.kill('SIGINT')
    expect(await gateway.exited()).toBe(0)
    await upstream.stop()
    gateway.remove()
  }, 30_000)
})

test('no secret of a request is in the store', async () => {
  const upstream = await Upstream.start(respondJson({ ok: true }, { 'Set-Cookie': 'canary-cookie=1' }))
  const gateway = await serveProgram(
    `providers: {openai: {upstream: "${upstream.url}", credential_header: X-Vendor-Key}}\ntracing: {capture_bodies: true}\n`,
  )
  const secrets = [
    'canary-bearer',
    'canary-api',
    'canary-azure',
    'canary-google',
    'canary-cookie',
    'canary-vendor',
    'canary-gateway',
    'canary-proxy',
    'canary-query',
    'canary-body',
  ]
  const response = await fetch(`${gateway.url}/openai/v1/chat/completions?key=canary-query`, {
    method: 'POST',
    headers: {
      authorization: 'Bearer canary-bearer',
      'x-api-key': 'canary-api',
      'api-key': 'canary-azure',
      'x-goog-api-key': 'canary-google',
      cookie: 'canary-cookie',
      'x-vendor-key': 'canary-vendor',
      'x-ongoingai-gateway-key': 'canary-gateway',
      'proxy-authorization': 'canary-proxy',
      'content-type': 'application/json',
    },
    body: '{"model":"m","messages":[{"role":"user","content":"canary-body"}]}',
  })
  await response.text()
  gateway.kill('SIGTERM')
  await gateway.exited()
  const database = new Database(join(gateway.folder, 'data/ongoingai.db'), { readonly: true })
  const everything = ['traces', 'trace_details', 'trace_bodies']
    .map((table) => JSON.stringify(database.query(`SELECT * FROM ${table}`).all()))
    .join('')
  database.close()
  expect(everything).toContain('[REDACTED]')
  for (const secret of secrets) {
    expect([secret, everything.includes(secret), gateway.output().includes(secret)]).toEqual([
      secret,
      false,
      false,
    ])
  }
  await upstream.stop()
  gateway.remove()
}, 30_000)
