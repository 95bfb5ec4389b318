const QUOTE = 34
const COMMA = 44
const COLON = 58
const BACKSLASH = 92
const OPEN_BRACKET = 91
const CLOSE_BRACKET = 93
const OPEN_BRACE = 123
const CLOSE_BRACE = 125
const NUMBER_SIGN = 35
const APOSTROPHE = 39
const SLASH = 47

/** Bytes of a string that are looked at one by one: most strings end within them. */
const NEAR_BYTES = 64

/**
 * Finds the tokens of JSON in chunks that may be cut anywhere: braces, brackets, commas, colons, and the quotes around strings.
 * It validates nothing, and its work grows with the length alone. `TextScanner` does the same for text.
 */
export class ByteScanner {
  /** Open objects and arrays. */
  depth = 0
  /** The last token was the opening quote of a string. */
  inString = false
  /** A comment, or a string in other quotes, was passed. It is no JSON, and readers that take it may see other tokens. */
  foreign = false
  /** Tokens in more open objects and arrays than this are passed over; a reader may change it between tokens. */
  level: number
  /** The chunk before ended with the backslash of an escape. */
  #escaped = false

  constructor(level: number) {
    this.level = level
  }

  /** A string that is open ends here, without a quote. */
  endString(): void {
    this.inString = false
    this.#escaped = false
  }

  /**
   * Moves on to the next token.
   *
   * @param from 0 for a new chunk, else a place behind the last token
   * @returns its place; the chunk's length or more when no token follows in it
   */
  next(json: Uint8Array, from: number): number {
    let at = from
    while (at < json.length) {
      if (this.inString) {
        at = this.#stringEnd(json, at)
        if (at >= json.length) return at
        this.inString = false
        if (this.depth <= this.level) return at
        at += 1
      }
      at = this.#structure(json, at)
      if (!this.inString || this.depth <= this.level) return at
      at += 1
    }
    return at
  }

  /** Place of the next reported token outside strings, or of the next opening quote. */
  #structure(json: Uint8Array, from: number): number {
    const { level } = this
    let { depth } = this
    let at = from
    for (; at < json.length; at++) {
      const byte = json[at]!
      if (byte === QUOTE) {
        this.inString = true
        break
      }
      if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
        depth += 1
        if (depth <= level + 1) break
      } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
        if (depth > 0) depth -= 1
        if (depth <= level) break
      } else if (depth <= level && (byte === COMMA || byte === COLON)) break
      else if (byte === SLASH || byte === APOSTROPHE || byte === NUMBER_SIGN) this.foreign = true
    }
    this.depth = depth
    return at
  }

  /** Place of the closing quote of the string that goes on here; the chunk's length when that does not come. */
  #stringEnd(json: Uint8Array, from: number): number {
    let at = this.#escaped ? from + 1 : from
    this.#escaped = false
    for (;;) {
      for (const near = Math.min(json.length, at + NEAR_BYTES); at < near; at++) {
        if (json[at] === BACKSLASH) at += 1
        else if (json[at] === QUOTE) return at
      }
      if (at >= json.length) break
      // A long string: to its next quote in one go, which is its end unless it is escaped.
      const quote = json.indexOf(QUOTE, at)
      const end = quote < 0 ? json.length : quote
      const escaped = isEscaped(json, end, at)
      if (quote < 0) this.#escaped = escaped
      if (quote < 0 || !escaped) return end
      at = quote + 1
    }
    // The last backslash escapes what the next chunk begins with.
    this.#escaped = at > json.length
    return json.length
  }
}

/** Whether an odd number of backslashes stands before a place. @param from where a character begins that is not escaped */
function isEscaped(json: Uint8Array, at: number, from: number): boolean {
  let before = at
  while (before > from && json[before - 1] === BACKSLASH) before -= 1
  return (at - before) % 2 === 1
}
