/** What a decoder yields: a whole message, or a control frame. @see https://datatracker.ietf.org/doc/html/rfc6455#section-5 */
export type WebSocketInput =
  | { readonly kind: 'text'; readonly data: Uint8Array }
  | { readonly kind: 'binary'; readonly data: Uint8Array }
  | { readonly kind: 'ping'; readonly data: Uint8Array }
  | { readonly kind: 'pong'; readonly data: Uint8Array }
  /** `code` is 1005 when the frame has none. */
  | { readonly kind: 'close'; readonly code: number; readonly reason: string }

/** The peer breaks the protocol; `closeCode` is what it is to be told. */
export class WebSocketProtocolError extends Error {
  override readonly name = 'WebSocketProtocolError'
  readonly closeCode: number

  constructor(closeCode: number, message: string) {
    super(message)
    this.closeCode = closeCode
  }
}

const OPCODES = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const

/** Incrementally decodes the frames a server sends (unmasked, no extensions): bytes in, cut anywhere; messages out. */
export class WebSocketDecoder {
  readonly #maxMessageBytes: number
  /** The beginning of a frame. */
  readonly #pending = new GrowingBytes()
  /** The beginning of a message. */
  readonly #fragments = new GrowingBytes()
  #fragmentKind: 'text' | 'binary' | undefined

  /** @param maxMessageBytes a longer message is an error with close code 1009 */
  constructor(maxMessageBytes: number) {
    this.#maxMessageBytes = maxMessageBytes
  }

  /** Bytes that are kept until the rest of a frame or message comes. */
  get heldBytes(): number {
    return this.#pending.capacity + this.#fragments.capacity
  }

  /** @throws WebSocketProtocolError; the connection cannot go on after it */
  write(chunk: Uint8Array): WebSocketInput[] {
    const bytes = this.#pending.length === 0 ? chunk : this.#pending.append(chunk)
    const inputs: WebSocketInput[] = []
    let at = 0
    for (;;) {
      const header = this.#header(bytes.subarray(at))
      const end = at + (header ? header.length + header.payload : Infinity)
      if (!header || end > bytes.length) break
      this.#frame(header.final, header.opcode, bytes.subarray(at + header.length, end), inputs)
      at = end
    }
    // Without a whole frame, the beginning is where it was.
    if (at > 0 || bytes === chunk) {
      this.#pending.take()
      if (at < bytes.length) this.#pending.append(bytes.subarray(at))
    }
    return inputs
  }

  #header(head: Uint8Array): { final: boolean; opcode: number; length: number; payload: number } | undefined {
    if (head.length < 2) return undefined
    const first = head[0]!
    const second = head[1]!
    if ((first & 0x70) !== 0) throw new WebSocketProtocolError(1002, 'reserved bits are set')
    if ((second & 0x80) !== 0) throw new WebSocketProtocolError(1002, 'a server must not mask')
    let payload = second & 0x7f
    let length = 2
    if (payload === 126) {
      if (head.length < 4) return undefined
      payload = (head[2]! << 8) | head[3]!
      length = 4
    } else if (payload === 127) {
      if (head.length < 10) return undefined
      payload = Number(new DataView(head.buffer, head.byteOffset, head.length).getBigUint64(2))
      length = 10
    }
    if (payload + this.#fragments.length > this.#maxMessageBytes) {
      throw new WebSocketProtocolError(1009, 'the message is too large')
    }
    return { final: (first & 0x80) !== 0, opcode: first & 0x0f, length, payload }
  }

  #frame(final: boolean, opcode: number, data: Uint8Array, inputs: WebSocketInput[]): void {
    if (opcode >= 8) return this.#control(final, opcode, data, inputs)
    if (opcode === OPCODES.continuation) {
      if (!this.#fragmentKind) throw new WebSocketProtocolError(1002, 'a continuation of nothing')
    } else {
      if (this.#fragmentKind) throw new WebSocketProtocolError(1002, 'a message inside a message')
      if (opcode > 2) throw new WebSocketProtocolError(1002, `unknown opcode ${opcode}`)
      this.#fragmentKind = opcode === OPCODES.text ? 'text' : 'binary'
    }
    const whole = final && this.#fragments.length === 0 ? data : this.#fragments.append(data)
    if (!final) return undefined
    inputs.push({ kind: this.#fragmentKind, data: whole })
    this.#fragments.take()
    this.#fragmentKind = undefined
    return undefined
  }

  #control(final: boolean, opcode: number, data: Uint8Array, inputs: WebSocketInput[]): void {
    if (!final || data.length > 125) throw new WebSocketProtocolError(1002, 'a control frame is too long')
    if (opcode === OPCODES.ping) inputs.push({ kind: 'ping', data })
    else if (opcode === OPCODES.pong) inputs.push({ kind: 'pong', data })
    else if (opcode === OPCODES.close) {
      if (data.length === 1) throw new WebSocketProtocolError(1002, 'half a close code')
      const code = data.length === 0 ? 1005 : (data[0]! << 8) | data[1]!
      inputs.push({ kind: 'close', code, reason: Buffer.from(data.subarray(2)).toString('utf8') })
    } else throw new WebSocketProtocolError(1002, `unknown opcode ${opcode}`)
  }
}

/** Bytes that come piece by piece, in one place, however small the pieces are. */
class GrowingBytes {
  #bytes = EMPTY
  length = 0

  /** Memory that it takes. */
  get capacity(): number {
    return this.#bytes.length
  }

  /** @returns everything so far */
  append(piece: Uint8Array): Uint8Array {
    const length = this.length + piece.length
    if (length > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(length, this.#bytes.length * 2))
      larger.set(this.#bytes.subarray(0, this.length))
      this.#bytes = larger
    }
    this.#bytes.set(piece, this.length)
    this.length = length
    return this.#bytes.subarray(0, length)
  }

  /** Begins anew; what was returned before stays as it is. */
  take(): void {
    this.#bytes = EMPTY
    this.length = 0
  }
}

const EMPTY = new Uint8Array()

/** A frame as a client sends it: final, masked. @param mask four random bytes */
export function encodeClientFrame(
  kind: 'text' | 'binary' | 'ping' | 'pong' | 'close',
  payload: string | Uint8Array,
  mask: Uint8Array,
): Uint8Array {
  const size = typeof payload === 'string' ? Buffer.byteLength(payload) : payload.length
  const extra = size < 126 ? 0 : size < 65_536 ? 2 : 8
  const start = 6 + extra
  const frame = Buffer.alloc(start + size)
  frame[0] = 0x80 | OPCODES[kind]
  frame[1] = 0x80 | (extra === 0 ? size : extra === 2 ? 126 : 127)
  if (extra === 2) frame.writeUInt16BE(size, 2)
  else if (extra === 8) frame.writeBigUInt64BE(BigInt(size), 2)
  frame.set(mask, 2 + extra)
  if (typeof payload === 'string') frame.write(payload, start)
  else frame.set(payload, start)
  for (let i = 0; i < size; i++) frame[start + i]! ^= mask[i & 3]!
  return frame
}

/** Payload of a close frame; empty for the codes that mean "no code". */
export function closePayload(code: number, reason: string): Uint8Array {
  if (code === 0 || code === 1005 || code === 1006) return new Uint8Array()
  const text = Buffer.from(reason).subarray(0, 123)
  const payload = new Uint8Array(2 + text.length)
  payload[0] = code >> 8
  payload[1] = code & 0xff
  payload.set(text, 2)
  return payload
}
