import { GatewayError } from '../../errors.ts'

/**
 * Counts the request content that is held in memory over all requests and WebSockets, so that one bound
 * (`server.max_held_bytes`) holds for all of it together.
 */
export class HeldContent {
  /** Bytes that are held now. */
  bytes = 0

  /** @returns whether they fit; nothing is counted when they do not */
  take(bytes: number, maxBytes: number): boolean {
    if (this.bytes + bytes > maxBytes) return false
    this.bytes += bytes
    return true
  }

  give(bytes: number): void {
    this.bytes -= bytes
  }
}

/** The part of the held content that belongs to one connection, which grows and shrinks. */
export class HeldShare {
  readonly #held: HeldContent
  #bytes = 0

  constructor(held: HeldContent) {
    this.#held = held
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Sets how much is held for the connection now. @returns whether that fits; nothing changes when it does not */
  set(bytes: number, maxBytes: number): boolean {
    const more = bytes - this.#bytes
    if (more > 0 && !this.#held.take(more, maxBytes)) return false
    if (more < 0) this.#held.give(-more)
    this.#bytes = bytes
    return true
  }
}

/** The refusal of content that there is no room for. */
export function heldTooMuch(): GatewayError {
  const message = 'the gateway holds as much request content as it may (server.max_held_bytes); try again'
  return new GatewayError('held_bytes_exceeded', message)
}
