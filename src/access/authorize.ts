import { GatewayError } from '../errors.ts'
import { CREDENTIAL_FIELDS } from '../traces/provider-credential.ts'
import type { Identity } from './keyring.ts'
import type { Permission } from './permissions.ts'

/** @throws GatewayError `permission_denied` */
export function requirePermission(identity: Identity, permission: Permission): void {
  if (identity.permissions.has(permission)) return
  throw new GatewayError('permission_denied', 'gateway key does not have required permission')
}

/**
 * A provider request must bring its own credential: the gateway holds none.
 *
 * @param fields lower-case names
 * @param query begins with `?` or is empty; Gemini's clients put the key there
 * @throws GatewayError `missing_provider_credential`
 */
export function requireProviderCredential(
  fields: Readonly<Record<string, string>>,
  query: string,
  extraField: string,
): void {
  for (const name of CREDENTIAL_FIELDS) if ((fields[name] ?? '').trim() !== '') return
  if (extraField !== '' && (fields[extraField] ?? '').trim() !== '') return
  if (/[?&]key=[^&]/.test(query)) return
  throw new GatewayError(
    'missing_provider_credential',
    'missing provider API key — pass your provider key via Authorization or X-API-Key header',
  )
}
