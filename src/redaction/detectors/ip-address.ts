import { isAlphanumeric, isDigit, isWord, trailingRun, type Detector, type Span } from './detector.ts'

const V4 = /\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}/g
const V6 =
  /(?=[0-9A-Fa-f]{0,4}:[0-9A-Fa-f]{0,4}:)(?:[0-9A-Fa-f:]{1,30}:\d{1,3}(?:\.\d{1,3}){3}|[0-9A-Fa-f:]{2,39})/g

/** Longest address: IPv6 with an IPv4 tail. */
const MAX_LENGTH = 45

/** IP addresses of both versions. Those of the machine itself, and none at all (`0.0.0.0`, `::`), tell of nobody. */
export const ipAddress: Detector = {
  name: 'ip_address',
  type: 'IP_ADDRESS',
  find(text) {
    const spans: Span[] = []
    if (text.includes('.')) {
      for (const span of matches(text, V4)) {
        const address = text.slice(span.start, span.end)
        if (standsAlone(text, span) && isV4(address) && !/^(?:127\.|0\.0\.0\.0$)/.test(address))
          spans.push(span)
      }
    }
    if (text.includes(':')) {
      for (const span of matches(text, V6)) {
        const address = text.slice(span.start, span.end)
        if (!standsAlone(text, span) || !isV6(address) || !/\d/.test(address) || address === '::1') continue
        const inside = spans.findIndex(({ start, end }) => start >= span.start && end <= span.end)
        if (inside >= 0) spans.splice(inside, 1)
        spans.push(span)
      }
    }
    return spans.sort((a, b) => a.start - b.start)
  },
  open: (text) =>
    trailingRun(text, (code) => code === 46 || code === 58 || isAlphanumeric(code), isAddress, MAX_LENGTH),
}

const isAddress = (code: number): boolean => isAlphanumeric(code) || code === 58

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
