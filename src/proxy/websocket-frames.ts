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
  #pieces: Uint8Array[] = []
  #size = 0
  #fragments: Uint8Array[] = []
  #fragmentBytes = 0
  #fragmentKind: 'text' | 'binary' | undefined

  /** @param maxMessageBytes a longer message is an error with close code 1009 */
  constructor(maxMessageBytes: number) {
    this.#maxMessageBytes = maxMessageBytes
  }

  /** @throws WebSocketProtocolError; the connection cannot go on after it */
  write(chunk: Uint8Array): WebSocketInput[] {
    this.#pieces.push(chunk)
    this.#size += chunk.length
    const inputs: WebSocketInput[] = []
    for (;;) {
      const header = this.#header()
      if (!header || this.#size < header.length + header.payload) return inputs
      this.#take(header.length)
      const data = this.#take(header.payload)
      this.#frame(header.final, header.opcode, data, inputs)
    }
  }

  #header(): { final: boolean; opcode: number; length: number; payload: number } | undefined {
    if (this.#size < 2) return undefined
    const head = this.#peek(10)
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
    if (payload + this.#fragmentBytes > this.#maxMessageBytes) {
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
    this.#fragments.push(data)
    this.#fragmentBytes += data.length
    if (!final) return undefined
    const whole = this.#fragments.length === 1 ? data : Buffer.concat(this.#fragments)
    inputs.push({ kind: this.#fragmentKind, data: whole })
    this.#fragments = []
    this.#fragmentBytes = 0
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

  /** Up to `count` bytes from the front, without taking them. */
  #peek(count: number): Uint8Array {
    const first = this.#pieces[0]!
    if (first.length >= count || this.#pieces.length === 1) return first.subarray(0, count)
    const all = Buffer.concat(this.#pieces)
    this.#pieces = [all]
    return all.subarray(0, count)
  }

  #take(count: number): Uint8Array {
    this.#size -= count
    const first = this.#pieces[0]
    if (!first || first.length < count) {
      const all = Buffer.concat(this.#pieces)
      this.#pieces = [all.subarray(count)]
      return all.subarray(0, count)
    }
    this.#pieces[0] = first.subarray(count)
    if (this.#pieces[0].length === 0 && this.#pieces.length > 1) this.#pieces.shift()
    return first.subarray(0, count)
  }
}

/** A frame as a client sends it: final, masked. @param mask four random bytes */
export function encodeClientFrame(
  kind: 'text' | 'binary' | 'ping' | 'pong' | 'close',
  payload: Uint8Array,
  mask: Uint8Array,
): Uint8Array {
  const extra = payload.length < 126 ? 0 : payload.length < 65_536 ? 2 : 8
  const frame = new Uint8Array(6 + extra + payload.length)
  const view = new DataView(frame.buffer)
  frame[0] = 0x80 | OPCODES[kind]
  frame[1] = 0x80 | (extra === 0 ? payload.length : extra === 2 ? 126 : 127)
  if (extra === 2) view.setUint16(2, payload.length)
  else if (extra === 8) view.setBigUint64(2, BigInt(payload.length))
  frame.set(mask, 2 + extra)
  const start = 6 + extra
  for (let i = 0; i < payload.length; i++) frame[start + i] = payload[i]! ^ mask[i & 3]!
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
