import type { Span } from '../span.ts'
import { readText } from '../text-bytes.ts'
import { EventPieces, type Framing } from './event-pieces.ts'
import { eachSseLine } from './sse-lines.ts'

/** An event of a stream, as text. */
export interface RawEvent {
  /** All of it, framing included. */
  readonly raw: string
  /** Its data, and where parts of that stand in `raw`: pairs of a place in the data and one in `raw`, in order. */
  readonly data: string
  readonly lines: readonly (readonly [data: number, raw: number])[]
  /** Places in `raw` of text that is no data: comments, and lines that are nothing. */
  readonly others: readonly Span[]
  /** Whether it was read as UTF-8. */
  readonly utf8: boolean
}

/** Cuts a stream of bytes into its events, as text, without changing one: their texts put together are the stream. */
export class EventFraming {
  readonly #framing: Framing
  readonly #pieces: EventPieces

  constructor(framing: Framing) {
    this.#framing = framing
    this.#pieces = new EventPieces(framing)
  }

  /** Bytes of an event that has not ended. */
  get pendingBytes(): number {
    return this.#pieces.pendingBytes
  }

  /** Takes bytes. @returns the events that they end */
  write(bytes: Uint8Array): RawEvent[] {
    const events: RawEvent[] = []
    this.#pieces.write(bytes, (piece) => events.push(this.#event(piece)))
    return events
  }

  /** The stream has ended. @returns what is left of it, as an event */
  end(): RawEvent[] {
    const rest = this.#pieces.end()
    return rest.length === 0 ? [] : [this.#event(rest)]
  }

  #event(bytes: Uint8Array): RawEvent {
    const { text: raw, utf8 } = readText(bytes)
    if (this.#framing === 'lines') {
      // A stream of events may begin like lines of JSON, which its readers pass over.
      const from = /^(?:\uFEFF|\u00EF\u00BB\u00BF)?(?:data:[ ]?)?/.exec(raw)![0].length
      return { raw, utf8, data: raw.slice(from).replace(/[\r\n]+$/, ''), lines: [[0, from]], others: [] }
    }
    const lines: [number, number][] = []
    const others: Span[] = []
    let data = ''
    let behindOther = false
    eachSseLine(raw, (kind, start, value, end) => {
      if (kind === 'data') {
        if (lines.length > 0) data += '\n'
        lines.push([data.length, value])
        data += raw.slice(value, end)
        behindOther = false
        return
      }
      // What an event is called is no text.
      if (kind === 'event' && /^[\w.-]*$/.test(raw.slice(value, end))) return
      // Lines that follow one another are one text.
      if (behindOther) others[others.length - 1] = { ...others.at(-1)!, end }
      else others.push({ start, end })
      behindOther = true
    })
    return { raw, utf8, data, lines, others }
  }
}
