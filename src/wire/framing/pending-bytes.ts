const NOTHING = new Uint8Array(0)

/** Smallest memory, and the largest that is held while nothing waits. */
const MIN_MEMORY = 256
const MAX_IDLE_MEMORY = 4096

/** Bytes that wait for more, in memory that grows by doubling: what comes in small chunks is not copied with each. */
export class PendingBytes {
  #memory: Uint8Array = NOTHING
  length = 0

  /** What waits, and these behind it; valid until `keep`. */
  with(bytes: Uint8Array): Uint8Array {
    if (this.length === 0) return bytes
    this.#append(bytes)
    return this.#memory.subarray(0, this.length)
  }

  /** Keeps the end of what `with` returned. The bytes may be another's, so they are copied. */
  keep(all: Uint8Array, from: number): void {
    if (this.length === 0) {
      if (from < all.length) this.#append(all.subarray(from))
    } else if (from > 0) {
      this.#memory.copyWithin(0, from, this.length)
      this.length -= from
    }
    if (this.length === 0 && this.#memory.length > MAX_IDLE_MEMORY) this.#memory = NOTHING
  }

  #append(bytes: Uint8Array): void {
    const length = this.length + bytes.length
    if (length > this.#memory.length) {
      const memory = new Uint8Array(Math.max(length, 2 * this.#memory.length, MIN_MEMORY))
      memory.set(this.#memory.subarray(0, this.length))
      this.#memory = memory
    }
    this.#memory.set(bytes, this.length)
    this.length = length
  }
}
