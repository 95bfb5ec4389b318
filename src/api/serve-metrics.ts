import { timingSafeEqual } from 'node:crypto'
import { isDenial, type AuditTrail } from '../audit/audit-trail.ts'
import { ANONYMOUS, UNRECOGNISED } from '../access/keyring.ts'
import { GatewayError } from '../errors.ts'
import type { Scrape } from '../telemetry/prometheus-text.ts'
import type { BrowserPolicy } from '../http/browser-policy.ts'
import type { ClientAddresses } from '../http/client-address.ts'
import { correlationIdOf } from '../http/correlation-id.ts'
import { corsFields, isPreflight, preflightFields } from '../http/cors-fields.ts'
import { jsonResponse } from '../http/json-response.ts'

/** What serves metrics to Prometheus. */
export interface MetricsEndpoint {
  readonly path: string
  /** Bearer token that a scrape needs; empty for none. */
  readonly token: string
  /** `undefined` when there are no metrics, or they are not ready in time. */
  readonly scrape: (openMetrics: boolean) => Promise<Scrape | undefined>
}

/** What the gateway around it decides. */
export interface MetricsAccess {
  readonly browsers: BrowserPolicy
  readonly keysOn: boolean
  /** Metrics show all tenants: on the callers' listener they need a token; otherwise a listener of their own. */
  readonly listener: 'shared' | 'own'
  readonly audit: Pick<AuditTrail, 'denied'>
}

/** Serves metrics to Prometheus, as OpenMetrics when the request accepts that. */
export async function serveMetrics(
  request: Request,
  addresses: ClientAddresses,
  endpoint: MetricsEndpoint,
  access: MetricsAccess,
): Promise<Response> {
  const fields = request.headers.toJSON() as Record<string, string>
  let origin: string | undefined
  let response: Response
  try {
    access.browsers.requireHost(access.keysOn, addresses)
    origin = access.browsers.requireOrigin('management', fields, addresses)
    response =
      origin !== undefined && isPreflight(request.method, fields)
        ? new Response(null, { status: 204, headers: preflightFields(origin, fields) })
        : await respond(request, endpoint, access)
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error
    const { code, status, message } = error
    if (isDenial(code)) {
      access.audit.denied({
        code,
        status,
        correlationId: correlationIdOf(fields),
        path: endpoint.path,
        clientAddress: addresses.client,
        caller: access.keysOn ? UNRECOGNISED : ANONYMOUS,
        resource: 'metrics',
        resourceAction: 'read',
        provider: '',
        requiredPermission: '',
        limitCode: '',
      })
    }
    response = jsonResponse(status, { error: message, code })
  }
  if (origin !== undefined) {
    for (const [name, value] of Object.entries(corsFields(origin))) response.headers.set(name, value)
  }
  return response
}

async function respond(
  request: Request,
  { token, scrape }: MetricsEndpoint,
  { keysOn, listener }: MetricsAccess,
): Promise<Response> {
  if (token === '' && keysOn && listener === 'shared') {
    throw new GatewayError(
      'metrics_token_required',
      'metrics show all tenants, so no gateway key opens them: set observability.metrics_token or observability.admin_address',
    )
  }
  if (token !== '' && !isToken(request.headers.get('authorization'), token)) {
    return new Response('metrics token is missing or wrong\n', {
      status: 401,
      headers: { 'www-authenticate': 'Bearer' },
    })
  }
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return new Response('method not allowed\n', { status: 405, headers: { allow: 'GET, HEAD' } })
  }
  const scraped = await scrape(
    request.headers.get('accept')?.includes('application/openmetrics-text') ?? false,
  )
  if (!scraped)
    return new Response('metrics are not available\n', { status: 503, headers: { 'retry-after': '5' } })
  const { text, mediaType } = scraped
  return new Response(request.method === 'HEAD' ? null : text, { headers: { 'content-type': mediaType } })
}

function isToken(field: string | null, token: string): boolean {
  const hash = (text: string): Uint8Array => Bun.SHA256.hash(text) as Uint8Array
  const given = /^Bearer +(.+)$/i.exec(field ?? '')?.[1] ?? ''
  return timingSafeEqual(hash(given), hash(token))
}
