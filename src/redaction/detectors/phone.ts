import type { Span } from '../../wire/span.ts'
import { isAlphanumeric, isDigit, isWord, trailingRun, type Detector } from './detector.ts'

/** Longest number with its separators. */
const MAX_LENGTH = 40

/**
 * Ways to write a phone number, each with separators or a sign that other numbers do not have: ten digits in a row may be a time or an
 * order. One separator at most between groups, and every repetition is bounded.
 */
const FORMS = new RegExp(
  [
    // +44 20 7946 0958, +49 (0)30 901820, +14155551212
    String.raw`\+[1-9]\d{0,3}(?:[\t\n\f\r .\-/]?\(?\d{1,5}\)?){1,7}`,
    // 00 44 20 7946 0958
    String.raw`00[ ]?[1-9]\d{0,2}(?:[ .\-/]\(?\d{1,5}\)?){2,6}`,
    // (415) 555-1212, 415-555-1212, 1.415.555.1212; of two groups of three a North American number has its first digits above 1
    String.raw`(?:1[\t\n\f\r .\-])?(?:\([2-9]\d{2}\)[\t\n\f\r .\-]?|[2-9]\d{2}[\t\n\f\r .\-])[2-9]\d{2}[\t\n\f\r .\-]\d{4}`,
    String.raw`(?:1[\t\n\f\r .\-])?\([2-9]\d{2}\)[\t\n\f\r .\-]?[2-9]\d{6}`,
    // 01 23 45 67 89, 044 668 18 00, 020 7946 0958, (030) 901820, 0171 1234567, 04 1234 5678
    String.raw`0[1-9](?:[ .\-]\d{2}){4}`,
    String.raw`0[1-9]\d[ ]\d{3}[ ]\d{2}[ ]\d{2}`,
    String.raw`(?:\(0[1-9]\d{0,4}\)[ ]?|0[1-9]\d{0,4}[ \-/])\d{3,4}[ \-]?\d{3,4}`,
  ].join('|'),
  'g',
)

/** Words after which a row of digits is a phone number. */
const CONTEXT =
  /\b(?:phone|telephone|tel|mobile|cell|fax|call|text|sms|whatsapp|dial|reach|hotline|telefon|handy)\b[^\d\n]{0,16}$/i
const ROW = /\b1?[2-9]\d{2}[2-9]\d{6}\b/g
const CONTEXT_LENGTH = 28

/** Phone numbers: international ones by their `+` or `00`, national ones by their grouping, rows of digits by the word before. */
export const phone: Detector = {
  name: 'phone',
  type: 'PHONE',
  match(text) {
    const spans: Span[] = []
    FORMS.lastIndex = 0
    for (let match = FORMS.exec(text); match; match = FORMS.exec(text)) {
      const start = match.index
      const end = trimmedEnd(text, start, FORMS.lastIndex)
      if (standsAlone(text, start, end) && hasDigits(text, start, end)) spans.push({ start, end })
      else FORMS.lastIndex = nextStart(text, start)
    }
    ROW.lastIndex = 0
    let changed = false
    for (let match = ROW.exec(text); match; match = ROW.exec(text)) {
      const start = match.index
      const before = text.slice(Math.max(0, start - CONTEXT_LENGTH), start)
      if (!CONTEXT.test(before)) continue
      spans.push({ start, end: ROW.lastIndex })
      changed = true
    }
    return changed ? withoutOverlaps(spans) : spans
  },
  open: (text) => trailingRun(text, mayContinue, mayBegin, MAX_LENGTH),
}

function mayContinue(code: number): boolean {
  return isDigit(code) || (code >= 9 && code <= 13) || ' +-./()'.includes(String.fromCharCode(code))
}

function mayBegin(code: number): boolean {
  return isDigit(code) || code === 40 || code === 43
}

/** A closing bracket that was never opened, and separators, do not belong to the number. */
function trimmedEnd(text: string, start: number, end: number): number {
  let last = end
  while (last > start && !isDigit(text.charCodeAt(last - 1)) && text[last - 1] !== ')') last -= 1
  const opened = text.slice(start, last).includes('(')
  return text[last - 1] === ')' && !opened ? last - 1 : last
}

/** Not part of a longer number, of an identifier or of a version. */
function standsAlone(text: string, start: number, end: number): boolean {
  const before = text.charCodeAt(start - 1)
  const international = text[start] === '+'
  if (international ? isDigit(before) : isWord(before) || before === 43) return false
  if (!international && '-.'.includes(text[start - 1] ?? ' ') && isAlphanumeric(text.charCodeAt(start - 2)))
    return false
  // One group of many is no beginning.
  if (text[start] === '0' && before === 32 && isDigit(text.charCodeAt(start - 2))) return false
  const after = text.charCodeAt(end)
  if (isWord(after)) return false
  return !('-.,/:'.includes(text[end] ?? ' ') && isDigit(text.charCodeAt(end + 1)))
}

/** Between eight and fifteen digits. @see https://www.itu.int/rec/T-REC-E.164 */
function hasDigits(text: string, start: number, end: number): boolean {
  let digits = 0
  for (let i = start; i < end; i++) if (isDigit(text.charCodeAt(i))) digits += 1
  return digits >= 8 && digits <= 15
}

/** Where the next number may begin: behind this group of digits. */
function nextStart(text: string, start: number): number {
  let next = start + 1
  while (isDigit(text.charCodeAt(next)) && next < start + MAX_LENGTH) next += 1
  return next
}

function withoutOverlaps(spans: Span[]): Span[] {
  const kept: Span[] = []
  for (const span of spans.sort((a, b) => a.start - b.start)) {
    if (span.start >= (kept.at(-1)?.end ?? 0)) kept.push(span)
  }
  return kept
}
