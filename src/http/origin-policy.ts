import { isLoopbackPeer } from './loopback.ts'
import type { RequestHost } from './request-host.ts'

/**
 * What a request targets. A credential in a header protects a provider. Only pages of listed origins may use the
 * management API and the metrics, with or without a key.
 */
export type Door = 'management' | 'provider' | 'provider with key' | 'open'

/** What a request says about its page, and where it arrived. */
export interface PageFacts {
  /** `Origin`. Absent for programs, and for links and embedded resources of a page. */
  readonly origin: string | undefined
  /** `Sec-Fetch-Site`; absent for programs, and for pages that reach the gateway by plain HTTP over a network. */
  readonly site: string | undefined
  readonly host: RequestHost
  /** Address of the connection's other end. */
  readonly peer: string
}

/** `none`: no page sent it, or none that could read the response. `allowed`: the page may read the response. */
export type OriginVerdict = 'none' | 'allowed' | 'refused'

/** Origins of this machine's own pages. */
const LOOPBACK = /^https?:\/\/(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?$/

/** Origins of applications' own pages, which no web page can have. */
const APPLICATION = /^(?:app|file|tauri|vscode-webview|vscode-file):/

/** Which pages may use the gateway. */
export class OriginPolicy {
  readonly #listed: ReadonlySet<string>
  /** `undefined` for none. An empty text would match an empty `Origin`. */
  readonly #publicOrigin: string | undefined

  /** @param publicUrl `server.public_url`; empty for none */
  constructor({ listed, publicUrl }: { readonly listed: readonly string[]; readonly publicUrl: string }) {
    this.#listed = new Set(listed)
    this.#publicOrigin = publicUrl === '' ? undefined : new URL(publicUrl).origin
  }

  /** Judges a request by its target. Without an `Origin`, only `Sec-Fetch-Site` reveals a page. */
  judge(door: Door, facts: PageFacts): OriginVerdict {
    const { origin, site } = facts
    if (origin === undefined) return this.#judgeSite(door, site)
    if (origin !== 'null' && (this.#listed.has(origin) || this.#isOwn(origin, facts))) return 'allowed'
    switch (door) {
      case 'open':
        return 'none'
      case 'management':
        return 'refused'
      case 'provider':
        return LOOPBACK.test(origin) || APPLICATION.test(origin) ? 'allowed' : 'refused'
      case 'provider with key':
        return origin === 'null' ? 'refused' : 'allowed'
      default:
        return door satisfies never
    }
  }

  #judgeSite(door: Door, site: string | undefined): OriginVerdict {
    const foreign =
      door === 'management'
        ? site === 'cross-site' || site === 'same-site'
        : door === 'provider' && site === 'cross-site'
    return foreign ? 'refused' : 'none'
  }

  /** The gateway's own origin, whatever the scheme: TLS may end before it. */
  #isOwn(origin: string, { host, peer }: PageFacts): boolean {
    if (origin === this.#publicOrigin) return true
    if (host.authority === '' || (this.#publicOrigin !== undefined && !isLoopbackPeer(peer))) return false
    const authority = origin.slice(origin.indexOf('://') + 3)
    const impliedPort = origin.startsWith('https:') ? 443 : 80
    return host.authority === authority || host.authority === `${authority}:${impliedPort}`
  }
}
