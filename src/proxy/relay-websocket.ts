import { request as httpRequest, type IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Server, ServerWebSocket, WebSocketHandler } from 'bun'
import { GatewayError, type GatewayErrorCode } from '../errors.ts'
import { clientFields, upstreamFields } from '../http/fields.ts'
import type { ClientAddresses } from '../http/client-address.ts'
import type { RequestTarget } from '../http/request-target.ts'
import { admit } from './admit.ts'
import { broken } from './broken.ts'
import { invalidResponse, requireStatus } from './invalid-response.ts'
import { failureCode } from './upstream-failure.ts'
import { guardOf } from './guard.ts'
import { inspectTarget } from './inspect.ts'
import { messageAllowed } from './message-models.ts'
import { breakOffKeyless } from './keyless.ts'
import { heldTooMuch, OpenExchange, type CloseAfter } from './open-exchange.ts'
import type { ProxyContext } from './proxy-context.ts'
import { admitCaller, failExchange } from './serve-exchange.ts'
import type { Target } from './upstream.ts'
import {
  closePayload,
  encodeClientFrame,
  WebSocketDecoder,
  WebSocketProtocolError,
  type WebSocketInput,
} from '../wire/framing/websocket-frames.ts'

/** Largest WebSocket message, either way, inflated. */
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024

/** Why the server closes a connection itself, with 1009: its close handler is told 1006 and this. */
const TOO_BIG = 'Received too big message'

/** Pings that a client may send while it does not read what is there for it. */
const MAX_UNREAD_PINGS = 1000

/** How often a client that is not read is sent something: only so is it noticed that it left. */
const HEARTBEAT_MS = 2000

/** How long the two sides may take to get what is on its way to them once the relay is over. */
const CLOSING_MS = 5000

/** Unsent bytes to a client past which the upstream is not read, nor pings of the client. */
const CLIENT_BUFFER_BYTES = 1024 * 1024

const OPEN_BRACE = 123

const OTHER_MODEL =
  'the gateway key is not allowed for a model that a message names, or the message cannot be read'

/** Handshake fields that belong to one connection: extensions and keys are negotiated on each side anew. */
const HANDSHAKE = [
  'sec-websocket-key',
  'sec-websocket-version',
  'sec-websocket-extensions',
  'sec-websocket-accept',
  'content-length',
]

/**
 * Relays a WebSocket: the upstream is asked first, and its refusal is passed on as it is; only once it agrees is
 * the client's connection upgraded. Messages, pings, pongs, close codes and back-pressure go both ways; one
 * connection is one exchange.
 *
 * @returns `undefined` when the connection has been upgraded
 */
export async function serveWebSocket(
  request: Request,
  requestTarget: RequestTarget,
  target: Target,
  addresses: ClientAddresses,
  closeAfter: CloseAfter,
  server: Server<Relay>,
  context: ProxyContext,
): Promise<Response | undefined> {
  const exchange = new OpenExchange(request, requestTarget, target, addresses.client, true, context)
  exchange.keepOpen(closeAfter)
  try {
    admitCaller(exchange, requestTarget, addresses, context)
    // Messages both ways cannot be held back here.
    if (guardOf(exchange, context))
      return upgradeNotOffered(exchange, 'a pii policy looks at requests and answers here; use HTTP')
    if (context.settings.inspection.hasPrice) {
      // Codex answers this status by asking over HTTP, where the model can be seen.
      if (exchange.wire.api === 'responses')
        return upgradeNotOffered(exchange, 'models are checked here before they are asked; use HTTP')
      inspectTarget(exchange, context.settings.inspection)
    }
    request.signal.addEventListener('abort', () => {
      // Once upgraded, the connection tells of its end itself.
      if (exchange.status === 0) exchange.breakOff('client_aborted')
    })
    context.deadlines.watch(exchange.clock)
    await admit(exchange, undefined, 0, context)
    const handshake = await askUpstream(exchange, addresses.connection, context)
    exchange.upstreamFirstByteUs = exchange.elapsedUs()
    if (handshake.kind === 'refused') return await passRefusal(handshake.response, exchange)
    return upgrade(request, handshake, server, exchange, context)
  } catch (error) {
    return failExchange(exchange, error, context)
  }
}

function upgradeNotOffered(exchange: OpenExchange, message: string): Response {
  return exchange.refuse(new GatewayError('websocket_not_offered', message), 'refused')
}

/** The server's handlers of relayed connections. */
export const relayHandlers: WebSocketHandler<Relay> = {
  maxPayloadLength: MAX_MESSAGE_BYTES,
  // Never reached: an upstream is not read while more than one message waits for its client.
  backpressureLimit: MAX_MESSAGE_BYTES * 2,
  idleTimeout: 0,
  sendPings: false,
  perMessageDeflate: true,
  open: (socket) => socket.data.opened(socket),
  message: (socket, message) => socket.data.fromClient(message),
  ping: (socket, data) => socket.data.controlFromClient('ping', data),
  pong: (socket, data) => socket.data.controlFromClient('pong', data),
  drain: (socket) => socket.data.clientDrained(),
  close: (socket, code, reason) => socket.data.clientClosed(code, reason),
}

type Handshake =
  | {
      readonly kind: 'agreed'
      readonly response: IncomingMessage
      readonly socket: Duplex
      readonly head: Uint8Array
    }
  | { readonly kind: 'refused'; readonly response: IncomingMessage }

async function askUpstream(
  exchange: OpenExchange,
  clientAddress: string,
  context: ProxyContext,
): Promise<Handshake> {
  const { upstream, url } = exchange.target
  const fields = upstreamFields(exchange.fields, upstream.fields, {
    clientAddress,
    via: context.via,
    correlationId: context.settings.forwardCorrelationId ? exchange.correlationId : undefined,
  })
  for (const name of HANDSHAKE) delete fields[name]
  exchange.beginCall(fields)
  try {
    exchange.clock.enter('connect')
    const { signal } = exchange.abort
    const socket = await upstream.connection.dial(signal)
    exchange.clock.connected = true
    exchange.clock.enter('first_byte')
    const handshake = {
      ...fields,
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString('base64'),
    }
    return await shakeHands(socket, url, handshake, signal)
  } catch (error) {
    if (exchange.brokenBy !== 'client_aborted') {
      context.log('ERROR', 'proxy request failed', {
        ...exchange.logFields,
        provider_prefix: upstream.prefix,
        path: exchange.shownPath(exchange.target.path),
        error: error instanceof Error ? error.message : String(error),
      })
    }
    throw broken(exchange, error, failureCode(error), 'upstream request failed')
  }
}

function shakeHands(
  socket: Socket,
  url: string,
  headers: Record<string, string>,
  signal: AbortSignal,
): Promise<Handshake> {
  const { promise, resolve, reject } = Promise.withResolvers<Handshake>()
  // The socket speaks TLS already where the URL asks for it, so the request itself is a plain one.
  const { host, pathname, search } = new URL(url)
  const request = httpRequest({
    createConnection: () => socket,
    method: 'GET',
    path: `${pathname}${search}`,
    headers: { ...headers, host },
  })
  request.on('upgrade', (response, agreed, head) =>
    resolve({ kind: 'agreed', response, socket: agreed, head }),
  )
  request.on('response', (response) => resolve({ kind: 'refused', response }))
  request.on('error', reject)
  const abort = (): void => void request.destroy(new Error('aborted'))
  if (signal.aborted) abort()
  else signal.addEventListener('abort', abort)
  request.end()
  return promise
}

/** The upstream's own answer, whole and as it was: clients act on its status. */
async function passRefusal(response: IncomingMessage, exchange: OpenExchange): Promise<Response> {
  const pieces: Buffer[] = []
  let size = 0
  for await (const piece of response as AsyncIterable<Buffer>) {
    size += piece.length
    if (size > MAX_MESSAGE_BYTES)
      throw invalidResponse(
        exchange.target.url,
        `its answer to the handshake is larger than ${MAX_MESSAGE_BYTES} bytes`,
      )
    pieces.push(piece)
  }
  const content = Buffer.concat(pieces)
  const status = response.statusCode ?? 502
  requireStatus(status, exchange.target.url)
  const headers = headersOf(response)
  exchange.status = status
  exchange.takeHead(status, headers.toJSON())
  exchange.responseContent = content
  exchange.responseBytes = content.length
  exchange.end('completed')
  return new Response(content, {
    status,
    statusText: response.statusMessage ?? '',
    headers: clientFields(headers, exchange.ownFields),
  })
}

function upgrade(
  request: Request,
  { response, socket, head }: Extract<Handshake, { kind: 'agreed' }>,
  server: Server<Relay>,
  exchange: OpenExchange,
  context: ProxyContext,
): Response | undefined {
  const headers = headersOf(response)
  exchange.takeHead(101, headers.toJSON())
  exchange.status = 101
  exchange.streaming = true
  const relay = new Relay(socket, exchange, context)
  const answer = clientFields(headers, exchange.ownFields)
  for (const name of HANDSHAKE) answer.delete(name)
  if (!server.upgrade(request, { headers: answer, data: relay })) {
    socket.destroy()
    throw new GatewayError('bad_request', 'the request cannot be upgraded')
  }
  if (head.length > 0) relay.fromUpstream(head)
  // Its key may have been revoked while the upstream was asked.
  breakOffKeyless(exchange, context.settings)
  return undefined
}

function headersOf(response: IncomingMessage): Headers {
  const headers = new Headers()
  for (let i = 0; i < response.rawHeaders.length; i += 2) {
    headers.append(response.rawHeaders[i]!, response.rawHeaders[i + 1]!)
  }
  return headers
}

/** The two ends of a relayed connection. */
class Relay {
  readonly #upstream: Duplex
  readonly #exchange: OpenExchange
  readonly #context: ProxyContext
  readonly #decoder = new WebSocketDecoder(MAX_MESSAGE_BYTES)
  #client: ServerWebSocket<Relay> | undefined
  /** What came from the upstream before the client's side was open. */
  #early: Uint8Array[] = []
  /** Pings of the client's that the upstream has yet to answer: the server has answered them already. */
  #clientPings = 0
  #observed = true
  #closing = false
  /** Pings that came while the client had much to read. */
  #unreadPings = 0
  /** Whether the client is to be read. */
  #reading = true
  /** Runs from when the client is not read until something of it is read again. */
  #heartbeat: ReturnType<typeof setInterval> | undefined
  /** What is counted of this connection in `HeldContent`. */
  #heldBytes = 0

  constructor(upstream: Duplex, exchange: OpenExchange, context: ProxyContext) {
    this.#upstream = upstream
    this.#exchange = exchange
    this.#context = context
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

  opened(client: ServerWebSocket<Relay>): void {
    this.#client = client
    for (const bytes of this.#early.splice(0)) this.fromUpstream(bytes)
  }

  fromClient(message: string | Buffer): void {
    const until = this.#exchange.identity?.expiresAtUs ?? Infinity
    if (Date.now() * 1000 >= until) return this.#exchange.breakOff('invalid_gateway_key')
    if (!messageAllowed(this.#exchange, message)) return this.#refused('not_allowed_for_key', OTHER_MODEL)
    this.#heard()
    const text = typeof message === 'string'
    const size = text ? Buffer.byteLength(message) : message.length
    this.#exchange.requestBytes += size
    // Before it is copied, so that what there is no room for takes none.
    if (this.#closing || !this.#count(this.#heldBytes + size)) return this.#tooMuch()
    this.#send(text ? 'text' : 'binary', message)
    if (this.#withinBounds()) this.#observe('request', message)
  }

  controlFromClient(kind: 'ping' | 'pong', data: Buffer): void {
    this.#heard()
    if (kind === 'ping') this.#clientPings += 1
    this.#send(kind, data)
    // The server answers pings itself, and what it answers waits for the client like anything else.
    if (this.#clientIsFull() && ++this.#unreadPings > MAX_UNREAD_PINGS) return this.#tooMuch()
    this.#withinBounds()
  }

  clientDrained(): void {
    this.#unreadPings = 0
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
    if (!this.#client) return void this.#early.push(bytes)
    this.#exchange.clock.enter('body')
    let inputs: WebSocketInput[]
    try {
      inputs = this.#decoder.write(bytes)
    } catch (error) {
      return this.#violated(error)
    }
    for (const input of inputs) this.#deliver(this.#client, input)
    if (this.#clientIsFull()) this.#upstream.pause()
    this.#withinBounds()
    return undefined
  }

  #deliver(client: ServerWebSocket<Relay>, input: WebSocketInput): void {
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

  #close(client: ServerWebSocket<Relay>, code: number, reason: string): void {
    if (this.#closing) return
    this.#hangUp(code, reason)
    this.#exchange.end('completed')
    client.close(code, reason)
  }

  #violated(error: unknown): void {
    const code = error instanceof WebSocketProtocolError ? error.closeCode : 1011
    this.#hangUp(code, '')
    this.#exchange.end('upstream_failed', 'upstream_invalid_response')
    if (code === 1009) this.#client?.close(1009, 'the message is too large')
    else this.#client?.terminate()
  }

  /** Counts what is held for this connection. @returns false when that is too much, and the connection is closed */
  #withinBounds(): boolean {
    if (this.#closing) return false
    const unsent = this.#upstream.writableNeedDrain ? this.#upstream.writableLength : 0
    const unread = this.#client?.getBufferedAmount() ?? 0
    if (this.#count(unsent + unread + this.#decoder.heldBytes)) return true
    this.#tooMuch()
    return false
  }

  #tooMuch(): void {
    if (this.#closing) return
    this.#hangUp(1009, '')
    // What waits to be sent is what there is no room for.
    this.#upstream.destroy()
    const { code, message } = heldTooMuch()
    this.#exchange.end('refused', code)
    this.#client?.close(1009, message)
  }

  #count(bytes: number): boolean {
    const { held, settings } = this.#context
    const more = bytes - this.#heldBytes
    if (more > 0 && !held.take(more, settings.maxHeldBytes)) return false
    if (more < 0) held.give(-more)
    this.#heldBytes = bytes
    return true
  }

  #clientIsFull(): boolean {
    return (this.#client?.getBufferedAmount() ?? 0) > CLIENT_BUFFER_BYTES
  }

  /** Reads on from the client when both sides have taken what was for them. */
  #drained(): void {
    if (!this.#withinBounds()) return
    if (this.#upstream.writableNeedDrain || this.#clientIsFull()) return
    this.#reading = true
    this.#client?.resume()
  }

  #heard(): void {
    this.#exchange.clock.enter('body')
    if (!this.#heartbeat || !this.#reading) return
    clearInterval(this.#heartbeat)
    this.#heartbeat = undefined
  }

  #pauseClient(): void {
    if (this.#closing) return
    this.#reading = false
    this.#client?.pause()
    // A client that leaves while it is not read is only noticed by a write that fails. An unsolicited pong asks for no answer.
    // @see https://datatracker.ietf.org/doc/html/rfc6455#section-5.5.3
    this.#heartbeat ??= setInterval(() => {
      if (this.#reading) this.#client?.resume()
      this.#client?.pong()
    }, HEARTBEAT_MS)
  }

  /** The relay is over: the upstream is told, and is left behind when it does not listen. */
  #hangUp(code: number, reason: string): void {
    this.#closing = true
    this.#send('close', closePayload(code, reason))
    this.#upstream.end()
    clearInterval(this.#heartbeat)
    setTimeout(() => {
      this.#upstream.destroy()
      this.#client?.terminate()
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
    this.#client?.close(1008, reason)
  }

  #fail(code: GatewayErrorCode): void {
    if (this.#closing) return
    this.#closing = true
    clearInterval(this.#heartbeat)
    this.#exchange.end(code === 'client_aborted' ? 'client_aborted' : 'upstream_failed', code)
    this.#client?.terminate()
  }

  #send(kind: 'text' | 'binary' | 'ping' | 'pong' | 'close', payload: string | Uint8Array): void {
    if (!this.#upstream.writable) return
    const frame = encodeClientFrame(kind, payload, crypto.getRandomValues(new Uint8Array(4)))
    if (!this.#upstream.write(frame)) this.#pauseClient()
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
export type { Relay }
