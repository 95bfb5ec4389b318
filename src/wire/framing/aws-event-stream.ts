import { PendingBytes } from './pending-bytes.ts'
import { parseObject, type JsonObject } from '../json/values.ts'

/** Length of the prelude (total length, header length, its checksum) and of the checksum at the end. */
const PRELUDE_BYTES = 12
const CHECKSUM_BYTES = 4

/** Largest message there is, by the format's own limits. */
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024 + 128 * 1024 + PRELUDE_BYTES + CHECKSUM_BYTES

/** One message: the value of its `:event-type`, and its payload. An exception comes out as other wires have it: its name as `error`. */
export interface AwsEvent {
  readonly name: string
  readonly object: JsonObject
}

/**
 * Incrementally decodes Amazon's event stream: bytes in, cut anywhere, messages with a JSON payload out. A message whose
 * checksum is wrong ends the reading, because nothing behind it can be trusted to begin where it seems to.
 *
 * @see https://docs.aws.amazon.com/transcribe/latest/dg/event-stream.html
 */
export class AwsEventStreamDecoder {
  readonly #pending = new PendingBytes()
  /** The bytes are not an event stream, or no longer. */
  failed = false

  write(chunk: Uint8Array): AwsEvent[] {
    const events: AwsEvent[] = []
    if (this.failed) return events
    const all = this.#pending.with(chunk)
    let start = 0
    while (all.length - start >= PRELUDE_BYTES) {
      const view = new DataView(all.buffer, all.byteOffset + start)
      const total = view.getUint32(0)
      this.failed = !isPrelude(all.subarray(start, start + PRELUDE_BYTES))
      if (!this.failed && all.length - start < total) break
      const message = all.subarray(start, start + total)
      this.failed ||= view.getUint32(total - CHECKSUM_BYTES) !== checksumOf(message)
      if (this.failed) {
        this.#pending.keep(all, all.length)
        return events
      }
      const event = readMessage(message, view.getUint32(4))
      if (event) events.push(event)
      start += total
    }
    this.#pending.keep(all, start)
    return events
  }
}

/** Whether content is such a stream, by its first prelude; `undefined` while that has not wholly come. */
export function beginsAwsEvents(bytes: Uint8Array): 'aws' | 'none' | undefined {
  if (bytes.length < PRELUDE_BYTES) return undefined
  return isPrelude(bytes.subarray(0, PRELUDE_BYTES)) ? 'aws' : 'none'
}

function isPrelude(bytes: Uint8Array): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  const total = view.getUint32(0)
  return (
    total <= MAX_MESSAGE_BYTES &&
    total >= PRELUDE_BYTES + view.getUint32(4) + CHECKSUM_BYTES &&
    view.getUint32(8) === checksumOf(bytes)
  )
}

/** CRC-32 of bytes without its own four at their end. */
function checksumOf(bytes: Uint8Array): number {
  return Bun.hash.crc32(bytes.subarray(0, bytes.length - CHECKSUM_BYTES))
}

/** Header value types by their code; those not listed carry a length of two bytes before them. */
const FIXED_LENGTHS: Readonly<Record<number, number>> = { 0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16 }

function readMessage(message: Uint8Array, headersLength: number): AwsEvent | undefined {
  const payload = message.subarray(PRELUDE_BYTES + headersLength, message.length - CHECKSUM_BYTES)
  const text = new TextDecoder()
  let name = ''
  let error = ''
  let at = PRELUDE_BYTES
  const end = PRELUDE_BYTES + headersLength
  while (at < end) {
    const nameLength = message[at]!
    const header = text.decode(message.subarray(at + 1, at + 1 + nameLength))
    at += 1 + nameLength
    const type = message[at]!
    at += 1
    const fixed = FIXED_LENGTHS[type]
    const length = fixed ?? (message[at]! << 8) + message[at + 1]!
    if (fixed === undefined) at += 2
    const value = message.subarray(at, at + length)
    if (header === ':event-type') name = text.decode(value)
    else if (header === ':exception-type' || header === ':error-code') error = text.decode(value)
    at += length
  }
  if (error !== '') return { name: '', object: { error } }
  const object = parseObject(text.decode(payload))
  return object && { name, object }
}
