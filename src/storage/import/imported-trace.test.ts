import { expect, test } from 'bun:test'
import type { GoTraceRow } from './go-source.ts'
import { importedTrace } from './imported-trace.ts'

test('a row of the Go gateway, which knew few credentials, comes over without them', () => {
  const row = {
    id: 'a',
    timestamp: '2026-02-18 14:00:00',
    request_path: '/openai/v1/sk-proj-canary0123456789abcdefghij',
    request_headers: JSON.stringify({
      'X-Amz-Security-Token': ['canary'],
      'Sec-Websocket-Protocol': ['openai-insecure-api-key.canary'],
      Accept: ['*/*'],
    }),
    response_headers: 'Set-Cookie: s=canary',
    metadata: 'api_key=canary',
  } as unknown as GoTraceRow
  const trace = importedTrace(row, [])
  expect(JSON.stringify(trace)).not.toContain('canary')
  expect(trace).toMatchObject({
    requestHeaders: { Accept: ['*/*'], 'X-Amz-Security-Token': ['[REDACTED]'] },
    metadata: { raw: '[REDACTED]', imported_response_headers: '[REDACTED]' },
  })
})
