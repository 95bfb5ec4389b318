import type { Dialect } from '../config/config.ts'
import { GatewayError, type GatewayErrorCode } from '../errors.ts'
import { METHODS } from './cors-fields.ts'
import { LimitRefusal } from '../limits/admission/limit-refusal.ts'
import { UnheldCost } from '../limits/admission/unheld-cost.ts'

/** Codes after which trying again cannot help. */
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
  'not_allowed_for_key',
  'pii_blocked',
  'response_blocked',
  'content_uninspectable',
  'response_uninspectable',
])

/** Codes of what is over in a moment. */
const PASSING: ReadonlySet<GatewayErrorCode> = new Set(['shutting_down', 'held_bytes_exceeded'])

/** Type of an error in OpenAI's words. @see https://platform.openai.com/docs/guides/error-codes */
function openAIType(status: number): string {
  if (status === 401) return 'authentication_error'
  if (status === 403) return 'permission_error'
  if (status === 429) return 'rate_limit_error'
  return status < 500 ? 'invalid_request_error' : 'api_error'
}

/** Type of an error in Anthropic's words. @see https://docs.anthropic.com/en/api/errors */
function anthropicType(status: number): string {
  if (status === 401) return 'authentication_error'
  if (status === 403) return 'permission_error'
  if (status === 404) return 'not_found_error'
  if (status === 413) return 'request_too_large'
  if (status === 429) return 'rate_limit_error'
  if (status === 503) return 'overloaded_error'
  return status < 500 ? 'invalid_request_error' : 'api_error'
}

/** Status name in Google's words. @see https://cloud.google.com/apis/design/errors#handling_errors */
function geminiStatus(status: number): string {
  if (status === 401) return 'UNAUTHENTICATED'
  if (status === 403) return 'PERMISSION_DENIED'
  if (status === 404) return 'NOT_FOUND'
  if (status === 429) return 'RESOURCE_EXHAUSTED'
  if (status === 503) return 'UNAVAILABLE'
  if (status === 504) return 'DEADLINE_EXCEEDED'
  return status < 500 ? 'INVALID_ARGUMENT' : 'INTERNAL'
}

/**
 * An answer the gateway makes itself on a provider route, in the words of the API that the route speaks, so that
 * SDKs show the message and do not retry in vain.
 */
export function refusal(
  error: GatewayError,
  dialect: Dialect,
  own: Readonly<Record<string, string>>,
): Response {
  const headers = new Headers(own)
  if (FINAL.has(error.code) || spent(error)) headers.set('x-should-retry', 'false')
  if (error.code === 'method_not_allowed') headers.set('allow', METHODS)
  if (PASSING.has(error.code)) headers.set('retry-after', '1')
  if (error instanceof LimitRefusal) setLimitFields(headers, error)
  return Response.json(refusalBody(error, dialect, own['x-ongoingai-correlation-id'] ?? ''), {
    status: error.status,
    headers,
  })
}

/**
 * A refusal in a stream whose head has been sent: its last event, in the words of the API.
 *
 * @param events how events stand in the stream
 * @param api name of the wire API; empty for an unknown one
 */
export function refusalEvent(
  error: GatewayError,
  dialect: Dialect,
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
  const name = dialect === 'anthropic' || api === 'responses' ? 'event: error\n' : ''
  return Buffer.from(`${name}data: ${data}\n\n`)
}

/**
 * Tells which limit refused, what it leaves and when it is whole again.
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

function refusalBody(error: GatewayError, dialect: Dialect, correlationId: string): object {
  const { code, status, message } = error
  const limit = error instanceof LimitRefusal ? limitJson(error) : {}
  switch (dialect) {
    case 'anthropic':
      return {
        type: 'error',
        error: { type: spent(error) ? 'billing_error' : anthropicType(status), message, code, ...limit },
        request_id: correlationId,
      }
    case 'mistral':
      return { object: 'error', message, type: openAIType(status), param: null, code, ...limit }
    case 'cohere':
      return { message, code, ...limit }
    case 'ollama':
      return { error: message, code, ...limit }
    case 'openai':
    case 'azure':
      return {
        error: {
          message,
          type: spent(error) ? 'insufficient_quota' : openAIType(status),
          param: null,
          code,
          ...limit,
        },
      }
    case 'gemini':
      return { error: { code: status, message, status: geminiStatus(status), ...limit } }
    default:
      return dialect satisfies never
  }
}

/** A budget that is spent: waiting does not help, money does. */
function spent(error: GatewayError): boolean {
  return (error instanceof LimitRefusal && error.spent) || error instanceof UnheldCost
}

function limitJson({ standing, contractCode }: LimitRefusal): object {
  return { limit: contractCode === '' ? standing : { ...standing, code: contractCode } }
}
