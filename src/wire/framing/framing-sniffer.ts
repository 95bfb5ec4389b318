import type { Framing } from './event-pieces.ts'
import { isJson } from '../json/is-json.ts'
import { hasControls } from '../text-bytes.ts'

/** Data that is no text shows it within these bytes. */
const BINARY_BYTES = 512

/** Characters at the beginning of a line that show what it is, unless it is JSON. */
const START = 8

const BOM = [0xef, 0xbb, 0xbf]
const JSON_BEGINS = /^[[{"]/
const SSE_DATA = /^(?:data|event):/
const SSE_OTHER = /^(?:id:|retry:|:)/
/** What may become the name of a field when more comes. */
const SSE_PREFIX = /^(?:d|da|dat|data|e|ev|eve|even|event|i|id|r|re|ret|retr|retry)$/

/**
 * Recognises by the beginning of a body whether it is a stream of events, and how they stand in it. The same bytes always give the same
 * result, however they are cut.
 *
 * An event stream shows in the first characters of a line of its own. Lines of JSON show in the first, where they are declared; else
 * when a second begins, because one text of JSON may end with a line break too.
 */
export class FramingSniffer {
  readonly #declared: Framing | undefined
  #bom = 0
  #length = 0
  /** The line that is read, up to `START` characters; all of it is in the pieces where it may be JSON. */
  #start = ''
  #pieces: Uint8Array[] = []
  /** The line before was JSON. */
  #json = false

  /** @param declared by the media type */
  constructor(declared: Framing | undefined) {
    this.#declared = declared
  }

  /** Takes what comes next. @returns `none` for what is no stream, `binary` for what is no text; `undefined` while more is needed */
  write(bytes: Uint8Array): Framing | 'none' | 'binary' | undefined {
    for (let at = 0; at < bytes.length;) {
      if (this.#start === '') {
        while (at < bytes.length && this.#isBlank(bytes[at]!)) at += 1
        if (at === bytes.length) break
      }
      const end = endOfLine(bytes, at)
      const piece = bytes.subarray(at, end)
      const found = this.#take(piece, this.#length + at < BINARY_BYTES, end < bytes.length)
      if (found) return found
      at = end
    }
    this.#length += bytes.length
    return undefined
  }

  #take(piece: Uint8Array, early: boolean, ended: boolean): Framing | 'none' | 'binary' | undefined {
    if (this.#start.length < START)
      this.#start += Buffer.from(piece.subarray(0, START - this.#start.length)).toString('latin1')
    const line = this.#start
    const json = JSON_BEGINS.test(line)
    if (this.#json) return json ? 'lines' : this.#declared === 'sse' ? 'sse' : 'none'
    if (SSE_DATA.test(line) || (this.#declared === 'sse' && SSE_OTHER.test(line))) return 'sse'
    if (early && hasControls(Buffer.from(piece.subarray(0, BINARY_BYTES)).toString('latin1'))) return 'binary'
    if (json) {
      this.#pieces.push(piece)
      if (!ended) return undefined
      if (!isJson(Buffer.concat(this.#pieces).toString('latin1'))) return 'none'
      if (this.#declared === 'lines') return 'lines'
      this.#json = true
    } else if (this.#declared !== 'sse' && !SSE_OTHER.test(line) && (ended || !SSE_PREFIX.test(line))) {
      // Readers of events pass over lines that are none.
      return 'none'
    }
    if (ended) [this.#start, this.#pieces] = ['', []]
    return undefined
  }

  #isBlank(byte: number): boolean {
    if (this.#bom < BOM.length && byte === BOM[this.#bom]) {
      this.#bom += 1
      return true
    }
    return byte === 10 || byte === 13 || byte === 32 || byte === 9
  }
}

/** Place of the next LF or CR; the length when there is none. */
function endOfLine(bytes: Uint8Array, from: number): number {
  const lf = bytes.indexOf(10, from)
  const end = lf < 0 ? bytes.length : lf
  const cr = bytes.subarray(from, end).indexOf(13)
  return cr < 0 ? end : from + cr
}
