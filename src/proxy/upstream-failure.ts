/** What the codes of the system and of TLS mean. */
const REASONS: Readonly<Record<string, string>> = {
  ENOTFOUND: 'getaddrinfo ENOTFOUND: the name is not known',
  EAI_AGAIN: 'getaddrinfo EAI_AGAIN: the name server does not answer',
  ECONNREFUSED: 'connection refused (ECONNREFUSED): nothing listens there',
  ECONNRESET: 'the connection was reset (ECONNRESET)',
  ConnectionClosed: 'the connection was closed',
  EHOSTUNREACH: 'no route to the host (EHOSTUNREACH)',
  ENETUNREACH: 'no route to the network (ENETUNREACH)',
  ETIMEDOUT: 'the connection timed out (ETIMEDOUT)',
  EPROTO: 'the TLS handshake failed (EPROTO)',
}

/**
 * Message of a failed upstream: the contract's text, the host, and the reason as far as its code tells. What a driver says in words is
 * left to the log: it may hold a whole URL.
 *
 * @param cause what was thrown; without a code only the host is named
 */
export function upstreamFailure(text: string, url: string, cause: unknown): string {
  const { host } = new URL(url)
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
  const reason = reasonOf(code)
  return `${text}: ${host}${reason === '' ? '' : `: ${reason}`}`
}

function reasonOf(code: string): string {
  const known = REASONS[code]
  if (known !== undefined) return known
  if (/CERT|UNABLE_TO|TLS/.test(code)) return `its TLS certificate is not trusted (${code})`
  return /^[A-Za-z][A-Za-z0-9_]*$/.test(code) ? code : ''
}
