import { parseObject, type JsonObject } from './values.ts'

const QUOTE = 34
const BACKSLASH = 92
const LF = 10
const OPEN = [123, 91]
const CLOSE = [125, 93]

/**
 * Incrementally takes JSON objects out of a body that holds many: NDJSON, objects one after another, or the elements of
 * one array. Bytes in, cut anywhere; objects out. An object larger than the limit is left out and counted.
 */
export class JsonObjects {
  readonly #maxObjectBytes: number
  #pieces: Uint8Array[] = []
  #size = 0
  #depth = 0
  #inString = false
  #escaped = false
  /** Depth at which an object begins: 0, or 1 inside an array. */
  #base = 0
  #skipping = false
  /** Objects left out because they were larger than the limit. */
  skipped = 0
  /** They stand in an array, or more than one has begun. */
  many = false
  #begun = false

  constructor(maxObjectBytes: number) {
    this.#maxObjectBytes = maxObjectBytes
  }

  /** Takes a chunk and returns the objects it completed. The chunk is copied where it must be kept. */
  write(chunk: Uint8Array): JsonObject[] {
    const objects: JsonObject[] = []
    let start = this.#depth > this.#base ? 0 : -1
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i]!
      if (this.#inString) {
        if (this.#escaped) this.#escaped = false
        else if (byte === BACKSLASH) this.#escaped = true
        // No string holds a line end: a stray quote between objects must not swallow what follows.
        else if (byte === QUOTE || byte === LF) this.#inString = false
        continue
      }
      if (byte === QUOTE) {
        this.#inString = true
      } else if (OPEN.includes(byte)) {
        if (this.#depth === 0) this.many ||= byte === 91 || this.#begun
        this.#begun = true
        if (this.#depth === 0 && byte === 91) this.#base = 1
        else if (this.#depth === this.#base) start = i
        this.#depth += 1
      } else if (CLOSE.includes(byte) && this.#depth > 0) {
        this.#depth -= 1
        if (this.#depth === this.#base && start >= 0) {
          this.#complete(chunk.subarray(start, i + 1), objects)
          start = -1
        }
        if (this.#depth === 0) this.#base = 0
      }
    }
    if (start >= 0) this.#keep(chunk.subarray(start))
    return objects
  }

  #keep(bytes: Uint8Array): void {
    if (this.#skipping) return
    this.#size += bytes.length
    if (this.#size > this.#maxObjectBytes) {
      this.#skipping = true
      this.#pieces = []
      return
    }
    this.#pieces.push(bytes.slice())
  }

  #complete(last: Uint8Array, objects: JsonObject[]): void {
    this.#keep(last)
    if (this.#skipping) this.skipped += 1
    else {
      const object = parseObject(Buffer.concat(this.#pieces).toString('utf8'))
      if (object) objects.push(object)
    }
    this.#pieces = []
    this.#size = 0
    this.#skipping = false
  }
}
