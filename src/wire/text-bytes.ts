/** Bytes as text, and back, without a difference. */
export interface TextBytes {
  readonly text: string
  /** They are UTF-8; else each byte is a character. */
  readonly utf8: boolean
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Takes bytes as UTF-8 where they are that. */
export function readText(bytes: Uint8Array): TextBytes {
  try {
    return { text: UTF8.decode(bytes), utf8: true }
  } catch {
    return { text: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1'), utf8: false }
  }
}

/** Text in the way it was read. */
export function writeText(text: string, utf8: boolean): Uint8Array {
  return Buffer.from(text, utf8 ? 'utf8' : 'latin1')
}

/** A text that is put among others, so that `writeText` writes it as UTF-8. */
export function asRead(text: string, utf8: boolean): string {
  return utf8 ? text : Buffer.from(text).toString('latin1')
}

/** Bytes that were cut off somewhere, without the beginning of a character at their end. */
export function wholeCharacters(bytes: Uint8Array): Uint8Array {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back]!
    if (byte < 0x80) return bytes
    if (byte < 0xc0) continue
    const size = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2
    return size > back ? bytes.subarray(0, bytes.length - back) : bytes
  }
  return bytes
}

/** Whether a text holds control characters that no text has: it is data of another kind. */
export function hasControls(text: string): boolean {
  // oxlint-disable-next-line no-control-regex
  return /[\0-\x06\x0e-\x1a\x1c\x1d]/.test(text)
}

/** UTF-16, as it was found. */
export interface WideText {
  readonly text: string
  readonly littleEndian: boolean
}

/**
 * Reads text in UTF-16: with a byte order mark, or beginning with two ASCII characters.
 *
 * @returns `undefined` for everything else
 */
export function readWide(bytes: Uint8Array): WideText | undefined {
  const order = byteOrder(bytes)
  if (order === undefined || bytes.length % 2 !== 0) return undefined
  const littleEndian = order === 'little'
  const text = swapped(bytes, littleEndian).toString('utf16le')
  return text.isWellFormed() && !hasControls(text) ? { text, littleEndian } : undefined
}

/** The byte order of what begins like UTF-16; `undefined` for what does not. */
export function byteOrder([a, b, c, d]: Uint8Array): 'little' | 'big' | undefined {
  if ((a === 0xff && b === 0xfe) || (a && b === 0 && c && d === 0)) return 'little'
  return (a === 0xfe && b === 0xff) || (a === 0 && b && c === 0 && d) ? 'big' : undefined
}

/** Text in the byte order in which it was read. */
export function writeWide({ text, littleEndian }: WideText): Uint8Array {
  return swapped(Buffer.from(text, 'utf16le'), littleEndian)
}

function swapped(bytes: Uint8Array, littleEndian: boolean): Buffer {
  return littleEndian
    ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    : Buffer.from(bytes).swap16()
}
