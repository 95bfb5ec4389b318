import type { Socket } from 'bun'
import type { Peer } from './peers.ts'
import { readMarks, STREAM_SHAPES, type StreamApi } from './stream-events.ts'

/** One stream as the client reads it. */
interface Reading {
  /** Of the response, what is not a whole header section or chunk yet. */
  raw: string
  headRead: boolean
  /** Of the content, what may be the beginning of a mark. */
  unread: string
  /** The end of the content, as long as the last line of a whole stream. */
  tail: string
  events: number
  sentAtMs: number
  complete: boolean
}

/** Streams of one peer, each on a connection of its own; every event is checked to be the next of its stream. */
export class Streams {
  readonly #peer: Peer
  readonly #api: StreamApi
  readonly #events: number
  readonly #sockets: Socket<Reading>[] = []
  readonly #begun = Promise.withResolvers<void>()
  readonly #firstEnded = Promise.withResolvers<void>()
  readonly #ended = Promise.withResolvers<void>()
  #complete = 0

  /** From the request to the first event of each stream, in milliseconds. */
  readonly firstMs: number[] = []

  /** From the sending of each event to its arrival, in milliseconds, in the order of arrival. */
  readonly delaysMs: number[] = []

  private constructor(peer: Peer, api: StreamApi, events: number) {
    this.#peer = peer
    this.#api = api
    this.#events = events
    // Each is waited for in its turn; a failure before that is not unhandled.
    for (const { promise } of [this.#begun, this.#firstEnded, this.#ended]) promise.catch(() => {})
  }

  /** Connects. @param events marked events of each stream */
  static async open(peer: Peer, api: StreamApi, streams: number, events: number): Promise<Streams> {
    const all = new Streams(peer, api, events)
    const { hostname, port } = new URL(peer.url)
    for (let i = 0; i < streams; i++) {
      const socket = await Bun.connect<Reading>({
        hostname,
        port: Number(port),
        data: { raw: '', headRead: false, unread: '', tail: '', events: 0, sentAtMs: 0, complete: false },
        socket: {
          data: (from, bytes) => all.#received(from, bytes),
          close: (from) => {
            if (!from.data.complete) all.#fail(`closed a stream after ${from.data.events} events`)
          },
        },
      })
      all.#sockets.push(socket)
    }
    return all
  }

  /** Sends every request. Resolves when each stream has its first event; rejects when one fails. */
  async begin(): Promise<void> {
    const request = this.#request()
    for (const socket of this.#sockets) {
      socket.data.sentAtMs = performance.now()
      if (socket.write(request) !== request.length) this.#fail('did not take a request whole')
    }
    await this.#begun.promise
  }

  /** Resolves when the first stream has its last event: until then all of them were running. */
  firstEnded(): Promise<void> {
    return this.#firstEnded.promise
  }

  /** Resolves when every stream is complete: each event once and in order, and the last line. Rejects when one is not. */
  ended(): Promise<void> {
    return this.#ended.promise
  }

  #request(): Buffer {
    const { path, request } = STREAM_SHAPES[this.#api]
    const base = this.#api === 'messages' ? this.#peer.messagesUrl : this.#peer.url
    const { host, pathname } = new URL(`${base}${path}`)
    const fields = {
      Host: host,
      'Content-Type': 'application/json',
      Authorization: 'Bearer sk-bench-0123456789',
      ...this.#peer.headers,
      'Content-Length': String(request.length),
    }
    const head = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`)
    return Buffer.from(`POST ${pathname} HTTP/1.1\r\n${head.join('')}\r\n${request}`)
  }

  #received(socket: Socket<Reading>, bytes: Buffer): void {
    const now = performance.now()
    const stream = socket.data
    stream.raw += bytes.toString('latin1')
    if (!stream.headRead) {
      const end = stream.raw.indexOf('\r\n\r\n')
      if (end < 0) return
      const head = stream.raw.slice(0, end)
      if (!head.startsWith('HTTP/1.1 200 ') || !/\r\ntransfer-encoding: chunked/i.test(head)) {
        return this.#fail(`responded ${stream.raw}`)
      }
      stream.headRead = true
      stream.raw = stream.raw.slice(end + 4)
    }
    const { content, last } = takeChunks(stream)
    const text = stream.unread + content
    const read = readMarks(text, (number, timeMs) => this.#event(stream, number, now - timeMs, now))
    stream.unread = text.slice(read)
    const { lastLine } = STREAM_SHAPES[this.#api]
    stream.tail = (stream.tail + content).slice(-lastLine.length)
    if (last) this.#end(socket, stream.events === this.#events && stream.tail === lastLine)
  }

  #event(stream: Reading, number: number, delayMs: number, now: number): void {
    if (number !== stream.events) return this.#fail(`sent event ${number} after ${stream.events - 1}`)
    stream.events += 1
    this.delaysMs.push(delayMs)
    if (number === 0) {
      this.firstMs.push(now - stream.sentAtMs)
      if (this.firstMs.length === this.#sockets.length) this.#begun.resolve()
    }
    if (stream.events === this.#events) this.#firstEnded.resolve()
  }

  #end(socket: Socket<Reading>, whole: boolean): void {
    if (!whole) return this.#fail(`ended a stream after ${socket.data.events} events`)
    socket.data.complete = true
    socket.end()
    this.#complete += 1
    if (this.#complete === this.#sockets.length) this.#ended.resolve()
  }

  #fail(what: string): void {
    const error = new Error(`${this.#peer.name} ${what}`)
    for (const socket of this.#sockets.splice(0)) socket.terminate()
    for (const { reject } of [this.#begun, this.#firstEnded, this.#ended]) reject(error)
  }
}

/** Takes whole chunks off the raw response. @returns their content, and whether the last one has come */
function takeChunks(stream: Reading): { content: string; last: boolean } {
  const { raw } = stream
  let content = ''
  for (let at = 0; ;) {
    const line = raw.indexOf('\r\n', at)
    const size = line < 0 ? Number.NaN : Number.parseInt(raw.slice(at, line), 16)
    const end = line + 2 + size
    if (!(raw.length >= end + 2)) {
      stream.raw = raw.slice(at)
      return { content, last: false }
    }
    if (size === 0) return { content, last: true }
    content += raw.slice(line + 2, end)
    at = end + 2
  }
}
