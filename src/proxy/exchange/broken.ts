import { GatewayError, type GatewayErrorCode } from '../../errors.ts'
import type { Target } from '../upstream/upstream.ts'
import { isTimeOut, timeOutFailure } from '../upstream/time-out-failure.ts'
import { failureReason, upstreamFailure } from '../upstream/upstream-failure.ts'

/**
 * The error of a wait that was broken off: by a time-out, by the gateway, or by the other side.
 *
 * @param otherwise the code when it was the other side
 */
export function broken(
  {
    brokenBy,
    target: { upstream, url },
  }: { readonly brokenBy: GatewayErrorCode | undefined; readonly target: Target },
  cause: unknown,
  otherwise: GatewayErrorCode,
  message: string,
): GatewayError {
  const code = brokenBy ?? otherwise
  if (isTimeOut(code)) return new GatewayError(code, timeOutFailure(code, upstream), { cause })
  const text = code.startsWith('upstream_')
    ? upstreamFailure(message, url, failureReason(cause))
    : (OURS[code] ?? message)
  return new GatewayError(code, text, { cause })
}

/** What the gateway itself breaks an exchange off for. */
const OURS: Partial<Record<GatewayErrorCode, string>> = {
  request_body_too_large: 'request body is too large',
  shutting_down: 'gateway is shutting down',
}

/** The error to throw for a policy that failed. If the exchange was broken off meanwhile, that is the reason. */
export function brokenInPolicy(exchange: Parameters<typeof broken>[0], error: unknown): unknown {
  if (error instanceof GatewayError || !exchange.brokenBy) return error
  return broken(exchange, error, 'pii_unavailable', 'the exchange was broken off')
}
