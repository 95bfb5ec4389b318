/** One server-sent event. `name` is empty when the stream gives none. */
export interface SseEvent {
  readonly name: string
  readonly data: string
}

const LF = 10
const CR = 13
const COLON = 58
const SPACE = 32
const OPEN_BRACE = 123

/**
 * Incrementally decodes an event stream: bytes in, events out, cut anywhere (inside a character, between CR and
 * LF). Lines end in LF, CR or CRLF; comments, `id` and `retry` are ignored; data lines join with LF. An object of JSON whose lines have no
 * field name is taken as an event, beyond the specification: Gemini tells so of a failure in the middle of a stream.
 *
 * Every byte is copied at most twice, however small the chunks. An event larger than the limit is left out and
 * counted; the stream goes on behind it.
 *
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
 */
export class SseDecoder {
  readonly #maxEventBytes: number
  readonly #text = new TextDecoder('utf-8', { ignoreBOM: true })
  #pieces: Uint8Array[] = []
  #pending = 0
  #data: string[] = []
  #dataBytes = 0
  #name = ''
  #overlong = false
  /** The event is JSON without field names. */
  #bare = false
  #afterCr = false
  #first = true
  /** Events left out because they were larger than the limit. */
  skipped = 0

  constructor(maxEventBytes: number) {
    this.#maxEventBytes = maxEventBytes
  }

  /** Takes a chunk and returns the events it completed. The chunk is copied where it must be kept. */
  write(chunk: Uint8Array): SseEvent[] {
    const events: SseEvent[] = []
    let start = 0
    if (this.#afterCr && chunk.length > 0) {
      this.#afterCr = false
      if (chunk[0] === LF) start = 1
    }
    while (start < chunk.length) {
      const end = lineEnd(chunk, start)
      if (end < 0) {
        this.#keep(chunk.subarray(start))
        break
      }
      this.#line(this.#takeLine(chunk.subarray(start, end)), events)
      start = end + 1
      if (chunk[end] !== CR) continue
      if (start === chunk.length) this.#afterCr = true
      else if (chunk[start] === LF) start += 1
    }
    return events
  }

  /** The stream has ended: an event without its final blank line is returned too, as some servers end so. */
  end(): SseEvent[] {
    const events: SseEvent[] = []
    if (this.#pending > 0) this.#line(this.#takeLine(new Uint8Array()), events)
    this.#dispatch(events)
    return events
  }

  #keep(bytes: Uint8Array): void {
    if (this.#overlong) return
    if (this.#pending + this.#dataBytes + bytes.length > this.#maxEventBytes) return this.#giveUp()
    this.#pieces.push(bytes.slice())
    this.#pending += bytes.length
  }

  #takeLine(last: Uint8Array): Uint8Array {
    if (this.#pieces.length === 0) return last
    this.#pieces.push(last)
    const line = new Uint8Array(this.#pending + last.length)
    let offset = 0
    for (const piece of this.#pieces) {
      line.set(piece, offset)
      offset += piece.length
    }
    this.#pieces = []
    this.#pending = 0
    return line
  }

  #line(bytes: Uint8Array, events: SseEvent[]): void {
    let line = bytes
    if (this.#first) {
      this.#first = false
      if (line[0] === 0xef && line[1] === 0xbb && line[2] === 0xbf) line = line.subarray(3)
    }
    if (line.length === 0) return this.#dispatch(events)
    if (this.#overlong || line[0] === COLON) return undefined
    const colon = line.indexOf(COLON)
    const nameEnd = colon < 0 ? line.length : colon
    const valueStart = colon < 0 ? line.length : line[colon + 1] === SPACE ? colon + 2 : colon + 1
    if (isWord(line, nameEnd, DATA)) {
      if (this.#bare) this.#dispatch(events)
      this.#dataBytes += line.length
      if (this.#dataBytes > this.#maxEventBytes) return this.#giveUp()
      this.#data.push(this.#text.decode(line.subarray(valueStart)))
    } else if (isWord(line, nameEnd, EVENT)) {
      this.#name = this.#text.decode(line.subarray(valueStart))
    } else if (this.#bare || (line[0] === OPEN_BRACE && this.#data.length === 0)) {
      this.#bare = true
      this.#dataBytes += line.length
      if (this.#dataBytes > this.#maxEventBytes) return this.#giveUp()
      this.#data.push(this.#text.decode(line))
    }
    return undefined
  }

  #dispatch(events: SseEvent[]): void {
    if (this.#data.length > 0) events.push({ name: this.#name, data: this.#data.join('\n') })
    this.#data = []
    this.#dataBytes = 0
    this.#name = ''
    this.#overlong = false
    this.#bare = false
  }

  #giveUp(): void {
    this.skipped += 1
    this.#overlong = true
    this.#pieces = []
    this.#pending = 0
    this.#data = []
    this.#dataBytes = 0
  }
}

const DATA = new TextEncoder().encode('data')
const EVENT = new TextEncoder().encode('event')

function isWord(line: Uint8Array, length: number, word: Uint8Array): boolean {
  if (length !== word.length) return false
  for (let i = 0; i < length; i++) if (line[i] !== word[i]) return false
  return true
}

/** Index of the next LF or CR, or -1. */
function lineEnd(chunk: Uint8Array, from: number): number {
  for (let i = from; i < chunk.length; i++) if (chunk[i] === LF || chunk[i] === CR) return i
  return -1
}
