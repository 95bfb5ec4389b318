import type { Span } from '../../wire/span.ts'
import type { TimeBudget } from '../time-budget.ts'

/**
 * Matches one kind of value in text. Its work grows with the text's length and with nothing else, whatever the text.
 */
export interface Detector {
  /** Under which its finds are counted: `email`. */
  readonly name: string
  /** What a placeholder calls a find: `EMAIL`. */
  readonly type: string
  /**
   * All finds, in order, none overlapping another.
   *
   * @param budget asked by those whose work at one place may be long
   */
  find(text: string, budget?: TimeBudget): readonly Span[]
  /**
   * From where on the text may be the beginning of a find that goes on behind the text's end, or of one that what follows may undo;
   * the text's length when nothing is open. Never further back than a find can be long.
   *
   * @param most how far back to look where finds have no longest length; without it, as far as a stream may be held back
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
 * Where, in the run of characters that the text ends with, a find may begin; the text's length for nowhere.
 *
 * @param holds whether a character belongs to the run
 * @param begins whether a find may begin with it
 * @param most longest find; what stands further back is not looked at
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
