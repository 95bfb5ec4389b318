import { connect, type Socket } from 'node:net'

/** A connection that sends bytes as they are and keeps what comes back. */
export class RawClient {
  readonly socket: Socket
  received: Buffer = Buffer.alloc(0)
  ended = false
  readonly #closed: Promise<void>

  private constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (bytes: Buffer) => (this.received = Buffer.concat([this.received, bytes])))
    socket.on('error', () => {})
    this.#closed = new Promise((resolve) =>
      socket.on('close', () => {
        this.ended = true
        resolve()
      }),
    )
  }

  static open(port: number): Promise<RawClient> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1', noDelay: true }, () => resolve(new RawClient(socket)))
      socket.once('error', reject)
    })
  }

  send(bytes: Uint8Array | string): void {
    this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes)
  }

  get text(): string {
    return this.received.toString('latin1')
  }

  get status(): number {
    return Number(/^HTTP\/1\.1 (\d{3})/.exec(this.text)?.[1] ?? 0)
  }

  /** Content after the fields, chunk framing taken off. */
  get body(): Buffer {
    const start = this.received.indexOf('\r\n\r\n') + 4
    const content = this.received.subarray(start)
    if (!/\r\ntransfer-encoding: chunked/i.test(this.text.slice(0, start))) return content
    const pieces: Buffer[] = []
    for (let at = 0; at < content.length;) {
      const lineEnd = content.indexOf('\r\n', at)
      if (lineEnd < 0) break
      const size = Number.parseInt(content.subarray(at, lineEnd).toString('latin1'), 16)
      pieces.push(content.subarray(lineEnd + 2, lineEnd + 2 + size))
      at = lineEnd + 4 + size
    }
    return Buffer.concat(pieces)
  }

  closed(): Promise<void> {
    return this.#closed
  }

  close(): void {
    this.socket.destroy()
  }
}
