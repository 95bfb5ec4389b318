/** Length and checksum before every payload. */
export const HEADER_BYTES = 8

/** A payload cannot be larger; a length beyond it is damage. */
export const MAX_PAYLOAD_BYTES = 256 * 1024 * 1024

/** Most bytes to checksum in the search for whole records, in multiples of the searched bytes: damage must not cost minutes. */
const SEARCH_FACTOR = 8

/** A stretch of a file: `start` to before `end`. */
export interface Stretch {
  readonly start: number
  readonly end: number
}

/** What a segment's bytes are. */
export interface RecordScan {
  /** Stretches of whole records, and how many they hold. */
  readonly whole: readonly (Stretch & { readonly records: number })[]
  /** Stretches without a whole record. A record that was being written when its process died does not count as one. */
  readonly damaged: readonly Stretch[]
}

/**
 * Records as they are written: `u32 length, u32 CRC-32, payload`, little-endian, one after the other.
 *
 * @param payloads JSON objects: their braces also distinguish a whole record from damage, and no byte of a JSON text can be the highest
 * byte of a length
 */
export function encodeRecords(payloads: readonly Uint8Array[]): Buffer {
  const block = Buffer.alloc(payloads.reduce((sum, { length }) => sum + HEADER_BYTES + length, 0))
  let offset = 0
  for (const payload of payloads) {
    block.writeUInt32LE(payload.length, offset)
    block.writeUInt32LE(Bun.hash.crc32(payload), offset + 4)
    block.set(payload, offset + HEADER_BYTES)
    offset += HEADER_BYTES + payload.length
  }
  return block
}

/** Scans for all whole records from an offset on, also after damage. */
export function scanRecords(bytes: Buffer, from = 0): RecordScan {
  const whole: (Stretch & { records: number })[] = []
  const damaged: Stretch[] = []
  const search = { left: SEARCH_FACTOR * bytes.length }
  let at = from
  while (at < bytes.length) {
    const start = at
    let records = 0
    for (let length = payloadAt(bytes, at, search); length > 0; length = payloadAt(bytes, at, search)) {
      at += HEADER_BYTES + length
      records += 1
    }
    if (records > 0) whole.push({ start, end: at, records })
    if (at === bytes.length) break
    const next = nextRecord(bytes, at + 1, search)
    if (next < bytes.length || !isTorn(bytes, at)) damaged.push({ start: at, end: next })
    at = next
  }
  return { whole, damaged }
}

/** Length of the payload of a whole record at an offset; 0 for no record. Only checksums that do not match count as search. */
function payloadAt(bytes: Buffer, at: number, search: { left: number }): number {
  if (at + HEADER_BYTES >= bytes.length) return 0
  const length = bytes.readUInt32LE(at)
  const end = at + HEADER_BYTES + length
  if (length === 0 || length > MAX_PAYLOAD_BYTES || end > bytes.length) return 0
  if (bytes[at + HEADER_BYTES] !== OPENING || bytes[end - 1] !== CLOSING) return 0
  if (search.left < length) return 0
  const payload = bytes.subarray(at + HEADER_BYTES, end)
  if (Bun.hash.crc32(payload) === bytes.readUInt32LE(at + 4)) return length
  search.left -= length
  return 0
}

const OPENING = 0x7b
const CLOSING = 0x7d

/** Offset of the next whole record; the end of the bytes when there is none, or none was found in time. */
function nextRecord(bytes: Buffer, from: number, search: { left: number }): number {
  for (let at = from; at < bytes.length && search.left > 0; at++) {
    if (bytes[at + 3]! > MAX_PAYLOAD_BYTES >>> 24) continue
    if (payloadAt(bytes, at, search) > 0) return at
  }
  return bytes.length
}

/** Whether the end of a file is a record that was not written to its end: a piece of one, or room that was never written. */
function isTorn(bytes: Buffer, at: number): boolean {
  const rest = bytes.subarray(at)
  if (rest.length < HEADER_BYTES || rest.every((byte) => byte === 0)) return true
  const length = rest.readUInt32LE(0)
  if (length > MAX_PAYLOAD_BYTES || HEADER_BYTES + length <= rest.length) return false
  // A whole payload after a wrong length is damage.
  return Bun.hash.crc32(rest.subarray(HEADER_BYTES)) !== rest.readUInt32LE(4)
}
