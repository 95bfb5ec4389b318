import type { Span } from '../../wire/span.ts'
import { isAlphanumeric, isDigit, isWord, table, trailingRun, type Detector } from './detector.ts'

const V4 = /\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}/g

/** Longest address: IPv6 with an IPv4 tail. */
const MAX_LENGTH = 45

/** IP addresses of both versions. Those of the machine itself, and none at all (`0.0.0.0`, `::`), identify nobody. */
export const ipAddress: Detector = {
  name: 'ip_address',
  type: 'IP_ADDRESS',
  match(text) {
    const v6 = text.includes(':') ? v6Addresses(text) : []
    const v4 = text.includes('.') ? v4Addresses(text) : []
    if (v6.length === 0 || v4.length === 0) return v6.length === 0 ? v4 : v6
    // An address of version 6 may end in one of version 4.
    let next = 0
    const alone = v4.filter(({ start, end }) => {
      while (next < v6.length && v6[next]!.end < end) next += 1
      return next === v6.length || start < v6[next]!.start
    })
    return [...v6, ...alone].sort((a, b) => a.start - b.start)
  },
  open: (text) =>
    trailingRun(text, (code) => code === 46 || code === 58 || isAlphanumeric(code), isAddress, MAX_LENGTH),
}

function v4Addresses(text: string): Span[] {
  const spans: Span[] = []
  for (const span of matches(text, V4)) {
    const address = text.slice(span.start, span.end)
    if (standsAlone(text, span) && isV4(address) && !/^(?:127\.|0\.0\.0\.0$)/.test(address)) spans.push(span)
  }
  return spans
}

function v6Addresses(text: string): Span[] {
  const spans: Span[] = []
  for (const span of runsWithColons(text)) {
    const address = text.slice(span.start, span.end)
    if (standsAlone(text, span) && isV6(address) && /\d/.test(address) && address !== '::1') spans.push(span)
  }
  return spans
}

const isAddress = (code: number): boolean => isAlphanumeric(code) || code === 58

const IN_V6 = table((code) => isDigit(code) || ((code | 32) - 97) >>> 0 < 6 || code === 58 || code === 46)
const isInV6 = (code: number): boolean => code < 128 && IN_V6[code] === 1

/** Runs of what IPv6 addresses are made of, with two colons at least. */
function* runsWithColons(text: string): Generator<Span> {
  for (let colon = text.indexOf(':'), end = 0; colon >= 0; colon = text.indexOf(':', end)) {
    let start = colon
    while (start > end && isInV6(text.charCodeAt(start - 1))) start -= 1
    end = colon + 1
    let colons = 1
    for (let code = text.charCodeAt(end); isInV6(code); code = text.charCodeAt(end)) {
      if (code === 58) colons += 1
      end += 1
    }
    let last = end
    while (text.charCodeAt(last - 1) === 46) last -= 1
    if (text.charCodeAt(last - 1) === 58 && text.charCodeAt(last - 2) !== 58) last -= 1
    if (colons >= 2 && last - start <= MAX_LENGTH) yield { start, end: last }
  }
}

function* matches(text: string, form: RegExp): Generator<Span> {
  form.lastIndex = 0
  for (let match = form.exec(text); match; match = form.exec(text)) {
    yield { start: match.index, end: match.index + match[0].length }
  }
}

/** Not a part of a version, a name or a longer number. */
function standsAlone(text: string, { start, end }: Span): boolean {
  const before = text.charCodeAt(start - 1)
  if (isWord(before) || before === 58 || (before === 46 && isWord(text.charCodeAt(start - 2)))) return false
  const after = text.charCodeAt(end)
  if (isWord(after)) return false
  return !((after === 46 || after === 58) && isAlphanumeric(text.charCodeAt(end + 1)) && !isPort(text, end))
}

/** `:8080` behind an IPv4 address. */
function isPort(text: string, at: number): boolean {
  return text.charCodeAt(at) === 58 && isDigit(text.charCodeAt(at + 1))
}

function isV4(address: string): boolean {
  return address.split('.').every((part) => Number(part) <= 255 && (part === '0' || !part.startsWith('0')))
}

/** @see https://www.rfc-editor.org/rfc/rfc4291#section-2.2 */
function isV6(address: string): boolean {
  const halves = address.split('::')
  if (halves.length > 2) return false
  let groups = 0
  for (const half of halves) {
    if (half === '') continue
    const parts = half.split(':')
    for (const [i, part] of parts.entries()) {
      if (part.includes('.')) {
        if (i < parts.length - 1 || half !== halves.at(-1) || !isV4(part)) return false
        groups += 2
      } else if (/^[0-9a-f]{1,4}$/i.test(part)) groups += 1
      else return false
    }
  }
  return halves.length === 2 ? groups < 8 : groups === 8
}
