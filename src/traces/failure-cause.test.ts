import { expect, test } from 'bun:test'
import type { JsonObject } from '../wire/json/values.ts'
import { causeOfResponse, failureWords } from './failure-cause.ts'

const causeOf = (status: number, content: JsonObject): string =>
  causeOfResponse(status, failureWords(content))

test('the content decides over the status', () => {
  const cases: readonly (readonly [number, JsonObject, string])[] = [
    [500, { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } }, 'overloaded'],
    [503, { error: { code: 503, status: 'UNAVAILABLE', message: 'The model is overloaded.' } }, 'overloaded'],
    [400, { type: 'error', error: { type: 'overloaded_error' } }, 'overloaded'],
    [429, { error: { type: 'insufficient_quota', code: 'insufficient_quota' } }, 'quota'],
    [429, { error: { type: 'tokens', code: 'rate_limit_exceeded' } }, 'rate'],
    [429, { error: { code: 429, status: 'RESOURCE_EXHAUSTED' } }, 'rate'],
    [
      429,
      {
        error: {
          status: 'RESOURCE_EXHAUSTED',
          details: [{ violations: [{ quotaId: 'GenerateRequestsPerDayPerProject' }] }],
        },
      },
      'quota',
    ],
    [400, { error: { status: 'INVALID_ARGUMENT', details: [{ reason: 'API_KEY_INVALID' }] } }, 'auth'],
    [
      400,
      {
        type: 'error',
        error: { type: 'invalid_request_error', message: 'Your credit balance is too low to …' },
      },
      'quota',
    ],
    [400, { error: { type: 'invalid_request_error', message: 'bad' } }, 'rejected'],
    [400, { error: { message: "Invalid value: 'overloaded'." } }, 'rejected'],
    [404, { error: "model 'overloaded' not found" }, 'rejected'],
    [400, { error: { message: "'insufficient funds' is no role" } }, 'rejected'],
    [400, { error: { message: "Invalid value: 'Your credit balance is too low to'" } }, 'rejected'],
    [400, { error: { message: 'Insufficient Balance' } }, 'quota'],
    [401, { error: { message: "'overloaded' is no key" } }, 'auth'],
    [500, { error: { message: 'That model is currently overloaded' } }, 'overloaded'],
    [404, { error: { type: 'invalid_request_error', code: 'model_not_found' } }, 'rejected'],
    [401, { error: { type: 'invalid_request_error', code: 'invalid_api_key' } }, 'auth'],
    [403, { error: { type: 'permission_error' } }, 'auth'],
    [402, { error: 'Insufficient Balance' }, 'quota'],
    [500, { error: { type: 'server_error' } }, 'status_5xx'],
    [500, {}, 'status_5xx'],
    [529, {}, 'overloaded'],
    [200, { error: { code: 502, message: 'Provider returned error' } }, 'status_5xx'],
    [200, { error: { code: 429 } }, 'rate'],
    [200, { error: { code: 400 } }, 'rejected'],
    [200, { error: { message: 'what happened?' } }, 'status_5xx'],
    [200, { type: 'response.failed', response: { error: { code: 'rate_limit_exceeded' } } }, 'rate'],
    [200, { type: 'error', code: 'server_is_overloaded' }, 'overloaded'],
    [200, { error: null, id: 'x' }, 'ok'],
    [200, { choices: [] }, 'ok'],
  ]
  for (const [status, content, cause] of cases)
    expect([status, content, causeOf(status, content)]).toEqual([status, content, cause])
})
