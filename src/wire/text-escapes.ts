/** A text as it reads once the escapes in it are decoded. */
export interface Unescaped {
  readonly text: string
  /** How many escapes stand before a place. @param at a place in `text` */
  escapesBefore(at: number): number
  /** Where it stands in the text itself. @param at a place in `text` */
  place(at: number): number
}

/**
 * Escapes of ASCII characters, as URLs, JSON, JavaScript, XML and HTML write them, also when they were escaped again: `%40`, `%2540`,
 * `\u0040`, `\\u0040`, `\x40`, `\u{40}`, `&#64;`, `&#x40;`, `&commat;`.
 */
const ESCAPE =
  /%(?:25){0,3}([2-7][0-9a-f])|\\{1,8}(?:u00|x|u\{0{0,4})([2-7][0-9a-f])\}?|&(?:amp;){0,3}(?:#0{0,4}([1-9]\d{1,2})|#x0{0,4}([2-7][0-9a-f])|(commat|period|lowbar|hyphen|plus|colon|sol|num));/gi

/** The beginning of one, at the end of a text. */
const BEGUN =
  /(?:%(?:25){0,3}[2-7]?|\\{1,8}(?:x[2-7]?|u0{0,2}|u00[2-7]|u\{0{0,4}[2-7]?[0-9a-f]?)?|&(?:amp;){0,3}[#0-9a-z]{0,8})$/i

/** Longest beginning of an escape. */
const MAX_BEGUN = 32

const NAMED: Readonly<Record<string, string>> = {
  commat: '@',
  period: '.',
  lowbar: '_',
  hyphen: '-',
  plus: '+',
  colon: ':',
  sol: '/',
  num: '#',
}

/** Decodes the escapes in a text, whatever kind of text it is. @returns `undefined` where there are none */
export function unescape(text: string): Unescaped | undefined {
  if (!/[%\\&]/.test(text)) return undefined
  /** Of each escape its place in what is read, and where it ends in the text. */
  const read: number[] = []
  const ends: number[] = []
  const pieces: string[] = []
  let from = 0
  let length = 0
  for (const { index, 0: escape, 1: percent, 2: backslash, 3: decimal, 4: hex, 5: name } of text.matchAll(
    ESCAPE,
  )) {
    const code =
      decimal === undefined ? Number.parseInt(percent ?? backslash ?? hex ?? '', 16) : Number(decimal)
    const character = name === undefined ? String.fromCharCode(code) : NAMED[name.toLowerCase()]!
    if (name === undefined && (code < 0x20 || code > 0x7e)) continue
    pieces.push(text.slice(from, index), character)
    length += index - from
    read.push(length)
    length += 1
    from = index + escape.length
    ends.push(from)
  }
  if (read.length === 0) return undefined
  pieces.push(text.slice(from))
  const escapesBefore = (at: number): number => {
    let [low, high] = [0, read.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if (read[middle]! < at) low = middle + 1
      else high = middle
    }
    return low
  }
  return {
    text: pieces.join(''),
    escapesBefore,
    place: (at) => {
      const before = escapesBefore(at)
      return before === 0 ? at : ends[before - 1]! + at - read[before - 1]! - 1
    },
  }
}

/** Where the escape begins that may go on behind the text's end; the text's length for nowhere. */
export function escapeBegins(text: string): number {
  const from = Math.max(0, text.length - MAX_BEGUN)
  const begun = BEGUN.exec(text.slice(from))
  return begun ? from + begun.index : text.length
}
