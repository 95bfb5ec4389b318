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
