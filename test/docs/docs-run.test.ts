import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { Glob } from 'bun'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { eventually } from '../support/eventually.ts'
import { PROVIDER_PRESETS } from '../../src/config/provider-settings.ts'
import { goTraces, makeGoPostgres, makeGoSqlite } from '../support/go-gateway.ts'
import { openTestPostgres, type TestPostgres } from '../support/postgres.ts'
import { freePort } from '../support/free-port.ts'
import { PROGRAM } from '../support/program.ts'
import { respondJson, Upstream } from '../support/upstream.ts'

setDefaultTimeout(60_000)

// The shell blocks of the documentation are run as they stand, page by page, each in a folder of its own, beside a gateway that has
// something to tell. `ongoingai` and `npx ongoingai` are this checkout's; the providers, and the Go gateway's databases, are the test's.

const ROOT = join(import.meta.dir, '../..')

interface Block {
  readonly page: string
  readonly run: boolean
  readonly text: string
}

const blocks: Block[] = [
  'README.md',
  'SECURITY.md',
  'CONTRIBUTING.md',
  ...[...new Glob('docs/*.md').scanSync(ROOT)].sort(),
].flatMap((page) =>
  [...readFileSync(join(ROOT, page), 'utf8').matchAll(/^```sh( unrun)?\n([^]*?)^```$/gm)].map((match) => ({
    page,
    run: match[1] === undefined,
    text: match[2]!,
  })),
)

/** Programs that the tests do not have, or that would reach beyond this machine. */
const ELSEWHERE =
  /^(?:[A-Z_]+=\S+ )*(?:npm|npx @ongoingai\/gateway|docker|helm|kubectl|systemctl|systemd-run|gh|curl -fsSL https:\/\/github\.com|claude|codex|gemini|qwen|copilot)\b/

test('what is not run could not be: it is of another program', () => {
  for (const { run, text } of blocks) {
    if (run) continue
    for (const line of text.trim().split('\n')) expect(line).toMatch(ELSEWHERE)
  }
})

/** Blocks with `serve` alone start the gateway that is there already. */
const SERVES = /^ongoingai serve$/m

const TOKEN = 'documentation-0123456789abcdef'
const pages = [...new Set(blocks.filter(({ run }) => run).map(({ page }) => page))]

let upstream: Upstream
let postgres: TestPostgres
let goDsn: string
let bin: string
beforeAll(async () => {
  upstream = await Upstream.start(
    respondJson({
      id: 'chatcmpl-1',
      model: 'gpt-5.4-mini',
      choices: [{ index: 0, message: { role: 'assistant', content: 'Hello.' }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 12, completion_tokens: 3, total_tokens: 15 },
    }),
  )
  postgres = await openTestPostgres()
  goDsn = await postgres.createDatabase()
  await makeGoPostgres(goDsn, goTraces(10))
  bin = mkdtempSync(join(tmpdir(), 'ongoingai-bin-'))
  const script = (name: string, text: string): void => {
    writeFileSync(join(bin, name), `#!/bin/sh\n${text}\n`)
    chmodSync(join(bin, name), 0o755)
  }
  const program = PROGRAM.map((word) => `'${word}'`).join(' ')
  script('ongoingai', `exec ${program} "$@"`)
  script('npx', `[ "$1" = ongoingai ] || exit 64; shift; exec ${program} "$@"`)
  // The only statement that the pages give it.
  if (!Bun.which('sqlite3'))
    script(
      'sqlite3',
      `exec '${process.execPath}' -e 'new (require("bun:sqlite").Database)(process.argv[1]).run(process.argv[2])' "$@"`,
    )
})
afterAll(async () => {
  await upstream.stop()
  await postgres?.stop()
  rmSync(bin, { recursive: true, force: true })
})

// A machine without a shell or curl has no use for them.
const SHELL = Bun.which('bash') !== null && Bun.which('curl') !== null

describe.if(SHELL).each(pages)('%s', (page) => {
  const folder = mkdtempSync(join(tmpdir(), 'ongoingai-docs-'))
  let port: number
  let serving: Bun.Subprocess | undefined
  let environment: Record<string, string>

  beforeAll(async () => {
    port = await freePort()
    environment = {
      PATH: `${bin}${delimiter}${process.env['PATH'] ?? ''}`,
      HOME: folder,
      ONGOINGAI_PORT: String(port),
      ONGOINGAI_GATEWAY_KEY: TOKEN,
      ONGOINGAI_IMPORT_FROM: './data/old.db',
      OPENAI_API_KEY: 'sk-documentation-0123456789',
    }
    const held = '{use: client_or_gateway, held: [{name: main, env: OPENAI_API_KEY}]}'
    const providers = Object.keys(PROVIDER_PRESETS).map(
      (name) =>
        `${name}: {upstream: "${upstream.url}"${name === 'openai' || name === 'groq' ? `, credentials: ${held}` : ''}}`,
    )
    writeFileSync(
      join(folder, 'ongoingai.yaml'),
      `providers: {${providers.join(', ')}}
models: [{name: fast, targets: [{provider: openai, model: gpt-5.4-mini}, {provider: groq, model: openai/gpt-oss-120b, tier: 2}]}]
auth: {enabled: true, accept_in: [header, provider_field], keys: [{id: docs, token: ${TOKEN}, org_id: default, workspace_id: default, role: owner}]}
limits: {policies: [{name: month, per: workspace, budget: {cost_usd: 250, period: month}}]}
`,
    )
    mkdirSync(join(folder, 'data'))
    makeGoSqlite(join(folder, 'data/old.db'), goTraces(10))
    serving = Bun.spawn(['ongoingai', 'serve'], {
      cwd: folder,
      env: environment,
      stdout: 'ignore',
      stderr: 'ignore',
    })
    const url = `http://127.0.0.1:${port}`
    await eventually(() =>
      fetch(`${url}/api/ready`).then(
        ({ ok }) => ok,
        () => false,
      ),
    )
    // Something to tell, and the keys that pages speak of.
    await sh(`ongoingai keys create --id ci --role viewer --name ci`)
    for (let i = 0; i < 3; i++) {
      const answer = await fetch(`${url}/openai/v1/chat/completions`, {
        method: 'POST',
        headers: {
          'x-ongoingai-gateway-key': TOKEN,
          authorization: 'Bearer sk-documentation-0123456789',
          'x-ongoingai-tags': 'team=red',
        },
        body: '{"model":"gpt-5.4-mini","messages":[]}',
      })
      expect(answer.status).toBe(200)
    }
    await eventually(async () => {
      const answer = await fetch(`${url}/api/traces`, { headers: { 'x-ongoingai-gateway-key': TOKEN } })
      return ((await answer.json()) as { items: unknown[] }).items.length === 3
    })
  })
  afterAll(async () => {
    serving?.kill('SIGTERM')
    await serving?.exited
    rmSync(folder, { recursive: true, force: true })
  })

  async function sh(text: string): Promise<{ status: number; said: string }> {
    const here = text
      .replaceAll('127.0.0.1:8080', `127.0.0.1:${port}`)
      .replaceAll('postgres://user:secret@host/ongoingai', goDsn)
    const child = Bun.spawn(['bash', '-euo', 'pipefail', '-c', here], {
      cwd: folder,
      env: environment,
      stdout: 'pipe',
      stderr: 'pipe',
    })
    const [out, err] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
    ])
    return { status: await child.exited, said: out + err }
  }

  const own = blocks.filter((block) => block.run && block.page === page && !SERVES.test(block.text))
  test.each(own.map(({ text }) => [text.trim(), text]))('%s', async (_, text) => {
    expect(await sh(text)).toMatchObject({ status: 0 })
  })
})

test('there are many', () => {
  const run = blocks.filter((block) => block.run)
  console.log(`${run.length} shell blocks run, ${blocks.length - run.length} of other programs`)
  expect(run.length).toBeGreaterThan(15)
})
