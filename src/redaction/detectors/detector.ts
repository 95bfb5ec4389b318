import type { Span } from '../../wire/span.ts'
import type { TimeBudget } from '../time-budget.ts'

/**
 * Matches one kind of value in text. Its work grows with the text's length and with nothing else, whatever the text.
 */
export interface Detector {
  /** The name its matches are counted under: `email`. */
  readonly name: string
  /** The type of its matches in placeholders: `EMAIL`. */
  readonly type: string
  /**
   * All matches, in order, none overlapping another.
   *
   * @param budget asked by those whose work at one place may be long
   */
  match(text: string, budget?: TimeBudget): readonly Span[]
  /**
   * Where a match may begin that goes on behind the text's end, or one that what follows may undo. The text's length when there is
   * none. Never further back than a match can be long.
   *
   * @param most how far back to look where matches have no longest length; without it, as far as a stream may be held back
   */
  open(text: string, most?: number): number
}

/** ASCII letters and digits, as a table: asked for every character of every text. */
const ALPHANUMERIC = table((code) => isDigit(code) || ((code | 32) - 97) >>> 0 < 26)

/** ASCII digit. @param code UTF-16 unit; NaN behind the end of a text */
export function isDigit(code: number): boolean {
  return code >= 48 && code <= 57
}

/** ASCII letter or digit. */
export function isAlphanumeric(code: number): boolean {
  return code < 128 && ALPHANUMERIC[code] === 1
}

/** ASCII letter, digit or `_`: what `\w` is in regular expressions. */
export function isWord(code: number): boolean {
  return isAlphanumeric(code) || code === 95
}

/** The characters up to U+007F of which something holds, as a table of 0 and 1. */
export function table(holds: (code: number) => boolean): Uint8Array {
  return Uint8Array.from({ length: 128 }, (_, code) => (holds(code) ? 1 : 0))
}

/**
 * Where a match may begin in the run of characters that the text ends with; the text's length for nowhere.
 *
 * @param holds whether a character belongs to the run
 * @param begins whether a match may begin with it
 * @param most longest match; what stands further back is not looked at
 */
export function trailingRun(
  text: string,
  holds: (code: number) => boolean,
  begins: (code: number) => boolean,
  most: number,
): number {
  let start = text.length
  const least = Math.max(0, text.length - most)
  while (start > least && holds(text.charCodeAt(start - 1))) start -= 1
  while (start < text.length && !begins(text.charCodeAt(start))) start += 1
  return start
}
