import type { Span } from '../../wire/span.ts'
import { isWord, table, trailingRun, type Detector } from './detector.ts'

/** Longest address. @see https://www.rfc-editor.org/rfc/rfc5321#section-4.5.3.1 */
const MAX_LENGTH = 320

const LOCAL = table((code) => isWord(code) || '.%+-'.includes(String.fromCharCode(code)))
const DOMAIN = table((code) => (isWord(code) && code !== 95) || code === 45 || code === 46)
const AT = 64
const DOT = 46
const COLON = 58
const SLASH = 47

/** Of a URL, as far back as is looked for its scheme. */
const MAX_USER_LENGTH = 80

/** Letters of the Latin alphabets beyond ASCII: they stand in addresses, and those of scripts without spaces do not. */
function isLatin(code: number): boolean {
  return code >= 0xc0 && code <= 0x24f && code !== 0xd7 && code !== 0xf7
}

const isLocal = (code: number): boolean => (code < 128 ? LOCAL[code] === 1 : isLatin(code))
const isDomain = (code: number): boolean => (code < 128 ? DOMAIN[code] === 1 : isLatin(code))
const isLetter = (code: number): boolean => ((code | 32) - 97) >>> 0 < 26 || isLatin(code)

/** E-mail addresses: a local part, `@`, and a domain that ends in a label of letters. Looks for the `@` first. */
export const email: Detector = {
  name: 'email',
  type: 'EMAIL',
  match(text) {
    const spans: Span[] = []
    let from = 0
    for (let at = text.indexOf('@'); at >= 0; at = text.indexOf('@', at + 1)) {
      let start = at
      while (start > from && isLocal(text.charCodeAt(start - 1))) start -= 1
      // An address begins with a letter, a digit or `_`.
      while (start < at && '.%+-'.includes(text[start]!)) start += 1
      if (start === at || isUserInfo(text, start)) continue
      const end = domainEnd(text, at + 1)
      if (end < 0) continue
      spans.push({ start, end })
      from = end
      at = end - 1
    }
    return spans
  },
  open: (text) => trailingRun(text, (code) => code === AT || isLocal(code), isLocal, MAX_LENGTH),
}

/** What stands before the host of a URL is for its server; a password in it is a secret's detector's. */
function isUserInfo(text: string, start: number): boolean {
  const before = text.charCodeAt(start - 1)
  if (before !== COLON && before !== SLASH) return false
  return /:\/\/[^\s/@]*$/.test(text.slice(Math.max(0, start - MAX_USER_LENGTH), start))
}

/** Where the longest domain ends that begins here; -1 when none does. */
function domainEnd(text: string, start: number): number {
  let end = start
  while (isDomain(text.charCodeAt(end))) end += 1
  for (let dot = end - 1; dot > start; dot--) {
    if (text.charCodeAt(dot) !== DOT) continue
    let letters = dot + 1
    while (letters < end && isLetter(text.charCodeAt(letters))) letters += 1
    const next = text.charCodeAt(letters)
    if (letters - dot > 2 && !isWord(next)) return letters
  }
  return -1
}
