import type { Server } from 'bun'
import type { ApiContext } from '../api/api-context.ts'
import type { ProxyContext } from '../proxy/proxy-context.ts'
import { relayHandlers, serveWebSocket, type Relay } from '../proxy/relay-websocket.ts'
import { serveExchange } from '../proxy/serve-exchange.ts'
import { clientAddress } from './client-address.ts'
import { requestTarget } from './request-target.ts'
import { serveApi, type ApiSettings } from './serve-api.ts'
import { serveMetrics, type MetricsEndpoint } from './serve-metrics.ts'

/** Longest wait for the fields of a request, and for the next request on a kept connection. */
const IDLE_SECONDS = 60

/** What the server hands requests to. */
export interface ServerContext {
  readonly proxy: ProxyContext
  readonly api: ApiContext
  /** Absent when Prometheus is not served, or on a listener of its own. */
  readonly metrics?: MetricsEndpoint
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
    // Without development mode Bun lets others listen on the same port, and the system deals connections out among them.
    reusePort: false,
    websocket: relayHandlers,
    fetch(request, server) {
      const target = requestTarget(request.url)
      const { metrics } = context
      if (metrics && target.path === metrics.path) return serveMetrics(request, metrics)
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

/** Listens for Prometheus alone. @throws when the address cannot be listened on */
export function startMetricsServer(address: string, metrics: MetricsEndpoint): Server<undefined> {
  const colon = address.lastIndexOf(':')
  return Bun.serve({
    hostname: address.slice(0, colon).replace(/^\[|\]$/g, ''),
    port: Number(address.slice(colon + 1)),
    idleTimeout: IDLE_SECONDS,
    development: false,
    reusePort: false,
    fetch: (request) =>
      requestTarget(request.url).path === metrics.path
        ? serveMetrics(request, metrics)
        : new Response('404 page not found\n', { status: 404 }),
  })
}

function isWebSocket(request: Request): boolean {
  return request.method === 'GET' && request.headers.get('upgrade')?.toLowerCase() === 'websocket'
}
