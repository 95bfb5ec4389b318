import { requirePermission } from '../access/authorize.ts'
import type { Keyring } from '../access/keyring.ts'
import type { ApiContext } from '../api/api-context.ts'
import { GatewayError } from '../errors.ts'
import { correlationIdOf, CORRELATION_FIELD } from './correlation-id.ts'
import { jsonResponse } from './json-response.ts'
import type { RequestTarget } from './request-target.ts'
import { findRoute } from './routes.ts'

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
  { path, query }: RequestTarget,
  settings: ApiSettings,
  context: ApiContext,
  log: ApiLog,
): Promise<Response> {
  const startedAt = performance.now()
  const fields = request.headers.toJSON() as Record<string, string>
  const correlationId = correlationIdOf(fields)
  let response: Response
  try {
    response = await answer(request, path, query, fields, settings, context)
  } catch (error) {
    response = failure(error, path, correlationId, log)
  }
  response.headers.set(CORRELATION_FIELD, correlationId)
  for (const [name, value] of corsFields(fields['origin'], settings)) response.headers.set(name, value)
  log('INFO', 'request complete', {
    correlation_id: correlationId,
    method: request.method,
    path,
    status: response.status,
    latency_ms: Math.round(performance.now() - startedAt),
  })
  return request.method === 'HEAD' ? new Response(null, response) : response
}

async function answer(
  { method, body }: Request,
  path: string,
  query: string,
  fields: Readonly<Record<string, string>>,
  { keyring, gatewayKeyField }: ApiSettings,
  context: ApiContext,
): Promise<Response> {
  if (method === 'OPTIONS') return new Response(null, { status: 204 })
  const found = findRoute(method, path)
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
  if (!keyring || route.permission === 'public') {
    return route.handler({ query, parameters, caller: undefined, body }, context)
  }
  const identity = keyring.authenticate(fields[gatewayKeyField])
  requirePermission(identity, route.permission)
  return route.handler({ query, parameters, caller: identity.caller, body }, context)
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
    ['access-control-allow-methods', 'GET, POST, DELETE, OPTIONS'],
    ['access-control-allow-headers', [...ALLOWED_FIELDS, ...(known ? [] : [gatewayKeyField])].join(', ')],
    ['access-control-expose-headers', 'X-OngoingAI-Correlation-ID'],
  ]
}
