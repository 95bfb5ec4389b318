import { expect, test } from 'bun:test'
import { sampleTrace } from '../../test/support/trace.ts'
import type { Exchange } from '../traces/exchange.ts'
import { RequestLog } from './request-log.ts'

const EXCHANGE = {
  correlationId: 'corr-1',
  method: 'POST',
  status: 200,
  outcome: 'completed',
  errorCode: '',
  completedUs: 12_600,
  caller: { organizationId: 'o', workspaceId: 'w', keyId: 'k', team: '', role: '' },
} as Exchange

test('in a flood successful requests are counted, and failed ones are logged', () => {
  const told: Record<string, unknown>[] = []
  let leftOut = 0
  const log = new RequestLog((lines, more) => {
    told.push(...lines.map((line) => JSON.parse(line) as Record<string, unknown>))
    leftOut += more
  })
  for (let i = 0; i < 1500; i++) log.add({ ...EXCHANGE, id: String(i) }, sampleTrace({ id: String(i) }))
  log.add(
    { ...EXCHANGE, id: 'x', status: 502, outcome: 'upstream_failed', errorCode: 'upstream_unreachable' },
    sampleTrace({ outcome: 'upstream_failed', errorCode: 'upstream_unreachable' }),
  )
  log.flush()
  expect(told[0]).toMatchObject({
    correlation_id: 'corr-1',
    record_id: '0',
    method: 'POST',
    status: 200,
    latency_ms: 13,
    outcome: 'completed',
    org_id: 'o',
    workspace_id: 'w',
    key_id: 'k',
    model: expect.any(String) as string,
    input_tokens: expect.any(Number) as number,
    cost_status: expect.any(String) as string,
  })
  expect(told.some(({ error_code: code }) => code === 'upstream_unreachable')).toBe(true)
  expect([leftOut > 0, told.length + leftOut]).toEqual([true, 1501])
})
