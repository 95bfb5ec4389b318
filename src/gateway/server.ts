import type { Server } from 'bun'
import type { ApiContext } from '../api/api-context.ts'
import { GatewayError } from '../errors.ts'
import { dialectOf } from '../providers/registry.ts'
import type { ProxyContext, ProxySettings } from '../proxy/proxy-context.ts'
import { relayHandlers } from '../proxy/response/relay-websocket.ts'
import type { WebSocketRelay } from '../proxy/response/websocket-relay.ts'
import { serveExchange } from '../proxy/serve-exchange.ts'
import type { DialectName } from '../providers/dialects/dialects.ts'
import type { Route } from '../proxy/steps/route.ts'
import { serveModelList } from '../proxy/model-list/serve-model-list.ts'
import { clientAddress, type ClientAddresses } from '../http/client-address.ts'
import { isPreflight, preflightFields } from '../http/cors-fields.ts'
import { acceptLargeHeads } from '../http/head-size.ts'
import { jsonResponse } from '../http/json-response.ts'
import { refusal } from '../http/refusal.ts'
import { readHost } from '../http/request-host.ts'
import { requestTarget } from '../http/request-target.ts'
import { serveApi, type ApiSettings } from '../api/serve-api.ts'
import { serveMetrics, type MetricsAccess, type MetricsEndpoint } from '../api/serve-metrics.ts'

/** How long a connection of Prometheus is kept. */
const METRICS_IDLE_SECONDS = 60

/** What the server hands requests to. */
export interface ServerContext {
  readonly proxy: ProxyContext
  readonly api: ApiContext
  /** Absent when Prometheus is not served, or on a listener of its own. */
  readonly metrics?: MetricsEndpoint
  readonly apiSettings: ApiSettings
}

/**
 * Listens for HTTP. Paths below a provider's prefix are exchanges; everything else is the management API.
 *
 * @throws when the address cannot be listened on
 */
export function startServer(host: string, port: number, context: ServerContext): Server<WebSocketRelay> {
  acceptLargeHeads()
  return Bun.serve<WebSocketRelay>({
    hostname: host.replace(/^\[|\]$/g, ''),
    port,
    idleTimeout: context.proxy.keepAliveSeconds,
    maxRequestBodySize: Number.MAX_SAFE_INTEGER,
    development: false,
    // Without development mode Bun lets others listen on the same port, and the system distributes connections among them.
    reusePort: false,
    websocket: relayHandlers,
    fetch(request, server) {
      const target = requestTarget(request.url)
      const named = readHost(request.headers.get('host'))
      const { metrics, apiSettings, proxy } = context
      const route = proxy.settings.upstreams.find(target, request)
      if (!named) return badHost(route)
      const connection = server.requestIP(request)?.address ?? ''
      const { trustedProxies } = proxy.settings
      const client =
        trustedProxies.length === 0
          ? connection
          : clientAddress(connection, request.headers.get('x-forwarded-for'), trustedProxies)
      const addresses = { connection, client, host: named }
      if (metrics && target.path === metrics.path) {
        return serveMetrics(request, addresses, metrics, metricsAccess(context, 'shared'))
      }
      if (!route) return serveApi(request, target, addresses, apiSettings, context.api, proxy.log)
      if (request.method === 'OPTIONS') {
        const response = preflightResponse(request, addresses, proxy.settings)
        if (response) return response
      }
      if (route.kind === 'model list')
        return serveModelList(request, route.list, { target, addresses }, proxy)
      // An exchange has time-outs of its own, and a quiet stream is not an idle connection.
      const closeAfter = (seconds: number): void => server.timeout(request, seconds)
      const upgrade = isWebSocket(request)
      const arrival = {
        request,
        requestTarget: target,
        target: route.target,
        modelRoute: route.kind === 'model' ? route.route : undefined,
        addresses,
        closeAfter,
        upgrade,
      }
      return serveExchange(arrival, server, proxy)
    },
    error(error) {
      context.proxy.log('ERROR', 'internal error', { error: error.stack ?? error.message })
      return new Response('internal server error\n', { status: 500 })
    },
  })
}

/** Listens for Prometheus alone. @throws when the address cannot be listened on */
export function startMetricsServer(
  address: string,
  metrics: MetricsEndpoint,
  context: ServerContext,
): Server<undefined> {
  const colon = address.lastIndexOf(':')
  return Bun.serve({
    hostname: address.slice(0, colon).replace(/^\[|\]$/g, ''),
    port: Number(address.slice(colon + 1)),
    idleTimeout: METRICS_IDLE_SECONDS,
    development: false,
    reusePort: false,
    fetch(request, server) {
      const host = readHost(request.headers.get('host'))
      if (!host) return badHost(undefined)
      if (requestTarget(request.url).path !== metrics.path)
        return new Response('404 page not found\n', { status: 404 })
      const connection = server.requestIP(request)?.address ?? ''
      const addresses = { connection, client: connection, host }
      return serveMetrics(request, addresses, metrics, metricsAccess(context, 'own'))
    },
  })
}

function metricsAccess(
  { api, apiSettings: { browsers, keyring } }: ServerContext,
  listener: MetricsAccess['listener'],
): MetricsAccess {
  return { browsers, keysOn: keyring !== undefined, listener, audit: api.audit }
}

/** Refuses a malformed `Host`. Like other requests that the parser refuses, it is not recorded. */
function badHost(route: Route | undefined): Response {
  const error = new GatewayError('bad_request', 'a request has one Host field, which holds a host')
  if (route) return refusal(error, dialectOfRoute(route), {})
  return jsonResponse(error.status, { error: error.message, code: error.code })
}

function dialectOfRoute(route: Route): DialectName {
  switch (route.kind) {
    case 'provider':
      return dialectOf(route.target.readings, route.target.upstream.dialect)
    case 'model':
      return route.route.dialect
    case 'model list':
      return route.list.dialect
    default:
      return route satisfies never
  }
}

/**
 * Responds to a preflight for a provider. It is not a request to the provider, so it is neither forwarded nor recorded. Browsers send it
 * without a key.
 *
 * @returns `undefined` if the request is not a preflight, or is refused like any other request
 */
function preflightResponse(
  request: Request,
  addresses: ClientAddresses,
  { browsers, keyring }: ProxySettings,
): Response | undefined {
  const fields = request.headers.toJSON() as Record<string, string>
  if (!isPreflight(request.method, fields)) return undefined
  try {
    browsers.requireHost(keyring !== undefined, addresses)
    const origin = browsers.requireOrigin(keyring ? 'provider with key' : 'provider', fields, addresses)
    if (origin === undefined) return undefined
    return new Response(null, { status: 204, headers: preflightFields(origin, fields) })
  } catch (error) {
    if (error instanceof GatewayError) return undefined
    throw error
  }
}

function isWebSocket(request: Request): boolean {
  return request.method === 'GET' && request.headers.get('upgrade')?.toLowerCase() === 'websocket'
}
