import { isLoopbackHost, isLoopbackPeer } from './loopback.ts'
import type { RequestHost } from './request-host.ts'

/** By which a container reaches the machine that it runs on. */
const DOCKER_HOST = 'host.docker.internal'

/** What decides which names are the gateway's. */
export interface HostRules {
  /** `server.host`, and the names of `server.allowed_hosts`. */
  readonly names: readonly string[]
  /** Whether an address is one of this machine's. */
  readonly isOwnAddress: (address: string) => boolean
}

/**
 * Under which names the gateway answers while keys are off. A page can let a name of its own mean this machine (DNS rebinding) and is then of
 * the gateway's own origin; it cannot change what name the browser sends.
 */
export class HostPolicy {
  readonly #names: ReadonlySet<string>
  readonly #isOwnAddress: (address: string) => boolean

  constructor({ names, isOwnAddress }: HostRules) {
    this.#names = new Set([DOCKER_HOST, ...names.map(plainHost)])
    this.#isOwnAddress = isOwnAddress
  }

  /**
   * Whether a request may name this host.
   *
   * @param peer address of the connection's other end. The runtime does not say which of this machine's addresses a connection came in on; one
   * from this machine itself came in on loopback, or on the address that it names.
   */
  allows({ name }: RequestHost, peer: string): boolean {
    // Browsers always name a host.
    if (name === '' || isLoopbackHost(name) || this.#names.has(name)) return true
    return !isLoopbackPeer(peer) && this.#isOwnAddress(name)
  }
}

/** A configured host as requests are compared with it: lower case, without brackets and without the dot of a full name. */
export function plainHost(host: string): string {
  return host
    .trim()
    .toLowerCase()
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/\.$/, '')
}
