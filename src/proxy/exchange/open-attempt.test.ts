import { expect, test } from 'bun:test'
import type { GatewayErrorCode } from '../../errors.ts'
import type { AttemptCause } from '../../traces/exchange.ts'
import { OpenAttempt } from './open-attempt.ts'

const CASES: readonly (readonly [number, GatewayErrorCode | '', AttemptCause])[] = [
  [200, '', 'ok'],
  [101, '', 'ok'],
  [304, '', 'ok'],
  [400, '', 'rejected'],
  [401, '', 'auth'],
  [402, '', 'quota'],
  [403, '', 'auth'],
  [404, '', 'rejected'],
  [429, '', 'rate'],
  [500, '', 'status_5xx'],
  [503, '', 'status_5xx'],
  [529, '', 'overloaded'],
  [0, 'upstream_unreachable', 'connect'],
  [0, 'upstream_connect_timeout', 'connect'],
  [0, 'upstream_first_byte_timeout', 'first_byte_timeout'],
  [200, 'upstream_idle_timeout', 'timeout'],
  [200, 'upstream_total_timeout', 'timeout'],
  [0, 'upstream_aborted', 'truncated'],
  [200, 'upstream_aborted', 'truncated'],
  [0, 'upstream_invalid_response', 'truncated'],
  [0, 'shutting_down', 'client_aborted'],
  [0, 'request_body_too_large', 'rejected'],
  // The response was refused by a policy of ours: the target did its part.
  [200, 'response_blocked', 'ok'],
  [101, 'invalid_gateway_key', 'ok'],
]

test('the cause of an attempt’s end follows from its status and from what broke off', () => {
  for (const [status, code, cause] of CASES) {
    const attempt = new OpenAttempt({ provider: 'openai' }, 1)
    if (status > 0) attempt.responded(status, 2)
    expect([status, code, attempt.end('upstream_failed', code, 10, 3)]).toEqual([
      status,
      code,
      {
        provider: 'openai',
        cause,
        status,
        startedUs: 1,
        firstByteUs: status > 0 ? 2 : -1,
        endedUs: 3,
        sentBytes: 10,
      },
    ])
  }
})

test('a client that leaves ends an attempt, whatever its status', () => {
  const attempt = new OpenAttempt({ provider: 'openai' }, 1)
  attempt.responded(200, 2)
  expect(attempt.end('client_aborted', '', 0, 3).cause).toBe('client_aborted')
})
