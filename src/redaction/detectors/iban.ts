import type { Span } from '../../wire/span.ts'
import { isAlphanumeric, isWord, type Detector } from './detector.ts'

/** Length of the account numbers of each country. @see https://www.swift.com/standards/data-standards/iban-international-bank-account-number */
const LENGTHS = new Map(
  (
    'AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 ES24 FI18 FK18 FO18 FR27 ' +
    'GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 ' +
    'MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 ' +
    'TR26 UA29 VA22 VG24 XK20 YE30'
  )
    .split(' ')
    .map((entry) => [entry.slice(0, 2), Number(entry.slice(2))]),
)

const START = /[A-Z]{2}\d{2}/gi

/** What may go on to be an account number. */
const BEGINNING = /^[A-Z]{1,2}$|^[A-Z]{2}\d{1,2}$|^[A-Z]{2}\d{2}[A-Z0-9 ]*$/i

/** Longest number, written in groups of four. */
const MAX_LENGTH = 42

/** International bank account numbers: of a country, in its length, with right check digits; in one row or in groups of four. */
export const iban: Detector = {
  name: 'iban',
  type: 'IBAN',
  match(text) {
    const spans: Span[] = []
    START.lastIndex = 0
    for (let match = START.exec(text); match; match = START.exec(text)) {
      const start = match.index
      const end = isWord(text.charCodeAt(start - 1)) ? -1 : accountEnd(text, start)
      if (end > 0) spans.push({ start, end })
      START.lastIndex = end > 0 ? end : start + 1
    }
    return spans
  },
  open(text) {
    for (let start = Math.max(0, text.length - MAX_LENGTH); start < text.length; start++) {
      if (isWord(text.charCodeAt(start - 1))) continue
      const [country] = BEGINNING.exec(text.slice(start)) ?? []
      if (country !== undefined && (country.length < 2 || LENGTHS.has(country.slice(0, 2).toUpperCase())))
        return start
    }
    return text.length
  },
}

/** Where the account number ends that begins here; -1 when it is none. */
function accountEnd(text: string, start: number): number {
  const length = LENGTHS.get(text.slice(start, start + 2).toUpperCase())
  if (length === undefined) return -1
  const grouped = text[start + 4] === ' '
  let account = ''
  let at = start
  while (account.length < length) {
    if (grouped && account.length > 0 && account.length % 4 === 0) {
      if (text[at] !== ' ') return -1
      at += 1
    }
    if (!isAlphanumeric(text.charCodeAt(at))) return -1
    account += text[at]
    at += 1
  }
  if (isWord(text.charCodeAt(at))) return -1
  const oneCase = account === account.toUpperCase() || account === account.toLowerCase()
  return oneCase && remainder(account.toUpperCase()) === 1 ? at : -1
}

/** Of the rearranged number by 97. @see ISO 13616, ISO/IEC 7064 */
function remainder(account: string): number {
  let rest = 0
  for (let i = 0; i < account.length; i++) {
    const code = account.charCodeAt((i + 4) % account.length)
    rest = (code <= 57 ? rest * 10 + code - 48 : rest * 100 + code - 55) % 97
  }
  return rest
}
