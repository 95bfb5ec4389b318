/**
 * Permanent codes of everything the gateway itself refuses or fails at. They are public (`error.code` in
 * answers, `error_code` in traces, `docs/errors.md`) and never renamed.
 */
export type GatewayErrorCode =
  | 'bad_request'
  | 'unknown_parameter'
  | 'invalid_parameter'
  | 'host_not_allowed'
  | 'origin_not_allowed'
  | 'missing_gateway_key'
  | 'invalid_gateway_key'
  | 'permission_denied'
  | 'not_authorized'
  | 'missing_provider_credential'
  | 'not_allowed_for_key'
  | 'keys_unavailable'
  | 'auth_disabled'
  | 'metrics_token_required'
  | 'unsupported_media_type'
  | 'rate_limit_exceeded'
  | 'token_limit_exceeded'
  | 'concurrency_limit_exceeded'
  | 'budget_exceeded'
  | 'limits_unavailable'
  | 'limit_not_found'
  | 'own_limit'
  | 'gateway_key_not_found'
  | 'gateway_key_exists'
  | 'gateway_key_read_only'
  | 'method_not_allowed'
  | 'trace_not_found'
  | 'checkpoint_not_found'
  | 'request_body_too_large'
  | 'held_bytes_exceeded'
  | 'loop_detected'
  | 'pii_blocked'
  | 'response_blocked'
  | 'content_uninspectable'
  | 'response_uninspectable'
  | 'pii_unavailable'
  | 'model_price_unknown'
  | 'model_not_found'
  | 'no_target_for_api'
  | 'no_target_available'
  | 'websocket_not_offered'
  | 'client_aborted'
  | 'internal_error'
  | 'upstream_unreachable'
  | 'upstream_invalid_response'
  | 'upstream_aborted'
  | 'upstream_error'
  | 'upstream_connect_timeout'
  | 'upstream_first_byte_timeout'
  | 'upstream_idle_timeout'
  | 'upstream_total_timeout'
  | 'storage_unavailable'
  | 'shutting_down'

/** RFC 9110 status of each code. A new code does not compile until it has a status. */
export const STATUS_OF: Readonly<Record<GatewayErrorCode, number>> = {
  bad_request: 400,
  unknown_parameter: 400,
  invalid_parameter: 400,
  host_not_allowed: 403,
  origin_not_allowed: 403,
  missing_gateway_key: 401,
  invalid_gateway_key: 401,
  permission_denied: 403,
  not_authorized: 403,
  missing_provider_credential: 403,
  not_allowed_for_key: 403,
  keys_unavailable: 503,
  auth_disabled: 403,
  metrics_token_required: 401,
  unsupported_media_type: 415,
  rate_limit_exceeded: 429,
  token_limit_exceeded: 429,
  concurrency_limit_exceeded: 429,
  budget_exceeded: 429,
  limits_unavailable: 503,
  limit_not_found: 404,
  own_limit: 403,
  gateway_key_not_found: 404,
  gateway_key_exists: 409,
  gateway_key_read_only: 409,
  method_not_allowed: 405,
  trace_not_found: 404,
  checkpoint_not_found: 404,
  request_body_too_large: 413,
  held_bytes_exceeded: 503,
  loop_detected: 508,
  pii_blocked: 403,
  response_blocked: 403,
  content_uninspectable: 415,
  response_uninspectable: 502,
  pii_unavailable: 503,
  model_price_unknown: 403,
  model_not_found: 404,
  no_target_for_api: 400,
  no_target_available: 503,
  websocket_not_offered: 426,
  client_aborted: 499,
  internal_error: 500,
  upstream_unreachable: 502,
  upstream_invalid_response: 502,
  upstream_aborted: 502,
  upstream_error: 502,
  upstream_connect_timeout: 504,
  upstream_first_byte_timeout: 504,
  upstream_idle_timeout: 504,
  upstream_total_timeout: 504,
  storage_unavailable: 500,
  shutting_down: 503,
}

/** An expected refusal or failure. Anything else that is thrown is a bug of ours. */
export class GatewayError extends Error {
  override readonly name = 'GatewayError'
  readonly code: GatewayErrorCode
  /** Seconds until a retry may help; `undefined` when that is not known, or it never does. */
  readonly retryAfterSeconds: number | undefined

  /**
   * @param code one of the permanent codes
   * @param message for people; shown to the caller, so it never holds a secret, and of addresses only the upstream's host
   */
  constructor(
    code: GatewayErrorCode,
    message: string,
    options?: ErrorOptions & { readonly retryAfterSeconds?: number },
  ) {
    super(message, options)
    this.code = code
    this.retryAfterSeconds = options?.retryAfterSeconds
  }

  /** HTTP status the code answers with. */
  get status(): number {
    return STATUS_OF[this.code]
  }
}
