import type { IncomingMessage } from 'node:http'
import type { Server, WebSocketHandler } from 'bun'
import { GatewayError } from '../../errors.ts'
import { clientFields } from '../../http/fields.ts'
import { breakOffKeyless } from '../exchange/break-off-keyless.ts'
import type { OpenExchange } from '../exchange/open-exchange.ts'
import type { ProxyContext } from '../proxy-context.ts'
import { invalidResponse, requireStatus } from '../upstream/invalid-response.ts'
import { HANDSHAKE } from '../upstream/upstream-request.ts'
import type { Handshake } from '../upstream/websocket.ts'
import { MAX_MESSAGE_BYTES, WebSocketRelay } from './websocket-relay.ts'

/** The server's handlers of relayed connections. */
export const relayHandlers: WebSocketHandler<WebSocketRelay> = {
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

/**
 * Passes the upstream's response to a handshake on. Only once the upstream agrees is the client's connection upgraded; a refusal is passed on
 * as it is. Messages, pings, pongs, close codes and back-pressure go both ways. One connection is one exchange.
 *
 * @returns `undefined` when the connection has been upgraded
 * @throws GatewayError when the response cannot be passed on
 */
export async function relayWebSocket(
  handshake: Handshake,
  exchange: OpenExchange,
  server: Server<WebSocketRelay>,
  context: ProxyContext,
): Promise<Response | undefined> {
  return handshake.kind === 'agreed'
    ? upgrade(handshake, exchange, server, context)
    : passRefusal(handshake.response, exchange)
}

/** The upstream's own response, unchanged: clients act on its status. */
async function passRefusal(response: IncomingMessage, exchange: OpenExchange): Promise<Response> {
  const { url } = exchange.target
  const status = response.statusCode ?? 502
  requireStatus(status, url)
  const headers = headersOf(response)
  exchange.takeHead(status, headers.toJSON())
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > MAX_MESSAGE_BYTES)
      throw invalidResponse(url, `its answer to the handshake is larger than ${MAX_MESSAGE_BYTES} bytes`)
    chunks.push(chunk)
  }
  const content = Buffer.concat(chunks)
  exchange.status = status
  exchange.responseContent = content
  exchange.responseBytes = content.length
  exchange.end('completed')
  return new Response(content, {
    status,
    statusText: response.statusMessage ?? '',
    headers: clientFields(headers, headers.toJSON(), exchange.ownFields),
  })
}

function upgrade(
  { response, socket, head }: Extract<Handshake, { readonly kind: 'agreed' }>,
  exchange: OpenExchange,
  server: Server<WebSocketRelay>,
  context: ProxyContext,
): undefined {
  const headers = headersOf(response)
  const named = headers.toJSON()
  exchange.takeHead(101, named)
  exchange.status = 101
  exchange.streaming = true
  const relay = new WebSocketRelay(socket, exchange, context)
  const fields = clientFields(headers, named, exchange.ownFields)
  for (const name of HANDSHAKE) fields.delete(name)
  if (!server.upgrade(exchange.arrival.request, { headers: fields, data: relay })) {
    socket.destroy()
    throw new GatewayError('bad_request', 'the request cannot be upgraded')
  }
  if (head.length > 0) relay.fromUpstream(head)
  // Its key may have been revoked during the handshake.
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
