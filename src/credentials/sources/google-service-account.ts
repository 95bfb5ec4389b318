import type { CredentialReading } from '../credential-reading.ts'
import { requestToken } from './token-endpoint.ts'

const GRANT_TYPE = 'urn:ietf:params:oauth:grant-type:jwt-bearer'

/** What the access token is for: everything that the account may do at Google Cloud. */
const SCOPE = 'https://www.googleapis.com/auth/cloud-platform'

/** How long the assertion is good, in seconds. Google takes an hour at most. */
const ASSERTION_S = 3600

/** The key of a service account, as far as it is needed. */
interface ServiceAccount {
  readonly email: string
  readonly keyId: string
  /** PKCS #8 in PEM. */
  readonly privateKey: string
  readonly tokenUrl: string
}

/**
 * Gets an access token for a service account of Google. Its private key signs the question and goes nowhere. Never throws.
 *
 * @param text the JSON file of its key, as Google gives it out
 * @param source what to call the source in a problem
 * @param nowMs epoch milliseconds
 * @param signal ends it
 * @see https://datatracker.ietf.org/doc/html/rfc7523#section-2.1
 * @see https://developers.google.com/identity/protocols/oauth2/service-account#httprest
 */
export async function tokenOfServiceAccount(
  text: string,
  source: string,
  nowMs: number,
  signal: AbortSignal,
): Promise<CredentialReading> {
  const account = accountOf(text)
  if (!account) {
    const shape = 'client_email, private_key and token_uri'
    return { kind: 'gone', problem: `${source} is no key of a Google service account: JSON with ${shape}` }
  }
  if (!isSafe(account.tokenUrl))
    return { kind: 'gone', problem: `token_uri of ${source} must be an https URL` }
  let assertion: string
  try {
    assertion = await signedAssertion(account, nowMs)
  } catch {
    return { kind: 'gone', problem: `private_key of ${source} is no RSA key in PEM (PKCS #8)` }
  }
  return requestToken(account.tokenUrl, { grant_type: GRANT_TYPE, assertion }, nowMs, signal)
}

function accountOf(text: string): ServiceAccount | undefined {
  let members: Record<string, unknown>
  try {
    members = (JSON.parse(text) ?? {}) as Record<string, unknown>
  } catch {
    return undefined
  }
  const { client_email: email, private_key_id: keyId, private_key: privateKey, token_uri: tokenUrl } = members
  if (typeof email !== 'string' || typeof privateKey !== 'string' || typeof tokenUrl !== 'string')
    return undefined
  return { email, keyId: typeof keyId === 'string' ? keyId : '', privateKey, tokenUrl }
}

/** Others on the network could use what goes over http. */
function isSafe(url: string): boolean {
  if (!URL.canParse(url)) return false
  const { protocol, hostname } = new URL(url)
  return protocol === 'https:' || (protocol === 'http:' && ['127.0.0.1', 'localhost'].includes(hostname))
}

/** A JSON Web Token with RS256. @throws Error when the key cannot be used */
async function signedAssertion(
  { email, keyId, privateKey, tokenUrl }: ServiceAccount,
  nowMs: number,
): Promise<string> {
  const key = await crypto.subtle.importKey(
    'pkcs8',
    Buffer.from(privateKey.replaceAll(/-----[A-Z ]+-----|\s/g, ''), 'base64'),
    { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
    false,
    ['sign'],
  )
  const issuedAt = Math.floor(nowMs / 1000)
  const header = { alg: 'RS256', typ: 'JWT', ...(keyId === '' ? {} : { kid: keyId }) }
  const claims = { iss: email, scope: SCOPE, aud: tokenUrl, iat: issuedAt, exp: issuedAt + ASSERTION_S }
  const signed = [header, claims].map((part) => encoded(JSON.stringify(part))).join('.')
  const signature = await crypto.subtle.sign('RSASSA-PKCS1-v1_5', key, Buffer.from(signed))
  return `${signed}.${encoded(new Uint8Array(signature))}`
}

function encoded(content: string | Uint8Array): string {
  return Buffer.from(content as string).toString('base64url')
}
