import type { GatewayErrorCode } from '../../errors.ts'

type FailureCode = Extract<
  GatewayErrorCode,
  'upstream_unreachable' | 'upstream_aborted' | 'upstream_invalid_response'
>

/** What the codes of the system and of TLS mean. */
const REASONS: Readonly<Record<string, string>> = {
  ENOTFOUND: 'getaddrinfo ENOTFOUND: the name is not known',
  EAI_AGAIN: 'getaddrinfo EAI_AGAIN: the name server does not answer',
  ECONNREFUSED: 'connection refused (ECONNREFUSED): nothing listens there',
  ECONNRESET: 'the connection broke off before the answer was complete (ECONNRESET)',
  ConnectionClosed: 'the connection was closed',
  EHOSTUNREACH: 'no route to the host (EHOSTUNREACH)',
  ENETUNREACH: 'no route to the network (ENETUNREACH)',
  ETIMEDOUT: 'the connection timed out (ETIMEDOUT)',
  EPROTO: 'the TLS handshake failed (EPROTO)',
}

/**
 * Message of a failed upstream: the contract's text, the host, and the reason.
 *
 * @param reason empty when it is not known; only the host is named then
 */
export function upstreamFailure(text: string, url: string, reason: string): string {
  const { host } = new URL(url)
  return `${text}: ${host}${reason === '' ? '' : `: ${reason}`}`
}

/**
 * Why a request to an upstream failed, by the code of the error. The driver's own message goes only to the log, because it may hold a
 * whole URL.
 *
 * @returns empty when there is no code
 */
export function failureReason(cause: unknown): string {
  const code = codeOf(cause)
  const known = REASONS[code]
  if (known !== undefined) return known
  if (MALFORMED.test(code)) return `its answer is not valid HTTP (${code})`
  if (/CERT|UNABLE_TO|TLS/.test(code)) return `its TLS certificate is not trusted (${code})`
  return /^[A-Za-z][A-Za-z0-9_]*$/.test(code) ? code : ''
}

/** Our code for a failed request to an upstream, by the code of the error. */
export function failureCode(cause: unknown): FailureCode {
  const code = codeOf(cause)
  if (code === 'ECONNRESET' || code === 'ConnectionClosed') return 'upstream_aborted'
  return MALFORMED.test(code) ? 'upstream_invalid_response' : 'upstream_unreachable'
}

function codeOf(cause: unknown): string {
  return cause instanceof Error && 'code' in cause ? String(cause.code) : ''
}

/** Codes for a response that is not HTTP: `Malformed_HTTP_Response`, `InvalidContentLength`; `HPE_…` in the handshake of a WebSocket. */
const MALFORMED = /^(?:Malformed|Invalid|HPE_)/
