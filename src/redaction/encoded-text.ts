import { declaredOpaque, readContentType } from './body-kind.ts'
import { percentDecoded } from '../wire/url/percent-decoded.ts'
import { hasControls, readText, readWide, writeText, writeWide } from '../wire/text-bytes.ts'

/** Text that a string carries in an encoding. */
export interface EncodedText {
  readonly text: string
  /** In Unicode; else each byte is a character, and it may be data of another kind. */
  readonly unicode: boolean
  /** The string, carrying another text. */
  write(text: string): string
}

/** Shortest string that is decoded. */
const MIN_LENGTH = 12

/** Characters of base64 that show whether it holds anything but text. */
const START = 256

/**
 * The text that a string carries in base64 or as a `data:` URL, as documents and files stand in requests.
 *
 * @param trusting whether text counts as text under a media type that says it is none
 * @returns `undefined` for a string that carries none
 * @see https://www.rfc-editor.org/rfc/rfc2397
 */
export function encodedText(said: string, trusting: boolean): EncodedText | undefined {
  if (said.length < MIN_LENGTH) return undefined
  const comma = isDataUrl(said) ? said.indexOf(',') : -1
  if (comma < 0) return base64Text(said, '')
  const head = said.slice(0, comma + 1)
  const type = head.trimStart().slice('data:'.length, -1)
  if (!trusting && declaredOpaque(readContentType(type)) !== '') return undefined
  if (isBase64DataUrl(said)) return base64Text(said.slice(head.length), head)
  return {
    text: percentDecoded(said.slice(head.length)),
    unicode: true,
    write: (other) => head + encodeURIComponent(other.toWellFormed()),
  }
}

/** Whether a string begins with `data:`. */
function isDataUrl(said: string): boolean {
  return /^\s{0,64}data:/i.test(said)
}

/** Whether a string is a `data:` URL in base64. */
export function isBase64DataUrl(said: string): boolean {
  return isDataUrl(said) && /;\s*base64\s*$/i.test(said.slice(0, said.indexOf(',')).slice(-MAX_BASE64))
}

/** `;base64` with some white space. */
const MAX_BASE64 = 64

function base64Text(said: string, head: string): EncodedText | undefined {
  // Media begins with bytes that no text has, and is often long; words begin with such too.
  const start = said.slice(0, START)
  if (!/^[A-Za-z0-9+/_=\s-]+$/.test(start)) return undefined
  const first = Buffer.from(start, 'base64')
  if (hasControls(first.toString('latin1')) && readWide(first.subarray(0, first.length & ~1)) === undefined)
    return undefined
  if (!/^[A-Za-z0-9+/_\s-]+(?:=[=\s]*)?$/.test(said)) return undefined
  const bytes = said.length <= START ? first : Buffer.from(said, 'base64')
  const encoding = /[-_]/.test(said) ? 'base64url' : 'base64'
  const wide = readWide(bytes)
  if (wide)
    return {
      text: wide.text,
      unicode: true,
      write: (text) => head + Buffer.from(writeWide({ ...wide, text })).toString(encoding),
    }
  const { text, utf8 } = readText(bytes)
  if (hasControls(text) || text.startsWith('%PDF-')) return undefined
  return {
    text,
    unicode: utf8,
    write: (other) => head + Buffer.from(writeText(other, utf8)).toString(encoding),
  }
}
