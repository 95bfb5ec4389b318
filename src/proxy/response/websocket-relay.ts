import type { Duplex } from 'node:stream'
import type { ServerWebSocket } from 'bun'
import type { GatewayErrorCode } from '../../errors.ts'
import {
  closePayload,
  encodeClientFrame,
  WebSocketDecoder,
  WebSocketProtocolError,
  type WebSocketInput,
} from '../../wire/framing/websocket-frames.ts'
import { HeldShare, heldTooMuch } from '../exchange/held-content.ts'
import type { OpenExchange } from '../exchange/open-exchange.ts'
import type { ProxyContext } from '../proxy-context.ts'
import { WebSocketClient } from './websocket-client.ts'
import { messageAllowed, messageFor } from '../request/message-models.ts'

const OTHER_MODEL =
  'the gateway key is not allowed for a model that a message names, or the message cannot be read'

const OTHER_PROVIDER =
  'a message names a model whose targets are at another provider than this connection; use HTTP for it'

/** Largest WebSocket message, either way, inflated. */
export const MAX_MESSAGE_BYTES = 16 * 1024 * 1024

/** Why the server closes a connection itself, with 1009: its close handler is given 1006 and this. */
const TOO_BIG = 'Received too big message'

/** How long the two sides may take to receive the rest once the relay is over. */
const CLOSING_MS = 5000

const OPEN_BRACE = 123

/** Relays a WebSocket between its two ends, until either closes or breaks off. */
export class WebSocketRelay {
  readonly #upstream: Duplex
  readonly #exchange: OpenExchange
  readonly #context: ProxyContext
  readonly #decoder = new WebSocketDecoder(MAX_MESSAGE_BYTES)
  readonly #client = new WebSocketClient<WebSocketRelay>()
  readonly #held: HeldShare
  /** What came from the upstream before the client's side was open. */
  #early: Uint8Array[] = []
  /** Pings of the client that the upstream has not responded to yet. The server has already responded to them. */
  #clientPings = 0
  #observed = true
  #closing = false

  constructor(upstream: Duplex, exchange: OpenExchange, context: ProxyContext) {
    this.#upstream = upstream
    this.#exchange = exchange
    this.#context = context
    this.#held = new HeldShare(context.held)
    exchange.clock.enter('body')
    upstream.on('data', (bytes: Uint8Array) => this.fromUpstream(bytes))
    upstream.on('drain', () => this.#drained())
    upstream.on('error', () => this.#upstreamLost())
    upstream.on('close', () => {
      this.#upstreamLost()
      this.#count(0)
    })
    exchange.abort.signal.addEventListener('abort', () => this.#broken())
  }

  opened(client: ServerWebSocket<WebSocketRelay>): void {
    this.#client.socket = client
    for (const bytes of this.#early.splice(0)) this.fromUpstream(bytes)
  }

  fromClient(given: string | Buffer): void {
    const { identity, operation, arrival, wire } = this.#exchange
    const until = identity?.expiresAtUs ?? Infinity
    if (Date.now() * 1000 >= until) return this.#exchange.breakOff('invalid_gateway_key')
    if (!messageAllowed(given, identity?.compiledRules, operation))
      return this.#refused('not_allowed_for_key', OTHER_MODEL)
    const { models } = this.#context.settings
    const message = arrival.modelRoute ? messageFor(wire.provider, given, models) : given
    if (message === undefined) return this.#refused('no_target_for_api', OTHER_PROVIDER)
    this.#heard()
    const text = typeof message === 'string'
    const size = text ? Buffer.byteLength(message) : message.length
    this.#exchange.requestBytes += size
    // Before the copy, so that a message without room takes none.
    if (this.#closing || !this.#count(this.#held.bytes + size)) return this.#tooMuch()
    this.#send(text ? 'text' : 'binary', message)
    if (this.#withinBounds()) this.#observe('request', given)
  }

  controlFromClient(kind: 'ping' | 'pong', data: Buffer): void {
    this.#heard()
    if (kind === 'ping') this.#clientPings += 1
    this.#send(kind, data)
    // The server responds to pings itself, and its pongs wait for the client like any message.
    if (!this.#client.pinged()) return this.#tooMuch()
    this.#withinBounds()
  }

  clientDrained(): void {
    this.#client.drained()
    if (this.#upstream.isPaused()) this.#upstream.resume()
    this.#drained()
  }

  clientClosed(code: number, reason: string): void {
    if (this.#closing) return
    const tooBig = code === 1006 && reason === TOO_BIG
    this.#hangUp(tooBig ? 1009 : code, tooBig ? '' : reason)
    if (tooBig) return this.#exchange.end('refused', 'request_body_too_large')
    // An ordinary close is the client's right; a connection that just breaks off was abandoned.
    this.#exchange.end(code === 1006 ? 'client_aborted' : 'completed')
  }

  fromUpstream(bytes: Uint8Array): void {
    if (this.#closing) return
    const client = this.#client.socket
    if (!client) return void this.#early.push(bytes)
    this.#exchange.clock.enter('body')
    let inputs: WebSocketInput[]
    try {
      inputs = this.#decoder.write(bytes)
    } catch (error) {
      return this.#violated(error)
    }
    for (const input of inputs) this.#deliver(client, input)
    if (this.#client.isFull) this.#upstream.pause()
    this.#withinBounds()
    return undefined
  }

  #deliver(client: ServerWebSocket<WebSocketRelay>, input: WebSocketInput): void {
    switch (input.kind) {
      case 'text':
      case 'binary': {
        this.#exchange.responseBytes += input.data.length
        this.#exchange.responseChunks += 1
        this.#exchange.outgrown()
        const text = input.kind === 'text' ? Buffer.from(input.data).toString('utf8') : undefined
        if (text === undefined) client.sendBinary(input.data, true)
        else client.sendText(text, true)
        this.#observe('response', text ?? input.data)
        return
      }
      case 'ping':
        client.ping(input.data)
        return
      case 'pong':
        if (this.#clientPings > 0) this.#clientPings -= 1
        else client.pong(input.data)
        return
      case 'close':
        this.#close(client, input.code, input.reason)
        return
      default:
        input satisfies never
    }
  }

  #close(client: ServerWebSocket<WebSocketRelay>, code: number, reason: string): void {
    if (this.#closing) return
    this.#hangUp(code, reason)
    this.#exchange.end('completed')
    client.close(code, reason)
  }

  #violated(error: unknown): void {
    const code = error instanceof WebSocketProtocolError ? error.closeCode : 1011
    this.#hangUp(code, '')
    this.#exchange.end('upstream_failed', 'upstream_invalid_response')
    if (code === 1009) this.#client.socket?.close(1009, 'the message is too large')
    else this.#client.socket?.terminate()
  }

  /** Counts what is held for this connection. @returns false when that is too much, and the connection is closed */
  #withinBounds(): boolean {
    if (this.#closing) return false
    const unsent = this.#upstream.writableNeedDrain ? this.#upstream.writableLength : 0
    if (this.#count(unsent + this.#client.unreadBytes + this.#decoder.heldBytes)) return true
    this.#tooMuch()
    return false
  }

  #tooMuch(): void {
    if (this.#closing) return
    this.#hangUp(1009, '')
    // The unsent messages have no room.
    this.#upstream.destroy()
    const { code, message } = heldTooMuch()
    this.#exchange.end('refused', code)
    this.#client.socket?.close(1009, message)
  }

  #count(bytes: number): boolean {
    return this.#held.set(bytes, this.#context.settings.maxHeldBytes)
  }

  /** Reads the client again when both sides have taken their messages. */
  #drained(): void {
    if (!this.#withinBounds()) return
    if (this.#upstream.writableNeedDrain || this.#client.isFull) return
    this.#client.resume()
  }

  #heard(): void {
    this.#exchange.clock.enter('body')
    this.#client.heard()
  }

  /** The relay is over: the upstream gets a close frame, and is cut if it does not react. */
  #hangUp(code: number, reason: string): void {
    this.#closing = true
    this.#send('close', closePayload(code, reason))
    this.#upstream.end()
    this.#client.stopHeartbeat()
    setTimeout(() => {
      this.#upstream.destroy()
      this.#client.socket?.terminate()
    }, CLOSING_MS).unref()
  }

  #upstreamLost(): void {
    this.#fail('upstream_aborted')
  }

  /** Broken off from our side: by a time-out, because its key counts no longer, or because the gateway stops. */
  #broken(): void {
    const code = this.#exchange.brokenBy ?? 'upstream_aborted'
    if (code === 'invalid_gateway_key' || code === 'missing_gateway_key') return this.#refused(code)
    this.#upstream.destroy()
    this.#fail(code)
    return undefined
  }

  /** @see https://datatracker.ietf.org/doc/html/rfc6455#section-7.4.1 for 1008 */
  #refused(code: GatewayErrorCode, reason = 'the gateway key is not valid any more'): void {
    if (this.#closing) return
    this.#hangUp(1001, '')
    this.#exchange.end('refused', code)
    this.#client.socket?.close(1008, reason)
  }

  #fail(code: GatewayErrorCode): void {
    if (this.#closing) return
    this.#closing = true
    this.#client.stopHeartbeat()
    this.#exchange.end(code === 'client_aborted' ? 'client_aborted' : 'upstream_failed', code)
    this.#client.socket?.terminate()
  }

  #send(kind: 'text' | 'binary' | 'ping' | 'pong' | 'close', payload: string | Uint8Array): void {
    if (!this.#upstream.writable) return
    const frame = encodeClientFrame(kind, payload, crypto.getRandomValues(new Uint8Array(4)))
    if (!this.#upstream.write(frame) && !this.#closing) this.#client.pause()
  }

  #observe(side: 'request' | 'response', message: string | Uint8Array): void {
    const { id, wire } = this.#exchange
    if (!this.#observed || wire.api === '') return
    // Gemini sends its JSON in binary messages; other binary messages are sound.
    if (typeof message !== 'string' && message[0] !== OPEN_BRACE) return
    const text = typeof message === 'string' ? message : Buffer.from(message).toString('utf8')
    const atUs = this.#exchange.elapsedUs()
    this.#observed = this.#context.sink.observe({ kind: 'message', id, side, wire, text, atUs })
  }
}
