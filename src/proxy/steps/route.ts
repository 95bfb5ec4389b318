import type { RequestTarget } from '../../http/request-target.ts'
import type { ProviderConfig } from '../../providers/settings.ts'
import { hasPrefix } from '../../wire/url/path-prefix.ts'
import {
  type ForwardingSettings,
  type Target,
  type Upstream,
  upstreamOf,
  urlOf,
} from '../upstream/upstream.ts'

/** Providers by prefix, longest first. */
export class RouteTable {
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
   * The target of a request.
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
        url: urlOf(upstream, below, query),
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
