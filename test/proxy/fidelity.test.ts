import { afterAll, beforeAll, expect, test } from 'bun:test'
import { brotliCompressSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { eventually } from '../support/eventually.ts'
import { openGateway, providersAt, type TestGateway } from '../support/gateway.ts'
import { RawClient } from '../support/raw-client.ts'
import { respond, respondJson, stream, Upstream } from '../support/upstream.ts'

let upstream: Upstream
let gateway: TestGateway
beforeAll(async () => {
  upstream = await Upstream.start(respondJson({ ok: true }))
  gateway = await openGateway(providersAt(upstream.url))
})
afterAll(async () => {
  await gateway.stop()
  await upstream.stop()
})

const sha = (bytes: Uint8Array): string => Bun.SHA256.hash(bytes, 'hex')

const MESSAGE = Buffer.from(
  `{ "model":"claude-opus-5-5",  "max_tokens" : 1e2, "system":[{"type":"text","text":"\\u0000 caf\\u00e9 \\ud83d\\ude00 </script>","cache_control":{"type":"ephemeral","ttl":"1h"}}],\r\n\t"messages":[{"role":"user","content":"déjà"}],"unknown_beta":{"z":1.0,"a":-0.0,"a":2} }\n`,
)

const BODIES: [string, Buffer][] = [
  ['JSON with odd spacing, escapes, repeated keys and numbers', MESSAGE],
  ['one byte', Buffer.from([0])],
  ['every byte there is', Buffer.from(Array.from({ length: 256 }, (_, i) => i))],
  ['invalid UTF-8 and NUL', Buffer.from([0xff, 0xfe, 0, 0xc3, 0x28, 0xed, 0xa0, 0x80])],
  ['line ends of all kinds', Buffer.from('a\rb\nc\r\nd\n\r')],
  ['what looks like chunked framing', Buffer.from('5\r\nhello\r\n0\r\n\r\n')],
  ['gzip', gzipSync(MESSAGE)],
  ['brotli', brotliCompressSync(MESSAGE)],
  ['zstd', Buffer.from(zstdCompressSync(MESSAGE))],
  ['more than the buffered path takes', Buffer.alloc(700_000, MESSAGE)],
]

for (const [name, body] of BODIES) {
  for (const framing of ['content-length', 'chunked'] as const) {
    test(`a request body arrives as it was sent: ${name}, ${framing}`, async () => {
      upstream.play = respondJson({ ok: true })
      const client = await RawClient.open(gateway.port)
      const head =
        'POST /anthropic/v1/messages?beta=true HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n'
      client.send(
        framing === 'content-length'
          ? Buffer.concat([Buffer.from(`${head}Content-Length: ${body.length}\r\n\r\n`), body])
          : Buffer.concat([
              Buffer.from(`${head}Transfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n`),
              body,
              Buffer.from('\r\n0\r\n\r\n'),
            ]),
      )
      await eventually(() => client.text.endsWith('{"ok":true}'))
      client.close()
      expect(sha(upstream.last.body)).toBe(sha(body))
      expect(upstream.last.target).toBe('/v1/messages?beta=true')
      if (framing === 'content-length')
        expect(upstream.last.field('content-length')).toBe(String(body.length))
    })

    test(`an answer arrives as it was sent: ${name}, ${framing}`, async () => {
      const fields = { 'Content-Type': 'application/json', 'X-Custom': 'kept' }
      upstream.play =
        framing === 'content-length'
          ? respond(200, fields, body)
          : stream(
              [body.subarray(0, 7), body.subarray(7)].filter((piece) => piece.length > 0),
              { fields },
            )
      const response = await fetch(`${gateway.url}/openai/v1/files/x`, { decompress: false } as RequestInit)
      expect(sha(new Uint8Array(await response.arrayBuffer()))).toBe(sha(body))
      expect(response.headers.get('x-custom')).toBe('kept')
    })
  }
}

test('compressed answers keep their coding and their bytes', async () => {
  for (const [coding, body] of [
    ['gzip', gzipSync(MESSAGE)],
    ['br', brotliCompressSync(MESSAGE)],
    ['zstd', Buffer.from(zstdCompressSync(MESSAGE))],
  ] as const) {
    upstream.play = respond(200, { 'Content-Type': 'application/json', 'Content-Encoding': coding }, body)
    const client = await RawClient.open(gateway.port)
    client.send(`GET /openai/v1/x HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip, br, zstd\r\n\r\n`)
    await eventually(() => client.body.length === body.length)
    expect(sha(client.body)).toBe(sha(body))
    expect(client.text.toLowerCase()).toContain(`content-encoding: ${coding}`)
    expect(upstream.last.field('accept-encoding')).toBe('gzip, br, zstd')
    client.close()
  }
})

async function targetSeen(target: string): Promise<string> {
  upstream.play = respondJson({ ok: true })
  const count = upstream.requests.length
  const client = await RawClient.open(gateway.port)
  client.send(`GET ${target} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
  await eventually(() => client.status !== 0)
  client.close()
  return upstream.requests.length > count ? upstream.last.target : `status ${client.status}`
}

test('paths keep their escapes, dot segments are resolved, queries pass as they are', async () => {
  const cases: [string, string][] = [
    ['/openai', '/'],
    ['/openai/', '/'],
    ['/openai/v1', '/v1'],
    ['/openai/v1?', '/v1?'],
    ['/openai/v1//double//x', '/v1//double//x'],
    ['/openai/v1/files/a%2Fb%20c%41', '/v1/files/a%2Fb%20c%41'],
    ["/openai/v1/(x)!*'[]", "/v1/(x)!*'[]"],
    ['/openai/v1/%C3%A9', '/v1/%C3%A9'],
    ['/%6Fpenai/v1/%6F', '/v1/%6F'],
    ['/openai/v1/a/../b/./c', '/v1/b/c'],
    ['/openai/v1/a/%2e%2e/b', '/v1/b'],
    ['/openai/v1?a=1&a=%zz&b;c=+%20', '/v1?a=1&a=%zz&b;c=+%20'],
    ['http://elsewhere/openai/v1/x', '/v1/x'],
    ['/openai/../api/../openai/v1', '/v1'],
    ['/openaiish/v1', 'status 404'],
    ['/OPENAI/v1', 'status 404'],
    ['/openai/../api/health', 'status 200'],
    // What the URL standard changes: `docs/differences.md` has the list.
    [`/openai/v1/a|b'{c}"d^e\`f<h>`, "/v1/a|b'%7Bc%7D%22d%5Ee%60f%3Ch%3E"],
    [`/openai/v1?q="<>\`{}|\\^'`, '/v1?q=%22%3C%3E`{}|\\^%27'],
    ['/openai/v1/caf\xc3\xa9?q=\xc3\xa9', '/v1/caf%C3%A9?q=%C3%A9'],
    ['/openai/v1/a\\b', '/v1/a/b'],
    ['/openai/v1/x#fragment', 'status 400'],
  ]
  for (const [sent, seen] of cases) expect([sent, await targetSeen(sent)]).toEqual([sent, seen])
})

test('request fields pass, less those of the connection and the gateway’s own', async () => {
  upstream.play = respondJson({ ok: true })
  const client = await RawClient.open(gateway.port)
  client.send(
    [
      'POST /anthropic/v1/messages HTTP/1.1',
      'Host: gateway.localhost',
      'Connection: keep-alive, X-Hop',
      'X-Hop: 1',
      'Keep-Alive: timeout=5',
      'TE: trailers',
      'Proxy-Authorization: Basic x',
      'anthropic-version: 2026-10-21',
      'anthropic-beta: unknown-beta-2099-01-01,context-1m',
      'X-Api-Key: sk-ant-1',
      'X-Request-ID: abc-123',
      'X-OngoingAI-Gateway-Key: secret',
      'X-OngoingAI-Correlation-ID: mine',
      'X-OngoingAI-Trace-Group-ID: g',
      'X-OngoingAI-Tags: a=b',
      'X-Forwarded-For: 10.0.0.1',
      'X-Twice: 1',
      'X-Twice: 2',
      'X-Latin: caf\xe9',
      'traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      'Content-Length: 2',
      '',
      '{}',
    ].join('\r\n'),
  )
  await eventually(() => client.status === 200)
  client.close()
  const { last } = upstream
  expect(last.field('host')).toBe(`127.0.0.1:${upstream.port}`)
  expect(last.field('anthropic-version')).toBe('2026-10-21')
  expect(last.field('anthropic-beta')).toBe('unknown-beta-2099-01-01,context-1m')
  expect(last.field('x-api-key')).toBe('sk-ant-1')
  expect(last.field('x-request-id')).toBe('abc-123')
  expect(last.field('x-twice')).toBe('1, 2')
  expect(last.field('x-latin')).toBe('caf\xe9')
  expect(last.field('traceparent')).toBe('00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01')
  expect(last.field('via')).toMatch(/^1\.1 ongoingai-[0-9a-f]{8}$/)
  for (const name of [
    'x-hop',
    'keep-alive',
    'te',
    'proxy-authorization',
    'accept-encoding',
    'x-forwarded-for',
  ]) {
    expect([name, last.field(name)]).toEqual([name, undefined])
  }
  expect(last.fields.filter(([name]) => name.toLowerCase().startsWith('x-ongoingai-'))).toEqual([])
})

test('what the HTTP client changes in a request is what the documentation names', async () => {
  upstream.play = respondJson({ ok: true })
  const client = await RawClient.open(gateway.port)
  client.send(
    'DELETE /openai/v1/files/x HTTP/1.1\r\nHost: gateway.localhost\r\nCookie: a=1\r\nCookie: b=2\r\nX-Spaced:  a b  \r\nX-Empty:\r\n\r\n',
  )
  await eventually(() => client.status === 200)
  client.close()
  const { last } = upstream
  expect(last.field('cookie')).toBe('a=1; b=2')
  expect(last.field('x-spaced')).toBe('a b')
  expect(last.field('x-empty')).toBe('')
  expect(last.field('accept')).toBe('*/*')
  expect(last.field('user-agent')).toBe('')
  expect(last.field('content-length')).toBe('0')
})

test('198 fields of a request pass, 256 of an answer', async () => {
  const many = (count: number): string =>
    Array.from({ length: count }, (_, i) => `x-field-${i}: 1\r\n`).join('')
  for (const [sent, answered, status] of [
    [197, 254, 200],
    [198, 0, 431],
    [0, 255, 502],
  ] as const) {
    upstream.play = (_, socket) =>
      void socket.write(
        `HTTP/1.1 200 OK\r\n${many(answered)}Content-Length: 2\r\nConnection: close\r\n\r\n{}`,
      )
    const client = await RawClient.open(gateway.port)
    client.send(`GET /openai/v1/x HTTP/1.1\r\nHost: localhost\r\n${many(sent)}\r\n`)
    await eventually(() => client.status !== 0)
    client.close()
    expect([sent, answered, client.status]).toEqual([sent, answered, status])
  }
})

test('answer fields pass, less those of the connection, with ours added', async () => {
  upstream.play = (_, socket) =>
    void socket.write(
      'HTTP/1.1 418 I am a teapot\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\nX-Twice: 1\r\nX-Twice: 2\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\nX-OngoingAI-Correlation-ID: theirs\r\nx-request-id: req_9\r\nretry-after: 3\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok',
    )
  const client = await RawClient.open(gateway.port)
  client.send('GET /openai/v1/x HTTP/1.1\r\nHost: localhost\r\nX-OngoingAI-Correlation-ID: mine\r\n\r\n')
  await eventually(() => client.text.endsWith('ok'))
  client.close()
  const lines = client.text.split('\r\n')
  const of = (name: string): string[] =>
    lines
      .filter((line) => line.toLowerCase().startsWith(`${name}:`))
      .map((line) => line.slice(name.length + 1).trim())
  expect(client.status).toBe(418)
  expect(of('set-cookie')).toEqual(['a=1', 'b=2'])
  expect(of('x-hop')).toEqual([])
  expect(of('x-twice')).toEqual(['1, 2'])
  expect(of('date')).toEqual(['Mon, 01 Jan 2024 00:00:00 GMT'])
  expect(of('x-ongoingai-correlation-id')).toEqual(['mine'])
  expect(of('x-ongoingai-trace-id')[0]).toMatch(/^[0-9a-f]{32}$/)
  expect(of('x-request-id')).toEqual(['req_9'])
  expect(of('content-length')).toEqual(['2'])
})

test('an answer without a media type gets none', async () => {
  upstream.play = respond(200, {}, 'plain bytes')
  const client = await RawClient.open(gateway.port)
  client.send('GET /openai/v1/x HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await eventually(() => client.text.endsWith('plain bytes'))
  client.close()
  expect(client.text.toLowerCase()).not.toContain('content-type')
})

test('answers without content keep their fields', async () => {
  for (const [method, status, length] of [
    ['HEAD', 200, '1234'],
    ['GET', 204, undefined],
    ['GET', 304, undefined],
  ] as const) {
    upstream.play = (_, socket) =>
      void socket.write(
        `HTTP/1.1 ${status} X\r\nETag: "e"\r\n${length ? `Content-Length: ${length}\r\n` : ''}\r\n`,
      )
    const client = await RawClient.open(gateway.port)
    client.send(`${method} /openai/v1/x HTTP/1.1\r\nHost: localhost\r\n\r\n`)
    await eventually(() => client.text.endsWith('\r\n\r\n'))
    client.close()
    expect(client.status).toBe(status)
    expect(client.text.toLowerCase()).toContain('etag: "e"')
    if (length) expect(client.text.toLowerCase()).toContain(`content-length: ${length}`)
  }
})

test('redirects are passed on, not followed', async () => {
  upstream.play = respond(307, { Location: 'http://elsewhere.example/x', 'Content-Type': 'text/plain' }, '')
  const response = await fetch(`${gateway.url}/openai/v1/x`, { redirect: 'manual' })
  expect([response.status, response.headers.get('location')]).toEqual([307, 'http://elsewhere.example/x'])
})

test('the base URL’s own path and query come before the request’s', async () => {
  const based = await openGateway(`providers: {openai: {upstream: "${upstream.url}/base%2Fc/?k=v"}}\n`)
  try {
    upstream.play = respondJson({ ok: true })
    await (await fetch(`${based.url}/openai/v1?a=1`)).text()
    expect(upstream.last.target).toBe('/base%2Fc/v1?k=v&a=1')
  } finally {
    await based.stop()
  }
})

test('the longest prefix wins', async () => {
  const nested = await openGateway(
    `providers: {openai: {upstream: "${upstream.url}/short", prefix: /ai}, anthropic: {upstream: "${upstream.url}/long", prefix: /ai/anthropic}}\n`,
  )
  try {
    upstream.play = respondJson({ ok: true })
    await (await fetch(`${nested.url}/ai/anthropic/v1`)).text()
    expect(upstream.last.target).toBe('/long/v1')
    await (await fetch(`${nested.url}/ai/anthropics`)).text()
    expect(upstream.last.target).toBe('/short/anthropics')
  } finally {
    await nested.stop()
  }
})
