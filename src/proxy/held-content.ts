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
