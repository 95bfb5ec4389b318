import type { ContentTap, ObservedContent } from '../traces/exchange.ts'
import { BufferedTap, type ContentPiece } from './buffered-tap.ts'
import type { BegunContent, ObservedBatch } from './protocol.ts'

/** Bytes of a batch, and numbers that describe its chunks: with so many it is handed over. */
const BATCH_BYTES = 64 * 1024
const BATCH_NUMBERS = 3 * 4096

/** A larger piece is a batch of its own. */
const SHARED_PIECE_BYTES = 8 * 1024

/** What the outbox needs of the recorder. */
export interface ObservedPorts {
  /** Makes room for bytes. @returns false when they are not wanted now */
  readonly accept: (bytes: number) => boolean
  readonly post: (batch: ObservedBatch) => void
}

/**
 * Collects pieces of all streams, and hands them to the recorder thread together: a message costs as much as the reading of thirty
 * events. The pieces wait until a batch is full, or until `flush`, which comes before an exchange is handed over.
 */
export class ObservedOutbox {
  readonly #ports: ObservedPorts
  #bytes = new Uint8Array(BATCH_BYTES)
  #length = 0
  #chunks: number[] = []
  #begun: BegunContent[] = []
  #contents = 0
  /** Threads that have died. */
  #deaths = 0

  constructor(ports: ObservedPorts) {
    this.#ports = ports
  }

  /** A tap of one content. It gives up, for good, when a piece is not wanted, or the thread that read the content has died. */
  open(content: ObservedContent): ContentTap {
    const deaths = this.#deaths
    let number = 0
    return new BufferedTap((piece) => {
      if (deaths !== this.#deaths || !this.#ports.accept(piece.bytes.length)) return false
      if (number === 0) {
        number = ++this.#contents
        this.#begun.push({ ...content, number })
      }
      this.#add(number, piece)
      return true
    })
  }

  /** Hands over what has been collected. */
  flush(): void {
    if (this.#length === 0) return
    const full = this.#length > BATCH_BYTES / 2
    // Of a batch that is not full a copy, so that handing it over transfers only these bytes.
    const bytes = full ? this.#bytes.subarray(0, this.#length) : this.#bytes.slice(0, this.#length)
    if (full) this.#bytes = new Uint8Array(BATCH_BYTES)
    this.#post(bytes)
  }

  /** The thread has died: what was collected for it is not read. */
  threadDied(): void {
    this.#deaths += 1
    this.#length = 0
    this.#chunks = []
    this.#begun = []
  }

  #add(number: number, piece: ContentPiece): void {
    const { bytes } = piece
    const shared = bytes.length <= SHARED_PIECE_BYTES
    if (!shared || this.#length + bytes.length > BATCH_BYTES) this.flush()
    this.#describe(number, piece)
    // Not `slice`: that of a Buffer is no copy.
    if (!shared) return this.#post(new Uint8Array(bytes))
    this.#bytes.set(bytes, this.#length)
    this.#length += bytes.length
    if (this.#chunks.length >= BATCH_NUMBERS) this.flush()
    return undefined
  }

  #describe(number: number, { bytes, marks }: ContentPiece): void {
    for (let i = 0; i < marks.length; i += 2) {
      const end = marks[i + 2] ?? bytes.length
      this.#chunks.push(number, end - marks[i]!, marks[i + 1]!)
    }
  }

  #post(bytes: Uint8Array): void {
    const [begun, chunks] = [this.#begun, Float64Array.from(this.#chunks)]
    this.#begun = []
    this.#chunks = []
    this.#length = 0
    this.#ports.post({ kind: 'observed', begun, bytes, chunks })
  }
}
