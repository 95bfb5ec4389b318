import { request as httpRequest, type IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Clock } from './deadlines.ts'
import type { UpstreamRequest } from './upstream-request.ts'

/** The upstream's response to a handshake: it agrees to a WebSocket, or responds as to any request. */
export type Handshake =
  | {
      readonly kind: 'agreed'
      readonly response: IncomingMessage
      readonly socket: Duplex
      /** Bytes that came after the handshake. */
      readonly head: Uint8Array
    }
  | { readonly kind: 'refused'; readonly response: IncomingMessage }

/**
 * Opens a WebSocket at the upstream.
 *
 * @param clock of the exchange, which needs to know when there is a connection
 * @throws Error when there is no response
 */
export async function openWebSocket(
  { target: { url, upstream }, fields }: UpstreamRequest,
  clock: Clock,
  signal: AbortSignal,
): Promise<Handshake> {
  clock.enter('connect')
  const socket = await upstream.connection.dial(signal)
  clock.connected = true
  clock.enter('first_byte')
  const handshake = {
    ...fields,
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString('base64'),
  }
  return await shakeHands(socket, url, handshake, signal)
}

function shakeHands(
  socket: Socket,
  url: string,
  headers: Record<string, string>,
  signal: AbortSignal,
): Promise<Handshake> {
  const { promise, resolve, reject } = Promise.withResolvers<Handshake>()
  // The socket already uses TLS if the URL is `https`, so the request itself is plain.
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
