import type { Span } from '../../wire/span.ts'
import { isAlphanumeric, isDigit, isWord, table, type Detector } from './detector.ts'

/** Longest key that is waited for in a stream, and longest block of a private key. */
const MAX_KEY_LENGTH = 4096
const MAX_BLOCK_LENGTH = 16_384

/** Beginnings of keys, and of what holds one. What follows decides. */
const ANCHOR = new RegExp(
  `(?<!\\w)(?:${[
    '(?<!-)sk-',
    '(?:sk|pk|rk|xox[baprs]|gh[pousr]|pat)_',
    'xox[abeoprs][-.]',
    'xapp-',
    'github_pat_',
    'gl(?:pat|dt|rt|cbt|ptt|ft|soat)-',
    'npm_',
    'pypi-',
    'hf_',
    'whsec_',
    'shp(?:at|ca|pa|ss)_',
    'dop_v1_',
    'SG\\.',
    'AIza',
    'ya29\\.',
    'GOCSPX-',
    'A(?:KIA|SIA|BIA|CCA)',
    'gsk_',
    'xai-',
    'pplx-',
    '(?:Bearer|Basic)[ ]',
  ].join('|')})|${[
    '8Q~',
    'AccountKey=',
    'SharedAccessKey=',
    'hooks\\.slack\\.com/services/',
    '-----BEGIN [A-Z ]{0,40}PRIVATE KEY',
  ].join('|')}`,
  'gi',
)

/** Names that a value is assigned to which nobody else may know; a quote, an operator and a quote may follow. */
const ASSIGNMENT =
  /(?:api[_-]?key|access[_-]?key|private[_-]?key|signing[_-]?key|account[_-]?key|secret|token|password|passwd|credential)s?["'\]]{0,2}[ \t]{0,3}(?::=|=>|[:=])[ \t]{0,3}["'`]?/gi

/** The same, where the text ends before the value does. */
const OPEN_ASSIGNMENT =
  /(?:api[_-]?key|access[_-]?key|private[_-]?key|signing[_-]?key|account[_-]?key|secret|token|password|passwd|credential)s?["'\]]{0,2}[ \t]{0,3}(?:(?::=|=>|[:=])[ \t]{0,3}["'`]?[^\s"'`,;:=(){}[\]<>]{0,256})?$/i

/** Characters of the values that are assigned, and fewest of them. */
const VALUE = table((code) => isAlphanumeric(code) || '-_.~+/!@#$%^&*?|'.includes(String.fromCharCode(code)))
const MIN_VALUE_LENGTH = 16
const MAX_VALUE_LENGTH = 256
const MIN_BITS_PER_CHARACTER = 3

const isValue = (code: number): boolean => code < 128 && VALUE[code] === 1
const isKey = (code: number): boolean => isWord(code) || code === 45
const isDotted = (code: number): boolean => isKey(code) || code === 46
const isToken = (code: number): boolean => isBase64(code) || code === 46 || code === 126
const isBase64 = (code: number): boolean =>
  isAlphanumeric(code) || code === 43 || code === 47 || code === 45 || code === 95

/**
 * Credentials: keys and tokens by the formats of those who issue them, JSON Web Tokens, private keys, passwords in URLs, and values
 * without a format of their own that are assigned to a name like `secret` and look random.
 *
 * @see https://docs.github.com/en/code-security/secret-scanning/introduction/supported-secret-scanning-patterns
 */
export const secret: Detector = {
  name: 'token_like',
  type: 'TOKEN',
  match(text) {
    const spans: Span[] = []
    const runs = new Runs(text)
    ANCHOR.lastIndex = 0
    for (let match = ANCHOR.exec(text); match; match = ANCHOR.exec(text)) {
      const span = secretAt(text, match.index, match[0], runs)
      if (!span || span.start < (spans.at(-1)?.end ?? 0)) continue
      spans.push(span)
      ANCHOR.lastIndex = Math.max(ANCHOR.lastIndex, span.end)
    }
    const others = [...webTokens(text, runs), ...urlPasswords(text, runs), ...assignments(text)]
    return others.length === 0 ? spans : united(spans, others)
  },
  open(text, most = MAX_KEY_LENGTH) {
    let start = text.length
    const least = Math.max(0, text.length - most)
    while (start > least && mayBeInKey(text.charCodeAt(start - 1))) start -= 1
    const tail = Math.max(0, text.length - MAX_VALUE_LENGTH - 64)
    const assignment = OPEN_ASSIGNMENT.exec(text.slice(tail))
    if (assignment) start = Math.min(start, tail + assignment.index)
    const scheme = /\b(?:Bearer|Basic) {0,1}$/i.exec(text.slice(-8))
    if (scheme) start = Math.min(start, Math.max(0, text.length - 8) + scheme.index)
    if (/\b(?:Bearer|Basic) $/i.test(text.slice(Math.max(0, start - 7), start)))
      start = Math.max(0, start - 7)
    let user = text.length
    while (user > least && isUserInfo(text.charCodeAt(user - 1))) user -= 1
    if (text.startsWith('://', user - 3)) start = Math.min(start, user - 3)
    const near = Math.max(0, text.length - MAX_BLOCK_LENGTH)
    // Looking forward first is several times as fast, and mostly there is no match.
    if (!text.includes('-----BEGIN', near)) return start
    const block = text.lastIndexOf('-----BEGIN')
    const end = /-----END [A-Z ]{0,40}-----/.exec(text.slice(block))
    const open = !end || start < block + end.index + end[0].length
    return open ? Math.min(start, block) : start
  },
}

/** Characters of keys and of what they are written in; a key's hyphens may begin a block. */
function mayBeInKey(code: number): boolean {
  return (
    isBase64(code) || code === 46 || code === 126 || code === 61 || code === 58 || code === 64 || code === 37
  )
}

/** A run of characters, as far as it is known: from where it was asked for to its end. */
interface Run {
  readonly start: number
  readonly end: number
  /** Behind its last letter, digit or `_`; unknown until asked for. */
  wordEnd?: number
}

/** Runs of characters, each gone over once however many places of it are asked for. */
class Runs {
  readonly #text: string
  readonly #known = new Map<(code: number) => boolean, Run>()
  /** No digit stands from here to there. */
  readonly #noDigits = { start: 0, end: 0 }

  constructor(text: string) {
    this.#text = text
  }

  /** Where the run ends that begins here. */
  end(start: number, holds: (code: number) => boolean): number {
    return this.#run(start, holds).end
  }

  /** Where the last letter, digit or `_` of the run ends; `start` when it has none. */
  wordEnd(start: number, holds: (code: number) => boolean): number {
    const run = this.#run(start, holds)
    if (run.wordEnd === undefined) {
      let end = run.end
      while (end > run.start && !isWord(this.#text.charCodeAt(end - 1))) end -= 1
      run.wordEnd = end
    }
    return Math.max(start, run.wordEnd)
  }

  /** Whether a digit stands there. Places are asked for in order. */
  hasDigit(start: number, end: number): boolean {
    const none = this.#noDigits
    if (start > none.end || start < none.start) none.start = none.end = start
    while (none.end < end && !isDigit(this.#text.charCodeAt(none.end))) none.end += 1
    return none.end < end
  }

  #run(start: number, holds: (code: number) => boolean): Run {
    const known = this.#known.get(holds)
    if (known && start >= known.start && start <= known.end) return known
    const run = { start, end: runEnd(this.#text, start, holds) }
    this.#known.set(holds, run)
    return run
  }
}

function runEnd(text: string, start: number, holds: (code: number) => boolean): number {
  let end = start
  while (holds(text.charCodeAt(end))) end += 1
  return end
}

/** The secret that begins, or is held, where an anchor was found; `undefined` when there is none. */
function secretAt(text: string, at: number, anchor: string, runs: Runs): Span | undefined {
  const lower = anchor.toLowerCase()
  const behind = at + anchor.length
  const key = (least: number, holds = isKey, start = at): Span | undefined => {
    // A key ends in a letter or a digit.
    const end = runs.wordEnd(behind, holds)
    return end - behind >= least ? { start, end } : undefined
  }
  if (lower.startsWith('-----begin')) return privateKey(text, at)
  if (lower === 'sk-') return skKey(text, at, runs)
  if (lower === '8q~') return entraSecret(text, at, runs)
  if (lower.endsWith('key=')) {
    const end = runs.end(behind, isBase64)
    const padded = /^={0,2}/.exec(text.slice(end, end + 2))![0].length
    return end - behind >= 40 ? { start: behind, end: end + padded } : undefined
  }
  if (lower.startsWith('hooks')) {
    const end = runs.end(behind, isBase64)
    return end - behind >= 30 ? { start: behind, end } : undefined
  }
  if (lower === 'bearer ' || lower === 'basic ') return schemeCredential(text, behind, runs)
  if (/^a(?:kia|sia|bia|cca)$/.test(lower)) {
    const end = runs.end(behind, isWord)
    const fits = end - behind === 16 && /^[A-Z0-9]{20}$/.test(text.slice(at, end))
    return fits ? { start: at, end } : undefined
  }
  if (lower === 'aiza') return anchor === 'AIza' ? key(30) : undefined
  if (lower === 'npm_' || lower === 'hf_') return key(30)
  if (lower === 'gsk_' || lower === 'xai-' || lower === 'pplx-') return key(32)
  if (lower === 'sg.') {
    return anchor === 'SG.' ? key(40, isDotted) : undefined
  }
  if (lower === 'ya29.') return key(20, isDotted)
  if (lower === 'pypi-' || lower === 'whsec_' || lower === 'dop_v1_') return key(24)
  if (lower === 'github_pat_' || lower.startsWith('gl') || lower === 'gocspx-') return key(16)
  if (lower.startsWith('shp')) return key(24)
  if (lower === 'xapp-' || /^xox.[-.]/.test(lower)) {
    const span = key(10)
    return span && runs.hasDigit(behind, span.end) ? span : undefined
  }
  return key(8)
}

/** Keys of OpenAI, Anthropic, OpenRouter and the many that write theirs alike. `sk-learn` is a name. */
function skKey(text: string, at: number, runs: Runs): Span | undefined {
  const end = runs.wordEnd(at + 3, isKey)
  const length = end - at - 3
  const named = /^(?:proj|svcacct|admin|service|None|ant-[a-z]{2,12}\d{0,3}|or-v1)-/i.exec(
    text.slice(at + 3, at + 24),
  )
  if (named) return length - named[0].length >= 16 ? { start: at, end } : undefined
  const plain = runs.end(at + 3, isAlphanumeric) - at - 3
  if (plain >= 20) return { start: at, end }
  return length >= 24 &&
    runs.hasDigit(at + 3, end) &&
    /[A-Z]/.test(text.slice(at + 3, Math.min(end, at + 200)))
    ? { start: at, end }
    : undefined
}

/** JSON Web Tokens: what begins like `{"` in base64url. @see https://www.rfc-editor.org/rfc/rfc7519 */
function webTokens(text: string, runs: Runs): Span[] {
  const spans: Span[] = []
  for (let at = text.indexOf('eyJ'); at >= 0;) {
    const head = runs.end(at, isKey)
    const end = webTokenEnd(text, at, head, runs)
    if (end > 0) spans.push({ start: at, end })
    // What is no token here is none further on in its first part: that ends where it ends, and is shorter.
    at = text.indexOf('eyJ', end > 0 ? end : head)
  }
  return spans
}

/** Where the three parts in base64url end, of which the first is known; -1 when they are none. */
function webTokenEnd(text: string, at: number, head: number, runs: Runs): number {
  if (head - at < 11 || text.charCodeAt(head) !== 46) return -1
  const claims = runs.end(head + 1, isKey)
  if (claims - head < 9 || text.charCodeAt(claims) !== 46) return -1
  const signature = runs.end(claims + 1, isKey)
  return signature - claims >= 9 ? signature : -1
}

/** Client secrets of Microsoft Entra: three characters, `8Q~`, thirty-four more. */
function entraSecret(text: string, at: number, runs: Runs): Span | undefined {
  const end = runs.end(at + 3, isToken)
  if (end - at - 3 < 31 || at < 3) return undefined
  return { start: at - 3, end }
}

/** A block from its first to its last line; one whose end is missing, as far as it looks like one. */
function privateKey(text: string, at: number): Span {
  const mark = text.indexOf('-----', text.indexOf('PRIVATE KEY', at))
  const end = /^[A-Za-z0-9+/=\s\\:,.-]{0,16384}?-----END [A-Z ]{0,40}-----/.exec(
    text.slice(mark + 5, mark + 5 + MAX_BLOCK_LENGTH),
  )
  if (mark >= 0 && end) return { start: at, end: mark + 5 + end[0].length }
  const body = /^[A-Za-z0-9+/=\s\\:,.-]*/.exec(text.slice(at, at + MAX_BLOCK_LENGTH))![0].trimEnd()
  return { start: at, end: at + body.length }
}

/** Passwords in URLs: `scheme://user:password@host`. */
function urlPasswords(text: string, runs: Runs): Span[] {
  const spans: Span[] = []
  if (!text.includes('@')) return spans
  for (let at = text.indexOf('://'); at >= 0; at = text.indexOf('://', at + 3)) {
    const end = runs.end(at + 3, isUserInfo)
    if (text.charCodeAt(end) !== 64) continue
    const colon = text.indexOf(':', at + 3)
    if (colon > 0 && colon < end - 1) spans.push({ start: colon + 1, end })
  }
  return spans
}

const USER_INFO = table(
  (code) => isAlphanumeric(code) || "-._~!$&'()*+,;=:%".includes(String.fromCharCode(code)),
)
const isUserInfo = (code: number): boolean => code < 128 && USER_INFO[code] === 1

/** What an `Authorization` field holds. @see https://www.rfc-editor.org/rfc/rfc9110#section-11.4 */
function schemeCredential(text: string, start: number, runs: Runs): Span | undefined {
  const end = runs.end(start, isToken)
  const padded = /^={0,2}/.exec(text.slice(end, end + 2))![0].length
  return end - start >= 16 && runs.hasDigit(start, end) ? { start, end: end + padded } : undefined
}

function assignments(text: string): Span[] {
  const spans: Span[] = []
  ASSIGNMENT.lastIndex = 0
  for (let match = ASSIGNMENT.exec(text); match; match = ASSIGNMENT.exec(text)) {
    const start = ASSIGNMENT.lastIndex
    let end = start
    while (end - start <= MAX_VALUE_LENGTH && isValue(text.charCodeAt(end))) end += 1
    const padded = /^={0,2}/.exec(text.slice(end, end + 2))![0].length
    if (end - start >= MIN_VALUE_LENGTH && looksRandom(text.slice(start, end))) {
      spans.push({ start, end: end + padded })
      ASSIGNMENT.lastIndex = end
    }
  }
  return spans
}

/** Letters and digits in an order that words do not have. */
function looksRandom(value: string): boolean {
  if (!/\d/.test(value) || !/[a-z]/i.test(value)) return false
  const counts = new Map<string, number>()
  for (const character of value) counts.set(character, (counts.get(character) ?? 0) + 1)
  let bits = 0
  for (const count of counts.values()) bits -= (count / value.length) * Math.log2(count / value.length)
  return bits >= MIN_BITS_PER_CHARACTER
}

/** Both in order; of two that overlap, what they cover together. */
function united(a: readonly Span[], b: readonly Span[]): Span[] {
  const spans: { start: number; end: number }[] = []
  for (const { start, end } of [...a, ...b].sort((x, y) => x.start - y.start)) {
    const last = spans.at(-1)
    if (last && start < last.end) last.end = Math.max(last.end, end)
    else spans.push({ start, end })
  }
  return spans
}
