import type { RequestTarget } from '../../http/request-target.ts'
import type { ModelDialect } from '../../providers/dialects/dialect.ts'
import type { PlaceOfCall } from '../../providers/dialects/place-of-call.ts'
import {
  type ModelListRoute,
  type ModelRoute,
  modelListOf,
  modelRouteOf,
  spokenDialect,
} from '../../providers/model-routes.ts'
import type { ProviderConfig } from '../../providers/settings.ts'
import type { PathReadings } from '../../wire/url/path-readings.ts'
import { hasPrefix } from '../../wire/url/path-prefix.ts'
import { pathWithModel } from '../targets/rewrite-model.ts'
import {
  type ForwardingSettings,
  type Target,
  type Upstream,
  upstreamOf,
  urlOf,
} from '../upstream/upstream.ts'
import { unresolvedUpstream } from '../upstream/unresolved-upstream.ts'

/** Where a request belongs. */
export type Route =
  /** Below a provider's prefix. */
  | { readonly kind: 'provider'; readonly target: Target }
  /** Its model decides. Until that is known its target has no provider. */
  | { readonly kind: 'model'; readonly route: ModelRoute; readonly target: Target }
  /** It asks which models there are. */
  | { readonly kind: 'model list'; readonly list: ModelListRoute }

/** The fields of a request that decide about its route. */
interface RoutedRequest {
  readonly method: string
  readonly headers: Headers
}

/** The methods that ask for a list; `OPTIONS` asks whether a page may. */
const READING: readonly string[] = ['GET', 'HEAD', 'OPTIONS']

/** Providers by prefix, longest first, and the routes without a prefix. */
export class RouteTable {
  readonly #upstreams: readonly Upstream[]
  readonly #byName: ReadonlyMap<string, Upstream>
  readonly #unresolved: Readonly<Record<ModelDialect, Upstream>>

  constructor(providers: readonly ProviderConfig[], settings: ForwardingSettings) {
    this.#upstreams = providers
      .map((provider) => upstreamOf(provider, settings))
      .sort((a, b) => b.prefix.length - a.prefix.length)
    this.#byName = new Map(this.#upstreams.map((upstream) => [upstream.name, upstream]))
    this.#unresolved = {
      openai: unresolvedUpstream('openai', settings),
      anthropic: unresolvedUpstream('anthropic', settings),
      gemini: unresolvedUpstream('gemini', settings),
    }
  }

  /** The upstream of a provider; `undefined` for one that is not enabled. */
  named(provider: string): Upstream | undefined {
    return this.#byName.get(provider)
  }

  /** Closes the connections that no request uses. */
  close(): void {
    for (const { connection } of this.#upstreams) connection.close()
  }

  /**
   * Where a request belongs.
   *
   * @returns `undefined` for a path of the gateway's own
   */
  find(requested: RequestTarget, request: RoutedRequest): Route | undefined {
    const target = this.#targetBelowPrefix(requested)
    if (target) return { kind: 'provider', target }
    const { plain } = requested.readings
    // Most paths of the management API end here.
    if (!plain.startsWith('/v1')) return undefined
    const spoken = spokenDialect(request.headers)
    if (READING.includes(request.method)) {
      const list = modelListOf(plain, spoken)
      if (list) return { kind: 'model list', list }
    }
    const route = modelRouteOf(request.method, plain, spoken)
    if (!route) return undefined
    const { path, query, readings } = requested
    const upstream = this.#unresolved[route.dialect]
    return {
      kind: 'model',
      route,
      target: {
        upstream,
        path,
        readings: route.dialect === 'gemini' ? withWholeModel(readings) : readings,
        url: `${upstream.origin}${path}${query}`,
      },
    }
  }

  /**
   * A model route at the provider that was chosen for it.
   *
   * @param provider one that is enabled
   * @param found as `find` gave it
   * @param place where the provider takes the call
   */
  at(provider: string, found: Target, query: string, { path, call }: PlaceOfCall): Target {
    const upstream = this.named(provider)!
    const at = { upstream, path, readings: found.readings }
    if (!call) return { ...at, url: urlOf(upstream, path, query) }
    return { ...at, url: urlOf(upstream, path, withoutBeta(query)), call }
  }

  /** A target below a provider's prefix with another model in its path. */
  withModel(found: Target, model: string, query: string): Target {
    const { upstream } = found
    const path = pathWithModel(found.path, model)
    return { ...found, path, url: urlOf(upstream, path, query) }
  }

  #targetBelowPrefix({ path, query, readings }: RequestTarget): Target | undefined {
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
        url: urlOf(upstream, below, query),
      }
    }
    return undefined
  }
}

/** Anthropic's SDKs mark calls of beta features with `?beta=true`, which nobody else knows. */
function withoutBeta(query: string): string {
  return query.replace(/([?&])beta=true(?:&|$)/, '$1').replace(/[?&]$/, '')
}

/**
 * Gemini's SDKs write `provider/model` into the path as it is. Here the name of the model is all up to the verb, so a `/` in it is
 * read as an escaped one.
 */
function withWholeModel(readings: PathReadings): PathReadings {
  const [, before = '', model = '', verb = ''] =
    /^(\/v1(?:beta)?\/models\/)([^:]*)(:[^/]*)?$/.exec(readings.plain) ?? []
  if (!model.includes('/')) return readings
  return { ...readings, plain: `${before}${model.replaceAll('/', '%2F')}${verb}` }
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
