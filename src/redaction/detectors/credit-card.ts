import type { Span } from '../../wire/span.ts'
import { isDigit, trailingRun, type Detector } from './detector.ts'

/** One row of digits that is not the end of a UUID, or groups of them as cards show them: 4 4 4 4, 4 4 4 4 3, 4 6 5, 4 6 4. */
const CANDIDATE =
  /(?<!\w)(?:(?<!(?:[\da-fA-F]{4}-){3})\d{12,19}|\d{4}[ -]\d{4}[ -]\d{4}[ -]\d{4}(?:[ -]\d{3})?|\d{4}[ -]\d{6}[ -]\d{4,5})(?!\w)/g

/** First digits and lengths of the networks' numbers. @see https://www.iso.org/standard/70484.html */
const NETWORKS =
  /^(?:4\d{12}(?:\d{3}){0,2}|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|3[47]\d{13}|3(?:0[0-5]|[68]\d)\d{11,16}|6(?:011|4[4-9]\d|5\d\d)\d{12,15}|35(?:2[89]|[3-8]\d)\d{12,15}|62\d{14,17}|(?:5[06-9]|6[37])\d{10,17})$/

/** Longest number with its separators. */
const MAX_LENGTH = 23

/** Payment card numbers: of a network, in its length, with a right check digit, in one row or grouped as on cards. */
export const creditCard: Detector = {
  name: 'credit_card',
  type: 'CREDIT_CARD',
  match(text) {
    const spans: Span[] = []
    CANDIDATE.lastIndex = 0
    for (let match = CANDIDATE.exec(text); match; match = CANDIDATE.exec(text)) {
      const start = match.index
      const length = cardLength(match[0])
      if (length > 0) spans.push({ start, end: start + length })
      CANDIDATE.lastIndex = start + (length > 0 ? length : 4)
    }
    return spans
  },
  open: (text) =>
    trailingRun(text, (code) => code === 32 || code === 45 || isDigit(code), isDigit, MAX_LENGTH),
}

/** Length of the card's number that a candidate is; 0 when it is none. Three digits behind it may be something else. */
function cardLength(candidate: string): number {
  if (isCard(candidate)) return candidate.length
  const shorter = candidate.length - 4
  return candidate.length > 19 && isCard(candidate.slice(0, shorter)) ? shorter : 0
}

function isCard(written: string): boolean {
  const digits = written.replaceAll(/[ -]/g, '')
  return NETWORKS.test(digits) && hasCheckDigit(digits)
}

/** @see https://www.iso.org/standard/70484.html Annex B (Luhn) */
function hasCheckDigit(digits: string): boolean {
  let sum = 0
  for (let i = 0; i < digits.length; i++) {
    const digit = digits.charCodeAt(digits.length - 1 - i) - 48
    const doubled = i % 2 === 0 ? digit : digit * 2
    sum += doubled > 9 ? doubled - 9 : doubled
  }
  return sum % 10 === 0
}
