import { isUtf8 } from 'node:buffer'

/** Bytes as text, and back, without a difference. */
export interface TextBytes {
  readonly text: string
  /** They are UTF-8; else each byte is a character. */
  readonly utf8: boolean
}

/** Takes bytes as UTF-8 where they are that. */
export function readText(bytes: Uint8Array): TextBytes {
  const utf8 = isUtf8(bytes)
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  return { text: buffer.toString(utf8 ? 'utf8' : 'latin1'), utf8 }
}

/** Text in the way it was read. */
export function writeText(text: string, utf8: boolean): Uint8Array {
  return Buffer.from(text, utf8 ? 'utf8' : 'latin1')
}

/** A text that is put among others, so that `writeText` writes it as UTF-8. */
export function asRead(text: string, utf8: boolean): string {
  return utf8 ? text : Buffer.from(text).toString('latin1')
}
