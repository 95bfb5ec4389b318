import { networkInterfaces } from 'node:os'

/** How long the system's response is cached. */
const FRESH_MS = 1000

/** The addresses of this machine, as they change. */
export class OwnAddresses {
  #addresses: ReadonlySet<string> = new Set()
  #readAt = -Infinity

  /** @param address as the system writes it */
  has(address: string): boolean {
    const now = performance.now()
    if (now - this.#readAt > FRESH_MS) {
      this.#readAt = now
      const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? [])
      this.#addresses = new Set(all.map((one) => one.address.toLowerCase()))
    }
    return this.#addresses.has(address)
  }
}
