import type { DeniedValues } from '../../redaction/denied-values.ts'
import { escapeMeaning, type JsonPlace } from './walk.ts'

/** A value that is to be replaced whole: places in the view, `end` is -1 while it goes on. */
export interface DeniedSpan {
  readonly start: number
  end: number
  /** Where it begins in the text itself. */
  readonly at: number
  /** A string's, without its quotes; else an object's or array's. */
  readonly string: boolean
}

interface Frame {
  readonly kind: 'object' | 'array'
  name: string
}

/**
 * A JSON text that comes in pieces, as people read it: escapes in its strings are what they stand for. Knows where each character
 * stands in the text itself, and which values have names that are denied.
 */
export class JsonView implements JsonPlace {
  /** What can be read so far, from where the view was cut on. */
  text = ''
  /** For each character, where it begins in the text itself, and where what was read of that ends. */
  places: number[] = []
  readEnd: number
  readonly denied: DeniedSpan[] = []
  /** Whether each character is within a string. */
  within: boolean[] = []
  readonly path: string[] = []
  readonly elements: number[] = []
  readonly #denied: DeniedValues
  readonly #frames: Frame[] = []
  #unread = ''
  #inString = false
  #isName = false
  #expectsName = false
  #name = ''
  #wanted = 0

  /** @param at where the text begins among others */
  constructor(denied: DeniedValues, at: number) {
    this.#denied = denied
    this.readEnd = at
  }

  get name(): string {
    return this.#frames.at(-1)?.name ?? ''
  }

  /** Takes what comes next of the text. */
  write(piece: string): void {
    const text = this.#unread + piece
    let at = 0
    while (at < text.length) {
      const size = this.#inString && text[at] === '\\' ? (text[at + 1] === 'u' ? 6 : 2) : 1
      if (at + size > text.length) break
      this.#take(size === 1 ? text[at]! : escapeMeaning(text.slice(at, at + size)), size)
      at += size
    }
    this.#unread = text.slice(at)
  }

  /** Forgets the view's beginning. */
  cut(count: number): void {
    this.text = this.text.slice(count)
    this.places = this.places.slice(count)
    this.within = this.within.slice(count)
    const shifted = this.denied.splice(0).filter(({ end }) => end < 0 || end > count)
    for (const { start, end, at, string } of shifted) {
      this.denied.push({ start: Math.max(0, start - count), end: end < 0 ? -1 : end - count, at, string })
    }
  }

  #take(character: string, size: number): void {
    const at = this.text.length
    this.text += character
    this.places.push(this.readEnd)
    this.within.push(this.#inString && !(character === '"' && size === 1))
    this.readEnd += size
    if (this.#inString) {
      if (character !== '"' || size > 1) {
        if (this.#isName && this.#name.length < MAX_NAME) this.#name += character
        return
      }
      this.#inString = false
      if (this.#isName) this.#setName(this.#name)
      else this.#close(at, true)
      return
    }
    switch (character) {
      case '"':
        this.#inString = true
        this.#isName = this.#expectsName
        this.#name = ''
        if (!this.#isName && this.#wanted === 0 && this.#denied.has(this, 'string'))
          this.denied.push({ start: at + 1, end: -1, at: this.readEnd, string: true })
        return
      case '{':
      case '[': {
        const kind = character === '{' ? 'object' : 'array'
        if (this.#wanted === 0 && this.#denied.has(this, kind)) {
          this.#wanted = this.#frames.length + 1
          this.denied.push({ start: at, end: -1, at: this.readEnd - size, string: false })
        }
        this.#frames.push({ kind, name: '' })
        this.path.push(kind === 'array' ? '[]' : '')
        this.elements.push(0)
        this.#expectsName = kind === 'object'
        return
      }
      case '}':
      case ']':
        if (this.#wanted > 0 && this.#wanted === this.#frames.length) {
          this.#wanted = 0
          this.#close(at + 1, false)
        }
        this.#frames.pop()
        this.path.pop()
        this.elements.pop()
        this.#expectsName = false
        return
      case ',':
        this.#expectsName = this.#frames.at(-1)?.kind === 'object'
        return
      default:
    }
  }

  #setName(name: string): void {
    const frame = this.#frames.at(-1)
    if (frame) frame.name = name
    if (this.path.length > 0) this.path[this.path.length - 1] = name
    this.#expectsName = false
  }

  #close(end: number, string: boolean): void {
    const last = this.denied.at(-1)
    if (!last || last.end >= 0 || last.string !== string) return
    if (string && end === last.start) this.denied.pop()
    else last.end = end
  }
}

/** Longest member name that is told from another. */
const MAX_NAME = 256
