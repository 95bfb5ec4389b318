import { expect, test } from 'bun:test'
import { HeldValue } from '../../credentials/held-value.ts'
import type { ProviderConfig } from '../../providers/settings.ts'
import { readPath } from '../../wire/url/path-readings.ts'
import { type ContentHandling, upstreamRequest } from './upstream-request.ts'
import { upstreamOf } from './upstream.ts'

const provider: ProviderConfig = {
  name: 'openai',
  upstream: 'https://upstream.example',
  prefix: '/openai',
  api: 'openai',
  credentialHeader: 'authorization',
  timeouts: { connectMs: 0, firstByteMs: 0, idleMs: 0, totalMs: 0 },
  connection: { proxy: '', ca: '', certificate: '', key: '' },
  headers: { set: [['x-team', 'red']], remove: ['x-private'] },
  region: '',
  zeroRetention: false,
  retryOn: [],
}
const target = {
  upstream: upstreamOf(provider, { gatewayKeyField: 'x-gateway-key', forwardClientFields: false }),
  path: '/v1/responses',
  readings: readPath('/v1/responses'),
  url: 'https://upstream.example/v1/responses',
}
const client = {
  host: 'gateway',
  authorization: 'Bearer sk-provider',
  'x-gateway-key': 'secret',
  'x-ongoingai-tags': 'a=b',
  'x-private': '1',
  connection: 'upgrade',
  upgrade: 'websocket',
  'sec-websocket-key': 'abc',
  'sec-websocket-protocol': 'realtime',
  'content-length': '10',
  'content-encoding': 'gzip',
  'accept-encoding': 'gzip',
  range: 'bytes=0-9',
}
const by = { clientAddress: '192.0.2.1', via: '1.1 ongoingai-1', correlationId: undefined }

function fieldsOf(handling: Partial<ContentHandling>, upgrade = false, codings = 'gzip'): string[] {
  const { fields } = upstreamRequest(
    { method: 'POST', fields: client, query: '', requestFacts: { mediaType: 'application/json', codings } },
    target,
    by,
    { changed: false, response: 'untouched', ...handling },
    upgrade,
  )
  return Object.entries(fields).map(([name, value]) => `${name}: ${value}`)
}

const ALWAYS = ['authorization: Bearer sk-provider', 'via: 1.1 ongoingai-1', 'x-team: red', 'accept: */*']

test('gateway key, own fields and those of the connection do not travel; the settings change the rest', () => {
  const fields = fieldsOf({})
  expect(fields).toEqual(expect.arrayContaining([...ALWAYS, 'content-length: 10', 'accept-encoding: gzip']))
  expect(fields.join('\n')).not.toMatch(/gateway|ongoingai-tags|private|^connection|upgrade/m)
})

test('content that was changed has neither its old length nor its coding', () => {
  expect(fieldsOf({ changed: true }).join('\n')).not.toMatch(/content-/)
  expect(fieldsOf({ changed: true }, false, 'identity').join('\n')).toMatch(/content-encoding/)
})

test('a response that must be read is asked for without coding, and whole where all of it must be seen', () => {
  expect(fieldsOf({ response: 'readable' })).toEqual(
    expect.arrayContaining(['accept-encoding: identity', 'range: bytes=0-9']),
  )
  const complete = fieldsOf({ response: 'complete' })
  expect(complete).toContain('accept-encoding: identity')
  expect(complete.join('\n')).not.toContain('range')
})

test('a WebSocket gets the same fields, less those of the client’s own handshake', () => {
  const fields = fieldsOf({}, true)
  expect(fields).toEqual(expect.arrayContaining([...ALWAYS, 'sec-websocket-protocol: realtime']))
  expect(fields.join('\n')).not.toMatch(/sec-websocket-key|content-length/)
})

test('a credential of the gateway replaces all of the caller’s, and what chooses a part of its account', () => {
  const { fields, target: to } = upstreamRequest(
    {
      method: 'POST',
      fields: {
        ...client,
        'openai-organization': 'org-1',
        'openai-project': 'proj-1',
        'api-key': 'own',
        connection: 'authorization',
      },
      query: '?x=1&api-key=own',
      requestFacts: { mediaType: 'application/json', codings: '' },
    },
    target,
    by,
    { changed: false, response: 'untouched' },
    false,
    { name: 'main', value: new HeldValue('held'), isToken: false },
  )
  expect(fields).toMatchObject({ authorization: 'Bearer held', 'x-team': 'red' })
  expect(Object.keys(fields).join()).not.toMatch(/openai-|api-key/)
  expect(to.url).toBe('https://upstream.example/v1/responses?x=1')
})
