import { declaredFraming } from './body-kind.ts'
import type { Framing } from '../wire/framing/event-pieces.ts'
import { FramingSniffer } from '../wire/framing/framing-sniffer.ts'
import { byteOrder, hasControls } from '../wire/text-bytes.ts'

/** Bytes that show whether data is text in UTF-16. */
const ORDER_BYTES = 4

/** Data that is no text shows it within these bytes. */
const WHOLE_BYTES = 512

/** How a body that begins so must be taken: event by event, as a whole, or not at all, because it is no text. */
export type BodyTaking = Framing | 'whole' | 'binary'

/**
 * Takes the beginning of a body until its bytes show how to read it. That needs the first characters of an event stream, the first line
 * of JSON, and at most 512 bytes of data that is no text.
 */
export class BodyStart {
  /** What was taken, in order. */
  readonly pieces: Uint8Array[] = []
  readonly #finder: FramingSniffer
  #found: ReturnType<FramingSniffer['write']>
  #length = 0

  /** @param mediaType as declared, lower-case, without parameters */
  constructor(mediaType: string) {
    this.#finder = new FramingSniffer(declaredFraming(mediaType))
  }

  /** Bytes that were taken. */
  get length(): number {
    return this.#length
  }

  /** Takes a piece. @returns `undefined` while more is needed */
  write(piece: Uint8Array): BodyTaking | undefined {
    this.pieces.push(piece)
    this.#length += piece.length
    this.#found ??= this.#finder.write(piece)
    return this.#taking(false)
  }

  /** The body has ended. */
  end(): BodyTaking {
    return this.#taking(true) ?? 'whole'
  }

  #taking(ended: boolean): BodyTaking | undefined {
    const found = this.#found
    if (found === undefined || found === 'sse' || found === 'lines') return found
    const start = Buffer.concat(this.pieces, Math.min(this.#length, WHOLE_BYTES))
    if (found === 'none' && !hasControls(start.toString('latin1')))
      return start.length === WHOLE_BYTES ? 'whole' : undefined
    if (start.length < ORDER_BYTES && !ended) return undefined
    return byteOrder(start) === undefined ? 'binary' : 'whole'
  }
}
