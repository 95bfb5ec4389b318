import { ByteScanner } from '../json/byte-scanner.ts'
import { parseObject, type JsonObject } from '../json/values.ts'

const LF = 10
const OPEN_BRACKET = 91
const CLOSE_BRACKET = 93
const OPEN_BRACE = 123
const CLOSE_BRACE = 125

/**
 * Incrementally takes JSON objects out of a body that holds many: NDJSON, objects one after another, or the elements of
 * one array. Bytes in, cut anywhere; objects out. An object larger than the limit is left out and counted.
 */
export class JsonObjects {
  readonly #maxObjectBytes: number
  /** Its level is the depth at which an object begins: 0, or 1 inside an array. */
  readonly #scanner = new ByteScanner(0)
  #pieces: Uint8Array[] = []
  #size = 0
  #begun = false
  /** Objects left out because they were larger than the limit. */
  skipped = 0
  /** They stand in an array, or more than one has begun. */
  many = false

  constructor(maxObjectBytes: number) {
    this.#maxObjectBytes = maxObjectBytes
  }

  /** Takes a chunk and returns the objects it completed. The chunk is copied where it must be kept. */
  write(chunk: Uint8Array): JsonObject[] {
    const objects: JsonObject[] = []
    let start = this.#scanner.depth > this.#scanner.level ? 0 : -1
    for (let from = 0; from < chunk.length;) {
      const lineBreak = chunk.indexOf(LF, from)
      const end = lineBreak < 0 ? chunk.length : lineBreak
      start = this.#writeLine(chunk, from, end, start, objects)
      // No string holds a line break: a stray quote between objects must not hide what follows.
      if (lineBreak >= 0) this.#scanner.endString()
      from = end + 1
    }
    if (start >= 0) this.#keep(chunk.subarray(start))
    return objects
  }

  /** @param start of the object that is open; -1 for none, as in what it returns */
  #writeLine(chunk: Uint8Array, from: number, end: number, start: number, objects: JsonObject[]): number {
    const scanner = this.#scanner
    const line = chunk.subarray(from, end)
    let open = start
    for (let at = scanner.next(line, 0); at < line.length; at = scanner.next(line, at + 1)) {
      const byte = line[at]
      if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
        if (scanner.depth === 1) {
          this.many ||= byte === OPEN_BRACKET || this.#begun
          this.#begun = true
        }
        if (scanner.depth === 1 && byte === OPEN_BRACKET) scanner.level = 1
        else open = from + at
      } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
        if (open >= 0) this.#complete(chunk.subarray(open, from + at + 1), objects)
        open = -1
        if (scanner.depth === 0) scanner.level = 0
      }
    }
    return open
  }

  #keep(bytes: Uint8Array): void {
    this.#size += bytes.length
    if (this.#size > this.#maxObjectBytes) this.#pieces = []
    else this.#pieces.push(bytes.slice())
  }

  #complete(last: Uint8Array, objects: JsonObject[]): void {
    this.#keep(last)
    if (this.#size > this.#maxObjectBytes) this.skipped += 1
    else {
      const object = parseObject(Buffer.concat(this.#pieces).toString('utf8'))
      if (object) objects.push(object)
    }
    this.#pieces = []
    this.#size = 0
  }
}
