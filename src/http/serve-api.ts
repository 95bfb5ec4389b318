import { requirePermission } from '../access/authorize.ts'
import type { Identity, Keyring } from '../access/keyring.ts'
import type { ApiContext } from '../api/api-context.ts'
import { isDenial, isUnrecognised } from '../audit/audit-trail.ts'
import { GatewayError } from '../errors.ts'
import { correlationIdOf, CORRELATION_FIELD } from './correlation-id.ts'
import { jsonResponse } from './json-response.ts'
import type { RequestTarget } from './request-target.ts'
import { findRoute, type Route } from './routes.ts'

/** What the management API needs besides its context. */
export interface ApiSettings {
  /** `undefined` while gateway keys are off. */
  readonly keyring: Keyring | undefined
  /** Lower-case name of the gateway key field. */
  readonly gatewayKeyField: string
  /** Origins browsers may call from; empty turns CORS off. */
  readonly corsOrigins: readonly string[]
}

/** Where the management API's own events go. */
export type ApiLog = (level: 'INFO' | 'ERROR', message: string, fields: Record<string, unknown>) => void

/** Answers what is not below a provider's prefix: the management API, and 404 for everything else. Never throws. */
export async function serveApi(
  request: Request,
  target: RequestTarget,
  clientAddress: string,
  settings: ApiSettings,
  context: ApiContext,
  log: ApiLog,
): Promise<Response> {
  const startedAt = performance.now()
  const { path } = target
  const fields = request.headers.toJSON() as Record<string, string>
  const correlationId = correlationIdOf(fields)
  const seen: Seen = {}
  // One of many that nobody sent whom we know.
  let quiet = false
  let response: Response
  try {
    response = await answer(
      { request, target, fields, correlationId, clientAddress, seen },
      settings,
      context,
    )
  } catch (error) {
    if (error instanceof GatewayError && isDenial(error.code)) {
      const told = deny(error, { path, correlationId, clientAddress, seen }, context)
      quiet = !told && isUnrecognised(error.code)
    }
    response = failure(error, path, correlationId, log)
  }
  response.headers.set(CORRELATION_FIELD, correlationId)
  for (const [name, value] of corsFields(fields['origin'], settings)) response.headers.set(name, value)
  if (!quiet) {
    log('INFO', 'request complete', {
      correlation_id: correlationId,
      method: request.method,
      path,
      status: response.status,
      latency_ms: Math.round(performance.now() - startedAt),
    })
  }
  return request.method === 'HEAD' ? new Response(null, response) : response
}

/** What came out about a request before it was turned away. */
interface Seen {
  route?: Route
  identity?: Identity
}

interface Asked {
  readonly request: Request
  readonly target: RequestTarget
  readonly fields: Readonly<Record<string, string>>
  readonly correlationId: string
  readonly clientAddress: string
  readonly seen: Seen
}

async function answer(
  { request, target, fields, correlationId, clientAddress, seen }: Asked,
  { keyring, gatewayKeyField }: ApiSettings,
  context: ApiContext,
): Promise<Response> {
  const { method, body } = request
  const { path, query } = target
  if (method === 'OPTIONS') return new Response(null, { status: 204 })
  if (target.fault !== '') throw new GatewayError('bad_request', target.fault)
  const found = findRoute(method, target.readings.plain)
  if (found.kind === 'wrong_method') {
    return jsonResponse(
      405,
      { error: 'method not allowed', code: 'method_not_allowed' },
      { allow: found.allow },
    )
  }
  if (found.kind === 'nothing') {
    if (keyring && (path === '/api' || path.startsWith('/api/'))) {
      throw new GatewayError('not_authorized', 'request is not authorized by gateway policy')
    }
    return new Response('404 page not found\n', {
      status: 404,
      headers: { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' },
    })
  }
  const { route, parameters } = found
  const asked = { query, parameters, body, correlationId, clientAddress }
  if (!keyring || route.permission === 'public') {
    return route.handler({ ...asked, caller: undefined, identity: undefined }, context)
  }
  seen.route = route
  const identity = keyring.authenticate(fields[gatewayKeyField], Date.now())
  seen.identity = identity
  requirePermission(identity, route.permission)
  identity.compiledRules.requireNetwork(clientAddress)
  return route.handler({ ...asked, caller: identity.caller, identity }, context)
}

/** Writes down that somebody was turned away. @returns whether it is told by itself */
function deny(
  { code, status }: GatewayError,
  {
    path,
    correlationId,
    clientAddress,
    seen,
  }: Pick<Asked, 'correlationId' | 'clientAddress' | 'seen'> & { readonly path: string },
  { audit }: ApiContext,
): boolean {
  const { route, identity } = seen
  return audit.denied({
    code,
    status,
    correlationId,
    path,
    clientAddress,
    caller: identity?.caller,
    resource: route ? resourceOf(route.path) : 'api',
    resourceAction: route ? (route.permission === 'keys:manage' ? 'manage' : 'read') : '',
    provider: '',
    requiredPermission: route?.permission ?? '',
    limitCode: '',
  })
}

/** The contract's name for what a route is about: `gateway_keys` of `/api/gateway-keys/:id`. */
function resourceOf(path: string): string {
  return path.split('/')[2]!.replaceAll('-', '_')
}

function failure(error: unknown, path: string, correlationId: string, log: ApiLog): Response {
  if (error instanceof GatewayError) {
    if (error.status >= 500) {
      const cause = error.cause instanceof Error ? error.cause.message : undefined
      log('ERROR', error.message, { correlation_id: correlationId, path, error: cause })
    }
    return jsonResponse(error.status, { error: error.message, code: error.code })
  }
  log('ERROR', 'internal error', {
    correlation_id: correlationId,
    path,
    error: error instanceof Error ? (error.stack ?? error.message) : String(error),
  })
  return jsonResponse(500, { error: 'internal server error', code: 'internal_error' })
}

const ALLOWED_FIELDS = ['Content-Type', 'Authorization', 'X-API-Key', 'X-OngoingAI-Gateway-Key']

/** @see https://fetch.spec.whatwg.org/#http-cors-protocol */
function corsFields(
  origin: string | undefined,
  { corsOrigins, gatewayKeyField }: ApiSettings,
): [string, string][] {
  const any = corsOrigins.includes('*')
  if (!any && !(origin !== undefined && corsOrigins.includes(origin))) return []
  const known = ALLOWED_FIELDS.some((name) => name.toLowerCase() === gatewayKeyField)
  return [
    ['access-control-allow-origin', any ? '*' : origin!],
    ...(any ? [] : ([['vary', 'Origin']] as [string, string][])),
    ['access-control-allow-methods', 'GET, POST, PATCH, DELETE, OPTIONS'],
    ['access-control-allow-headers', [...ALLOWED_FIELDS, ...(known ? [] : [gatewayKeyField])].join(', ')],
    ['access-control-expose-headers', 'X-OngoingAI-Correlation-ID'],
  ]
}
