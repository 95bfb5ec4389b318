import type { Server } from 'bun'
import type { ApiContext } from '../api/api-context.ts'
import type { ProxyContext } from '../proxy/proxy-context.ts'
import { relayHandlers, serveWebSocket, type Relay } from '../proxy/relay-websocket.ts'
import { serveExchange } from '../proxy/serve-exchange.ts'
import { clientAddress } from './client-address.ts'
import { requestTarget } from './request-target.ts'
import { serveApi, type ApiSettings } from './serve-api.ts'

/** Longest wait for the fields of a request, and for the next request on a kept connection. */
const IDLE_SECONDS = 60

/** What the server hands requests to. */
export interface ServerContext {
  readonly proxy: ProxyContext
  readonly api: ApiContext
  apiSettings: ApiSettings
}

/**
 * Listens for HTTP. Paths below a provider's prefix are exchanges; everything else is the management API.
 *
 * @throws when the address cannot be listened on
 */
export function startServer(host: string, port: number, context: ServerContext): Server<Relay> {
  return Bun.serve<Relay>({
    hostname: host.replace(/^\[|\]$/g, ''),
    port,
    idleTimeout: IDLE_SECONDS,
    maxRequestBodySize: Number.MAX_SAFE_INTEGER,
    development: false,
    websocket: relayHandlers,
    fetch(request, server) {
      const target = requestTarget(request.url)
      const upstream = context.proxy.settings.upstreams.find(target.path, target.query)
      const connection = server.requestIP(request)?.address ?? ''
      const { trustedProxies } = context.proxy.settings
      const client =
        trustedProxies.length === 0
          ? connection
          : clientAddress(connection, request.headers.get('x-forwarded-for'), trustedProxies)
      if (!upstream) {
        return serveApi(request, target, client, context.apiSettings, context.api, context.proxy.log)
      }
      // An exchange has time-outs of its own, and a quiet stream is not an idle connection.
      const keepOpen = (): void => server.timeout(request, 0)
      if (isWebSocket(request)) {
        keepOpen()
        return serveWebSocket(request, target, upstream, { connection, client }, server, context.proxy)
      }
      return serveExchange(request, target, upstream, { connection, client }, keepOpen, context.proxy)
    },
    error(error) {
      context.proxy.log('ERROR', 'internal error', { error: error.stack ?? error.message })
      return new Response('internal server error\n', { status: 500 })
    },
  })
}

function isWebSocket(request: Request): boolean {
  return request.method === 'GET' && request.headers.get('upgrade')?.toLowerCase() === 'websocket'
}
