/** Whose credential goes to a provider. */
export const CREDENTIAL_USES = ['client', 'gateway', 'client_or_gateway'] as const

/**
 * `client`: the caller's own. `gateway`: always one that the gateway holds, and the caller's is removed.
 * `client_or_gateway`: the caller's own if it sent one, else one that the gateway holds.
 */
export type CredentialUse = (typeof CREDENTIAL_USES)[number]

/** The credentials of one provider, as configured. */
export interface CredentialSettings {
  readonly use: CredentialUse
  readonly held: readonly HeldCredentialSettings[]
}

/** One credential that the gateway holds, as configured. */
export interface HeldCredentialSettings {
  /** Unique within its provider. It stands in traces and logs. */
  readonly name: string
  /** Share of the requests, relative to the others; 1 or more. */
  readonly weight: number
  readonly refreshMs: number
  readonly source: CredentialSourceSettings
  /** What the source holds; absent for the credential itself. */
  readonly form?: CredentialForm
}

/**
 * What a source holds instead of the credential itself:
 *
 * - `aws`: keys of AWS. They sign each request for a service in a region
 * - `google_service_account`: the key of a service account of Google. It gets access tokens
 */
export type CredentialForm =
  ({ readonly kind: 'aws' } & AwsScope) | { readonly kind: 'google_service_account' }

/** What a signature of AWS is good for. @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html */
export interface AwsScope {
  /** Such as `us-east-1`. */
  readonly region: string
  /** Such as `bedrock`. */
  readonly service: string
}

/** Where a credential's value comes from. */
export type CredentialSourceSettings =
  | { readonly kind: 'environment'; readonly variable: string }
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'command'; readonly command: readonly string[] }
  | ({ readonly kind: 'token_exchange' } & TokenExchangeSettings)

/** An exchange of one token for another. @see https://datatracker.ietf.org/doc/html/rfc8693 */
export interface TokenExchangeSettings {
  readonly url: string
  readonly subjectTokenFile: string
  readonly subjectTokenType: string
  /** Empty for none. */
  readonly audience: string
}
