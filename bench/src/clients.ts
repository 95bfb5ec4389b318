import { BODY } from './load.ts'
import { runOnLoadProcessor, type Peer } from './peers.ts'

const CONNECTIONS = 64

/** Kept connections to one peer, each of which has one request under way at most: every request sent is a response counted. */
export class Clients {
  readonly #peer: Peer
  readonly #request: Buffer
  readonly #sockets: Bun.Socket<Received>[] = []
  #responses = 0
  #underWay = 0
  #over = true
  #turn = Promise.withResolvers<void>()

  private constructor(peer: Peer, headers: Readonly<Record<string, string>>, body: string) {
    this.#peer = peer
    const { host, pathname } = new URL(`${peer.url}/v1/chat/completions`)
    const fields = {
      Host: host,
      'Content-Type': 'application/json',
      Authorization: 'Bearer sk-bench-0123456789',
      ...headers,
      'Content-Length': String(body.length),
    }
    const head = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`)
    this.#request = Buffer.from(`POST ${pathname} HTTP/1.1\r\n${head.join('')}\r\n${body}`)
  }

  /** Connects, on the load's processor. @param headers beside those that every request has; `body` is ASCII */
  static async open(peer: Peer, headers = peer.headers, body = BODY): Promise<Clients> {
    runOnLoadProcessor()
    const clients = new Clients(peer, headers, body)
    const { hostname, port } = new URL(peer.url)
    for (let i = 0; i < CONNECTIONS; i++) {
      const socket = await Bun.connect<Received>({
        hostname,
        port: Number(port),
        data: { text: '' },
        socket: {
          data: (from, bytes) => clients.#received(from, bytes),
          close: () => clients.#failed('closed a connection'),
        },
      })
      clients.#sockets.push(socket)
    }
    return clients
  }

  /** Responses since the beginning. */
  get responses(): number {
    return this.#responses
  }

  /** Posts Chat Completions for some milliseconds, each connection the next when it has a response. Rejects when a response is not a 200. */
  async run(ms: number): Promise<void> {
    this.#turn = Promise.withResolvers()
    this.#over = false
    for (const socket of this.#sockets) this.#send(socket)
    const timer = setTimeout(() => (this.#over = true), ms)
    await this.#turn.promise.finally(() => clearTimeout(timer))
  }

  close(): void {
    for (const socket of this.#sockets.splice(0)) socket.terminate()
  }

  #send(socket: Bun.Socket<Received>): void {
    this.#underWay += 1
    if (socket.write(this.#request) !== this.#request.length) this.#failed('did not take a request whole')
  }

  #received(socket: Bun.Socket<Received>, bytes: Buffer): void {
    const received = socket.data
    received.text += bytes.toString('latin1')
    const end = received.text.indexOf('\r\n\r\n')
    if (end < 0) return
    const length = /\r\ncontent-length: (\d+)/i.exec(received.text)?.[1]
    if (length === undefined || received.text.length < end + 4 + Number(length)) return
    if (!received.text.startsWith('HTTP/1.1 200 ')) this.#failed(`responded ${received.text}`)
    received.text = ''
    this.#responses += 1
    this.#underWay -= 1
    if (!this.#over) this.#send(socket)
    else if (this.#underWay === 0) this.#turn.resolve()
  }

  #failed(what: string): void {
    this.#over = true
    this.#turn.reject(new Error(`${this.#peer.name} ${what}`))
  }
}

interface Received {
  text: string
}
