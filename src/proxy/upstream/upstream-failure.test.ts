import { expect, test } from 'bun:test'
import { failureCode, failureReason, upstreamFailure } from './upstream-failure.ts'

const URL_WITH_SECRETS = 'https://user:secret@api.example.com:8443/v1?key=secret'

const thrown = (code?: string): Error =>
  Object.assign(
    new Error('failed at https://user:secret@api.example.com'),
    code === undefined ? {} : { code },
  )

test.each([
  [undefined, ''],
  ['ENOTFOUND', ': getaddrinfo ENOTFOUND: the name is not known'],
  ['ECONNREFUSED', ': connection refused (ECONNREFUSED): nothing listens there'],
  ['Malformed_HTTP_Response', ': its answer is not valid HTTP (Malformed_HTTP_Response)'],
  ['InvalidContentLength', ': its answer is not valid HTTP (InvalidContentLength)'],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', ': its TLS certificate is not trusted (DEPTH_ZERO_SELF_SIGNED_CERT)'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', ': its TLS certificate is not trusted (ERR_TLS_CERT_ALTNAME_INVALID)'],
  [
    'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    ': its TLS certificate is not trusted (UNABLE_TO_VERIFY_LEAF_SIGNATURE)',
  ],
  ['ZlibError', ': ZlibError'],
  ['https://user:secret@api.example.com', ''],
])('an upstream that fails with %s is told by host and reason, without secrets', (code, reason) => {
  expect(upstreamFailure('upstream request failed', URL_WITH_SECRETS, failureReason(thrown(code)))).toBe(
    `upstream request failed: api.example.com:8443${reason}`,
  )
})

test('a failure is an abort, an invalid response, or no connection', () => {
  expect(failureCode(thrown('ECONNRESET'))).toBe('upstream_aborted')
  expect(failureCode(thrown('InvalidContentLength'))).toBe('upstream_invalid_response')
  expect(failureCode(thrown('HPE_INVALID_CONSTANT'))).toBe('upstream_invalid_response')
  expect(failureCode(thrown('ERR_TLS_CERT_ALTNAME_INVALID'))).toBe('upstream_unreachable')
  expect(failureCode(thrown())).toBe('upstream_unreachable')
})
