import type { Server } from 'bun'
import type { OpenExchange } from '../exchange/open-exchange.ts'
import type { ContentPolicy } from '../policies/content-policy.ts'
import type { ProxyContext } from '../proxy-context.ts'
import { relayHttp } from '../response/relay-http.ts'
import { relayWebSocket } from '../response/relay-websocket.ts'
import type { WebSocketRelay } from '../response/websocket-relay.ts'
import type { Sent } from '../attempts/send-once.ts'

/**
 * Passes the upstream's response on to the client.
 *
 * @returns `undefined` when the client's connection has become a WebSocket. A promise only when something must be waited for
 * @throws GatewayError when the response cannot be passed on
 */
export function relay(
  exchange: OpenExchange,
  sent: Sent,
  policies: readonly ContentPolicy[],
  server: Server<WebSocketRelay>,
  context: ProxyContext,
): Response | Promise<Response | undefined> {
  return sent.kind === 'http'
    ? relayHttp(sent, exchange, policies, context)
    : relayWebSocket(sent, exchange, server, context)
}
