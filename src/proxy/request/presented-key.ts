import type { Identity, Keyring } from '../../access/keyring.ts'
import { looksLikeGatewayKey, refusedKey } from '../../access/refused-key.ts'
import type { KeyPlaces } from '../../access/settings.ts'
import { type CredentialPlaces, withoutCredentials } from '../../traces/credential-places.ts'

/** Where gateway keys are looked for. */
export interface KeyRule {
  readonly keyring: Keyring
  /** Lower-case name of the gateway key field. */
  readonly keyField: string
  readonly places: KeyPlaces
  /** The provider's own credential field; empty for none. */
  readonly credentialField: string
}

/** A request's gateway key. */
export interface PresentedKey {
  readonly identity: Identity
  /** The token, in memory only. */
  readonly token: string
  /** The request without gateway keys where the provider's key goes; the same object when there were none. */
  readonly rest: CredentialPlaces
}

/**
 * Finds the gateway key of a request. A gateway key where the provider's key goes is never forwarded, also when another one counts.
 *
 * @param nowMs epoch milliseconds
 * @throws GatewayError `missing_gateway_key`, `invalid_gateway_key` or `keys_unavailable`
 */
export function presentedKey(request: CredentialPlaces, rule: KeyRule, nowMs: number): PresentedKey {
  const { keyring, keyField, places, credentialField } = rule
  let token = places.header ? (request.fields[keyField]?.trim() ?? '') : ''
  let unknown = ''
  const rest = withoutCredentials(request, credentialField, (credential) => {
    // A hash for each is worth it only where keys are expected. Elsewhere a key is known by its shape first.
    if (!places.providerField && !looksLikeGatewayKey(credential)) return false
    const isKnown = keyring.knows(credential)
    if (places.providerField) {
      if (isKnown) token ||= credential
      else unknown ||= credential
    }
    return isKnown
  })
  // An unknown token may belong to a key that could not be read; `identify` throws then.
  token ||= unknown
  const identity = token === '' ? undefined : keyring.identify(token, nowMs)
  if (!identity) throw refusedKey(request.fields, keyField, places.providerField)
  return { identity, token, rest }
}
