/** What is kept of a provider credential: never the credential. */
export interface CredentialTrace {
  /** Lower-case hexadecimal SHA-256; empty when the request carried none. */
  readonly hash: string
  /** Last four characters, only of credentials of 12 characters and more; else empty. */
  readonly last4: string
}

/** Fields that carry provider credentials, in the order they are looked at. */
export const CREDENTIAL_FIELDS = ['authorization', 'x-api-key', 'api-key', 'x-goog-api-key'] as const

/**
 * Identifies the provider credential of a request.
 *
 * @param fields lower-case names
 * @param extraField the provider's own credential field; empty for none
 * @param queryKey the credential of the query (`?key=`), which counts when no field has one; empty for none
 */
export function traceCredential(
  fields: Readonly<Record<string, string>>,
  extraField: string,
  queryKey: string,
): CredentialTrace {
  const names = extraField === '' ? CREDENTIAL_FIELDS : [...CREDENTIAL_FIELDS, extraField]
  for (const name of names) {
    const value = fields[name]?.trim() ?? ''
    const credential = name === 'authorization' ? value.replace(/^bearer /i, '').trim() : value
    if (credential !== '') return traceOf(credential)
  }
  return queryKey === '' ? { hash: '', last4: '' } : traceOf(queryKey)
}

function traceOf(credential: string): CredentialTrace {
  const hash = Bun.SHA256.hash(credential, 'hex')
  return { hash, last4: credential.length >= 12 ? credential.slice(-4) : '' }
}
