/** A place in an event whose content changes from event to event: a JSON string, or a whole number. */
interface Hole {
  readonly kind: 'string' | 'number'
  readonly start: number
  readonly end: number
}

const QUOTE = 34
const BACKSLASH = 92
const SPACE = 32
const ZERO = 48
const NINE = 57

/**
 * An event whose bytes are those of an earlier one, but for a few strings and numbers. Most events of a stream are such, and comparing is
 * much faster than parsing. Texts have one character for each byte (Latin-1).
 */
export class EventTemplate {
  readonly #parts: readonly string[]
  readonly #holes: readonly Hole[]
  readonly #main: number
  /** Where the main hole's content stands after a match, and whether it has escapes. */
  start = 0
  end = 0
  escaped = false

  private constructor(parts: readonly string[], holes: readonly Hole[], main: number) {
    this.#parts = parts
    this.#holes = holes
    this.#main = main
  }

  /**
   * A template of an event.
   *
   * @param main content of the string that matters; it must stand in the event once, without escapes
   * @param ignored names of members that do not matter: strings and whole numbers
   * @returns `undefined` when its place is not clear
   */
  static of(event: string, main: string, ignored: readonly string[]): EventTemplate | undefined {
    const quoted = `"${main}"`
    const start = event.indexOf(quoted) + 1
    const hole = { kind: 'string', start, end: start + main.length } as const
    if (start === 0 || event.lastIndexOf(quoted) !== start - 1 || endOfString(event, start) !== hole.end)
      return undefined
    const holes = [hole, ...ignored.flatMap((name) => holeOf(event, name, hole) ?? [])]
    holes.sort((a, b) => a.start - b.start)
    const parts = holes.map(({ start: to }, i) => event.slice(holes[i - 1]?.end ?? 0, to))
    return new EventTemplate([...parts, event.slice(holes.at(-1)!.end)], holes, holes.indexOf(hole))
  }

  /** The event with other content in each hole. */
  filled(main: string): string {
    const content = (hole: Hole, i: number): string =>
      i === this.#main ? main : hole.kind === 'string' ? 'other' : '7'
    return this.#holes.map((hole, i) => `${this.#parts[i]}${content(hole, i)}`).join('') + this.#parts.at(-1)!
  }

  /** Whether such an event stands at a place. @returns the place behind it; -1 for another event, or one that has not wholly come */
  match(text: string, from: number): number {
    let at = from
    for (let i = 0; i < this.#holes.length; i++) {
      const part = this.#parts[i]!
      if (!text.startsWith(part, at)) return -1
      const start = at + part.length
      at = this.#holes[i]!.kind === 'string' ? endOfString(text, start) : endOfNumber(text, start)
      if (i === this.#main) {
        this.start = start
        this.escaped = text.charCodeAt(at) === BACKSLASH
        while (text.charCodeAt(at) === BACKSLASH) at = endOfString(text, at + 2)
        this.end = at
      }
    }
    const last = this.#parts.at(-1)!
    return text.startsWith(last, at) ? at + last.length : -1
  }
}

/** Where a member of that name has its content; `undefined` unless it is there once, and is such content. */
function holeOf(event: string, name: string, main: Hole): Hole | undefined {
  const quoted = `"${name}":`
  const found = event.indexOf(quoted)
  if (found < 0 || event.lastIndexOf(quoted) !== found) return undefined
  let start = found + quoted.length
  if (event.charCodeAt(start) === SPACE) start += 1
  const kind = event.charCodeAt(start) === QUOTE ? 'string' : 'number'
  if (kind === 'string') start += 1
  const end = kind === 'string' ? endOfString(event, start) : endOfNumber(event, start)
  const whole = kind === 'string' ? event.charCodeAt(end) === QUOTE : end > start
  return whole && (end < main.start || start > main.end) ? { kind, start, end } : undefined
}

/** Where a string ends of which the first character is given: at its quote, at an escape, or where it is no string any more. */
function endOfString(text: string, start: number): number {
  for (let at = start; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === QUOTE || code === BACKSLASH || code < SPACE) return at
  }
  return text.length
}

/** Where the digits of a number end. */
function endOfNumber(text: string, start: number): number {
  let at = start
  // A number that begins with 0 has no other digit.
  if (text.charCodeAt(at) === ZERO) return at + 1
  while (text.charCodeAt(at) >= ZERO && text.charCodeAt(at) <= NINE) at += 1
  return at
}
