import type { ServerWebSocket } from 'bun'

/** Pings that a client may send while it does not read its messages. */
const MAX_UNREAD_PINGS = 1000

/** How often a client that is not read is sent something: only so is it noticed that it left. */
const HEARTBEAT_MS = 2000

/** Beyond so many unsent bytes to a client, neither the upstream nor the client's pings are read. */
const BUFFER_BYTES = 1024 * 1024

/** The client's end of a relayed WebSocket: what waits for it, and whether it is read. */
export class WebSocketClient<T> {
  /** `undefined` until the connection has been upgraded. */
  socket: ServerWebSocket<T> | undefined
  #reading = true
  /** Runs while the client is not read. */
  #heartbeat: ReturnType<typeof setInterval> | undefined
  /** Pings that came while the client had much to read. */
  #unreadPings = 0

  /** Bytes that wait for the client. */
  get unreadBytes(): number {
    return this.socket?.getBufferedAmount() ?? 0
  }

  get isFull(): boolean {
    return this.unreadBytes > BUFFER_BYTES
  }

  /** Something of the client was read. */
  heard(): void {
    if (!this.#heartbeat || !this.#reading) return
    this.stopHeartbeat()
  }

  /** Counts a ping, whose pong waits for the client like anything else. @returns false when it is one too many */
  pinged(): boolean {
    if (!this.isFull) return true
    this.#unreadPings += 1
    return this.#unreadPings <= MAX_UNREAD_PINGS
  }

  /** The client has read its waiting messages. */
  drained(): void {
    this.#unreadPings = 0
  }

  /** Reads no more from the client for now. */
  pause(): void {
    this.#reading = false
    this.socket?.pause()
    // A client that leaves while it is not read is only noticed by a write that fails. An unsolicited pong needs no response.
    // @see https://datatracker.ietf.org/doc/html/rfc6455#section-5.5.3
    this.#heartbeat ??= setInterval(() => {
      if (this.#reading) this.socket?.resume()
      this.socket?.pong()
    }, HEARTBEAT_MS)
  }

  resume(): void {
    this.#reading = true
    this.socket?.resume()
  }

  stopHeartbeat(): void {
    clearInterval(this.#heartbeat)
    this.#heartbeat = undefined
  }
}
