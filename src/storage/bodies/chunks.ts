/** A piece of a body. */
export interface Chunk {
  /** SHA-256, 32 bytes. */
  readonly hash: Uint8Array
  readonly bytes: Uint8Array
}

/** Length of a chunk's hash. */
const HASH_BYTES = 32

/** Bodies shorter than this are not worth cutting up. */
const MIN_BYTES = 1024

/** No chunk is longer. */
const MAX_BYTES = 16 * 1024

/** A cut comes after every 4096th byte on average (12 bits). The high bits depend on the last 32 bytes, the low on fewer. */
const CUT_MASK = 0xfff00000

/**
 * Cuts a body at places that its content determines (a rolling "gear" hash over the last bytes). So a text that is sent again with an
 * insertion or an addition shares all chunks except those around the change.
 *
 * @returns nothing for a body that is kept whole
 * @see https://www.usenix.org/conference/atc16/technical-sessions/presentation/xia
 */
export function cutBody(body: Uint8Array): Chunk[] {
  if (body.length < MIN_BYTES) return []
  const chunks: Chunk[] = []
  let start = 0
  while (start < body.length) {
    const end = nextCut(body, start)
    const bytes = body.subarray(start, end)
    chunks.push({ hash: new Uint8Array(new Bun.CryptoHasher('sha256').update(bytes).digest()), bytes })
    start = end
  }
  return chunks
}

function nextCut(body: Uint8Array, start: number): number {
  const last = Math.min(start + MAX_BYTES, body.length)
  let hash = 0
  for (let i = start + MIN_BYTES - 32; i < last; i++) {
    hash = ((hash << 1) + GEAR[body[i]!]!) | 0
    if ((hash & CUT_MASK) === 0 && i >= start + MIN_BYTES) return i + 1
  }
  return last
}

/** One fixed random number for each byte; another table would move every cut. */
const GEAR = gearTable()

function gearTable(): Int32Array {
  const table = new Int32Array(256)
  let state = 0x9e3779b9
  for (let i = 0; i < 256; i++) {
    // xorshift32
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    table[i] = state
  }
  return table
}

/** A chunk's bytes as stored: compressed if that makes them shorter. */
export function packChunk(bytes: Uint8Array): Uint8Array {
  const compressed = Bun.zstdCompressSync(bytes)
  return compressed.length < bytes.length ? compressed : bytes
}

/**
 * A chunk's bytes again.
 *
 * @param length of the bytes before packing
 * @throws Error when they are damaged
 */
export function unpackChunk(data: Uint8Array, length: number): Uint8Array {
  const bytes = data.length < length ? Bun.zstdDecompressSync(data) : data
  if (bytes.length !== length) throw new RangeError('a body chunk is damaged')
  return bytes
}

/** The hashes of chunks one after the other, as a body's row keeps them. */
export function joinHashes(chunks: readonly Chunk[]): Uint8Array {
  return Buffer.concat(chunks.map(({ hash }) => hash))
}

/** The hashes of a body's row, in order. */
export function splitHashes(hashes: Uint8Array): Uint8Array[] {
  return Array.from({ length: hashes.length / HASH_BYTES }, (_, i) =>
    hashes.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES),
  )
}
