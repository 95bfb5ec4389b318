import { BODY } from './load.ts'
import { cpuMicros } from './measure.ts'
import { LOAD_CPU, type Peer } from './peers.ts'

/** Kept connections to one peer. */
class Clients {
  readonly peer: Peer
  #answered = 0
  /** Connections that wait for no answer, those that have for longest first. */
  readonly #idle: Bun.Socket<Answer>[] = []
  #over = true
  #turn = Promise.withResolvers<void>()
  readonly #sockets: Bun.Socket<Answer>[] = []
  readonly #request: Buffer

  private constructor(peer: Peer) {
    this.peer = peer
    const { host, pathname } = new URL(`${peer.url}/v1/chat/completions`)
    const fields = {
      Host: host,
      'Content-Type': 'application/json',
      Authorization: 'Bearer sk-bench-0123456789',
      ...peer.headers,
      'Content-Length': String(BODY.length),
    }
    const head = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`)
    this.#request = Buffer.from(`POST ${pathname} HTTP/1.1\r\n${head.join('')}\r\n${BODY}`)
  }

  static async open(peer: Peer, connections: number): Promise<Clients> {
    const clients = new Clients(peer)
    const { hostname, port } = new URL(peer.url)
    for (let i = 0; i < connections; i++) {
      const socket = await Bun.connect<Answer>({
        hostname,
        port: Number(port),
        data: { text: '' },
        socket: {
          data: (from, bytes) => clients.#received(from, bytes),
          close: () => clients.#failed('closed a connection'),
        },
      })
      clients.#sockets.push(socket)
      clients.#idle.push(socket)
    }
    return clients
  }

  /** Requests that were answered since the beginning. */
  get answered(): number {
    return this.#answered
  }

  /**
   * Sends for some milliseconds, and waits for the last answers. Rejects when one is not the one that is expected.
   *
   * @param perSecond how many requests, while connections are free for them; `Infinity` for as many as are answered
   */
  async run(ms: number, perSecond: number): Promise<void> {
    this.#turn = Promise.withResolvers()
    this.#over = false
    const startedAt = performance.now()
    let sent = 0
    const send = (): void => {
      const passedMs = performance.now() - startedAt
      if (passedMs >= ms || this.#over) return this.#end()
      for (; sent < (passedMs / 1000) * perSecond && this.#idle.length > 0; sent++) this.#send()
      // Nobody is to be charged for waking the one who sends, so it does not sleep.
      setImmediate(send)
      return undefined
    }
    send()
    await this.#turn.promise
  }

  #end(): void {
    this.#over = true
    if (this.#idle.length === this.#sockets.length) this.#turn.resolve()
  }

  close(): void {
    for (const socket of this.#sockets.splice(0)) socket.terminate()
  }

  #send(): void {
    const socket = this.#idle.shift()!
    if (socket.write(this.#request) !== this.#request.length) this.#failed('did not take a request whole')
  }

  #received(socket: Bun.Socket<Answer>, bytes: Buffer): void {
    const answer = socket.data
    answer.text += bytes.toString('latin1')
    const end = answer.text.indexOf('\r\n\r\n')
    if (end < 0) return
    const length = /\r\ncontent-length: (\d+)/i.exec(answer.text)?.[1]
    if (length === undefined || answer.text.length < end + 4 + Number(length)) return
    if (!answer.text.startsWith('HTTP/1.1 200 ')) this.#failed(`answered ${answer.text}`)
    answer.text = ''
    this.#answered += 1
    this.#idle.push(socket)
    if (this.#over) this.#end()
  }

  #failed(what: string): void {
    this.#over = true
    this.#turn.reject(new Error(`${this.peer.name} ${what}`))
  }
}

interface Answer {
  text: string
}

/** What a peer did in its turns. */
export interface Turns {
  readonly requests: number
  /** Of all its threads, what it went on doing between its turns included. */
  readonly cpuMicros: number
}

/** How long one peer is under load before it is the next one's turn: whatever else the machine does is done to all of them alike. */
const TURN_MS = 500
const CONNECTIONS = 64

/**
 * Posts Chat Completions to one peer after the other, in turns, until each had so many seconds. Throws when one does not answer 200.
 *
 * @param perSecond requests a second; `Infinity` for as many as a peer answers
 */
export async function loadInTurns(
  peers: readonly Peer[],
  seconds: number,
  perSecond: number,
): Promise<Map<Peer, Turns>> {
  Bun.spawnSync(['taskset', '-a', '-c', '-p', LOAD_CPU, String(process.pid)])
  const all = await Promise.all(peers.map((peer) => Clients.open(peer, CONNECTIONS)))
  const used = (peer: Peer): number => peer.pids().reduce((sum, pid) => sum + cpuMicros(pid), 0)
  const before = peers.map(used)
  for (let turn = 0; turn < (seconds * 1000) / TURN_MS; turn++) {
    // No peer always has the same one before it, whose memory is still in the processor's caches.
    for (const clients of all.toSorted(() => Math.random() - 0.5)) await clients.run(TURN_MS, perSecond)
  }
  return new Map(
    all.map((clients, i) => {
      clients.close()
      const { peer, answered } = clients
      return [peer, { requests: answered, cpuMicros: used(peer) - before[i]! }]
    }),
  )
}
