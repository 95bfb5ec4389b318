import { declaredOpaque, readContentType } from './body-kind.ts'
import { hasControls, readText } from './text-bytes.ts'

/** Text that a string carries in an encoding. */
export interface EncodedText {
  readonly text: string
  /** The string, carrying another text. */
  write(text: string): string
}

/** Shortest string that is decoded. */
const MIN_LENGTH = 12

/** Base64 whose first byte may begin a text: it is no control character below 8, and not the middle of a character. */
const BEGINS = /^[C-Za-fw-z0-9+/_-][A-Za-z0-9+/_-]{7}/

/** Characters of base64 that tell what it holds, if that is no text. */
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
  const url = isDataUrl(said) ? /^data:([^,]{0,256}),/i.exec(said) : null
  if (!url) return base64Text(said, '')
  const [head, type] = [url[0], url[1]!]
  if (!trusting && declaredOpaque(readContentType(type)) !== '') return undefined
  if (/;\s*base64\s*$/i.test(type)) return base64Text(said.slice(head.length), head)
  try {
    const text = decodeURIComponent(said.slice(head.length))
    return { text, write: (other) => head + encodeURIComponent(other) }
  } catch {
    return undefined
  }
}

/** Whether a string begins with `data:`. */
export function isDataUrl(said: string): boolean {
  return said.charCodeAt(4) === COLON && /^data/i.test(said)
}

const COLON = 58

function base64Text(said: string, head: string): EncodedText | undefined {
  if (!BEGINS.test(said)) return undefined
  // Media begins with bytes that no text has, and is often long.
  const start = Buffer.from(said.slice(0, START), 'base64')
  if (hasControls(start.toString('latin1'))) return undefined
  if (!/^[A-Za-z0-9+/_\r\n-]+(?:={1,2}[\r\n]*)?$/.test(said)) return undefined
  const bytes = said.length <= START ? start : Buffer.from(said, 'base64')
  const { text, utf8 } = readText(bytes)
  if (!utf8 || hasControls(text) || text.startsWith('%PDF-')) return undefined
  const encoding = /[-_]/.test(said) ? 'base64url' : 'base64'
  return { text, write: (other) => head + Buffer.from(other).toString(encoding) }
}
