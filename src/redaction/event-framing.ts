import type { Span } from './detectors/detector.ts'
import type { RawEvent } from './event-redactor.ts'
import { readText } from './text-bytes.ts'

const LF = 10
const CR = 13

/** How events stand in a stream: server-sent ones, or a JSON text in each line. */
export type Framing = 'sse' | 'lines'

/**
 * Cuts a stream of bytes into its events without changing one: the pieces put together are the stream.
 *
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
 */
export class EventFraming {
  readonly #framing: Framing
  #pending: Uint8Array = new Uint8Array(0)
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
    this.#pending = this.#pending.length === 0 ? bytes : Buffer.concat([this.#pending, bytes])
    const events: RawEvent[] = []
    let start = 0
    let at = this.#seen
    const breaks = new Breaks(this.#pending)
    while (at < this.#pending.length) {
      const next = breaks.next(at)
      if (next < 0) {
        this.#afterBreak = false
        at = this.#pending.length
        break
      }
      // A CR may be half of a line's end.
      if (this.#pending[next] === CR && next + 1 === this.#pending.length) {
        if (next > at) this.#afterBreak = false
        at = next
        break
      }
      const empty = next === at && this.#afterBreak
      at = next + (this.#pending[next] === CR && this.#pending[next + 1] === LF ? 2 : 1)
      this.#afterBreak = true
      if (this.#framing === 'sse' && !empty) continue
      events.push(this.#event(this.#pending.subarray(start, at)))
      start = at
      this.#afterBreak = this.#framing === 'sse'
    }
    // Copied, for the bytes are not ours.
    this.#pending = this.#pending.slice(start)
    this.#seen = at - start
    return events
  }

  /** The stream has ended. @returns what is left of it, as an event */
  end(): RawEvent[] {
    const rest = this.#pending
    this.#pending = new Uint8Array(0)
    this.#seen = 0
    return rest.length === 0 ? [] : [this.#event(rest)]
  }

  #event(bytes: Uint8Array): RawEvent {
    const { text: raw, utf8 } = readText(bytes)
    if (this.#framing === 'lines')
      return { raw, utf8, data: raw.replace(/[\r\n]+$/, ''), lines: [[0, 0]], others: [] }
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
