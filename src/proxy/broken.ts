import { GatewayError, type GatewayErrorCode } from '../errors.ts'
import type { OpenExchange } from './open-exchange.ts'
import { upstreamFailure } from './upstream-failure.ts'

/** The error of a wait that was broken off: by a time-out or by ourselves, else by the other side. */
export function broken(
  exchange: OpenExchange,
  cause: unknown,
  otherwise: GatewayErrorCode,
  message: string,
): GatewayError {
  const code = exchange.brokenBy ?? otherwise
  const told =
    MESSAGES[code] ??
    (code.startsWith('upstream_') ? upstreamFailure(message, exchange.target.url, cause) : message)
  return new GatewayError(code, told, { cause })
}

const MESSAGES: Partial<Record<GatewayErrorCode, string>> = {
  upstream_connect_timeout: 'upstream did not accept a connection in time',
  upstream_first_byte_timeout: 'upstream did not answer in time',
  upstream_idle_timeout: 'upstream or client was silent for too long',
  upstream_total_timeout: 'the exchange took too long',
  request_body_too_large: 'request body is too large',
  shutting_down: 'gateway is shutting down',
}
