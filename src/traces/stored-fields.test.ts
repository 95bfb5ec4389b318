import { expect, test } from 'bun:test'
import { storedFields } from './stored-fields.ts'

test('masked fields are replaced, others are kept under canonical names', () => {
  const { fields, maskedValues } = storedFields(
    { 'x-api-key': 'k', accept: '*/*', 'set-cookie': ['a', 'b'] },
    ['x-api-key', 'set-cookie'],
  )
  expect(fields).toEqual({ Accept: ['*/*'], 'Set-Cookie': ['[REDACTED]'], 'X-Api-Key': ['[REDACTED]'] })
  expect(maskedValues).toBe(3)
})

test('a credential in a URL inside a value is not stored', () => {
  const turn = JSON.stringify({
    remotes: { origin: 'https://user:ghp_secret@example.com/a.git', x: 'ssh://git@h/y' },
  })
  const { fields } = storedFields({ 'x-codex-turn-metadata': turn, referer: 'http://example.com/a@b' }, [])
  expect(JSON.stringify(fields)).not.toContain('ghp_secret')
  expect(fields['X-Codex-Turn-Metadata']![0]).toContain('https://[REDACTED]@example.com/a.git')
  expect(fields['Referer']).toEqual(['http://example.com/a@b'])
})

test('names are judged by their words: no list has to know a credential', () => {
  const fields = {
    'proxy-authorization': 'a',
    'x-amz-security-token': 'b',
    'ocp-apim-subscription-key': 'c',
    'x-some-vendor-signature': 'd',
    'idempotency-key': 'e',
    'x-claude-code-session-id': 'f',
    'anthropic-ratelimit-tokens-remaining': '5',
    'x-ratelimit-remaining-tokens': '6',
    'x-amzn-bedrock-input-token-count': '7',
  }
  expect(storedFields(fields, [])).toEqual({
    fields: {
      'Anthropic-Ratelimit-Tokens-Remaining': ['5'],
      'Idempotency-Key': ['e'],
      'Ocp-Apim-Subscription-Key': ['[REDACTED]'],
      'Proxy-Authorization': ['[REDACTED]'],
      'X-Amz-Security-Token': ['[REDACTED]'],
      'X-Amzn-Bedrock-Input-Token-Count': ['7'],
      'X-Claude-Code-Session-Id': ['f'],
      'X-Ratelimit-Remaining-Tokens': ['6'],
      'X-Some-Vendor-Signature': ['[REDACTED]'],
    },
    maskedValues: 4,
  })
})

test('values are judged too: subprotocols, queries, keys by their form', () => {
  const { fields, maskedValues } = storedFields(
    {
      'sec-websocket-protocol': 'realtime, openai-insecure-api-key.canary',
      location: '/files/1?X-Amz-Signature=canary&x=a b',
      'content-location': 'https://h/p?opaque-canary',
      'operation-location': 'https://h/op/1?sv=canary',
      referer: 'https://u:canary@h/#access_token=canary',
      link: '</v1/x?after=canary>; rel="next", <https://h/y?canary>; rel="last"',
      'x-envoy-original-path': '/v1/x?canary=1',
      'report-to': '{"endpoints":[{"url":"https://h/report?s=canary"}]}',
      'x-portkey-config': '{"provider":"openai","api_key":"canary"}',
      'x-note': 'key sk-proj-canary0123456789abcdefghij',
      accept: '*/*',
    },
    [],
  )
  expect(JSON.stringify(fields)).not.toContain('canary')
  expect(fields['Location']).toEqual(['/files/1?[REDACTED]'])
  expect(fields['Link']).toEqual(['</v1/x?[REDACTED]>; rel="next", <https://h/y?[REDACTED]>; rel="last"'])
  expect(fields['Accept']).toEqual(['*/*'])
  expect(maskedValues).toBe(10)
})

test('what one list masks, another does not, whatever came before', () => {
  const fields = { accept: 'a/b', 'x-team': 'blue' }
  const masked = ['x-team']
  for (let i = 0; i < 3; i++) {
    expect(storedFields(fields, masked).fields).toEqual({ Accept: ['a/b'], 'X-Team': ['[REDACTED]'] })
    expect(storedFields(fields, ['accept']).fields).toEqual({ Accept: ['[REDACTED]'], 'X-Team': ['blue'] })
    expect(storedFields(fields, []).fields).toEqual({ Accept: ['a/b'], 'X-Team': ['blue'] })
  }
})

test('names that never repeat are stored like any, sorted', () => {
  for (let i = 0; i < 6000; i++) {
    const { fields } = storedFields({ [`z-${i}`]: 'last', [`a-${i}`]: 'first' }, [])
    expect(Object.entries(fields)).toEqual([
      [`A-${i}`, ['first']],
      [`Z-${i}`, ['last']],
    ])
  }
})
