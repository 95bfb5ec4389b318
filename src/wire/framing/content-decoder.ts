import {
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createZstdDecompress,
  brotliDecompressSync,
  gunzipSync,
  inflateSync,
  zstdDecompressSync,
} from 'node:zlib'
import type { Transform } from 'node:stream'

/** Largest decoded size of a body that is looked at; a decompression bomb is given up there and counted. */
const MAX_DECODED_BYTES = 128 * 1024 * 1024

/** A content coding that is decoded for reading. Anything else is passed on and not understood. */
export type Coding = 'gzip' | 'br' | 'zstd' | 'deflate'

/** What the `Content-Encoding` asks for: nothing, one known coding, or something that is not understood. */
export function codingOf(contentEncoding: string): Coding | 'identity' | 'unknown' {
  if (contentEncoding === '') return 'identity'
  const codings = contentEncoding
    .split(',')
    .map((coding) => coding.trim().toLowerCase())
    .filter((coding) => coding !== '' && coding !== 'identity')
  if (codings.length === 0) return 'identity'
  if (codings.length > 1) return 'unknown'
  const coding = codings[0] === 'x-gzip' ? 'gzip' : codings[0]!
  return coding === 'gzip' || coding === 'br' || coding === 'zstd' || coding === 'deflate'
    ? coding
    : 'unknown'
}

/**
 * Decodes a whole body, all of which must be in that coding: what stands behind its end would not be seen.
 *
 * @param limit of what comes out, in bytes
 */
export function decodeUpTo(
  bytes: Uint8Array,
  coding: Coding,
  limit: number,
): Uint8Array | 'invalid' | 'too_large' {
  try {
    const { buffer, engine } = decoded(bytes, coding, limit)
    return engine.bytesWritten === bytes.length ? buffer : 'invalid'
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE' ? 'too_large' : 'invalid'
  }
}

/** What came out, and how much of the bytes it took. */
interface Decoded {
  readonly buffer: Uint8Array
  readonly engine: { readonly bytesWritten: number }
}

/** @throws Error for bytes that are not in that coding, and for more than the limit */
function decoded(bytes: Uint8Array, coding: Coding, limit: number): Decoded {
  // With `info`, which the types do not know, this is what these functions return.
  const options = { maxOutputLength: limit, info: true }
  switch (coding) {
    case 'gzip':
      return gunzipSync(bytes, options) as unknown as Decoded
    case 'br':
      return brotliDecompressSync(bytes, options) as unknown as Decoded
    case 'zstd':
      return zstdDecompressSync(bytes, options) as unknown as Decoded
    case 'deflate':
      return inflateSync(bytes, options) as unknown as Decoded
    default:
      return coding satisfies never
  }
}

/**
 * Decodes a body piece by piece, without ever holding more than a piece of it.
 *
 * A failure (bytes that are not what the coding says, a stream cut short, the limit) ends the output quietly:
 * what came out before stays valid, and `failed` says so.
 */
export class ContentDecoder {
  readonly #stream: Transform
  readonly #limit: number
  #output = 0
  #done: Promise<void>
  failed = false

  /** @param onBytes called for every decoded piece, in order */
  constructor(coding: Coding, onBytes: (bytes: Uint8Array) => void, limit = MAX_DECODED_BYTES) {
    this.#limit = limit
    this.#stream = streamFor(coding)
    this.#done = new Promise((resolve) => {
      this.#stream.on('data', (bytes: Uint8Array) => {
        this.#output += bytes.length
        if (this.#output > this.#limit) {
          this.failed = true
          this.#stream.destroy()
          return
        }
        onBytes(bytes)
      })
      this.#stream.on('error', () => {
        this.failed = true
        resolve()
      })
      this.#stream.on('end', resolve)
      this.#stream.on('close', resolve)
    })
  }

  /** Takes a piece; resolves when it has been decoded, so that the caller can hold back the next. */
  write(bytes: Uint8Array): Promise<void> {
    if (this.#stream.destroyed) return Promise.resolve()
    return new Promise((resolve) => {
      const settle = (): void => resolve()
      this.#stream.once('close', settle)
      this.#stream.write(bytes, () => {
        this.#stream.off('close', settle)
        resolve()
      })
    })
  }

  /** Ends the body and waits for the last piece. */
  async end(): Promise<void> {
    if (!this.#stream.destroyed) this.#stream.end()
    await this.#done
  }
}

function streamFor(coding: Coding): Transform {
  switch (coding) {
    case 'gzip':
      return createGunzip()
    case 'br':
      return createBrotliDecompress()
    case 'zstd':
      return createZstdDecompress()
    case 'deflate':
      return createInflate()
    default:
      return coding satisfies never
  }
}
