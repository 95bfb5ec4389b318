import { afterAll, afterEach, beforeAll, expect, test } from 'bun:test'
import type { Server } from 'bun'
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ConfigError, loadConfig } from '../../src/config/load.ts'
import { openGateway, type TestGateway } from '../support/gateway.ts'
import { tlsFixture, tlsPath } from '../support/tls-fixtures.ts'

/** Takes clients that show a certificate of `ca.pem`, and nobody else. */
let upstream: Server<undefined>
let gateway: TestGateway | undefined
let folder: string

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'ongoingai-tls-'))
  upstream = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    tls: {
      key: tlsFixture('server-key.pem'),
      cert: tlsFixture('server.pem'),
      ca: tlsFixture('ca.pem'),
      requestCert: true,
      rejectUnauthorized: true,
    },
    fetch(request, server) {
      if (request.headers.get('upgrade') && server.upgrade(request)) return undefined
      return Response.json({})
    },
    websocket: { message: (socket, message) => void socket.send(message) },
  })
})
afterEach(async () => {
  await gateway?.stop()
  gateway = undefined
})
afterAll(async () => {
  await upstream.stop(true)
  rmSync(folder, { recursive: true, force: true })
})

function far(more: string, host = 'localhost'): string {
  return `providers: {far: {upstream: "https://${host}:${upstream.port}", prefix: /far${more}}}\n`
}

const CA = `, ca_file: ${tlsPath('ca.pem')}`
const CLIENT = `, client_cert_file: ${tlsPath('client.pem')}, client_key_file: ${tlsPath('client-key.pem')}`

async function ask(): Promise<number> {
  return (await fetch(`${gateway!.url}/far/v1/models`)).status
}

async function echo(): Promise<string> {
  const socket = new WebSocket(`${gateway!.url.replace('http', 'ws')}/far/v1/realtime`)
  const { promise, resolve } = Promise.withResolvers<string>()
  socket.onopen = () => socket.send('hello')
  socket.onmessage = (event) => resolve(String(event.data))
  socket.onclose = () => resolve('closed')
  const said = await promise
  socket.close()
  return said
}

test('a private authority and a client certificate serve requests and WebSockets, by name and by address', async () => {
  for (const host of ['localhost', '127.0.0.1']) {
    gateway = await openGateway(far(`${CA}${CLIENT}`, host))
    expect([host, await ask(), await echo()]).toEqual([host, 200, 'hello'])
    await gateway.stop()
    gateway = undefined
  }
})

test('without the authority, or without the client certificate, there is no upstream', async () => {
  for (const settings of [CLIENT, CA]) {
    gateway = await openGateway(far(settings))
    expect([settings, await ask(), await echo()]).toEqual([settings, 502, 'closed'])
    await gateway.stop()
    gateway = undefined
  }
})

test('a certificate that was renewed in its file is shown after a reload', async () => {
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
  const file = join(folder, 'ongoingai.yaml')
  const settings = far(`${CA}, client_cert_file: ${cert}, client_key_file: ${key}`)
  // A certificate that signs for servers only: the upstream refuses it.
  copyFileSync(tlsPath('server.pem'), cert)
  copyFileSync(tlsPath('server-key.pem'), key)
  gateway = await openGateway(settings)
  expect(await ask()).toBe(502)
  copyFileSync(tlsPath('client.pem'), cert)
  copyFileSync(tlsPath('client-key.pem'), key)
  writeFileSync(file, settings)
  const { changed } = await gateway.gateway.reload(loadConfig(file, {}).config)
  expect([changed.includes('providers'), await ask(), await echo()]).toEqual([true, 200, 'hello'])
})

test('what is wrong with a proxy, a certificate or a key is said at the start', () => {
  const junk = join(folder, 'junk.pem')
  writeFileSync(junk, 'no certificate\n')
  const encrypted = join(folder, 'encrypted.pem')
  writeFileSync(
    encrypted,
    '-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n',
  )
  const cert = `, client_cert_file: ${tlsPath('client.pem')}`
  const environment = { ALL_PROXY: 'socks5://user:unspoken@127.0.0.1:1080' }
  for (const [settings, message] of [
    ['', '^ALL_PROXY must be the http or https URL of a proxy \\(got "socks5://[^ ]*127.0.0.1:1080"\\)$'],
    [`, ca_file: ${folder}/none.pem`, 'providers.far.ca_file: .*none.pem" cannot be read: no such file'],
    [`, ca_file: ${folder}`, 'providers.far.ca_file: .* cannot be read: it is a folder'],
    [`, ca_file: ${junk}`, 'providers.far.ca_file: .*junk.pem" holds no certificate'],
    [cert, 'go together \\(client_key_file is missing\\)'],
    [`, client_key_file: ${tlsPath('client-key.pem')}`, 'go together \\(client_cert_file is missing\\)'],
    [`${cert}, client_key_file: ${junk}`, 'junk.pem" holds no private key'],
    [`${cert}, client_key_file: ${encrypted}`, 'is encrypted; the gateway needs it without a password'],
    [
      `${cert}, client_key_file: ${tlsPath('server-key.pem')}`,
      'server-key.pem" is not the key of the certificate in client_cert_file',
    ],
    [', proxy: "socks5://127.0.0.1:1080"', 'providers.far.proxy must be the http or https URL of a proxy'],
    [
      ', proxy: "http://user:unspoken%zz@proxy:80"',
      'providers.far.proxy must be the http or https URL of a proxy',
    ],
    [', proxy: "http://user:unspoken@:80"', 'providers.far.proxy must be the http or https URL of a proxy'],
  ] as const) {
    const file = join(folder, 'wrong.yaml')
    writeFileSync(file, far(settings))
    let said = 'nothing'
    try {
      loadConfig(file, settings === '' ? environment : {})
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      said = error.message
    }
    expect(said).toMatch(new RegExp(message))
    expect(said).not.toContain('unspoken')
    expect(said).not.toContain('\n')
  }
})
