import { GatewayError, type GatewayErrorCode } from '../errors.ts'
import { LimitRefusal } from '../limits/admission/limit-refusal.ts'
import { UnheldCost } from '../limits/admission/unheld-cost.ts'
import { type DialectName, dialectNamed } from '../providers/dialects/dialects.ts'
import { METHODS } from './cors-fields.ts'

/** Codes after which a retry cannot help. */
const FINAL: ReadonlySet<GatewayErrorCode> = new Set([
  'host_not_allowed',
  'origin_not_allowed',
  'missing_gateway_key',
  'invalid_gateway_key',
  'permission_denied',
  'not_authorized',
  'missing_provider_credential',
  'method_not_allowed',
  'request_body_too_large',
  'loop_detected',
  'model_price_unknown',
  'model_not_found',
  'no_target_for_api',
  'not_allowed_for_key',
  'pii_blocked',
  'response_blocked',
  'content_uninspectable',
  'response_uninspectable',
])

/** Codes of refusals that pass in a moment. */
const PASSING: ReadonlySet<GatewayErrorCode> = new Set([
  'shutting_down',
  'held_bytes_exceeded',
  'no_target_available',
])

/**
 * A response of the gateway's own on a provider route, in the dialect of the route, so that SDKs show the message and do not
 * retry in vain.
 */
export function refusal(
  error: GatewayError,
  dialect: DialectName,
  own: Readonly<Record<string, string>>,
): Response {
  const headers = new Headers(own)
  if (FINAL.has(error.code) || spent(error)) headers.set('x-should-retry', 'false')
  if (error.code === 'method_not_allowed') headers.set('allow', METHODS)
  if (PASSING.has(error.code)) headers.set('retry-after', String(error.retryAfterSeconds ?? 1))
  if (error instanceof LimitRefusal) setLimitFields(headers, error)
  return Response.json(refusalBody(error, dialect, own['x-ongoingai-correlation-id'] ?? ''), {
    status: error.status,
    headers,
  })
}

/**
 * A refusal in a stream whose head is sent: its last event, in the dialect of the route.
 *
 * @param events how events stand in the stream
 * @param api name of the wire API; empty for an unknown one
 */
export function refusalEvent(
  error: GatewayError,
  dialect: DialectName,
  {
    events,
    api,
    correlationId,
  }: { readonly events: 'sse' | 'lines'; readonly api: string; readonly correlationId: string },
): Uint8Array {
  const { code, message } = error
  const body =
    api === 'responses'
      ? { type: 'error', code, message, param: null }
      : refusalBody(error, dialect, correlationId)
  const data = JSON.stringify(body)
  if (events === 'lines') return Buffer.from(`${data}\n`)
  const named = dialectNamed(dialect).namesErrorEvents === true || api === 'responses'
  const name = named ? 'event: error\n' : ''
  return Buffer.from(`${name}data: ${data}\n\n`)
}

/**
 * Sets the fields that say which limit refused, what it leaves, and when it resets.
 *
 * @see https://datatracker.ietf.org/doc/html/draft-ietf-httpapi-ratelimit-headers
 */
function setLimitFields(
  headers: Headers,
  { standing, retryAfterSeconds, windowSeconds }: LimitRefusal,
): void {
  if (standing.kind === 'request_bytes') return
  const quota = Math.max(0, Math.floor(standing.limit))
  const window = windowSeconds === undefined ? '' : `;w=${windowSeconds}`
  headers.set('ratelimit-policy', `"${standing.name}";q=${quota}${window}`)
  const reset = retryAfterSeconds === undefined ? '' : `;t=${retryAfterSeconds}`
  headers.set('ratelimit', `"${standing.name}";r=0${reset}`)
  if (retryAfterSeconds !== undefined) headers.set('retry-after', String(retryAfterSeconds))
}

function refusalBody(error: GatewayError, dialect: DialectName, correlationId: string): object {
  const { code, status, message } = error
  const limit = error instanceof LimitRefusal ? limitJson(error) : {}
  const facts = { code, status, message, spent: spent(error), limit, correlationId }
  return dialectNamed(dialect).errorBody(facts)
}

/** A budget that is spent: waiting does not help, money does. */
function spent(error: GatewayError): boolean {
  return (error instanceof LimitRefusal && error.spent) || error instanceof UnheldCost
}

function limitJson({ standing, contractCode }: LimitRefusal): object {
  return { limit: contractCode === '' ? standing : { ...standing, code: contractCode } }
}
