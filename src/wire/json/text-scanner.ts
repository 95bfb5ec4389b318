const QUOTE = 34
const COMMA = 44
const BACKSLASH = 92
const OPEN_BRACKET = 91
const CLOSE_BRACKET = 93
const OPEN_BRACE = 123
const CLOSE_BRACE = 125

/**
 * Finds the tokens of JSON in pieces of text that may be cut anywhere: braces, brackets, commas, and the quotes around strings.
 * It validates nothing, and its work grows with the length alone. `ByteScanner` does the same for bytes.
 */
export class TextScanner {
  /** The last token was the opening quote of a string. */
  inString = false
  /** The piece before ended with the backslash of an escape. */
  #escaped = false

  /**
   * Moves on to the next token.
   *
   * @param from 0 for a new piece, else a place behind the last token
   * @returns its place; the piece's length or more when no token follows in it
   */
  next(json: string, from: number): number {
    if (this.inString) return this.#stringEnd(json, from)
    for (let at = from; at < json.length; at++) {
      switch (json.charCodeAt(at)) {
        case QUOTE:
          this.inString = true
          return at
        case OPEN_BRACE:
        case OPEN_BRACKET:
        case CLOSE_BRACE:
        case CLOSE_BRACKET:
        case COMMA:
          return at
        default:
      }
    }
    return json.length
  }

  /** Place of the closing quote of the string that goes on here; the piece's length when that does not come. */
  #stringEnd(json: string, from: number): number {
    const start = this.#escaped ? from + 1 : from
    let at = json.indexOf('"', start)
    while (at >= 0 && isEscaped(json, at, start)) at = json.indexOf('"', at + 1)
    this.inString = at < 0
    this.#escaped = at < 0 && (start > json.length || isEscaped(json, json.length, start))
    return at < 0 ? json.length : at
  }
}

/** Whether an odd number of backslashes stands before a place. @param start of the string */
function isEscaped(json: string, at: number, start: number): boolean {
  let before = at
  while (before > start && json.charCodeAt(before - 1) === BACKSLASH) before -= 1
  return (at - before) % 2 === 1
}
