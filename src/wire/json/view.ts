import { WalkedPlace, type JsonPlace } from './place.ts'
import { escapeMeaning } from './strings.ts'
import { TextScanner } from './text-scanner.ts'

/** A value that was asked for as a whole: places in the view, `end` is -1 while it goes on. */
export interface WholeValue {
  readonly start: number
  end: number
  /** Where it begins in the text itself. */
  readonly at: number
  /** A string's, without its quotes; else an object's or array's. */
  readonly string: boolean
}

/** Longest member name that is told from another, in characters. */
const MAX_NAME = 256

/**
 * A JSON text that comes in pieces, as people read it: escapes in its strings are what they stand for. Knows where each character
 * stands in the text itself, and which values are wanted as a whole.
 */
export class JsonView {
  /** What can be read so far, from where the view was cut on. */
  text = ''
  /** For each character, where it begins in the text itself, and where what was read of that ends. */
  places: number[] = []
  readEnd: number
  /** The values that are wanted, in order; none stands in another. */
  readonly wholes: WholeValue[] = []
  /** Whether each character is within a string. */
  within: boolean[] = []
  readonly #wants: (place: JsonPlace, kind: 'string' | 'object' | 'array') => boolean
  readonly #scanner = new TextScanner()
  readonly #place = new WalkedPlace()
  /** An escape that has not wholly come. */
  #unread = ''
  #isName = false
  #name = ''
  /** Depth in which the wanted object or array stands; -1 for none. */
  #wholeIn = -1

  /**
   * @param wants whether a value is wanted as a whole
   * @param at where the text begins among others
   */
  constructor(wants: (place: JsonPlace, kind: 'string' | 'object' | 'array') => boolean, at: number) {
    this.#wants = wants
    this.readEnd = at
  }

  /** Takes what comes next of the text. */
  write(piece: string): void {
    let from = 0
    while (from < piece.length) {
      const within = this.#scanner.inString
      const at = this.#scanner.next(piece, from)
      if (within) this.#readString(piece.slice(from, at))
      else for (let i = from; i < at; i++) this.#show(piece[i]!, 1, false)
      if (at < piece.length) this.#token(piece[at]!)
      from = at + 1
    }
  }

  /** Forgets the view's beginning. */
  cut(count: number): void {
    this.text = this.text.slice(count)
    this.places = this.places.slice(count)
    this.within = this.within.slice(count)
    const shifted = this.wholes.splice(0).filter(({ end }) => end < 0 || end > count)
    for (const { start, end, at, string } of shifted) {
      this.wholes.push({ start: Math.max(0, start - count), end: end < 0 ? -1 : end - count, at, string })
    }
  }

  #show(character: string, size: number, within: boolean): void {
    this.text += character
    this.places.push(this.readEnd)
    this.within.push(within)
    this.readEnd += size
  }

  /** Takes a part of a string, up to its quote or the piece's end. */
  #readString(part: string): void {
    const text = this.#unread + part
    let at = 0
    while (at < text.length) {
      const size = text[at] !== '\\' ? 1 : text[at + 1] === 'u' ? 6 : 2
      if (at + size > text.length) break
      this.#showInString(text.slice(at, at + size))
      at += size
    }
    this.#unread = text.slice(at)
  }

  #showInString(raw: string): void {
    const character = raw.length === 1 ? raw : escapeMeaning(raw)
    if (this.#isName && this.#name.length < MAX_NAME) this.#name += character
    this.#show(character, raw.length, true)
  }

  #token(token: string): void {
    if (token === '"' && !this.#scanner.inString && this.#unread !== '') {
      this.#showInString(this.#unread)
      this.#unread = ''
    }
    const at = this.text.length
    this.#show(token, 1, false)
    switch (token) {
      case '"':
        if (this.#scanner.inString) this.#openString(at)
        else this.#closeString(at)
        return
      case '{':
      case '[': {
        const kind = token === '{' ? 'object' : 'array'
        if (this.#wholeIn < 0 && this.#wants(this.#place, kind)) {
          this.#wholeIn = this.#place.path.length
          this.wholes.push({ start: at, end: -1, at: this.readEnd - 1, string: false })
        }
        return this.#place.open(kind)
      }
      case '}':
      case ']':
        this.#place.close()
        if (this.#wholeIn !== this.#place.path.length) return
        this.#wholeIn = -1
        return this.#close(at + 1, false)
      case ',':
        return this.#place.comma()
      default:
    }
  }

  #openString(at: number): void {
    this.#isName = this.#place.expectsName
    this.#name = ''
    if (!this.#isName && this.#wholeIn < 0 && this.#wants(this.#place, 'string'))
      this.wholes.push({ start: at + 1, end: -1, at: this.readEnd, string: true })
  }

  #closeString(at: number): void {
    if (this.#isName) this.#place.member(this.#name)
    else this.#close(at, true)
  }

  #close(end: number, string: boolean): void {
    const last = this.wholes.at(-1)
    if (!last || last.end >= 0 || last.string !== string) return
    if (string && end === last.start) this.wholes.pop()
    else last.end = end
  }
}
