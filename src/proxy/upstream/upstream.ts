import type { CredentialPool } from '../../credentials/credential-pool.ts'
import type { ServedCall } from '../../providers/dialects/dialect.ts'
import type { DialectName } from '../../providers/dialects/dialects.ts'
import { type FieldRules, fieldRules } from '../../http/fields.ts'
import type { ProviderConfig, RetryRule, Timeouts } from '../../providers/settings.ts'
import { CREDENTIAL_FIELDS } from '../../traces/provider-credential.ts'
import { type PathReadings, readPath } from '../../wire/url/path-readings.ts'
import { UpstreamConnection } from './connection.ts'
import { SubscriptionTokens } from './subscription-tokens.ts'

/** A provider as the request path needs it. */
export interface Upstream {
  readonly name: string
  readonly prefix: string
  /** The prefix in the loose reading. */
  readonly loosePrefix: string
  readonly dialect: DialectName
  /** Base URL as configured. */
  readonly url: string
  /** Scheme and authority. */
  readonly origin: string
  /** Path of the base URL without trailing slash; empty for none. */
  readonly basePath: string
  /** Query of the base URL with `?`; empty for none. */
  readonly baseQuery: string
  readonly credentialField: string
  /** The credentials that the gateway holds for it; `undefined` when callers bring their own. */
  readonly credentials: CredentialPool | undefined
  /** The settings put a credential into every request. */
  readonly bringsCredential: boolean
  /** Whether a subscription pays for a request. */
  readonly subscriptions: SubscriptionTokens
  readonly timeouts: Timeouts
  /** Its own rules about what a response means. */
  readonly retryOn: readonly RetryRule[]
  readonly connection: UpstreamConnection
  /** Which fields of requests travel. */
  readonly fields: FieldRules
}

/** Settings of the gateway that concern the requests to every provider. */
export interface ForwardingSettings {
  /** Lower-case name of the gateway key field. */
  readonly gatewayKeyField: string
  readonly forwardClientFields: boolean
  /** The credentials that the gateway holds for a provider. */
  readonly credentialsOf?: (provider: string) => CredentialPool | undefined
}

/** The upstream of a request, and the resource there. */
export interface Target {
  readonly upstream: Upstream
  /** Path below the provider's prefix, escapes as the client sent them. */
  readonly path: string
  /** The path in the forms that rules judge. */
  readonly readings: PathReadings
  readonly url: string
  /** How its content differs from that of the route; absent if it does not. */
  readonly call?: ServedCall
}

/** A provider of the settings as the request path needs it. */
export function upstreamOf(
  provider: ProviderConfig,
  { gatewayKeyField, forwardClientFields, credentialsOf }: ForwardingSettings,
): Upstream {
  const url = new URL(provider.upstream)
  return {
    name: provider.name,
    prefix: provider.prefix,
    loosePrefix: readPath(provider.prefix).loose,
    dialect: provider.api,
    url: provider.upstream,
    origin: url.origin,
    basePath: url.pathname.replace(/\/+$/, ''),
    baseQuery: url.search === '?' ? '' : url.search,
    credentialField: provider.credentialHeader,
    credentials: credentialsOf?.(provider.name),
    bringsCredential: provider.headers.set.some(
      ([name]) => name === provider.credentialHeader || CREDENTIAL_FIELDS.includes(name),
    ),
    subscriptions: new SubscriptionTokens(provider, gatewayKeyField),
    timeouts: provider.timeouts,
    retryOn: provider.retryOn,
    connection: new UpstreamConnection(url.origin, provider.connection),
    fields: fieldRules(gatewayKeyField, forwardClientFields, provider.headers),
  }
}

/**
 * The URL of a resource at an upstream.
 *
 * @param path below the provider's prefix
 * @param query with `?`, or empty; it goes behind that of the base URL
 */
export function urlOf(
  { origin, basePath, baseQuery }: Pick<Upstream, 'origin' | 'basePath' | 'baseQuery'>,
  path: string,
  query: string,
): string {
  return `${origin}${basePath}${path}${joinQueries(baseQuery, query)}`
}

function joinQueries(base: string, query: string): string {
  if (base === '') return query
  return query === '' ? base : `${base}&${query.slice(1)}`
}
