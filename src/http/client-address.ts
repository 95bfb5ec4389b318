import { inNetworks, plainAddress, type Network } from '../access/networks.ts'
import type { RequestHost } from './request-host.ts'

/** Where a request comes from, and which host it names. */
export interface ClientAddresses {
  /** The connection's other end, without port. */
  readonly connection: string
  /** The client, as trusted proxies report it. */
  readonly client: string
  /** The host that it names. */
  readonly host: RequestHost
}

/**
 * The address that a request comes from: the connection's, or the one that trusted proxies report.
 *
 * @param connection address of the connection's other end, without port
 * @param forwardedFor the `X-Forwarded-For` of the request
 * @param trusted networks of proxies that append to that field truthfully
 */
export function clientAddress(
  connection: string,
  forwardedFor: string | null,
  trusted: readonly Network[],
): string {
  if (forwardedFor === null) return connection
  let address = connection
  // Each trusted proxy vouches for the entry before its own. Entries further left may be forged.
  for (const entry of forwardedFor.split(',').reverse()) {
    if (!inNetworks(address, trusted)) return address
    const named = addressOf(entry.trim())
    if (named === undefined) return address
    address = named
  }
  return address
}

/**
 * The address of an entry, without port: `203.0.113.9`, `203.0.113.9:51234`, `2001:db8::1`, `[2001:db8::1]`,
 * `[2001:db8::1]:443`.
 *
 * @returns `undefined` if the entry is no address, such as `unknown`
 */
function addressOf(entry: string): string | undefined {
  const [, bracketed, dotted] = /^(?:\[([^[\]]*)\]|([^:]*))(?::\d{1,5})?$/.exec(entry) ?? []
  return plainAddress(bracketed ?? dotted ?? entry)
}
