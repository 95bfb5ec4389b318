/** Keeps the first bytes of a body, as they were on the wire after decoding. */
export class BodyCopy {
  readonly #limit: number
  #pieces: Uint8Array[] = []
  #size = 0
  /** More came than was kept. */
  truncated = false

  constructor(limit: number) {
    this.#limit = limit
  }

  write(bytes: Uint8Array): void {
    const room = this.#limit - this.#size
    if (bytes.length > room) this.truncated = true
    if (room <= 0) return
    const piece = bytes.length > room ? bytes.slice(0, room) : bytes
    this.#pieces.push(piece)
    this.#size += piece.length
  }

  bytes(): Uint8Array {
    return Buffer.concat(this.#pieces)
  }
}
