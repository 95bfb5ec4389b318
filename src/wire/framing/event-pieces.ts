import { PendingBytes } from './pending-bytes.ts'

const LF = 10
const CR = 13
const NOTHING = new Uint8Array(0)

/** How events stand in a stream: server-sent ones, or a JSON text in each line. */
export type Framing = 'sse' | 'lines'

/**
 * Cuts a stream of bytes into its events without changing one: the pieces put together are the stream. Bytes in, cut anywhere;
 * out comes each event with the line breaks that end it. Every reader of event streams stands on it.
 *
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
 */
export class EventPieces {
  readonly #framing: Framing
  readonly #pending = new PendingBytes()
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

  /** Takes bytes. @param take called with each event that they end; it is valid during the call */
  write(bytes: Uint8Array, take: (event: Uint8Array) => void): void {
    const all = this.#pending.with(bytes)
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
      take(start === 0 && at === all.length ? all : all.subarray(start, at))
      start = at
      this.#afterBreak = this.#framing === 'sse'
    }
    this.#pending.keep(all, start)
    this.#seen = at - start
  }

  /** Takes out what has come of an event that has not ended. The next piece is the rest of that. */
  release(): Uint8Array {
    const all = this.#pending.with(NOTHING)
    const released = all.slice(0, this.#seen)
    this.#pending.keep(all, this.#seen)
    this.#seen = 0
    return released
  }

  /** The stream has ended. @returns what is left of it, as an event; empty for nothing */
  end(): Uint8Array {
    const rest = this.#pending.with(NOTHING).slice()
    this.#pending.keep(rest, rest.length)
    this.#seen = 0
    return rest
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
    if (this.#lf < from) this.#lf = this.#search(LF, from)
    if (this.#cr < from) this.#cr = this.#search(CR, from)
    const next = Math.min(this.#lf, this.#cr)
    return next === Infinity ? -1 : next
  }

  #search(byte: number, from: number): number {
    const at = this.#bytes.indexOf(byte, from)
    return at < 0 ? Infinity : at
  }
}
