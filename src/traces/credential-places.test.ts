import { expect, test } from 'bun:test'
import { type CredentialPlaces, withoutCredentials } from './credential-places.ts'

const KEY = 'ogk_key'

function without(request: Partial<CredentialPlaces>, extraField = ''): CredentialPlaces {
  return withoutCredentials({ fields: {}, query: '', ...request }, extraField, (text) => text === KEY)
}

test.each([
  ['authorization', `Bearer ${KEY}`],
  ['authorization', `bearer  ${KEY} `],
  ['authorization', KEY],
  ['x-api-key', KEY],
  ['api-key', KEY],
  ['x-goog-api-key', KEY],
  ['x-own', KEY],
])('%s: %s is removed, and nothing else', (name, value) => {
  expect(without({ fields: { [name]: value, accept: '*/*', 'x-other': KEY } }, 'x-own')).toEqual({
    fields: { accept: '*/*', 'x-other': KEY },
    query: '',
  })
})

test.each([
  [`?key=${KEY}`, ''],
  [`?alt=sse&key=${KEY}`, '?alt=sse'],
  [`?key=${KEY}&alt=sse&key=${KEY}`, '?alt=sse'],
  [`?api-key=${KEY}&api-version=1`, '?api-version=1'],
  [`?key=other&alt=sse`, `?key=other&alt=sse`],
  [`?page=${KEY}&&x`, `?page=${KEY}&&x`],
])('the query %s becomes %s', (query, kept) => {
  expect(without({ query }).query).toBe(kept)
})

test.each([
  [`realtime, openai-insecure-api-key.${KEY}, openai-beta.realtime-v1`, 'realtime, openai-beta.realtime-v1'],
  [`token, ${KEY}, realtime`, 'realtime'],
  [`openai-insecure-api-key.${KEY}`, undefined],
  ['realtime, openai-insecure-api-key.other', 'realtime, openai-insecure-api-key.other'],
])('the subprotocols %s become %s', (list, kept) => {
  expect(without({ fields: { 'sec-websocket-protocol': list } }).fields['sec-websocket-protocol']).toBe(kept)
})

test('a request without such a credential stays the same object', () => {
  const request = { fields: { authorization: 'Bearer other' }, query: '?key=other' }
  expect(withoutCredentials(request, '', (text) => text === KEY)).toBe(request)
})
