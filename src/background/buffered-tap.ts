import type { ContentTap } from '../traces/exchange.ts'

/** Chunks are put together until they make a piece of this size. The first piece is smaller, because most streams are short. */
const PIECE_BYTES = 4 * 1024
const FIRST_PIECE_BYTES = 1024

/** Chunks of one content, valid during the call that hands them over. */
export interface ContentPiece {
  readonly bytes: Uint8Array
  /** Pairs of byte offset in `bytes` and microseconds since the exchange began, one per chunk. */
  readonly marks: readonly number[]
}

/** Puts the chunks of one content together, so that many small ones are handed over and read at once. */
export class BufferedTap implements ContentTap {
  /** Takes over a piece; false when it is not wanted, and no other will be. */
  readonly #handOver: (piece: ContentPiece) => boolean
  #memory: Uint8Array | undefined
  #length = 0
  readonly #marks: number[] = []
  #wanted = true

  constructor(handOver: (piece: ContentPiece) => boolean) {
    this.#handOver = handOver
  }

  take(chunk: Uint8Array, atUs: number): void {
    if (!this.#wanted || chunk.length === 0) return
    if (chunk.length >= PIECE_BYTES / 2) {
      this.#flush()
      if (this.#wanted) this.#wanted = this.#handOver({ bytes: chunk, marks: [0, atUs] })
      return
    }
    this.#memory ??= new Uint8Array(FIRST_PIECE_BYTES)
    if (this.#length + chunk.length > this.#memory.length) {
      this.#flush()
      if (this.#memory.length < PIECE_BYTES) this.#memory = new Uint8Array(PIECE_BYTES)
    }
    this.#memory.set(chunk, this.#length)
    this.#marks.push(this.#length, atUs)
    this.#length += chunk.length
  }

  end(): void {
    this.#flush()
    this.#wanted = false
    this.#memory = undefined
  }

  #flush(): void {
    if (this.#length === 0 || !this.#wanted) return
    this.#wanted = this.#handOver({ bytes: this.#memory!.subarray(0, this.#length), marks: this.#marks })
    this.#length = 0
    this.#marks.length = 0
  }
}
