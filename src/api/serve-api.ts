import { requirePermission } from '../access/authorize.ts'
import { ANONYMOUS, UNRECOGNISED, type Identity, type Keyring } from '../access/keyring.ts'
import type { Permission } from '../access/permissions.ts'
import type { ApiContext } from './api-context.ts'
import { auditRefusedChange } from './gateway-keys.ts'
import { QueryParameters, requireStorable } from './query-parameters.ts'
import { isDenial, isUnrecognised } from '../audit/audit-trail.ts'
import { GatewayError } from '../errors.ts'
import type { ShownPaths } from '../redaction/shown-paths.ts'
import type { Caller } from '../traces/exchange.ts'
import type { BrowserPolicy } from '../http/browser-policy.ts'
import type { ClientAddresses } from '../http/client-address.ts'
import { corsFields, isPreflight, preflightFields } from '../http/cors-fields.ts'
import { correlationIdOf, CORRELATION_FIELD } from '../http/correlation-id.ts'
import { jsonResponse } from '../http/json-response.ts'
import { nearestRoute, notFoundText, type Prefixed } from './not-found.ts'
import type { Door } from '../http/origin-policy.ts'
import type { RequestTarget } from '../http/request-target.ts'
import { matchRoute, type Route } from './routes.ts'

/** What the management API needs besides its context. */
export interface ApiSettings {
  /** `undefined` while gateway keys are off. */
  readonly keyring: Keyring | undefined
  /** Lower-case name of the gateway key field. */
  readonly gatewayKeyField: string
  /** Paths as logs and the audit trail may show them. */
  readonly paths: ShownPaths
  readonly browsers: BrowserPolicy
  /** For the hint of a 404. */
  readonly providers: readonly Prefixed[]
}

/** Where the management API's own events go. */
export type ApiLog = (level: 'INFO' | 'ERROR', message: string, fields: Record<string, unknown>) => void

/** Serves every path that is below no provider's prefix: the management API, and 404 for the rest. Never throws. */
export async function serveApi(
  request: Request,
  target: RequestTarget,
  addresses: ClientAddresses,
  settings: ApiSettings,
  context: ApiContext,
  log: ApiLog,
): Promise<Response> {
  const startedAt = performance.now()
  const { path } = target
  const fields = request.headers.toJSON() as Record<string, string>
  const correlationId = correlationIdOf(fields)
  const seen: Seen = {}
  // An unauthenticated request beyond the flood threshold: counted, not logged.
  let quiet = false
  const shownPath = (): string =>
    settings.paths.shown(path, { ...(seen.identity?.caller ?? ANONYMOUS), provider: '', route: path })
  let response: Response
  try {
    response = await respond({ request, target, fields, correlationId, addresses, seen }, settings, context)
  } catch (error) {
    if (error instanceof GatewayError && isDenial(error.code)) {
      const anonymous = settings.keyring ? UNRECOGNISED : ANONYMOUS
      const recorded = deny(error, { path: shownPath(), correlationId, addresses, seen }, anonymous, context)
      quiet = !recorded && isUnrecognised(error.code)
    }
    response = failure(error, shownPath(), correlationId, log)
  }
  response.headers.set(CORRELATION_FIELD, correlationId)
  if (seen.origin !== undefined) {
    for (const [name, value] of Object.entries(corsFields(seen.origin))) response.headers.set(name, value)
  }
  if (!quiet) {
    log('INFO', 'request complete', {
      correlation_id: correlationId,
      method: request.method,
      path: shownPath(),
      status: response.status,
      latency_ms: Math.round(performance.now() - startedAt),
    })
  }
  return request.method === 'HEAD' ? new Response(null, response) : response
}

/** Facts about a request, as far as they were read before it was refused. */
interface Seen {
  /** The origin whose pages may read the response. */
  origin?: string
  route?: Route
  parameters?: Readonly<Record<string, string>>
  identity?: Identity
  /** Its handler was called. */
  handled?: true
}

interface Incoming {
  readonly request: Request
  readonly target: RequestTarget
  readonly fields: Readonly<Record<string, string>>
  readonly correlationId: string
  readonly addresses: ClientAddresses
  readonly seen: Seen
}

async function respond(
  { request, target, fields, correlationId, addresses, seen }: Incoming,
  { keyring, gatewayKeyField, browsers, providers }: ApiSettings,
  context: ApiContext,
): Promise<Response> {
  const { method, body } = request
  const { query, readings, fault } = target
  const door = doorOf(readings.plain)
  // CONNECT names the end of its tunnel, and is refused below.
  if (door !== 'probe' && method !== 'CONNECT') browsers.requireHost(keyring !== undefined, addresses)
  const origin = browsers.requireOrigin(door === 'probe' ? 'open' : door, fields, addresses)
  if (origin !== undefined) seen.origin = origin
  if (method === 'OPTIONS') {
    const headers = origin !== undefined && isPreflight(method, fields) ? preflightFields(origin, fields) : {}
    return new Response(null, { status: 204, headers })
  }
  if (fault !== '') throw new GatewayError('bad_request', fault)
  const found = matchRoute(method, readings.plain)
  if (found.kind === 'wrong_method') {
    return jsonResponse(
      405,
      { error: 'method not allowed', code: 'method_not_allowed' },
      { allow: found.allow },
    )
  }
  if (found.kind === 'nothing') {
    if (keyring && door === 'management') {
      const meant = nearestRoute(readings.plain)
      const hint = meant === undefined ? '' : `; did you mean ${meant}?`
      throw new GatewayError(
        'not_authorized',
        `request is not authorized by gateway policy: there is no such route${hint}`,
      )
    }
    return new Response(notFoundText(target.path, providers), {
      status: 404,
      headers: { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' },
    })
  }
  const { route, parameters } = found
  seen.route = route
  seen.parameters = parameters
  const identity =
    keyring && route.permission !== 'public'
      ? keyring.authenticate(fields, gatewayKeyField, Date.now())
      : undefined
  if (identity) {
    seen.identity = identity
    requirePermission(identity, route.permission as Permission)
    identity.compiledRules.requireNetwork(addresses.client)
  }
  requireJson(request, fields)
  if (!keyring && route.permission === 'keys:manage' && route.method !== 'GET') {
    throw new GatewayError(
      'auth_disabled',
      `while gateway keys are off (auth.enabled), they and limits are not changed over HTTP; the command "ongoingai ${resourceOf(route.path) === 'limits' ? 'limits" changes limits' : 'keys" changes them'} in the store`,
    )
  }
  for (const [name, value] of Object.entries(parameters)) requireStorable(value, name)
  const { client: clientAddress } = addresses
  // A route that allows any parameter reads none.
  const known = route.query === 'any' ? new QueryParameters('', []) : new QueryParameters(query, route.query)
  const asked = { query: known, parameters, body, correlationId, clientAddress }
  seen.handled = true
  return route.handler({ ...asked, caller: identity?.caller, identity }, context)
}

/** The kind of a path in its plain reading. Probes respond under any host name, so that load balancers need not know the gateway's. */
function doorOf(path: string): Extract<Door, 'management' | 'open'> | 'probe' {
  if (path === '/api/live' || path === '/api/ready') return 'probe'
  return path === '/api' || path.startsWith('/api/') ? 'management' : 'open'
}

/** Refuses content that is not declared as JSON: a form of another page could send it. @throws GatewayError `unsupported_media_type` */
function requireJson({ method, body }: Request, fields: Readonly<Record<string, string>>): void {
  if (body === null || method === 'GET' || fields['content-length'] === '0') return
  const [type = ''] = (fields['content-type'] ?? '').split(';')
  if (type.trim().toLowerCase() === 'application/json') return
  throw new GatewayError('unsupported_media_type', 'content must be of type application/json')
}

/** Records a denied request. @returns whether it has a record of its own */
function deny(
  error: GatewayError,
  {
    path,
    correlationId,
    addresses,
    seen,
  }: Pick<Incoming, 'correlationId' | 'addresses' | 'seen'> & { readonly path: string },
  anonymous: Caller,
  context: ApiContext,
): boolean {
  const { code, status } = error
  const { route, parameters = {}, identity } = seen
  const recorded = context.audit.denied({
    code,
    status,
    correlationId,
    path,
    clientAddress: addresses.client,
    caller: identity?.caller ?? anonymous,
    resource: route ? resourceOf(route.path) : 'api',
    resourceAction: route ? (route.permission === 'keys:manage' ? 'manage' : 'read') : '',
    provider: '',
    requiredPermission: route?.permission ?? '',
    limitCode: '',
  })
  if (recorded && route && !seen.handled) {
    const refused = { parameters, identity, correlationId, clientAddress: addresses.client }
    auditRefusedChange(route.handler, refused, anonymous, error, context)
  }
  return recorded
}

/** The contract's name for a route's resource: `gateway_keys` of `/api/gateway-keys/:id`. */
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
