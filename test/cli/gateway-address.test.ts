import { afterAll, beforeAll, expect, test } from 'bun:test'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { runProgram } from '../support/process.ts'
import { respondJson, Upstream } from '../support/upstream.ts'

// The folder that a tool is started in may be anybody's repository, with an ongoingai.yaml of its own.

const PROVIDER_KEY = 'sk-provider-0123456789abcdef'
const GATEWAY_KEY = 'gateway-key-0123456789abcdef'
const folder = mkdtempSync(join(tmpdir(), 'ongoingai-gateway-address-'))
let elsewhere: Upstream
beforeAll(async () => {
  elsewhere = await Upstream.start(respondJson({}))
})
afterAll(async () => {
  await elsewhere.stop()
  rmSync(folder, { recursive: true, force: true })
})

const SHOW = ['wrap', '--', 'sh', '-c', 'echo "sent to $OPENAI_BASE_URL"']

async function run(host: string, words: readonly string[], env: Record<string, string> = {}) {
  writeFileSync(join(folder, 'ongoingai.yaml'), `server: {host: ${JSON.stringify(host)}, port: 8080}\n`)
  const secrets = { OPENAI_API_KEY: PROVIDER_KEY, ONGOINGAI_GATEWAY_KEY: GATEWAY_KEY }
  return runProgram([...words], { cwd: folder, env: { ...secrets, ...env } })
}

test('an ongoingai.yaml of the working directory points neither tools nor commands at another machine', async () => {
  const expectRefused = async (host: string, words: readonly string[]): Promise<void> => {
    const { status, out, err } = await run(host, words)
    expect([host, words[0], status, out]).toEqual([host, words[0], 1, ''])
    expect(err).toContain('ongoingai.yaml of the working directory')
    expect(err).toContain('--config ongoingai.yaml')
  }
  for (const host of ['203.0.113.7', '[2001:db8::1]', 'localhost.evil.example', 'a@evil.example'])
    await expectRefused(host, ['shell-init'])
  for (const words of [SHOW, ['diagnostics'], ['limits'], ['health']])
    await expectRefused('evil.example', words)
})

test('nor does it by a variable that it refers to', async () => {
  const { status, err } = await run('${env:OPENAI_API_KEY}.evil.example', ['shell-init'])
  expect([status, err.includes(PROVIDER_KEY)]).toEqual([1, false])
})

test('it points them at any address of this machine', async () => {
  const own = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ internal, family }) => !internal && family === 'IPv4')
    .map(({ address }) => [address, address] as const)
  const hosts = [
    ['0.0.0.0', 'localhost'],
    ['', 'localhost'],
    ['LOCALHOST', 'LOCALHOST'],
    ['::1', '[::1]'],
    ...own,
  ]
  for (const [host = '', shown] of hosts) {
    const { status, out } = await run(host, SHOW)
    expect([host, status, out]).toEqual([host, 0, `sent to http://${shown}:8080/openai/v1\n`])
  }
})

test('a file that is named, a variable and --base-url may point anywhere', async () => {
  const there = 'export OPENAI_BASE_URL=http://gateway.example:8080/openai/v1\n'
  const named = await run('gateway.example', ['shell-init', '--config', 'ongoingai.yaml'])
  expect([named.status, named.out]).toEqual([0, expect.stringContaining(there)])
  const variable = await run('evil.example', ['shell-init'], { ONGOINGAI_HOST: 'gateway.example' })
  expect([variable.status, variable.out]).toEqual([0, expect.stringContaining(there)])
  const { status } = await run('evil.example', ['health', '--base-url', elsewhere.url])
  expect(status).toBe(0)
})

test('what it says of prefixes runs no command in a shell that takes over the lines', async () => {
  const mark = join(folder, 'ran')
  const quotes = ["'", '"', '\u2018', '\u2019', '\u201a', '\u201b', '\\', '\n', '`', '$(', '']
  const prefix = `/${quotes.map((quote) => `a${quote}; touch ${mark}; ${quote}`).join('')}b`
  writeFileSync(join(folder, 'ongoingai.yaml'), `providers: {openai: {prefix: ${JSON.stringify(prefix)}}}\n`)
  const lines = async (shell: string): Promise<string> =>
    (await runProgram(['shell-init', '--shell', shell], { cwd: folder })).out
  const evaluated = Bun.spawnSync(['sh', '-c', `${await lines('posix')}\nprintf %s "$OPENAI_BASE_URL"`])
  expect(evaluated.stdout.toString()).toBe(`http://127.0.0.1:8080${prefix}/v1`)
  expect(existsSync(mark)).toBe(false)
  // PowerShell takes typographic quotes for plain ones; two of them stand for one.
  const [, quoted = ''] = /OPENAI_BASE_URL = '([^]*?)'\n\$env:ANTHROPIC/.exec(await lines('powershell')) ?? []
  expect(quoted).toContain('touch')
  expect(quoted.replace(/(['\u2018-\u201b])\1/g, '')).not.toMatch(/['\u2018-\u201b]/)
})
