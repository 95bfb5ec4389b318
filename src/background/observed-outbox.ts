import type { ContentTap, ObservedContent } from '../traces/exchange.ts'
import type { BegunContent, ObservedBatch } from './protocol.ts'

/** Bytes of a batch, and its chunks at most. */
const BATCH_BYTES = 16 * 1024
const BATCH_CHUNKS = 256

/** A larger chunk is a batch of its own. */
const SHARED_CHUNK_BYTES = 2 * 1024

/** Numbers that describe a chunk. */
const CHUNK_NUMBERS = 3

/** What the outbox needs of the recorder. */
export interface ObservedPorts {
  /** Makes room for bytes. @returns false when they are not wanted now */
  readonly accept: (bytes: number) => boolean
  readonly post: (batch: ObservedBatch) => void
}

/**
 * Collects copies of the chunks of all streams, and hands them to the recorder thread together: a message for each stream would cost
 * more than the reading. The copies wait until a batch is full, or until `flush`, which comes before an exchange is handed over.
 */
export class ObservedOutbox {
  readonly #ports: ObservedPorts
  #bytes = new Uint8Array(BATCH_BYTES)
  #length = 0
  readonly #chunks = new Float64Array(BATCH_CHUNKS * CHUNK_NUMBERS)
  #count = 0
  #begun: BegunContent[] = []
  #contents = 0
  /** Threads that have died. */
  #deaths = 0

  constructor(ports: ObservedPorts) {
    this.#ports = ports
  }

  /** A tap of one content. It gives up, for good, when a chunk is not wanted, or the thread that read the content has died. */
  open(content: ObservedContent): ContentTap {
    const deaths = this.#deaths
    let number = 0
    let wanted = true
    return {
      take: (chunk, atUs) => {
        if (chunk.length === 0) return
        wanted &&= deaths === this.#deaths && this.#ports.accept(chunk.length)
        if (!wanted) return
        if (number === 0) {
          number = ++this.#contents
          this.#begun.push({ ...content, number })
        }
        this.#add(number, chunk, atUs)
      },
    }
  }

  /** Hands over what has been collected. */
  flush(): void {
    if (this.#count === 0) return
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
    this.#count = 0
    this.#begun = []
  }

  #add(number: number, chunk: Uint8Array, atUs: number): void {
    if (chunk.length > SHARED_CHUNK_BYTES) {
      this.flush()
      this.#describe(number, chunk.length, atUs)
      // Not `slice`: that of a Buffer is no copy.
      return this.#post(new Uint8Array(chunk))
    }
    if (this.#length + chunk.length > BATCH_BYTES || this.#count === BATCH_CHUNKS) this.flush()
    this.#bytes.set(chunk, this.#length)
    this.#length += chunk.length
    this.#describe(number, chunk.length, atUs)
    return undefined
  }

  #describe(number: number, length: number, atUs: number): void {
    const at = this.#count * CHUNK_NUMBERS
    this.#chunks[at] = number
    this.#chunks[at + 1] = length
    this.#chunks[at + 2] = atUs
    this.#count += 1
  }

  #post(bytes: Uint8Array): void {
    const chunks = this.#chunks.slice(0, this.#count * CHUNK_NUMBERS)
    const begun = this.#begun
    this.#begun = []
    this.#length = 0
    this.#count = 0
    this.#ports.post({ kind: 'observed', begun, bytes, chunks })
  }
}
