import type { ChosenCredential } from '../../credentials/chosen-credential.ts'
import type { CredentialPool } from '../../credentials/credential-pool.ts'
import { GatewayError } from '../../errors.ts'
import { providerCredential } from '../../traces/provider-credential.ts'
import type { Upstream } from './upstream.ts'

/** What of a request tells whether its caller brought a credential. */
interface CallerCredential {
  /** Lower-case names. */
  readonly fields: Readonly<Record<string, string>>
  /** Credential in the query; empty for none. */
  readonly queryKey: string
}

/** Whether a request may be signed by the gateway: then its content must be held. Parameters as of `chooseCredential`. */
export function isSigned(caller: CallerCredential, { credentials, credentialField }: Upstream): boolean {
  return credentials?.signs === true && !sendsOwn(caller, credentials, credentialField)
}

function sendsOwn(
  { fields, queryKey }: CallerCredential,
  { use }: CredentialPool,
  credentialField: string,
): boolean {
  return use === 'client_or_gateway' && providerCredential(fields, credentialField, queryKey) !== ''
}

/**
 * Chooses the credential of an attempt.
 *
 * @param nowMs epoch milliseconds
 * @param exclude names of credentials that the request has tried already
 * @param target name of the target; empty for a provider's own route
 * @returns `undefined` when the caller's own is sent, whether or not there is one
 * @throws GatewayError `missing_provider_credential` when the gateway's is wanted, and none can be used
 */
export function chooseCredential(
  caller: CallerCredential,
  { name, credentials, credentialField }: Upstream,
  nowMs: number,
  exclude?: ReadonlySet<string>,
  target?: string,
): ChosenCredential | undefined {
  if (!credentials || sendsOwn(caller, credentials, credentialField)) return undefined
  const choice = credentials.choose(nowMs, exclude, target)
  if (choice.kind === 'chosen') return choice.credential
  if (choice.lastResort) return choice.lastResort
  throw new GatewayError(
    'missing_provider_credential',
    `none of the gateway's credentials for ${name} can be used: ${choice.reason}; "ongoingai doctor" tells its operator why`,
  )
}
