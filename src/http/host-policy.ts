import { isLoopbackHost, isLoopbackPeer } from './loopback.ts'
import type { RequestHost } from './request-host.ts'

/** The name by which a container reaches its host machine. */
const DOCKER_HOST = 'host.docker.internal'

/** What decides which names are the gateway's. */
export interface HostRules {
  /** `server.host`, and the names of `server.allowed_hosts`. */
  readonly names: readonly string[]
  /** Whether an address is one of this machine's. */
  readonly isOwnAddress: (address: string) => boolean
}

/**
 * Decides under which names the gateway responds while keys are off. A page can point its own name at this machine
 * (DNS rebinding), and then has the gateway's origin. It cannot change the name that the browser sends.
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
   * @param peer address of the connection's other end. The runtime does not report the local address of a connection.
   *   A connection from this machine came in on loopback, or on the address that it names.
   */
  allows({ name }: RequestHost, peer: string): boolean {
    // Browsers always name a host.
    if (name === '' || isLoopbackHost(name) || this.#names.has(name)) return true
    return !isLoopbackPeer(peer) && this.#isOwnAddress(name)
  }
}

/** A configured host, normalised for comparison: lower case, without brackets and without a trailing dot. */
export function plainHost(host: string): string {
  return host
    .trim()
    .toLowerCase()
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/\.$/, '')
}
