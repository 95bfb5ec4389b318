import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { chmodSync, copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startConnectProxy, type ConnectProxy } from '../support/connect-proxy.ts'
import { openGateway, type TestGateway } from '../support/gateway.ts'
import { runProgram } from '../support/process.ts'
import { tlsPath } from '../support/tls-fixtures.ts'
import { respondJson, Upstream } from '../support/upstream.ts'

setDefaultTimeout(60_000)

let gateway: TestGateway
let upstream: Upstream
let proxy: ConnectProxy
let folder: string
/** What a network sets whose only way out is a proxy. */
let environment: Record<string, string>

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ongoingai-behind-proxy-'))
  gateway = await openGateway('')
  upstream = await Upstream.start(respondJson({}))
  proxy = await startConnectProxy(upstream.port)
  environment = { HTTP_PROXY: proxy.url, HTTPS_PROXY: proxy.url, http_proxy: proxy.url }
})
afterAll(async () => {
  await gateway.stop()
  await upstream.stop()
  proxy.stop()
  rmSync(folder, { recursive: true, force: true })
})

test('commands ask a gateway of this machine directly', async () => {
  const { status, out, err } = await runProgram(['health', '--base-url', gateway.url], { env: environment })
  expect([status, out, err]).toEqual([0, `${gateway.url}/api/ready takes requests\n`, ''])
  expect(proxy.asked).toEqual([])
})

test('a wrapped tool is told to ask the gateway directly, beside what it asked directly before', async () => {
  const print = ['wrap', '--', 'sh', '-c', 'echo "$NO_PROXY $no_proxy"']
  const before = { ...environment, NO_PROXY: 'intranet.test' }
  expect((await runProgram(print, { env: before, cwd: folder })).out).toBe(
    'intranet.test,127.0.0.1 intranet.test,127.0.0.1\n',
  )
  expect((await runProgram(print, { cwd: folder })).out).toBe(' \n')
})

test('doctor reaches upstreams as serve does, and says when the key of a certificate is open to others', async () => {
  const key = join(folder, 'client-key.pem')
  copyFileSync(tlsPath('client-key.pem'), key)
  chmodSync(key, 0o644)
  const config = join(folder, 'ongoingai.yaml')
  const only = ['openai', 'anthropic', 'gemini', 'mistral', 'cohere', 'groq', 'deepseek', 'xai']
    .concat('openrouter', 'perplexity', 'ollama')
    .map((name) => `${name}: {enabled: false}`)
  const far = `far: {upstream: "http://llm.internal.test", prefix: /far, client_cert_file: ${tlsPath('client.pem')}, client_key_file: ${key}}`
  writeFileSync(config, `providers: {${[...only, far].join(', ')}}\n`)
  const { out } = await runProgram(['doctor', '--online', '--config', config], {
    env: environment,
    cwd: folder,
  })
  expect(out).toContain('far: http://llm.internal.test answers 200')
  expect(out.replace(/\s+/g, ' ')).toContain(`${key} holds a secret and is open to others`)
})
