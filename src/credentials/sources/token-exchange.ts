import { readFile } from 'node:fs/promises'
import type { CredentialReading } from '../credential-reading.ts'
import type { TokenExchangeSettings } from '../settings.ts'
import { credentialText } from './credential-text.ts'
import { fileProblem } from './file-source.ts'

/** How long a token endpoint may take. */
const EXCHANGE_MS = 15_000

const GRANT_TYPE = 'urn:ietf:params:oauth:grant-type:token-exchange'

/** The codes of errors that a token endpoint may return. Other texts of it are not shown. */
const ERROR_CODE = /^[a-z_]{1,40}$/

/**
 * Exchanges the token of a file for a credential.
 *
 * @param nowMs epoch milliseconds
 * @param signal ends it
 * @see https://datatracker.ietf.org/doc/html/rfc8693#section-2
 */
export async function exchangeToken(
  { url, subjectTokenFile, subjectTokenType, audience }: TokenExchangeSettings,
  nowMs: number,
  signal: AbortSignal,
): Promise<CredentialReading> {
  let subject: string
  try {
    subject = (await readFile(subjectTokenFile, 'utf8')).trim()
  } catch (error) {
    return { kind: 'failed', problem: fileProblem(subjectTokenFile, error).problem }
  }
  if (subject === '') return { kind: 'failed', problem: `the file ${subjectTokenFile} is empty` }
  const form = new URLSearchParams({
    grant_type: GRANT_TYPE,
    subject_token: subject,
    subject_token_type: subjectTokenType,
    ...(audience === '' ? {} : { audience }),
  })
  const { host } = new URL(url)
  let status: number
  let content: unknown
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' },
      body: form.toString(),
      redirect: 'error',
      signal: AbortSignal.any([signal, AbortSignal.timeout(EXCHANGE_MS)]),
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
