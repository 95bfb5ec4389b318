import type { Span } from '../span.ts'
import { readText } from '../text-bytes.ts'

const LF = 10
const CR = 13
const NOTHING = new Uint8Array(0)

/** How events stand in a stream: server-sent ones, or a JSON text in each line. */
export type Framing = 'sse' | 'lines'

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

/**
 * Cuts a stream of bytes into its events without changing one: the pieces put together are the stream.
 *
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
 */
export class EventFraming {
  readonly #framing: Framing
  readonly #pending = new Pending()
  /** How much of what is pending has been searched for line breaks. */
  #seen = 0
  #afterBreak = false

  constructor(framing: Framing) {
    this.#framing = framing
  }

  /** Bytes of an event that has not ended. */
  get pendingBytes(): number {
    return this.#pending.length
  }

  /** Takes bytes. @returns the events that they end */
  write(bytes: Uint8Array): RawEvent[] {
    const all = this.#pending.with(bytes)
    const events: RawEvent[] = []
    let start = 0
    let at = this.#seen
    const breaks = new Breaks(all)
    while (at < all.length) {
      const next = breaks.next(at)
      if (next < 0) {
        this.#afterBreak = false
        at = all.length
        break
      }
      // A CR may be half of a line's end.
      if (all[next] === CR && next + 1 === all.length) {
        if (next > at) this.#afterBreak = false
        at = next
        break
      }
      const empty = next === at && this.#afterBreak
      at = next + (all[next] === CR && all[next + 1] === LF ? 2 : 1)
      this.#afterBreak = true
      if (this.#framing === 'sse' && !empty) continue
      events.push(this.#event(all.subarray(start, at)))
      start = at
      this.#afterBreak = this.#framing === 'sse'
    }
    this.#pending.keep(all, start)
    this.#seen = at - start
    return events
  }

  /** The stream has ended. @returns what is left of it, as an event */
  end(): RawEvent[] {
    const rest = this.#pending.with(NOTHING)
    const events = rest.length === 0 ? [] : [this.#event(rest)]
    this.#pending.keep(rest, rest.length)
    this.#seen = 0
    return events
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
    for (const match of raw.matchAll(/[^\r\n]+/g)) {
      const value = /^\uFEFF?data(?:$|:[ ]?(.*)$)/s.exec(match[0])
      if (!value) {
        // What an event is called is no text.
        if (!/^event:[ ]?[\w.-]*$/.test(match[0])) {
          const end = match.index + match[0].length
          // Lines that follow one another are one text.
          if (behindOther) others[others.length - 1] = { ...others.at(-1)!, end }
          else others.push({ start: match.index, end })
          behindOther = true
        }
        continue
      }
      behindOther = false
      const text = value[1] ?? ''
      if (lines.length > 0) data += '\n'
      lines.push([data.length, match.index + match[0].length - text.length])
      data += text
    }
    return { raw, utf8, data, lines, others }
  }
}

/** Bytes that wait for more, in memory that grows by doubling: an event that comes in small chunks is not copied with each. */
class Pending {
  #memory = NOTHING
  length = 0

  /** What waits, and these; valid until `keep`. */
  with(bytes: Uint8Array): Uint8Array {
    if (this.length === 0) return bytes
    this.#append(bytes)
    return this.#memory.subarray(0, this.length)
  }

  /** Keeps the end of what `with` gave. The bytes may be another's, so they are copied. */
  keep(all: Uint8Array, from: number): void {
    if (this.length === 0) this.#append(all.subarray(from))
    else if (from > 0) {
      this.#memory.copyWithin(0, from, this.length)
      this.length -= from
    }
    if (this.length === 0) this.#memory = NOTHING
  }

  #append(bytes: Uint8Array): void {
    const length = this.length + bytes.length
    if (length > this.#memory.length) {
      const memory = new Uint8Array(Math.max(length, 2 * this.#memory.length))
      memory.set(this.#memory.subarray(0, this.length))
      this.#memory = memory
    }
    this.#memory.set(bytes, this.length)
    this.length = length
  }
}

/** Line breaks, each looked for once. */
class Breaks {
  readonly #bytes: Uint8Array
  #lf = -1
  #cr = -1

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  /** Where the next LF or CR stands; -1 for nowhere. Never asked for an earlier place than before. */
  next(from: number): number {
    if (this.#lf < from) this.#lf = this.#find(LF, from)
    if (this.#cr < from) this.#cr = this.#find(CR, from)
    const next = Math.min(this.#lf, this.#cr)
    return next === Infinity ? -1 : next
  }

  #find(byte: number, from: number): number {
    const at = this.#bytes.indexOf(byte, from)
    return at < 0 ? Infinity : at
  }
}
