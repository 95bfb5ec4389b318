import type { SideObservation } from './side-observation.ts'

/** Chunks are put together until they make a piece of this size. The first piece is smaller, because most contents are. */
const PIECE_BYTES = 4 * 1024
const FIRST_PIECE_BYTES = 1024

/** Puts the chunks of one content together, so that many small ones are read at once. */
export class ContentPieces {
  readonly #side: SideObservation
  #memory: Uint8Array | undefined
  #length = 0
  #marks: number[] = []

  constructor(side: SideObservation) {
    this.#side = side
  }

  /**
   * Takes a chunk, of which it keeps a copy.
   *
   * @param atUs microseconds since the exchange began
   * @returns a promise while what has come is decoded elsewhere
   */
  take(chunk: Uint8Array, atUs: number): Promise<void> | undefined {
    if (chunk.length >= PIECE_BYTES / 2) {
      const before = this.flush()
      // Content that is kept must not keep the whole batch.
      const own = chunk.length === chunk.buffer.byteLength ? chunk : chunk.slice()
      return this.#side.piece(own, [0, atUs]) ?? before
    }
    this.#memory ??= new Uint8Array(FIRST_PIECE_BYTES)
    const full = this.#length + chunk.length > this.#memory.length
    const read = full ? this.flush() : undefined
    if (full) this.#memory = new Uint8Array(PIECE_BYTES)
    this.#memory.set(chunk, this.#length)
    this.#marks.push(this.#length, atUs)
    this.#length += chunk.length
    return read
  }

  /** The content has ended, or is to be read so far. */
  flush(): Promise<void> | undefined {
    if (this.#length === 0) return undefined
    const piece = this.#memory!.slice(0, this.#length)
    const marks = this.#marks
    this.#memory = undefined
    this.#length = 0
    this.#marks = []
    return this.#side.piece(piece, marks)
  }
}
