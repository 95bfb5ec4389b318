import type { Socket, TCPSocketListener } from 'bun'
import { runOnLoadProcessor, UPSTREAM_PORT } from './peers.ts'
import { httpChunk, mark, markOf, STREAM_SHAPES, type StreamApi } from './stream-events.ts'

/** How the streams of a round are sent. */
export interface StreamPlan {
  /** Marked events of each stream: the first at once, the others one by one after `release`. */
  readonly events: number
  readonly intervalMs: number
}

interface Stream {
  readonly socket: Socket<Connection>
  readonly api: StreamApi
  sent: number
  /** When the next event is due: of a held stream after the release, later on the clock of `performance.now`. */
  dueMs: number
}

interface Connection {
  request: string
  /** What the kernel has not taken yet. */
  unwritten: Buffer
}

const HEAD =
  'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nx-request-id: req_bench\r\nTransfer-Encoding: chunked\r\n\r\n'

/** Spreads any number of streams evenly over the interval. */
const GOLDEN = 0.618_033_988_75

/** Marked events as they are written, and where their marks are. */
const EVENTS = {
  chat_completions: eventsOf('chat_completions'),
  messages: eventsOf('messages'),
}

/**
 * An upstream in this process that streams to every request: each event is a write of its own, at a time of its own. It
 * shares the event loop with the client, so one clock gives the delays, and the loop does not sleep while streams run.
 */
export class StreamUpstream {
  readonly #listener: TCPSocketListener<Connection>
  /** Streams that have their first event and wait for the release. */
  #held: Stream[] = []
  /** Released streams, in the order of their next event. */
  #due: Stream[] = []
  #plan: StreamPlan = { events: 1, intervalMs: 1 }
  #latenessMs: number[] = []
  #opened = 0

  private constructor() {
    this.#listener = Bun.listen<Connection>({
      hostname: '127.0.0.1',
      port: UPSTREAM_PORT,
      socket: {
        open: (socket) => {
          socket.data = { request: '', unwritten: Buffer.alloc(0) }
          socket.setNoDelay(true)
        },
        data: (socket, bytes) => this.#read(socket, bytes),
        drain: (socket) => {
          const { unwritten } = socket.data
          socket.data.unwritten = Buffer.alloc(0)
          write(socket, unwritten)
        },
        close: (socket) => {
          this.#held = this.#held.filter((stream) => stream.socket !== socket)
          this.#due = this.#due.filter((stream) => stream.socket !== socket)
        },
      },
    })
  }

  /** Listens, on the load's processor. */
  static start(): StreamUpstream {
    runOnLoadProcessor()
    return new StreamUpstream()
  }

  /** How the streams that are asked for from now on are sent. */
  plan(plan: StreamPlan): void {
    this.#plan = plan
    this.#latenessMs = []
    // Those of a round that failed.
    this.#held = []
    this.#due = []
  }

  /** Lets the streams that have begun go on, all for the same time. */
  release(): void {
    const now = performance.now()
    this.#due = this.#held.splice(0).sort((a, b) => a.dueMs - b.dueMs)
    for (const stream of this.#due) stream.dueMs += now
    this.#turn()
  }

  /** How late each event of this plan was written, in milliseconds: what the load itself could not do in time. */
  get latenessMs(): readonly number[] {
    return this.#latenessMs
  }

  stop(): void {
    this.#listener.stop(true)
  }

  #read(socket: Socket<Connection>, bytes: Buffer): void {
    const connection = socket.data
    connection.request += bytes.toString('latin1')
    const { request } = connection
    const head = request.indexOf('\r\n\r\n')
    if (head < 0) return
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(request)?.[1] ?? 0)
    const chunked = /\r\ntransfer-encoding: chunked/i.test(request)
    if (chunked ? !request.endsWith('0\r\n\r\n') : request.length < head + 4 + length) return
    connection.request = ''
    if (request.startsWith('POST'))
      this.#open(socket, request.includes('/v1/messages ') ? 'messages' : 'chat_completions')
    else write(socket, Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'))
  }

  #open(socket: Socket<Connection>, api: StreamApi): void {
    write(socket, Buffer.from(HEAD + httpChunk(STREAM_SHAPES[api].opening)))
    const stream = { socket, api, sent: 0, dueMs: ((this.#opened * GOLDEN) % 1) * this.#plan.intervalMs }
    this.#opened += 1
    this.#send(stream, performance.now())
    this.#held.push(stream)
  }

  #turn(): void {
    const now = performance.now()
    for (let next = this.#due[0]; next && next.dueMs <= now; next = this.#due[0]) {
      this.#due.shift()
      const at = performance.now()
      this.#latenessMs.push(at - next.dueMs)
      this.#send(next, at)
      if (next.sent === this.#plan.events) continue
      next.dueMs += this.#plan.intervalMs
      this.#due.push(next)
    }
    if (this.#due.length > 0) setImmediate(() => this.#turn())
  }

  #send(stream: Stream, now: number): void {
    const { socket, api } = stream
    const events = EVENTS[api]
    const { bytes, at } = events[stream.sent % events.length]!
    mark(bytes, at, stream.sent, now)
    write(socket, bytes)
    stream.sent += 1
    if (stream.sent < this.#plan.events) return
    write(socket, Buffer.from(`${httpChunk(STREAM_SHAPES[api].closing)}0\r\n\r\n`))
  }
}

function eventsOf(api: StreamApi): { bytes: Buffer; at: number }[] {
  return STREAM_SHAPES[api].events.map((event) => {
    const bytes = Buffer.from(httpChunk(event))
    return { bytes, at: markOf(bytes) }
  })
}

/** Writes now, or keeps what the kernel does not take. */
function write(socket: Socket<Connection>, bytes: Buffer): void {
  const connection = socket.data
  if (connection.unwritten.length > 0) {
    connection.unwritten = Buffer.concat([connection.unwritten, bytes])
    return
  }
  const written = Math.max(0, socket.write(bytes))
  // The bytes of an event are written over with its next mark.
  if (written < bytes.length) connection.unwritten = Buffer.from(bytes.subarray(written))
}
