import { type FieldRules, fieldRules } from '../http/fields.ts'
import type { RequestTarget } from '../http/request-target.ts'
import type { DialectName } from '../providers/dialects/dialects.ts'
import type { ProviderConfig, Timeouts } from '../providers/settings.ts'
import { CREDENTIAL_FIELDS } from '../traces/provider-credential.ts'
import { hasPrefix } from '../wire/url/path-prefix.ts'
import { type PathReadings, readPath } from '../wire/url/path-readings.ts'
import { SubscriptionTokens } from './subscription-tokens.ts'
import { UpstreamConnection } from './upstream-connection.ts'

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
  /** The settings put a credential into every request. */
  readonly bringsCredential: boolean
  /** Whether a subscription pays for a request. */
  readonly subscriptions: SubscriptionTokens
  readonly timeouts: Timeouts
  readonly connection: UpstreamConnection
  /** Which fields of requests travel. */
  readonly fields: FieldRules
}

/** Settings of the gateway that concern the requests to every provider. */
export interface ForwardingSettings {
  /** Lower-case name of the gateway key field. */
  readonly gatewayKeyField: string
  readonly forwardClientFields: boolean
}

/** The upstream of a request and what is asked of it. */
export interface Target {
  readonly upstream: Upstream
  /** Path below the provider's prefix, escapes as the client sent them. */
  readonly path: string
  /** The same as it is judged. */
  readonly readings: PathReadings
  readonly url: string
}

/** Providers by prefix, longest first. */
export class UpstreamTable {
  readonly #upstreams: readonly Upstream[]

  constructor(providers: readonly ProviderConfig[], settings: ForwardingSettings) {
    this.#upstreams = providers
      .map((provider) => upstreamOf(provider, settings))
      .sort((a, b) => b.prefix.length - a.prefix.length)
  }

  /** Closes the connections that no request uses. */
  close(): void {
    for (const { connection } of this.#upstreams) connection.close()
  }

  /**
   * Matches where a request goes.
   *
   * @returns `undefined` for a path below no provider's prefix
   */
  find({ path, query, readings }: RequestTarget): Target | undefined {
    const { plain, loose, hidesDots } = readings
    for (const upstream of this.#upstreams) {
      if (!hasPrefix(plain, upstream.prefix)) continue
      const rest =
        plain === path ? path.slice(upstream.prefix.length) : withoutSegments(path, upstream.prefix)
      const below = rest === '' ? '/' : rest
      return {
        upstream,
        path: below,
        readings:
          loose === path
            ? { plain: below, loose: below, hidesDots }
            : {
                plain: plain.slice(upstream.prefix.length),
                loose: loose.slice(upstream.loosePrefix.length),
                hidesDots,
              },
        url: `${upstream.origin}${upstream.basePath}${below}${joinQueries(upstream.baseQuery, query)}`,
      }
    }
    return undefined
  }
}

/** Removes as many leading segments as the prefix has; used when the prefix was sent with escapes. */
function withoutSegments(path: string, prefix: string): string {
  let index = 0
  for (let segments = prefix.split('/').length - 1; segments > 0; segments--) {
    const next = path.indexOf('/', index + 1)
    if (next < 0) return ''
    index = next
  }
  return path.slice(index)
}

function joinQueries(base: string, query: string): string {
  if (base === '') return query
  return query === '' ? base : `${base}&${query.slice(1)}`
}

function upstreamOf(
  provider: ProviderConfig,
  { gatewayKeyField, forwardClientFields }: ForwardingSettings,
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
    bringsCredential: provider.headers.set.some(
      ([name]) => name === provider.credentialHeader || CREDENTIAL_FIELDS.includes(name),
    ),
    subscriptions: new SubscriptionTokens(provider, gatewayKeyField),
    timeouts: provider.timeouts,
    connection: new UpstreamConnection(url.origin, provider.connection),
    fields: fieldRules(gatewayKeyField, forwardClientFields, provider.headers),
  }
}
