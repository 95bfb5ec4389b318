import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import type { Server } from 'bun'
import { eventually } from '../support/eventually.ts'
import { serveProgram, type GatewayProcess } from '../support/process.ts'

setDefaultTimeout(60_000)

// A connection carries any number of requests, so it must not outlive the key that opened it.

const OWNER = 'owner-token-0123456789abcdef'
const settings = (port: number, auth: string): string =>
  `providers: {openai: {upstream: "http://127.0.0.1:${port}"}}\nauth: ${auth}\n`
const KEYS = `{enabled: true, keys: [{id: root, token: ${OWNER}, role: owner}]}`

const sockets: WebSocket[] = []
let upstream: Server<undefined>
let gateway: GatewayProcess
beforeAll(async () => {
  upstream = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch: (request, self) => (self.upgrade(request) ? undefined : new Response(null, { status: 400 })),
    websocket: { message: (socket, message) => void socket.send(message) },
  })
  gateway = await serveProgram(settings(upstream.port!, KEYS))
})
afterAll(async () => {
  for (const socket of sockets) socket.close()
  gateway.kill('SIGTERM')
  await gateway.exited()
  gateway.remove()
  await upstream.stop(true)
})

async function api(method: string, path: string, body?: object): Promise<Record<string, string>> {
  const response = await fetch(`${gateway.url}/api/gateway-keys${path}`, {
    method,
    headers: { 'X-OngoingAI-Gateway-Key': OWNER, 'content-type': 'application/json' },
    ...(body ? { body: JSON.stringify(body) } : {}),
  })
  expect(response.ok).toBe(true)
  return response.status === 204 ? {} : ((await response.json()) as Record<string, string>)
}

interface Line {
  readonly echo: () => Promise<boolean>
  closed?: number
}

async function dial(token: string): Promise<Line> {
  const headers = { authorization: 'Bearer sk-provider-0123456789', 'X-OngoingAI-Gateway-Key': token }
  const socket = new WebSocket(`${gateway.url.replace('http', 'ws')}/openai/v1/realtime?model=m`, { headers })
  sockets.push(socket)
  const line: Line = {
    echo: () =>
      new Promise((resolve) => {
        socket.addEventListener('message', () => resolve(true), { once: true })
        socket.addEventListener('close', () => resolve(false), { once: true })
        socket.send('{}')
      }),
  }
  socket.addEventListener('close', ({ code }) => (line.closed = code))
  await new Promise((resolve) => socket.addEventListener('open', resolve))
  expect(await line.echo()).toBe(true)
  return line
}

test('a key that is revoked, or whose token is replaced, ends its connections, and no other', async () => {
  const [revoked, rotated, kept] = [
    await api('POST', '', {}),
    await api('POST', '', {}),
    await api('POST', '', {}),
  ]
  const lines = [await dial(revoked['token']!), await dial(rotated['token']!), await dial(kept['token']!)]
  await api('DELETE', `/${revoked['id']}`)
  await api('POST', `/${rotated['id']}/rotate`, {})
  await eventually(() => lines[0]!.closed !== undefined && lines[1]!.closed !== undefined)
  expect(lines.map(({ closed }) => closed)).toEqual([1008, 1008, undefined])
  expect(await lines[2]!.echo()).toBe(true)
})

test('a key that has expired carries nothing more', async () => {
  const expiresAt = Date.now() + 3000
  const { token } = await api('POST', '', { expires_at: new Date(expiresAt).toISOString() })
  const line = await dial(token!)
  await Bun.sleep(Math.max(0, expiresAt - Date.now()) + 10)
  expect(await line.echo()).toBe(false)
})

test('so does a key that a reload takes out of the file', async () => {
  const { token } = await api('POST', '', {})
  const [ofFile, ofStore] = [await dial(OWNER), await dial(token!)]
  const other = KEYS.replace(OWNER, 'another-token-0123456789abcdef')
  const port = new URL(gateway.url).port
  writeFileSync(gateway.configPath, `server: {port: ${port}}\n${settings(upstream.port!, other)}`)
  gateway.kill('SIGHUP')
  await eventually(() => ofFile.closed !== undefined)
  expect([ofFile.closed, await ofStore.echo()]).toEqual([1008, true])
})
