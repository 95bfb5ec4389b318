import { GatewayError } from '../errors.ts'
import type { ClientAddresses } from './client-address.ts'
import { HostPolicy } from './host-policy.ts'
import { OriginPolicy, type Door } from './origin-policy.ts'
import { OwnAddresses } from './own-addresses.ts'

const ownAddresses = new OwnAddresses()

/** The settings that decide which pages may use the gateway, and under which names. */
export interface BrowserSettings {
  readonly host: string
  readonly allowedHosts: readonly string[]
  readonly corsOrigins: readonly string[]
  /** Empty for none. */
  readonly publicUrl: string
}

/** Stops web pages from using a gateway that only its own user may use. One for each configuration. */
export class BrowserPolicy {
  readonly #hosts: HostPolicy
  readonly #origins: OriginPolicy

  constructor({ host, allowedHosts, corsOrigins, publicUrl }: BrowserSettings) {
    this.#hosts = new HostPolicy({
      names: [host, ...allowedHosts],
      isOwnAddress: (address) => ownAddresses.has(address),
    })
    this.#origins = new OriginPolicy({ listed: corsOrigins, publicUrl })
  }

  /** @throws GatewayError `host_not_allowed`, while keys are off and the request names a host that is not the gateway */
  requireHost(keysOn: boolean, { host, connection }: ClientAddresses): void {
    if (keysOn || this.#hosts.allows(host, connection)) return
    throw new GatewayError(
      'host_not_allowed',
      `while gateway keys are off, this gateway does not answer under the name "${host.name}"; list it in server.allowed_hosts, or turn keys on`,
    )
  }

  /**
   * Whether a page may make this request.
   *
   * @param fields of the request; lower-case names
   * @returns the origin whose pages may read the response; `undefined` for none
   * @throws GatewayError `origin_not_allowed`
   */
  requireOrigin(
    door: Door,
    fields: Readonly<Record<string, string>>,
    { host, connection }: ClientAddresses,
  ): string | undefined {
    const origin = fields['origin']
    const verdict = this.#origins.judge(door, {
      origin,
      site: fields['sec-fetch-site'],
      host,
      peer: connection,
    })
    if (verdict !== 'refused') return verdict === 'allowed' ? origin : undefined
    throw new GatewayError(
      'origin_not_allowed',
      `pages of ${origin === undefined ? 'other sites' : `origin "${origin}"`} may not use this gateway; server.cors_origins lists those that may`,
    )
  }
}
