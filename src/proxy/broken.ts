import { GatewayError, type GatewayErrorCode } from '../errors.ts'
import type { OpenExchange } from './open-exchange.ts'
import { isTimeOut, timeOutFailure } from './time-out-failure.ts'
import { failureReason, upstreamFailure } from './upstream-failure.ts'

/** The error of a wait that was broken off: by a time-out or by ourselves, else by the other side. */
export function broken(
  { brokenBy, target: { upstream, url } }: OpenExchange,
  cause: unknown,
  otherwise: GatewayErrorCode,
  message: string,
): GatewayError {
  const code = brokenBy ?? otherwise
  if (isTimeOut(code)) return new GatewayError(code, timeOutFailure(code, upstream), { cause })
  const told = code.startsWith('upstream_')
    ? upstreamFailure(message, url, failureReason(cause))
    : (OURS[code] ?? message)
  return new GatewayError(code, told, { cause })
}

/** What the gateway itself breaks an exchange off for. */
const OURS: Partial<Record<GatewayErrorCode, string>> = {
  request_body_too_large: 'request body is too large',
  shutting_down: 'gateway is shutting down',
}
