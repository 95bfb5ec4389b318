import type { ContentFacts, Observed, WireFacts } from '../../traces/exchange.ts'

/** Size of the copies that are handed over. */
const PIECE_BYTES = 4 * 1024

/** The first copy is small, because most streams of one exchange are. */
const FIRST_PIECE_BYTES = 1024

/** Where copies go. @returns false when they are not wanted now; the tap gives up then */
export type ObserveSink = (piece: Observed) => boolean

/**
 * Copies what has been forwarded and hands it to the recorder in pieces. It never delays or changes the stream, and
 * it gives up, for good, as soon as the recorder is too far behind.
 */
export class Tap {
  readonly #id: string
  readonly #side: 'request' | 'response'
  readonly #wire: WireFacts
  readonly #facts: ContentFacts
  readonly #sink: ObserveSink
  #piece: Uint8Array | undefined
  #length = 0
  #marks: number[] = []
  #wanted = true

  constructor(
    id: string,
    side: 'request' | 'response',
    wire: WireFacts,
    facts: ContentFacts,
    sink: ObserveSink,
  ) {
    this.#id = id
    this.#side = side
    this.#wire = wire
    this.#facts = facts
    this.#sink = sink
  }

  /** Copies a chunk. @param atUs microseconds since the exchange began */
  take(chunk: Uint8Array, atUs: number): void {
    if (!this.#wanted) return
    if (chunk.length >= PIECE_BYTES / 2) {
      this.flush()
      this.#send(chunk.slice(), [0, atUs])
      return
    }
    this.#piece ??= new Uint8Array(FIRST_PIECE_BYTES)
    if (this.#length + chunk.length > this.#piece.length) {
      this.flush()
      this.#piece = new Uint8Array(PIECE_BYTES)
    }
    this.#piece.set(chunk, this.#length)
    this.#marks.push(this.#length, atUs)
    this.#length += chunk.length
  }

  /** Hands over what has been copied so far. */
  flush(): void {
    if (this.#length === 0) return
    // A copy, so that handing it over transfers only these bytes.
    this.#send(this.#piece!.slice(0, this.#length), this.#marks)
    this.#piece = undefined
    this.#length = 0
    this.#marks = []
  }

  #send(bytes: Uint8Array, marks: number[]): void {
    if (!this.#wanted) return
    this.#wanted = this.#sink({
      kind: 'observed',
      id: this.#id,
      side: this.#side,
      wire: this.#wire,
      facts: this.#facts,
      bytes,
      marks,
    })
  }
}
