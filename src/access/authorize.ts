import { GatewayError } from '../errors.ts'
import { providerCredential } from '../traces/provider-credential.ts'
import type { Identity } from './keyring.ts'
import type { Permission } from './permissions.ts'

/** @throws GatewayError `permission_denied` */
export function requirePermission(identity: Identity, permission: Permission): void {
  if (identity.permissions.has(permission)) return
  const { role } = identity.caller
  throw new GatewayError(
    'permission_denied',
    `gateway key does not have required permission: ${permission}, which ${role === '' ? 'a key without a role' : `the role ${role}`} does not grant`,
  )
}

/**
 * A provider request must have its own credential: the gateway holds none.
 *
 * @param fields lower-case names
 * @param queryKey the credential of the query; empty for none
 * @throws GatewayError `missing_provider_credential`
 */
export function requireProviderCredential(
  fields: Readonly<Record<string, string>>,
  extraField: string,
  queryKey: string,
): void {
  if (providerCredential(fields, extraField, queryKey) !== '') return
  throw new GatewayError(
    'missing_provider_credential',
    'missing provider API key — pass your provider key via Authorization or X-API-Key header',
  )
}
