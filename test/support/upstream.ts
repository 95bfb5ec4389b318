import { createServer, type Server, type Socket } from 'node:net'

/** A request as it came off the wire. */
export interface WireRequest {
  readonly method: string
  readonly target: string
  /** Field lines in order, names as sent. */
  readonly fields: readonly (readonly [string, string])[]
  readonly body: Buffer
  /** First value of a field, name in lower case. */
  field(name: string): string | undefined
}

/** Responds to one request by writing bytes to the socket. */
export type Play = (request: WireRequest, socket: Socket) => void | Promise<void>

/** An upstream over real sockets that plays what a test tells it to, byte by byte. */
export class Upstream {
  readonly requests: WireRequest[] = []
  /** Connections that are open now. */
  readonly sockets = new Set<Socket>()
  /** Connections that have ended. */
  closed = 0
  /** Responses that are being sent now. */
  playing = 0
  play: Play
  readonly #server: Server

  private constructor(play: Play, server: Server) {
    this.play = play
    this.#server = server
  }

  static async start(play: Play): Promise<Upstream> {
    const server = createServer({ noDelay: true })
    const upstream = new Upstream(play, server)
    server.on('connection', (socket) => upstream.#connected(socket))
    await new Promise<void>((resolve) =>
      server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, resolve),
    )
    return upstream
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  get last(): WireRequest {
    return this.requests.at(-1)!
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy()
    await new Promise<void>((resolve) => this.#server.close(() => resolve()))
  }

  async #respond(request: WireRequest, socket: Socket): Promise<void> {
    this.playing += 1
    try {
      await this.play(request, socket)
    } finally {
      this.playing -= 1
    }
  }

  #connected(socket: Socket): void {
    this.sockets.add(socket)
    let waiting: Buffer = Buffer.alloc(0)
    socket.on('error', () => {})
    socket.on('close', () => {
      this.sockets.delete(socket)
      this.closed += 1
    })
    socket.on('data', (bytes: Buffer) => {
      waiting = Buffer.concat([waiting, bytes])
      for (;;) {
        const taken = takeRequest(waiting)
        if (!taken) return
        waiting = taken.rest
        this.requests.push(taken.request)
        // A WebSocket's frames are not requests.
        if (taken.request.field('upgrade')) socket.removeAllListeners('data')
        void this.#respond(taken.request, socket)
      }
    })
  }
}

function takeRequest(bytes: Buffer): { request: WireRequest; rest: Buffer } | undefined {
  const end = bytes.indexOf('\r\n\r\n')
  if (end < 0) return undefined
  const [line = '', ...lines] = bytes.subarray(0, end).toString('latin1').split('\r\n')
  const [method = '', target = ''] = line.split(' ')
  const fields = lines.map((text) => {
    const colon = text.indexOf(':')
    return [text.slice(0, colon), text.slice(colon + 1).trim()] as const
  })
  const field = (name: string): string | undefined =>
    fields.find(([candidate]) => candidate.toLowerCase() === name)?.[1]
  const content = bytes.subarray(end + 4)
  if (field('transfer-encoding')?.toLowerCase() === 'chunked') {
    const chunks = takeChunks(content)
    return chunks && { request: { method, target, fields, field, body: chunks.body }, rest: chunks.rest }
  }
  const length = Number(field('content-length') ?? 0)
  if (content.length < length) return undefined
  return {
    request: { method, target, fields, field, body: content.subarray(0, length) },
    rest: content.subarray(length),
  }
}

function takeChunks(bytes: Buffer): { body: Buffer; rest: Buffer } | undefined {
  const pieces: Buffer[] = []
  let at = 0
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', at)
    if (lineEnd < 0) return undefined
    const size = Number.parseInt(bytes.subarray(at, lineEnd).toString('latin1'), 16)
    const start = lineEnd + 2
    if (bytes.length < start + size + 2) return undefined
    if (size === 0) return { body: Buffer.concat(pieces), rest: bytes.subarray(start + 2) }
    pieces.push(bytes.subarray(start, start + size))
    at = start + size + 2
  }
}

/** Responds with a status, fields and a body of known length. */
export function respond(
  status: number,
  fields: Readonly<Record<string, string>>,
  body: Uint8Array | string,
): Play {
  const content = Buffer.from(body as string)
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`)
  return (_, socket) => {
    socket.write(
      Buffer.concat([
        Buffer.from(
          `HTTP/1.1 ${status} Whatever\r\n${lines.join('')}Content-Length: ${content.length}\r\n\r\n`,
          'latin1',
        ),
        content,
      ]),
    )
  }
}

/** Responds with JSON. */
export function respondJson(value: unknown, fields: Readonly<Record<string, string>> = {}): Play {
  return respond(200, { 'Content-Type': 'application/json', ...fields }, JSON.stringify(value))
}

/** Streams pieces, each in a chunk of its own, waiting for `between` after each. */
export function stream(
  pieces: readonly (Uint8Array | string)[],
  {
    fields = {},
    status = 200,
    between = async (): Promise<void> => {},
    cut = false,
  }: {
    fields?: Readonly<Record<string, string>>
    status?: number
    between?: (index: number, socket: Socket) => Promise<void>
    cut?: boolean
  } = {},
): Play {
  return async (_, socket) => {
    const typed = Object.keys(fields).some((name) => name.toLowerCase() === 'content-type')
    const lines = Object.entries({ ...(typed ? {} : { 'Content-Type': 'text/event-stream' }), ...fields })
    socket.write(
      `HTTP/1.1 ${status} OK\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}Transfer-Encoding: chunked\r\n\r\n`,
    )
    for (const [i, piece] of pieces.entries()) {
      if (socket.destroyed) return
      const bytes = Buffer.from(piece as string)
      socket.write(
        Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')]),
      )
      await between(i, socket)
    }
    if (cut) socket.destroy()
    else socket.write('0\r\n\r\n')
  }
}
