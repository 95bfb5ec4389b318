import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { gzipSync } from 'node:zlib'
import { openGateway, providersAt, type TestGateway } from '../support/gateway.ts'
import { sendRaw } from '../support/raw-client.ts'
import { respondJson, Upstream } from '../support/upstream.ts'

setDefaultTimeout(30_000)

// A key is bound to models. Whichever of the names in a request the upstream goes by, it must be one of them.

const OWNER = 'owner-token-0123456789abcdef'
let upstream: Upstream
let gateway: TestGateway
let bound = ''
beforeAll(async () => {
  upstream = await Upstream.start(respondJson({ id: 'x' }))
  gateway = await openGateway(
    `${providersAt(upstream.url)}auth: {enabled: true, keys: [{id: root, token: ${OWNER}, role: owner}]}
limits: {policies: [{name: dear, per: key, match: {model: dear*}, requests_per_minute: 1}]}\n`,
  )
  bound = await keyFor(['cheap*'])
})
afterAll(async () => {
  await gateway.stop()
  await upstream.stop()
})

async function keyFor(models: readonly string[], limits: readonly object[] = []): Promise<string> {
  const made = await fetch(`${gateway.url}/api/gateway-keys`, {
    method: 'POST',
    headers: { 'X-OngoingAI-Gateway-Key': OWNER, 'content-type': 'application/json' },
    body: JSON.stringify({ models, limits }),
  })
  return ((await made.json()) as { token: string }).token
}

async function ask(
  path: string,
  body: string | Uint8Array,
  fields: Record<string, string> = {},
  token = bound,
) {
  const response = await fetch(`${gateway.url}${path}`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      authorization: 'Bearer sk-provider-0123456789',
      'X-OngoingAI-Gateway-Key': token,
      ...fields,
    },
    body: body as Bun.BodyInit,
  })
  await response.arrayBuffer()
  return response.status
}

const CHAT = '/openai/v1/chat/completions'
const FORM = { 'content-type': 'multipart/form-data; boundary=b' }
const part = (boundary: string, value: string): string =>
  `--${boundary}\r\nContent-Disposition: form-data; name="model"\r\n\r\n${value}\r\n`
const TRANSCRIPTION = '/openai/v1/audio/transcriptions'
const LONG_HEADER = part('b', 'x').replace('\r\n\r\n', `\r\nX: ${'x'.repeat(5000)}\r\n\r\n`)
const LONG = `"x":"${'x'.repeat(5000)}"`

test('a bound key is refused when any name of a model in its request is another’s', async () => {
  const refused: [string, string | Uint8Array, Record<string, string>?][] = [
    [CHAT, '{"model":"dear"}'],
    [CHAT, '{"model":"cheap","model":"dear"}'],
    [CHAT, '{"model":"dear","model":"cheap"}'],
    [CHAT, `{"model":"dear",${LONG},"model":"cheap"}`],
    [CHAT, '{"model":"cheap","mod\\u0065l":"dear"}'],
    [CHAT, '{"model":"cheap","Model":"dear"}'],
    [CHAT, `{"MODEL":"dear",${LONG},"model":"cheap"}`],
    [CHAT, '{"model":"cheap","models":["cheap-2","dear"]}'],
    [CHAT, '{"model":"cheap", /* c */ "model":"dear"}'],
    [CHAT, gzipSync('{"model":"dear","model":"cheap"}'), { 'content-encoding': 'gzip' }],
    [`${CHAT}?model=dear`, '{"model":"cheap"}'],
    [`${CHAT}?model=cheap&%6dodel=dear`, '{"model":"cheap"}'],
    ['/openai/v1beta/models/dear:generateContent', '{"model":"cheap"}'],
    ['/openai/v1beta/models%2Fdear:generateContent', '{"model":"cheap"}'],
    ['/openai/model/dear/invoke', '{"model":"cheap"}'],
    ['/openai/openai/deployments/dear/chat/completions', '{"model":"cheap"}'],
    [TRANSCRIPTION, `${part('b', 'cheap')}${part('b', 'dear')}--b--\r\n`, FORM],
    [TRANSCRIPTION, `${part('b', 'cheap').repeat(40)}${part('b', 'dear')}--b--\r\n`, FORM],
    [TRANSCRIPTION, `${part('b', 'cheap')}${part('b', `dear${' '.repeat(2000)}`)}--b--\r\n`, FORM],
    [TRANSCRIPTION, `${part('b', 'cheap')}${LONG_HEADER}${part('b', 'dear')}--b--\r\n`, FORM],
    [CHAT, '{"model":"cheap","model":"dear\u0001"}'],
    [TRANSCRIPTION, `${part('a', 'cheap')}--a--\r\n${part('b', 'dear')}--b--\r\n`, FORM],
  ]
  for (const [path, body, fields] of refused)
    expect([path, String(body).slice(0, 80), await ask(path, body, fields)]).toEqual([
      path,
      String(body).slice(0, 80),
      403,
    ])
})

test('and passes when all of them are its own', async () => {
  const allowed: [string, string | Uint8Array, Record<string, string>?][] = [
    [CHAT, '{"model":"cheap"}'],
    [CHAT, `{${LONG},"model":"cheap"}`],
    [CHAT, '\ufeff {"model":"cheap","messages":[{"model":"dear"}]} \n'],
    [CHAT, '{"model":"cheap","models":["cheap-2"],"metadata":{"models":["dear"]}}'],
    [CHAT, gzipSync('{"model":"cheap"}'), { 'content-encoding': 'gzip' }],
    ['/openai/v1beta/models/cheap:embedContent', '{"model":"models/cheap"}'],
    ['/openai/openai/deployments/cheap/chat/completions', '{"model":"cheap"}'],
    [TRANSCRIPTION, `${part('b', 'cheap')}--b--\r\n`, FORM],
    [
      TRANSCRIPTION,
      `${part('b', 'cheap')}--b--\r\n`,
      { 'content-type': 'multipart/form-data; boundary="b"' },
    ],
  ]
  for (const [path, body, fields] of allowed)
    expect([path, String(body).slice(0, 80), await ask(path, body, fields)]).toEqual([
      path,
      String(body).slice(0, 80),
      200,
    ])
})

test('what runs no model names none, and may', async () => {
  for (const path of ['/openai/v1/vector_stores', '/openai/v1/vector_stores/vs_1/files', '/openai/v1/files'])
    expect([path, await ask(path, '{"name":"x"}')]).toEqual([path, 200])
  expect(await ask('/openai/v1/vector_stores/vs_1/files', '{"model":"dear"}')).toBe(403)
  expect(await ask('/openai/v1/unheard/of', '{"name":"x"}')).toBe(403)
  const fields = { authorization: 'Bearer sk-provider-0123456789', 'X-OngoingAI-Gateway-Key': bound }
  for (const path of ['/openai/v1/batches/b', '/openai/v1/batches/b/results']) {
    const polled = await fetch(`${gateway.url}${path}`, { headers: fields })
    expect([path, polled.status]).toEqual([path, 200])
  }
})

test('a WebSocket passes by the model of its target only where no message names another', async () => {
  const dial = async (path: string): Promise<number> => {
    const { status } = await sendRaw(Number(new URL(gateway.url).port), [
      `GET ${path} HTTP/1.1`,
      'Host: localhost',
      'Upgrade: websocket',
      'Connection: Upgrade',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      'Authorization: Bearer sk-provider-0123456789',
      `X-OngoingAI-Gateway-Key: ${bound}`,
    ])
    return status
  }
  expect(await dial('/openai/v1/responses?model=cheap')).toBe(403)
  expect(await dial('/openai/ws/x.GenerativeService.BidiGenerateContent?model=cheap')).toBe(403)
  expect(await dial('/openai/v1/realtime?model=cheap&model=dear')).toBe(403)
  // It reaches the upstream, which does not upgrade.
  expect(await dial('/openai/v1/realtime?model=cheap')).toBe(200)
})

test('a limit of a model is not left by naming another one where the path decides', async () => {
  const token = await keyFor([])
  const call = (): Promise<number> =>
    ask('/openai/v1beta/models/dear:generateContent', '{"model":"cheap"}', {}, token)
  expect([await call(), await call()]).toEqual([200, 429])
})

test('a hard budget of a model’s tokens is not left by naming several', async () => {
  const budget = { tokens: 1_000_000, period: 'day' }
  const token = await keyFor([], [{ name: 't', match: { model: 'other*' }, budget }])
  expect(await ask(CHAT, '{"model":"other"}', {}, token)).toBe(200)
  expect(await ask(CHAT, '{"Model":"x","model":"other"}', {}, token)).toBe(429)
  expect(await ask(CHAT, '{"messages":[]}', {}, token)).toBe(429)
})

test('nor is a rate by naming several, or by hiding it', async () => {
  const token = await keyFor([])
  expect(await ask(CHAT, '{"model":"dear"}', {}, token)).toBe(200)
  for (const body of [
    '{"Model":"cheap","model":"dear"}',
    '{"model":"dear","model":"cheap"}',
    '{"model":"dear" ',
  ])
    expect([body, await ask(CHAT, body, {}, token)]).toEqual([body, 429])
  expect(await ask(CHAT, '{"Model":"cheap","model":"cheap-2"}', {}, token)).toBe(200)
})
