import { isStorable } from '../storable-text.ts'

/** Deepest nesting of objects and lists that is read. */
const MAX_DEPTH = 16

/**
 * Parses JSON more strictly than `JSON.parse`: an object names each member once, strings hold neither NUL nor halves of surrogate
 * pairs, and nesting is bounded.
 *
 * @throws SyntaxError for anything else, with what is wrong
 * @see https://datatracker.ietf.org/doc/html/rfc8259
 */
export function parseStrictJson(text: string): unknown {
  const value: unknown = JSON.parse(text)
  new Scanner(text).value(0)
  return value
}

/** Walks over JSON that has been parsed once, so that it is known to be well formed. */
class Scanner {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  value(depth: number): void {
    if (depth > MAX_DEPTH) throw new SyntaxError(`JSON is nested deeper than ${MAX_DEPTH}`)
    this.#skip(/[\s:,]*/y)
    const first = this.#text[this.#at]
    if (first === '{') this.#object(depth)
    else if (first === '[') this.#list(depth)
    else if (first === '"') this.#string()
    else this.#skip(/[^\s,\]}]*/y)
  }

  #object(depth: number): void {
    const names = new Set<string>()
    for (this.#at += 1; !this.#closes('}'); this.value(depth + 1)) {
      const name = this.#string()
      if (names.has(name)) throw new SyntaxError(`JSON names the member ${JSON.stringify(name)} twice`)
      names.add(name)
    }
  }

  #list(depth: number): void {
    for (this.#at += 1; !this.#closes(']');) this.value(depth + 1)
  }

  /** Whether an object or a list ends here; steps over its end. */
  #closes(end: '}' | ']'): boolean {
    this.#skip(/[\s,]*/y)
    if (this.#text[this.#at] !== end) return false
    this.#at += 1
    return true
  }

  #string(): string {
    const string = JSON.parse(this.#skip(/"(?:[^"\\]|\\.)*"/y)) as string
    if (!isStorable(string)) throw new SyntaxError('JSON text holds NUL or half of a surrogate pair')
    return string
  }

  #skip(pattern: RegExp): string {
    pattern.lastIndex = this.#at
    const [matched = ''] = pattern.exec(this.#text) ?? []
    this.#at += matched.length
    return matched
  }
}
