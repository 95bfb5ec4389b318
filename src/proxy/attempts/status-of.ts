import type { Sent } from './send-once.ts'

/** What AWS says of keys that no target takes, under 403 as well. */
const OF_AWS_KEYS =
  /^(?:ExpiredToken|InvalidSignature|MissingAuthenticationToken|UnrecognizedClient|InvalidClientTokenId)(?:Exception)?\b/

/** The status of a response. */
export function statusOf(sent: Sent): number {
  return sent.kind === 'http' ? sent.response.status : (sent.response.statusCode ?? 0)
}

/** The status of a response as far as the credential is concerned: 401 when it is no good anywhere, 403 when this target forbids it. */
export function statusForCredential(sent: Sent): number {
  const status = statusOf(sent)
  if (status !== 403 || sent.kind !== 'http') return status
  return OF_AWS_KEYS.test(sent.response.headers.get('x-amzn-errortype') ?? '') ? 401 : 403
}
