/** Part of a text, in UTF-16 units, or of bytes: from its first place to the one behind its last. */
export interface Span {
  readonly start: number
  readonly end: number
}
