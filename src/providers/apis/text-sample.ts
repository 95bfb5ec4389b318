/** Characters of a text that are kept for counting its tokens; the rest is extrapolated from them. */
const KEPT_CHARACTERS = 16 * 1024

/** The beginning of a text that comes in pieces, and the length of the whole: what an estimate of its tokens needs. */
export class TextSample {
  #pieces: string[] = []
  #kept = 0
  /** Length of the whole text in UTF-16 units. */
  length = 0

  add(piece: string): void {
    this.length += piece.length
    if (this.#kept >= KEPT_CHARACTERS) return
    const part = piece.slice(0, KEPT_CHARACTERS - this.#kept)
    this.#pieces.push(part)
    this.#kept += part.length
  }

  /** The kept beginning. */
  get text(): string {
    if (this.#pieces.length > 1) this.#pieces = [this.#pieces.join('')]
    return this.#pieces[0] ?? ''
  }
}
