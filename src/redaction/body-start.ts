import { framingOf } from './body-kind.ts'
import type { Framing } from './event-framing.ts'
import { byteOrder, hasControls } from './text-bytes.ts'

/** Bytes by which data that is no text gives itself away. */
const BINARY_BYTES = 512

/** How a body that begins so must be taken: event by event, as a whole, or not at all, because it is no text. */
export type BodyTaking = Framing | 'whole' | 'binary'

/**
 * Takes the beginning of a body until its bytes tell how to go on. That needs the first characters of an event stream, the first line
 * of JSON, and at most 512 bytes of data that is no text.
 */
export class BodyStart {
  readonly #mediaType: string
  /** What was taken, in order. */
  readonly pieces: Uint8Array[] = []
  #length = 0
  #lineEnded = false

  /** @param mediaType as declared, lower-case, without parameters */
  constructor(mediaType: string) {
    this.#mediaType = mediaType
  }

  /** Bytes that were taken. */
  get length(): number {
    return this.#length
  }

  /** Takes a piece. @returns `undefined` while more must come to tell */
  write(piece: Uint8Array): BodyTaking | undefined {
    const before = this.#length
    this.pieces.push(piece)
    this.#length += piece.length
    this.#lineEnded ||= piece.includes(10) || piece.includes(13)
    // A long first line is looked at again only once it has ended.
    return before < BINARY_BYTES || this.#lineEnded ? this.#decide(false) : undefined
  }

  /** The body has ended. */
  end(): BodyTaking {
    return this.#decide(true) ?? 'whole'
  }

  #decide(ended: boolean): BodyTaking | undefined {
    const bytes = this.pieces.length === 1 ? this.pieces[0]! : Buffer.concat(this.pieces)
    const start = bytes.subarray(0, BINARY_BYTES)
    if (hasControls(Buffer.from(start).toString('latin1'))) {
      if (start.length < 4 && !ended) return undefined
      return byteOrder(start) === undefined ? 'binary' : 'whole'
    }
    const framing = framingOf(bytes, ended, this.#mediaType)
    if (framing !== 'none') return framing
    return ended || bytes.length >= BINARY_BYTES ? 'whole' : undefined
  }
}
