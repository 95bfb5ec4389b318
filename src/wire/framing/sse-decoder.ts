import { EventPieces } from './event-pieces.ts'
import { eachSseLine } from './sse-lines.ts'

/** One server-sent event. `name` is empty when the stream gives none. */
export interface SseEvent {
  readonly name: string
  readonly data: string
}

/**
 * Incrementally decodes an event stream: bytes in, events out, cut anywhere (inside a character, between CR and LF).
 *
 * An event larger than the limit is left out and counted; the stream goes on behind it.
 */
export class SseDecoder {
  readonly #maxEventBytes: number
  readonly #pieces = new EventPieces('sse')
  readonly #text = new TextDecoder('utf-8', { ignoreBOM: true })
  /** In an event that is larger than the limit. */
  #skipping = false
  /** Events left out because they were larger than the limit. */
  skipped = 0

  constructor(maxEventBytes: number) {
    this.#maxEventBytes = maxEventBytes
  }

  /** Whether an event begins with the next byte. */
  get betweenEvents(): boolean {
    return !this.#skipping && this.#pieces.pendingBytes === 0
  }

  /** Takes a chunk and returns the events it completed. The chunk is copied where it must be kept. */
  write(chunk: Uint8Array): SseEvent[] {
    const events: SseEvent[] = []
    this.#pieces.write(chunk, (piece) => this.#read(piece, events))
    if (this.#skipping || this.#pieces.pendingBytes > this.#maxEventBytes) {
      this.#skipping = true
      this.#pieces.release()
    }
    return events
  }

  /** The stream has ended: an event without its final blank line is returned too, as some servers end so. */
  end(): SseEvent[] {
    const events: SseEvent[] = []
    const rest = this.#pieces.end()
    if (rest.length > 0 || this.#skipping) this.#read(rest, events)
    return events
  }

  #read(piece: Uint8Array, events: SseEvent[]): void {
    if (this.#skipping || piece.length > this.#maxEventBytes) this.skipped += 1
    else readSse(this.#text.decode(piece), events)
    this.#skipping = false
  }
}

/**
 * The event that a piece of a stream holds: `data` lines join with LF; comments, `id` and `retry` are ignored. An object of JSON whose
 * lines have no field name is an event of its own, beyond the specification: Gemini reports so a failure in the middle of a stream.
 *
 * @param text up to the blank line that ends an event
 * @param events to which it is added; none where there is no data
 */
export function readSse(text: string, events: SseEvent[]): void {
  let name = ''
  let data: string | undefined
  let bare = false
  const add = (line: string): void => {
    data = data === undefined ? line : `${data}\n${line}`
  }
  eachSseLine(text, (kind, start, value, end) => {
    if (kind === 'event') name = text.slice(value, end)
    else if (kind === 'data') {
      if (bare) {
        events.push({ name, data: data! })
        name = ''
        data = undefined
        bare = false
      }
      add(text.slice(value, end))
    } else if (kind === 'other' && (bare || (data === undefined && text.startsWith('{', start)))) {
      bare = true
      add(text.slice(start, end))
    }
  })
  if (data !== undefined) events.push({ name, data })
}
