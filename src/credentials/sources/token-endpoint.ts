import type { CredentialReading } from '../credential-reading.ts'
import { credentialText } from './credential-text.ts'

/** How long a token endpoint may take. */
const ANSWER_MS = 15_000

/** The codes of errors that a token endpoint may return. Other texts of it are not shown. */
const ERROR_CODE = /^[a-z_]{1,40}$/

/**
 * Asks a token endpoint for an access token. Never throws.
 *
 * @param form what is asked
 * @param nowMs epoch milliseconds
 * @param signal ends it
 * @see https://datatracker.ietf.org/doc/html/rfc6749#section-5
 */
export async function requestToken(
  url: string,
  form: Readonly<Record<string, string>>,
  nowMs: number,
  signal: AbortSignal,
): Promise<CredentialReading> {
  const { host } = new URL(url)
  let status: number
  let content: unknown
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams(form).toString(),
      redirect: 'error',
      signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]),
    })
    status = response.status
    content = await response.json().catch(() => undefined)
  } catch (error) {
    // Its message may hold the URL, and with it a query.
    const { name } = error as Error
    const why = name === 'TimeoutError' ? 'did not respond in time' : 'cannot be reached'
    return { kind: 'failed', problem: `the token endpoint ${host} ${why}` }
  }
  return readTokenResponse(status, content, host, nowMs)
}

/** @see https://datatracker.ietf.org/doc/html/rfc8693#section-2.2 */
function readTokenResponse(status: number, content: unknown, host: string, nowMs: number): CredentialReading {
  const members = (typeof content === 'object' && content !== null ? content : {}) as Record<string, unknown>
  const { access_token: token, expires_in: expiresIn, error } = members
  if (status < 200 || status > 299) {
    const code = typeof error === 'string' && ERROR_CODE.test(error) ? ` (${error})` : ''
    return { kind: 'failed', problem: `the token endpoint ${host} answered ${status}${code}` }
  }
  if (typeof token !== 'string')
    return { kind: 'failed', problem: `the token endpoint ${host} answered without access_token` }
  const seconds = Number(expiresIn)
  const expiresAtMs = Number.isFinite(seconds) && seconds > 0 ? nowMs + seconds * 1000 : undefined
  return credentialText(token, `the answer of the token endpoint ${host}`, expiresAtMs)
}
