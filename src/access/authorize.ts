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
 * A provider request must have its own credential where the gateway holds none.
 *
 * @param fields lower-case names, without gateway keys
 * @param provider its name, and its own credential field or an empty text
 * @param queryKey the credential of the query; empty for none
 * @param keyPlace where the gateway key stood
 * @throws GatewayError `missing_provider_credential`, which says what to configure
 */
export function requireProviderCredential(
  fields: Readonly<Record<string, string>>,
  { name, credentialField }: { readonly name: string; readonly credentialField: string },
  queryKey: string,
  keyPlace: 'header' | 'provider_field',
): void {
  if (providerCredential(fields, credentialField, queryKey) !== '') return
  throw new GatewayError(
    'missing_provider_credential',
    keyPlace === 'header'
      ? 'missing provider API key — pass your provider key via Authorization or X-API-Key header'
      : `missing provider API key — the gateway key stood in its place and is never forwarded: set providers.${name}.credentials (use: gateway, and one in held), or send the gateway key in its own header`,
  )
}
