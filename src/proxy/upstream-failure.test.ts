import { expect, test } from 'bun:test'
import { upstreamFailure } from './upstream-failure.ts'

const failed = (code?: string): string =>
  upstreamFailure(
    'upstream request failed',
    'https://user:secret@api.example.com:8443/v1?key=secret',
    Object.assign(
      new Error('failed at https://user:secret@api.example.com'),
      code === undefined ? {} : { code },
    ),
  )

test.each([
  [undefined, ''],
  ['ENOTFOUND', ': getaddrinfo ENOTFOUND: the name is not known'],
  ['ECONNREFUSED', ': connection refused (ECONNREFUSED): nothing listens there'],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', ': its TLS certificate is not trusted (DEPTH_ZERO_SELF_SIGNED_CERT)'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', ': its TLS certificate is not trusted (ERR_TLS_CERT_ALTNAME_INVALID)'],
  [
    'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    ': its TLS certificate is not trusted (UNABLE_TO_VERIFY_LEAF_SIGNATURE)',
  ],
  ['ZlibError', ': ZlibError'],
  ['https://user:secret@api.example.com', ''],
])('an upstream that fails with %s is told by host and reason, without secrets', (code, reason) => {
  expect(failed(code)).toBe(`upstream request failed: api.example.com:8443${reason}`)
})
