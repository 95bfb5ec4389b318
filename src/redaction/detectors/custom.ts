import { RE2JS } from 're2js'
import type { Span } from '../../wire/span.ts'
import { isWord, type Detector } from './detector.ts'

/** Longest match of a pattern that is waited for in a stream, and in a text that is inspected window by window. */
const MAX_LENGTH = 256
const MAX_LENGTH_IN_TEXT = 4096

/** What the operator looks for besides: a pattern, or words. */
export interface CustomSettings {
  readonly name: string
  /** The type in placeholders; the name in capitals when empty. */
  readonly type: string
  /** In RE2's syntax; empty for none. */
  readonly pattern: string
  readonly words: readonly string[]
}

/**
 * A detector for a pattern or words of the operator's. Patterns run on an engine whose time is linear in the text, whatever the pattern.
 *
 * @throws Error with the reason when the pattern is none, or matches the empty text
 * @see https://github.com/google/re2/wiki/Syntax
 */
export function customDetector({ name, type, pattern, words }: CustomSettings): Detector {
  const head = { name, type: type === '' ? name.toUpperCase() : type }
  if (pattern === '') return { ...head, ...wordDetector(words) }
  const compiled = RE2JS.compile(pattern)
  if (compiled.matcher('').find()) throw new Error('it matches the empty text')
  return {
    ...head,
    match(text, budget) {
      const spans: Span[] = []
      const matcher = compiled.matcher(text)
      // One match may take as long as there is text.
      for (; matcher.find(); budget?.check()) {
        if (matcher.end() > matcher.start()) spans.push({ start: matcher.start(), end: matcher.end() })
      }
      return spans
    },
    // A pattern may begin anywhere.
    open: (text, most = MAX_LENGTH) => Math.max(0, text.length - Math.min(most, MAX_LENGTH_IN_TEXT)),
  }
}

/** Whole words and phrases, in any case. Looks a phrase up by its first word, so that many cost no more than few. */
function wordDetector(words: readonly string[]): Pick<Detector, 'match' | 'open'> {
  const phrases = words.map((word) => lowerCase(word.trim())).filter((word) => word !== '')
  const byFirst = Map.groupBy(phrases, (phrase) => firstWord(phrase))
  for (const group of byFirst.values()) group.sort((a, b) => b.length - a.length)
  const longest = phrases.reduce((most, phrase) => Math.max(most, phrase.length), 0)
  return {
    match(text) {
      const spans: Span[] = []
      const plain = lowerCase(text)
      let end = 0
      for (let start = 0; start < plain.length; start = end) {
        end = wordEnd(plain, start)
        const phrase = byFirst
          .get(plain.slice(start, end))
          ?.find((one) => plain.startsWith(one, start) && endsWord(plain, start + one.length))
        if (phrase === undefined) continue
        end = start + phrase.length
        spans.push({ start, end })
      }
      return spans
    },
    open(text) {
      let start = Math.max(0, text.length - longest)
      while (start > 0 && start < text.length && isWord(text.charCodeAt(start - 1))) start += 1
      return start
    },
  }
}

/** Lower case, character for character: `İ` alone would become two. */
function lowerCase(text: string): string {
  return text.replaceAll('İ', 'i').toLowerCase()
}

function firstWord(phrase: string): string {
  return phrase.slice(0, wordEnd(phrase, 0))
}

/** Where the word ends that begins here, in any script; whatever is no letter or digit is a word by itself. */
function wordEnd(text: string, start: number): number {
  let end = start
  while (isLetterOrDigit(text.charCodeAt(end))) end += 1
  return Math.max(end, start + 1)
}

/** Whether a word that goes on to here ends here. */
function endsWord(text: string, end: number): boolean {
  return !isLetterOrDigit(text.charCodeAt(end - 1)) || !isLetterOrDigit(text.charCodeAt(end))
}

function isLetterOrDigit(code: number): boolean {
  if (code < 128) return isWord(code)
  // Signs, spaces and punctuation; every other character belongs to a script's words.
  return (
    code >= 0xaa &&
    !(code >= 0x2000 && code <= 0x206f) &&
    !(code >= 0x3000 && code <= 0x303f) &&
    code !== 0xfeff
  )
}
