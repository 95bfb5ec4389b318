import type { ProviderConfig } from '../providers/settings.ts'
import { isCredentialName } from '../redaction/credential-name.ts'
import { REDACTED } from '../redaction/without-credentials.ts'

/** What is stored about a provider credential: never the credential itself. */
export interface CredentialTrace {
  /** Lower-case hexadecimal SHA-256; empty when the request carried none. */
  readonly hash: string
  /** Last four characters of credentials with 12 characters or more. Otherwise empty. */
  readonly last4: string
}

/**
 * Fields that count as provider credentials, in lookup order. Masking covers more fields. A provider with another
 * field has `credential_header`.
 */
export const CREDENTIAL_FIELDS: readonly string[] = [
  'authorization',
  'x-api-key',
  'api-key',
  'x-goog-api-key',
  'ocp-apim-subscription-key',
]

/** Field in which browsers send keys for a WebSocket, because they can set no other. */
export const SUBPROTOCOL_FIELD = 'sec-websocket-protocol'

/**
 * The provider credential of a request: from a field, else the query, else a WebSocket's subprotocols.
 *
 * @param fields lower-case names
 * @param extraField the provider's own credential field; empty for none
 * @param queryKey what `queryCredential` found
 * @returns empty for none
 */
export function providerCredential(
  fields: Readonly<Record<string, string>>,
  extraField: string,
  queryKey: string,
): string {
  const names = extraField === '' ? CREDENTIAL_FIELDS : [...CREDENTIAL_FIELDS, extraField]
  for (const name of names) {
    const credential = bareCredential(name, fields[name] ?? '')
    if (credential !== '') return credential
  }
  if (queryKey !== '') return queryKey
  const subprotocols = fields[SUBPROTOCOL_FIELD]
  return subprotocols === undefined ? '' : (subprotocolKeys(subprotocols)[0]?.key ?? '')
}

/** The credentials that the settings add to requests. No copy may show them. */
export function setCredentials(
  providers: readonly Pick<ProviderConfig, 'headers' | 'credentialHeader'>[],
): string[] {
  return providers.flatMap(({ headers, credentialHeader }) =>
    headers.set
      .filter(([name]) => name === credentialHeader || isCredentialName(name))
      .map(([, value]) => value.replace(/^(?:bearer|basic) +/i, '')),
  )
}

/** Identifies a provider credential; empty for none. */
export function traceCredential(credential: string): CredentialTrace {
  if (credential === '') return { hash: '', last4: '' }
  const hash = Bun.SHA256.hash(credential, 'hex')
  return { hash, last4: credential.length >= 12 ? credential.slice(-4) : '' }
}

/**
 * The credential of a query: `?key=` of Gemini, `?api-key=` of Azure, `?access_token=`, the signature of a URL that a
 * cloud provider has signed.
 *
 * @param query begins with `?`, or is empty
 * @returns unchanged, escapes included; empty for none
 */
export function queryCredential(query: string): string {
  if (query === '') return ''
  for (const pair of query.slice(1).split('&')) {
    const equals = pair.indexOf('=')
    if (equals < 1 || equals === pair.length - 1) continue
    if (isQueryCredential(pair.slice(0, equals))) return pair.slice(equals + 1)
  }
  return ''
}

/** Whether a parameter of a query holds a credential. @param name as it was sent, with its escapes */
export function isQueryCredential(name: string): boolean {
  const plain = unescaped(name)
  return isCredentialName(plain) && !/session|cookie|[cx]srf/i.test(plain)
}

/** A credential without the scheme of `Authorization: Bearer`. @param name lower-case name of its field */
export function bareCredential(name: string, value: string): string {
  const trimmed = value.trim()
  return name === 'authorization' ? trimmed.replace(/^bearer /i, '').trim() : trimmed
}

function unescaped(text: string): string {
  if (!text.includes('%')) return text
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** A list of subprotocols without keys. */
export function withoutSubprotocolKeys(value: string): string {
  let rest = ''
  let from = 0
  for (const { start, end } of subprotocolKeys(value)) {
    rest += value.slice(from, start) + REDACTED
    from = end
  }
  return rest + value.slice(from)
}

/** A key among subprotocols, and its index in the list. */
export interface SubprotocolKey {
  readonly start: number
  readonly end: number
  readonly key: string
}

/**
 * Keys among subprotocols: behind a name and a dot (`openai-insecure-api-key.sk-…`, `base64url.bearer.authorization.k8s.io.…`), or the
 * subprotocol after a name (`token, 0a1b…`).
 */
export function subprotocolKeys(list: string): SubprotocolKey[] {
  const keys: SubprotocolKey[] = []
  let named = false
  for (const { 0: subprotocol, index } of list.matchAll(/[^,\s]+/g)) {
    const offset: number = named ? 0 : keyOffset(subprotocol)
    if (offset < subprotocol.length) {
      const end = index + subprotocol.length
      keys.push({ start: index + offset, end, key: list.slice(index + offset, end) })
    }
    named = !named && offset === subprotocol.length && isCredentialName(subprotocol)
  }
  return keys
}

/** Offset of the key within a subprotocol. The subprotocol's length if it has none. */
function keyOffset(subprotocol: string): number {
  let start = 0
  for (let dot = subprotocol.indexOf('.'); dot >= 0; dot = subprotocol.indexOf('.', start)) {
    if (isCredentialName(subprotocol.slice(start, dot))) return dot + 1
    start = dot + 1
  }
  return subprotocol.length
}
