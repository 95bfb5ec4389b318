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

/** A response as it came off the wire. */
export interface RawResponse {
  readonly status: number
  /** Values by lower-case name; those of repeated fields are joined by `, `. */
  readonly fields: Readonly<Record<string, string>>
  readonly text: string
}

/**
 * Sends a request byte for byte on a connection of its own and waits for its end.
 *
 * @param lines request line and field lines; `Connection: close` is added, and `Content-Length` where there is content
 */
export async function sendRaw(port: number, lines: readonly string[], content = ''): Promise<RawResponse> {
  const client = await RawClient.open(port)
  const length = content === '' ? [] : [`Content-Length: ${Buffer.byteLength(content)}`]
  client.send(`${[...lines, ...length, 'Connection: close'].join('\r\n')}\r\n\r\n${content}`)
  await client.closed()
  const [head = ''] = client.text.split('\r\n\r\n')
  const fields: Record<string, string> = {}
  for (const line of head.split('\r\n').slice(1)) {
    const colon = line.indexOf(':')
    const name = line.slice(0, colon).toLowerCase()
    const value = line.slice(colon + 1).trim()
    fields[name] = fields[name] === undefined ? value : `${fields[name]}, ${value}`
  }
  return { status: client.status, fields, text: client.body.toString('utf8') }
}
