import { expect, test } from 'bun:test'
import {
  providerCredential,
  queryCredential,
  traceCredential,
  withoutSubprotocolKeys,
} from './provider-credential.ts'

test.each([
  [{ authorization: 'Bearer a-key' }, '', 'a-key'],
  [{ authorization: 'AWS4-HMAC-SHA256 Credential=x' }, '', 'AWS4-HMAC-SHA256 Credential=x'],
  [{ 'x-api-key': ' a-key ', authorization: ' ' }, '', 'a-key'],
  [{ 'ocp-apim-subscription-key': 'a-key' }, '', 'a-key'],
  [{ 'x-own': 'own', 'sec-websocket-protocol': 'realtime, openai-insecure-api-key.sub' }, '', 'sub'],
  [{ 'sec-websocket-protocol': 'realtime, openai-insecure-api-key.sub' }, 'of-query', 'of-query'],
  [{ 'sec-websocket-protocol': 'realtime' }, '', ''],
  [{ cookie: 's=1', 'idempotency-key': 'x', 'x-csrf-token': 'x', 'sec-websocket-key': 'x' }, '', ''],
])('of %j and %j the provider credential is %j', (fields, queryKey, credential) => {
  expect(providerCredential(fields as Record<string, string>, '', queryKey)).toBe(credential)
})

test("a provider's own field counts where it has one", () => {
  expect(providerCredential({ 'x-own': 'own' }, 'x-own', '')).toBe('own')
  expect(providerCredential({ 'x-own': 'own' }, '', '')).toBe('')
})

test.each([
  ['', ''],
  ['?alt=sse&key=AIza', 'AIza'],
  ['?api-version=2026-01-01&deployment=d&api-key=azure', 'azure'],
  ['?access_token=ya29', 'ya29'],
  ['?%61pi%2Dkey=escaped', 'escaped'],
  ['?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=0a1b', '0a1b'],
  ['?sv=2024-01-01&se=x&sig=abc%3D', 'abc%3D'],
  ['?key=&alt=sse', ''],
  ['?key', ''],
  ['?session=x&csrf_token=x&pageToken=x&max_tokens=5&model=m&%=x', ''],
])('the credential of the query %j is %j', (query, credential) => {
  expect(queryCredential(query)).toBe(credential)
})

test.each([
  ['realtime', 'realtime'],
  [
    'realtime, openai-insecure-api-key.sk.a-b, openai-beta.realtime-v1',
    'realtime, openai-insecure-api-key.[REDACTED], openai-beta.realtime-v1',
  ],
  ['base64url.bearer.authorization.k8s.io.dG9r', 'base64url.bearer.[REDACTED]'],
  ['token, 0a1b2c', 'token, [REDACTED]'],
  ['openai-insecure-api-key.', 'openai-insecure-api-key.'],
])('the subprotocols %j are stored as %j', (value, stored) => {
  expect(withoutSubprotocolKeys(value)).toBe(stored)
})

test('of a credential a hash is kept, and its end where that tells little of it', () => {
  expect(traceCredential('')).toEqual({ hash: '', last4: '' })
  expect(traceCredential('short')).toEqual({ hash: Bun.SHA256.hash('short', 'hex'), last4: '' })
  expect(traceCredential('0123456789ab').last4).toBe('89ab')
})
